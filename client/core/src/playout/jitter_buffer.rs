//! Packets put in order and handed out when their time has come.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::delay_target::DelayTarget;
use super::opus_packet;
use super::timeline::{Placed, Position, Timeline};
use crate::media::{AUDIO_CLOCK_HZ, AudioPacket};
use crate::rtp::{RtpTime, Sequence};
use crate::time::Timestamp;

/// At most this much sound waits; older sound is dropped, so the delay cannot grow.
const MAX_BUFFERED_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64;
/// And at most this many packets, however short they claim to be.
const MAX_PACKETS: usize = 400;
/// Longer than any Opus frame that fits a packet.
const MAX_PAYLOAD_BYTES: usize = 1500;
/// Nothing to play is bridged in such steps, so that a packet that comes after all is heard soon.
const STEP_SAMPLES: usize = 480;
/// So long the decoder makes up sound (which fades to background noise) before plain silence.
const MAX_BRIDGED_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64;
/// Lost packets are made up for at most this long; a longer hole is a new start.
const MAX_LOSS_SAMPLES: i64 = 9600;
/// Every Opus frame is a multiple of 2.5 ms.
const OPUS_GRID_SAMPLES: i64 = 120;
/// The greatest common divisor of microseconds and samples in a second.
const MICROS_AND_SAMPLES: i64 = 8_000;

/// What the decoder has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decode {
    Packet {
        payload: Bytes,
        samples: usize,
    },
    /// The packet before `payload` is lost: take it from the forward error correction in `payload`.
    Fec {
        payload: Bytes,
        samples: usize,
    },
    /// Make up sound that continues what was heard.
    Conceal {
        samples: usize,
    },
    Silence {
        samples: usize,
    },
}

/// Counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayoutCounters {
    /// Samples decoded from packets or from their error correction.
    pub samples_played: u64,
    /// Samples made up because a packet was lost or late. Silence that the sender left out is not counted.
    pub samples_concealed: u64,
    /// Packets that came after their turn.
    pub late: u64,
    pub duplicate: u64,
    /// Packets that were no Opus, or of no stream.
    pub malformed: u64,
    /// Packets dropped because more than a second of sound was waiting.
    pub overflowed: u64,
    /// Packets rebuilt from forward error correction.
    pub recovered: u64,
}

/// Holds the packets of one sender. Pure: `now` is passed in.
///
/// The cursor is the RTP time of the next sample to hand out. While nothing is there it stands still, so a late packet
/// is still heard and the delay grows by the wait; what follows tells whether the sender was silent or packets were lost.
#[derive(Debug, Default)]
pub(super) struct JitterBuffer {
    packets: BTreeMap<RtpTime, Packet>,
    timeline: Timeline,
    delay: DelayTarget,
    /// `None` before the first packet is played. `time` is the cursor, `sequence` that of the last packet handed out.
    cursor: Option<Position>,
    playing: bool,
    /// Samples bridged since the cursor stood still.
    bridged: i64,
    /// The last 64 sequence numbers up to `received_newest`, newest in bit 0.
    received: u64,
    received_newest: Option<Sequence>,
    pub(super) counters: PlayoutCounters,
}

#[derive(Debug)]
struct Packet {
    sequence: Sequence,
    samples: usize,
    payload: Bytes,
    arrived: Timestamp,
}

impl JitterBuffer {
    pub(super) fn push(&mut self, packet: AudioPacket) {
        let samples = opus_packet::duration_samples(&packet.payload);
        let (Some(samples), true) = (samples, packet.payload.len() <= MAX_PAYLOAD_BYTES) else {
            self.counters.malformed += 1;
            return;
        };
        let position = Position { sequence: packet.sequence, time: packet.rtp_time };
        match self.timeline.place(position) {
            Placed::Fits => {}
            Placed::Restarted => self.restart(),
            Placed::Stray => {
                self.counters.malformed += 1;
                return;
            }
        }
        let follows_a_loss = self.received_newest.is_some_and(|newest| position.sequence > newest + 1);
        if !self.note_received(position.sequence) || self.packets.contains_key(&position.time) {
            self.counters.duplicate += 1;
            return;
        }
        // What is lost can be had from this packet's error correction, so it counts as late by one packet.
        let rebuilds_us = if follows_a_loss { samples_to_us(samples as i64) } else { 0 };
        self.delay.observe(packet.arrived, micros(packet.arrived) - time_us(position.time), rebuilds_us);
        if self.cursor.is_some_and(|cursor| position.time < cursor.time) {
            self.counters.late += 1;
            return;
        }
        let Position { sequence, time } = position;
        self.packets.insert(time, Packet { sequence, samples, payload: packet.payload, arrived: packet.arrived });
        self.limit();
    }

    /// The next step for the decoder. Called whenever decoded sound has run out.
    pub(super) fn pull(&mut self, now: Timestamp) -> Decode {
        if !self.playing && !self.start(now) {
            return self.bridge();
        }
        let Some(cursor) = self.cursor else { return Decode::Silence { samples: STEP_SAMPLES } };
        let Some((&time, first)) = self.packets.first_key_value() else {
            // Late, lost or left out by the sender: the next packet will tell.
            if self.bridged >= MAX_BRIDGED_SAMPLES {
                self.playing = false;
            }
            return self.bridge();
        };
        let hole = time - cursor.time;
        let lost_packets = first.sequence - cursor.sequence - 1_i64;
        if hole <= 0 {
            self.settle_bridged();
            return self.take_first();
        }
        if lost_packets == 0 || hole > MAX_LOSS_SAMPLES {
            // The sender was silent (DTX, mute): a new start, with the delay that is right now.
            self.settle_bridged();
            self.playing = false;
            return self.pull(now);
        }
        self.make_up_for_loss(cursor, hole)
    }

    /// Whether a packet follows the cursor without a hole.
    pub(super) fn has_next(&self) -> bool {
        let first = self.packets.first_key_value();
        self.playing && first.zip(self.cursor).is_some_and(|((&time, _), cursor)| time <= cursor.time)
    }

    /// The cursor, unless it stands still.
    pub(super) fn playing_at(&self) -> Option<RtpTime> {
        self.cursor.filter(|_| self.playing && self.bridged == 0).map(|cursor| cursor.time)
    }

    /// Sound waiting.
    pub(super) fn buffered_samples(&self) -> usize {
        self.packets.values().map(|packet| packet.samples).sum()
    }

    /// By how much playout lags behind what this link needs, if the sample at the cursor is played `ahead` samples from
    /// `now`. Negative: the reserve is too small. `None` while nothing is playing.
    pub(super) fn excess_delay_us(&self, now: Timestamp, ahead: usize) -> Option<i64> {
        if !self.playing || self.bridged > 0 {
            return None;
        }
        let transit = micros(now) + samples_to_us(ahead as i64) - time_us(self.cursor?.time);
        Some(transit - self.delay.fastest_transit_us()? - self.delay.target_us())
    }

    pub(super) fn target_us(&self) -> i64 {
        self.delay.target_us()
    }

    /// Starts to play if the first packet has waited long enough.
    fn start(&mut self, now: Timestamp) -> bool {
        let Some((&time, first)) = self.packets.first_key_value() else { return false };
        let wait_us = self.delay.target_us();
        let waited = now >= first.arrived + Duration::from_micros(wait_us as u64);
        if !waited && samples_to_us(self.buffered_samples() as i64) <= wait_us {
            return false;
        }
        let cursor = Position { sequence: first.sequence - 1, time };
        self.settle_bridged();
        self.cursor = Some(cursor);
        self.playing = true;
        true
    }

    fn bridge(&mut self) -> Decode {
        let heard_anything = self.counters.samples_played > 0;
        if !heard_anything || self.bridged >= MAX_BRIDGED_SAMPLES {
            return Decode::Silence { samples: STEP_SAMPLES };
        }
        self.bridged += STEP_SAMPLES as i64;
        Decode::Conceal { samples: STEP_SAMPLES }
    }

    /// Now that there is a packet: counts what was bridged as made up, unless the sender was silent. Returns the samples
    /// that stood for sound which existed.
    fn settle_bridged(&mut self) -> i64 {
        let bridged = std::mem::take(&mut self.bridged);
        let (Some(cursor), Some((&time, first))) = (self.cursor, self.packets.first_key_value()) else { return 0 };
        let hole = time - cursor.time;
        let was_late = hole <= 0;
        let was_lost = first.sequence > cursor.sequence + 1;
        let made_up = match (was_late, was_lost) {
            (true, _) => bridged,
            (false, true) => bridged.min(hole),
            (false, false) => 0,
        };
        self.counters.samples_concealed += made_up as u64;
        made_up
    }

    fn take_first(&mut self) -> Decode {
        let Some((time, Packet { sequence, samples, payload, .. })) = self.packets.pop_first() else {
            return Decode::Silence { samples: STEP_SAMPLES };
        };
        self.cursor = Some(Position { sequence, time: time + samples as u64 });
        self.counters.samples_played += samples as u64;
        Decode::Packet { payload, samples }
    }

    /// `hole` samples are lost before the first packet. What was bridged stands for a part of them.
    fn make_up_for_loss(&mut self, cursor: Position, hole: i64) -> Decode {
        let made_up = self.settle_bridged();
        let cursor = Position { time: cursor.time + made_up as u64, ..cursor };
        self.cursor = Some(cursor);
        let hole = hole - made_up;
        let Some((&time, first)) = self.packets.first_key_value() else { return self.bridge() };
        if hole == 0 {
            return self.take_first();
        }
        if hole <= first.samples as i64 {
            self.cursor = Some(Position { time, ..cursor });
            let samples = on_grid(hole);
            self.counters.samples_played += samples as u64;
            self.counters.recovered += 1;
            return Decode::Fec { payload: first.payload.clone(), samples };
        }
        let samples = on_grid((hole - first.samples as i64).min(2 * STEP_SAMPLES as i64));
        self.cursor = Some(Position { time: cursor.time + samples as u64, ..cursor });
        self.counters.samples_concealed += samples as u64;
        Decode::Conceal { samples }
    }

    fn restart(&mut self) {
        self.packets.clear();
        self.cursor = None;
        self.playing = false;
        self.received_newest = None;
        self.delay.forget_transit();
    }

    /// Notes that `sequence` came. `false` if it came before.
    fn note_received(&mut self, sequence: Sequence) -> bool {
        let Some(newest) = self.received_newest.filter(|newest| sequence <= *newest) else {
            let step = self.received_newest.map_or(64, |newest| sequence - newest);
            self.received = if step < 64 { self.received << step | 1 } else { 1 };
            self.received_newest = Some(sequence);
            return true;
        };
        let age = newest - sequence;
        if age >= 64 {
            // Too old to know; the cursor is past it.
            return true;
        }
        let bit = 1 << age;
        let is_new = self.received & bit == 0;
        self.received |= bit;
        is_new
    }

    /// Drops the oldest packets where too much is waiting.
    fn limit(&mut self) {
        let mut dropped = false;
        while let (Some((&first, _)), Some((&last, packet))) =
            (self.packets.first_key_value(), self.packets.last_key_value())
        {
            let span = last - first + packet.samples as i64;
            // Packets of a broken sender may overlap, and be longer together than the span.
            let samples = span.max(self.buffered_samples() as i64);
            if samples <= MAX_BUFFERED_SAMPLES && self.packets.len() <= MAX_PACKETS {
                break;
            }
            self.packets.pop_first();
            self.counters.overflowed += 1;
            dropped = true;
        }
        if let (true, Some((&time, first))) = (dropped && self.playing, self.packets.first_key_value()) {
            self.cursor = Some(Position { sequence: first.sequence - 1, time });
            self.bridged = 0;
        }
    }
}

fn on_grid(samples: i64) -> usize {
    (samples / OPUS_GRID_SAMPLES).max(1) as usize * OPUS_GRID_SAMPLES as usize
}

fn micros(at: Timestamp) -> i64 {
    at.as_micros() as i64
}

fn samples_to_us(samples: i64) -> i64 {
    samples.saturating_mul(1_000_000 / MICROS_AND_SAMPLES) / (i64::from(AUDIO_CLOCK_HZ) / MICROS_AND_SAMPLES)
}

fn time_us(time: RtpTime) -> i64 {
    samples_to_us(i64::try_from(time.value()).unwrap_or(i64::MAX))
}
