//! Assembles RTP packets to access units, in decoding order.
//!
//! A unit comes out as soon as it is complete and all units before it have come out: a clean network adds no delay. A
//! missing packet has the hold time to be retransmitted. Then the receiver requests a key frame and skips to it.

mod fec_blocks;
mod jitter;
mod packet_buffer;

use std::time::Duration;

use bytes::Bytes;

use crate::fec::BlockPlace;
use crate::h264::{Depacketizer, KeyPart, PayloadError, START_CODE};
use crate::key_frames::KeyFrameThrottle;
use crate::media::{AccessUnit, VIDEO_CLOCK_HZ};
use crate::rtp::{RtpTime, Sequence};
use crate::time::Timestamp;
use fec_blocks::FecBlocks;
use jitter::Jitter;
use packet_buffer::{Insertion, PacketBuffer};

/// Limits of the hold time: how long to wait for a missing packet.
const MIN_HOLD: Duration = Duration::from_millis(60);
const MAX_HOLD: Duration = Duration::from_millis(400);
/// How long packets are kept while there is no key frame: longer than a key frame takes to arrive.
const SEEK_WINDOW: Duration = Duration::from_secs(1);

/// How long a missing packet is waited for: four round trips, which is enough for two requests and queues; from 60 to
/// 400 ms.
pub fn hold_time(round_trip: Duration) -> Duration {
    round_trip.min(MAX_HOLD).mul_f64(4.0).clamp(MIN_HOLD, MAX_HOLD)
}

/// An RTP packet of the video stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpVideo {
    pub sequence: Sequence,
    /// At 90 kHz.
    pub rtp_time: RtpTime,
    pub marker: bool,
    pub payload: Bytes,
    /// Its place in its FEC block, if it is of one.
    pub block: Option<BlockPlace>,
}

/// Counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VideoReceiverStats {
    /// All packets.
    pub received: u64,
    /// Packets that the sender has sent, by their sequence numbers (RFC 3550, A.3).
    pub expected: u64,
    pub duplicates: u64,
    /// Packets that arrived after they had been given up.
    pub late: u64,
    /// Stray packets, and payloads that are no H.264.
    pub malformed: u64,
    /// Lost packets that were rebuilt by FEC.
    pub rebuilt: u64,
    /// Frames of which a packet arrived, but that did not come out.
    pub abandoned_frames: u64,
    /// Interarrival jitter (RFC 3550, 6.4.1), in milliseconds.
    pub jitter_ms: f64,
}

/// Receives one video stream. Its memory is bounded: see `packet_buffer`.
#[derive(Debug)]
pub struct VideoReceiver {
    packets: PacketBuffer,
    blocks: FecBlocks,
    depacketizer: Depacketizer,
    state: State,
    hold: Duration,
    requests: KeyFrameThrottle,
    /// A packet arrived since the last request for a key frame, so that another request makes sense.
    arrived_since_request: bool,
    jitter: Jitter,
    stats: VideoReceiverStats,
    abandoned_rtp_time: Option<RtpTime>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Everything before `next` has come out. The packets `next..scan` are of one unit.
    InOrder { next: u64, scan: u64, gap: Option<Gap> },
    /// Waiting for a key frame. Until `incomplete_until` the rest of one may still arrive.
    Seeking { incomplete_until: Option<Timestamp> },
}

/// The packet `missing` has not arrived, but a later one at `since`.
#[derive(Debug, Clone, Copy)]
struct Gap {
    missing: u64,
    since: Timestamp,
}

impl VideoReceiver {
    pub fn new() -> Self {
        Self {
            packets: PacketBuffer::new(),
            blocks: FecBlocks::default(),
            depacketizer: Depacketizer::new(),
            state: State::Seeking { incomplete_until: None },
            hold: MIN_HOLD,
            requests: KeyFrameThrottle::new(),
            arrived_since_request: false,
            jitter: Jitter::new(VIDEO_CLOCK_HZ),
            stats: VideoReceiverStats::default(),
            abandoned_rtp_time: None,
        }
    }

    /// Sets the hold time and the time between two requests.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.hold = hold_time(round_trip);
        self.requests.set_round_trip(round_trip);
    }

    /// A packet arrived. To be followed by [`Self::poll_unit`] until `None`.
    pub fn handle_packet(&mut self, now: Timestamp, packet: RtpVideo) {
        self.stats.received += 1;
        self.arrived_since_request = true;
        self.insert(now, packet);
        self.rebuild(now);
    }

    /// The next access unit. Gives up packets that have been missing for the hold time.
    pub fn poll_unit(&mut self, now: Timestamp) -> Option<AccessUnit> {
        if let State::InOrder { .. } = self.state
            && let Some(unit) = self.next_in_order(now)
        {
            return Some(unit);
        }
        match self.state {
            State::InOrder { .. } => None,
            State::Seeking { .. } => self.seek_key_frame(now),
        }
    }

    /// When to call [`Self::poll_unit`] and [`Self::poll_key_frame_request`] if no packet arrives.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match self.state {
            State::InOrder { gap, .. } => gap.map(|gap| gap.since + self.hold),
            State::Seeking { .. } if !self.arrived_since_request => None,
            State::Seeking { incomplete_until } => {
                incomplete_until.max(self.requests.next_allowed()).or(Some(Timestamp::ZERO))
            }
        }
    }

    /// Whether to request a key frame now: at most every 300 ms, while one is needed and packets arrive.
    pub fn poll_key_frame_request(&mut self, now: Timestamp) -> bool {
        let State::Seeking { incomplete_until } = self.state else { return false };
        if !self.arrived_since_request || incomplete_until.is_some_and(|until| now < until) {
            return false;
        }
        self.requests.request();
        let ask = self.requests.poll(now);
        if ask {
            self.arrived_since_request = false;
        }
        ask
    }

    /// The decoder needs a key frame: it failed, or a unit was dropped.
    pub fn decoder_needs_key_frame(&mut self) {
        if let State::InOrder { .. } = self.state {
            self.give_up();
        }
    }

    /// Forgets everything: the sender has started a new stream.
    pub fn reset(&mut self) {
        self.restart();
        self.requests = KeyFrameThrottle::new();
        self.arrived_since_request = false;
    }

    pub fn stats(&self) -> VideoReceiverStats {
        VideoReceiverStats { expected: self.packets.expected(), jitter_ms: self.jitter.ms(), ..self.stats }
    }

    fn next_in_order(&mut self, now: Timestamp) -> Option<AccessUnit> {
        while let State::InOrder { next, scan, gap } = self.state {
            let Some(slot) = self.packets.get(scan) else {
                if scan == next && self.blocks.is_repair(scan) && self.packets.first_from(scan).is_some() {
                    self.packets.release_before(scan + 1);
                    self.state = State::InOrder { next: scan + 1, scan: scan + 1, gap: None };
                    continue;
                }
                // After half of the hold time a key frame that is here is better than a retransmission.
                if gap.is_some_and(|gap| gap.since + self.hold / 2 <= now)
                    && let Ok(unit) = self.search_key_frame(scan)
                {
                    return Some(unit);
                }
                self.wait_for(now, scan, gap);
                return None;
            };
            if slot.is_padding() && scan == next {
                self.packets.release_before(scan + 1);
                self.state = State::InOrder { next: scan + 1, scan: scan + 1, gap };
                continue;
            }
            let end = match self.packets.get(next) {
                Some(first) if first.rtp_time != slot.rtp_time && !slot.is_padding() => Some(scan),
                _ => slot.marker.then_some(scan + 1),
            };
            let Some(end) = end else {
                self.state = State::InOrder { next, scan: scan + 1, gap };
                continue;
            };
            match self.assemble(next, end) {
                Ok(unit) => {
                    self.packets.release_before(end);
                    self.state = State::InOrder { next: end, scan: end, gap };
                    if unit.is_some() {
                        return unit;
                    }
                }
                Err(_) => {
                    self.abandon_before(end);
                    self.give_up();
                }
            }
        }
        None
    }

    /// The packet `missing` is not here. It has the hold time from the arrival of a later one.
    fn wait_for(&mut self, now: Timestamp, missing: u64, known: Option<Gap>) {
        let gap = known.filter(|gap| gap.missing == missing).or_else(|| {
            let since = self.packets.first_from(missing)?.1.arrived;
            Some(Gap { missing, since })
        });
        match gap {
            Some(gap) if gap.since + self.hold <= now => self.give_up(),
            _ => {
                if let State::InOrder { gap: known, .. } = &mut self.state {
                    *known = gap;
                }
            }
        }
    }

    fn give_up(&mut self) {
        self.state = State::Seeking { incomplete_until: None };
        self.arrived_since_request = true;
    }

    fn restart(&mut self) {
        self.abandon_before(u64::MAX);
        self.packets.restart();
        self.blocks.clear();
        self.jitter.restart();
        self.state = State::Seeking { incomplete_until: None };
    }

    fn insert(&mut self, now: Timestamp, mut packet: RtpVideo) {
        let rtp_time = packet.rtp_time;
        let place = packet.block.map(|block| (packet.sequence, block, packet.payload.clone()));
        loop {
            match self.packets.insert(now, packet) {
                Insertion::Full(refused) => {
                    self.drop_oldest();
                    packet = refused;
                    continue;
                }
                Insertion::Restart(first, second) => {
                    self.restart();
                    self.insert(now, first);
                    self.insert(now, second);
                }
                Insertion::Newest => {
                    self.jitter.update(now, rtp_time);
                    self.note_block(rtp_time, place);
                }
                Insertion::Reordered => self.note_block(rtp_time, place),
                Insertion::Duplicate => self.stats.duplicates += 1,
                Insertion::Late => self.stats.late += 1,
                Insertion::Stray => self.stats.malformed += 1,
            }
            return;
        }
    }

    fn note_block(&mut self, rtp_time: RtpTime, place: Option<(Sequence, BlockPlace, Bytes)>) {
        if let Some((sequence, block, payload)) = place {
            self.blocks.add(sequence.value(), rtp_time, block, &payload);
        }
    }

    fn rebuild(&mut self, now: Timestamp) {
        while let Some(rebuilt) = self.blocks.rebuild(&self.packets) {
            for packet in rebuilt {
                self.stats.rebuilt += 1;
                self.insert(now, packet);
            }
        }
    }

    fn drop_oldest(&mut self) {
        self.give_up();
        match self.packets.first_from(0) {
            Some((oldest, _)) => self.abandon_before(oldest + 1),
            None => self.packets.restart(),
        }
    }

    fn seek_key_frame(&mut self, now: Timestamp) -> Option<AccessUnit> {
        while let Some((oldest, slot)) = self.packets.first_from(0)
            && slot.arrived + SEEK_WINDOW <= now
        {
            self.abandon_before(oldest + 1);
        }
        match self.search_key_frame(0) {
            Ok(unit) => Some(unit),
            Err(incomplete_until) => {
                self.state = State::Seeking { incomplete_until: incomplete_until.filter(|&until| now < until) };
                None
            }
        }
    }

    /// The first complete key frame from packet `from` on; everything before it is dropped. Otherwise until when an
    /// incomplete one may be completed.
    fn search_key_frame(&mut self, mut from: u64) -> Result<AccessUnit, Option<Timestamp>> {
        let mut incomplete_until = None;
        while let Some((sequence, slot)) = self.packets.first_from(from) {
            if slot.key_part == KeyPart::Nothing {
                from = sequence + 1;
                continue;
            }
            let run = self.packets.unit_around(sequence);
            from = run.end;
            if run.is_complete
                && run.has_sps
                && let Ok(Some(unit)) = self.assemble(run.start, run.end)
                && unit.is_key
            {
                self.abandon_before(run.start);
                self.packets.release_before(run.end);
                self.state = State::InOrder { next: run.end, scan: run.end, gap: None };
                return Ok(unit);
            }
            // The SPS of a unit may still arrive, unless the packet before the unit is here.
            if run.is_complete && (run.has_sps || self.packets.get(run.start.saturating_sub(1)).is_some()) {
                self.packets.is_no_key(run.start, run.end);
            } else {
                incomplete_until = incomplete_until.max(Some(run.last_arrival + self.hold));
            }
        }
        Err(incomplete_until)
    }

    /// Assembles the packets `start..end`, which are all here.
    fn assemble(&mut self, start: u64, end: u64) -> Result<Option<AccessUnit>, PayloadError> {
        let slots = || (start..end).filter_map(|sequence| self.packets.get(sequence));
        self.depacketizer.reserve(slots().map(|slot| slot.payload.len() + START_CODE.len()).sum());
        let mut rtp_time = RtpTime::new(0);
        for slot in slots().filter(|slot| !slot.is_padding()) {
            rtp_time = slot.rtp_time;
            if self.depacketizer.push(&slot.payload).is_err() {
                self.stats.malformed += 1;
            }
        }
        self.depacketizer.finish(rtp_time)
    }

    /// Drops the packets before `end` and counts their frames.
    fn abandon_before(&mut self, end: u64) {
        while let Some((sequence, slot)) = self.packets.first_from(0)
            && sequence < end
        {
            if !slot.is_padding() && self.abandoned_rtp_time != Some(slot.rtp_time) {
                self.abandoned_rtp_time = Some(slot.rtp_time);
                self.stats.abandoned_frames += 1;
            }
            self.packets.release_before(sequence + 1);
        }
        self.packets.release_before(end);
    }
}

impl Default for VideoReceiver {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
