//! The jitter buffer: puts packets in order and decides what to decode, to recover from FEC and to conceal.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::opus_packet;
use super::playout_delay::PlayoutDelay;
use super::restart::{Check, Position, RestartDetector};
use crate::media::{AUDIO_CLOCK_HZ, AudioPacket};
use crate::rtp::{RtpTime, Sequence};
use crate::time::Timestamp;

/// At most this much audio is buffered. Older audio is dropped, so that the delay is bounded.
const MAX_BUFFERED_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64;
/// And at most this many packets.
const MAX_PACKETS: usize = 400;
/// Longer than any Opus frame that fits a packet.
const MAX_PAYLOAD_BYTES: usize = 1500;
/// Concealment proceeds in such steps, so that a late packet is heard soon.
const STEP_SAMPLES: usize = 480;
/// After so much concealed audio, which fades to background noise, there is silence.
const MAX_CONCEALED_SAMPLES: i64 = AUDIO_CLOCK_HZ as i64;
/// A longer gap is not concealed: playout restarts.
const MAX_LOSS_SAMPLES: i64 = 9600;
/// Opus frames are multiples of 2.5 ms.
const OPUS_GRID_SAMPLES: i64 = 120;
/// The greatest common divisor of microseconds and samples in a second.
const MICROS_AND_SAMPLES: i64 = 8_000;

/// The next step of the decoder. Samples are at 48 kHz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decode {
    /// Decode the packet.
    Packet { payload: Bytes, samples: usize },
    /// Recover the packet before this one from the in-band FEC in it (RFC 6716, 2.1.7).
    Fec { payload: Bytes, samples: usize },
    /// Conceal: continue what was heard.
    Conceal { samples: usize },
    /// Silence: nothing has been heard yet, or not for long.
    Silence { samples: usize },
}

/// Counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayoutCounters {
    /// Samples decoded from packets or recovered from FEC.
    pub samples_played: u64,
    /// Samples concealed because a packet was lost or late. Silence that the sender did not send does not count.
    pub samples_concealed: u64,
    /// Packets that arrived after their audio was due.
    pub late: u64,
    /// Packets that arrived twice.
    pub duplicate: u64,
    /// Packets that were no Opus, or strays.
    pub malformed: u64,
    /// Packets dropped because more than a second of audio was buffered.
    pub overflowed: u64,
    /// Packets recovered from FEC or from a copy.
    pub recovered: u64,
}

/// Buffers the packets of one sender.
///
/// The cursor is the RTP time of the next sample to decode. It stands still while there is no packet, so that a late
/// packet is still heard, and the delay grows by its lateness. The next packet shows whether the sender was silent or
/// packets were lost.
#[derive(Debug, Default)]
pub(super) struct JitterBuffer {
    packets: BTreeMap<RtpTime, Packet>,
    restarts: RestartDetector,
    delay: PlayoutDelay,
    /// `None` before the first packet is decoded. `time` is the cursor, `sequence` that of the last packet decoded.
    cursor: Option<Position>,
    playing: bool,
    /// Samples concealed since the cursor stands still.
    concealed: i64,
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
        if packet.is_copy {
            if !self.is_missing(position) {
                return;
            }
        } else {
            match self.restarts.check(position) {
                Check::Fits => {}
                Check::Restarted => self.restart(),
                Check::Stray => {
                    self.counters.malformed += 1;
                    return;
                }
            }
        }
        let follows_a_loss = self.received_newest.is_some_and(|newest| position.sequence > newest + 1);
        if !self.note_received(position.sequence) || self.packets.contains_key(&position.time) {
            self.counters.duplicate += 1;
            return;
        }
        // A lost packet that is recovered from this one is late by one packet.
        let fec_us = if follows_a_loss { samples_to_us(samples as i64) } else { 0 };
        self.delay.observe(packet.arrived, micros(packet.arrived) - time_us(position.time), fec_us);
        if self.cursor.is_some_and(|cursor| position.time < cursor.time) {
            self.counters.late += 1;
            return;
        }
        self.counters.recovered += u64::from(packet.is_copy);
        let Position { sequence, time } = position;
        self.packets.insert(time, Packet { sequence, samples, payload: packet.payload, arrived: packet.arrived });
        self.limit();
    }

    /// The next step of the decoder, when decoded audio has run out.
    pub(super) fn pull(&mut self, now: Timestamp) -> Decode {
        if !self.playing && !self.start(now) {
            return self.conceal();
        }
        let Some(cursor) = self.cursor else { return Decode::Silence { samples: STEP_SAMPLES } };
        let Some((&time, first)) = self.packets.first_key_value() else {
            // Late, lost or not sent: the next packet will show which.
            if self.concealed >= MAX_CONCEALED_SAMPLES {
                self.playing = false;
            }
            return self.conceal();
        };
        let gap = time - cursor.time;
        let lost_packets = first.sequence - cursor.sequence - 1_i64;
        if gap <= 0 {
            self.settle_concealed();
            return self.take_first();
        }
        if lost_packets == 0 || gap > MAX_LOSS_SAMPLES {
            // The sender was silent (DTX, mute): playout restarts with the current playout delay.
            self.settle_concealed();
            self.playing = false;
            return self.pull(now);
        }
        self.replace_lost(cursor, gap)
    }

    /// Whether a packet follows the cursor without a gap.
    pub(super) fn has_next(&self) -> bool {
        let first = self.packets.first_key_value();
        self.playing && first.zip(self.cursor).is_some_and(|((&time, _), cursor)| time <= cursor.time)
    }

    /// The cursor, unless it stands still.
    pub(super) fn playing_at(&self) -> Option<RtpTime> {
        self.cursor.filter(|_| self.playing && self.concealed == 0).map(|cursor| cursor.time)
    }

    /// Audio in the buffer.
    pub(super) fn buffered_samples(&self) -> usize {
        self.packets.values().map(|packet| packet.samples).sum()
    }

    /// The current delay less the playout delay, in µs, if the sample at the cursor is played `ahead` samples from
    /// `now`. `None` while nothing is playing.
    pub(super) fn excess_delay_us(&self, now: Timestamp, ahead: usize) -> Option<i64> {
        if !self.playing || self.concealed > 0 {
            return None;
        }
        let transit = micros(now) + samples_to_us(ahead as i64) - time_us(self.cursor?.time);
        Some(transit - self.delay.fastest_transit_us()? - self.delay.target_us())
    }

    pub(super) fn target_us(&self) -> i64 {
        self.delay.target_us()
    }

    /// Starts playout if the first packet has waited for the playout delay.
    fn start(&mut self, now: Timestamp) -> bool {
        let Some((&time, first)) = self.packets.first_key_value() else { return false };
        let wait_us = self.delay.target_us();
        let waited = now >= first.arrived + Duration::from_micros(wait_us as u64);
        // Packets that come as fast as they are played have waited for what is before the last one.
        let newest = self.packets.last_key_value().map_or(0, |(_, newest)| newest.samples);
        let before_newest = self.buffered_samples().saturating_sub(newest);
        if !waited && samples_to_us(before_newest as i64) <= wait_us {
            return false;
        }
        let cursor = Position { sequence: first.sequence - 1, time };
        self.settle_concealed();
        self.cursor = Some(cursor);
        self.playing = true;
        true
    }

    fn conceal(&mut self) -> Decode {
        let heard_anything = self.counters.samples_played > 0;
        if !heard_anything || self.concealed >= MAX_CONCEALED_SAMPLES {
            return Decode::Silence { samples: STEP_SAMPLES };
        }
        self.concealed += STEP_SAMPLES as i64;
        Decode::Conceal { samples: STEP_SAMPLES }
    }

    /// A packet is here again: counts concealed samples, unless the sender was silent. Returns those that replaced
    /// audio that was sent.
    fn settle_concealed(&mut self) -> i64 {
        let concealed = std::mem::take(&mut self.concealed);
        let (Some(cursor), Some((&time, first))) = (self.cursor, self.packets.first_key_value()) else { return 0 };
        let gap = time - cursor.time;
        let was_late = gap <= 0;
        let lost_packets = (first.sequence - cursor.sequence - 1_i64).max(0);
        // Of a pause in which a packet was lost, the rest was silence that was not sent.
        let lost = lost_packets.saturating_mul(first.samples as i64);
        let replaced = if was_late { concealed } else { concealed.min(gap).min(lost) };
        self.counters.samples_concealed += replaced as u64;
        replaced
    }

    fn take_first(&mut self) -> Decode {
        let Some((time, Packet { sequence, samples, payload, .. })) = self.packets.pop_first() else {
            return Decode::Silence { samples: STEP_SAMPLES };
        };
        self.cursor = Some(Position { sequence, time: time + samples as u64 });
        self.counters.samples_played += samples as u64;
        Decode::Packet { payload, samples }
    }

    /// `gap` samples are lost before the first packet. A part of them may have been concealed already.
    fn replace_lost(&mut self, cursor: Position, gap: i64) -> Decode {
        let replaced = self.settle_concealed();
        let cursor = Position { time: cursor.time + replaced as u64, ..cursor };
        self.cursor = Some(cursor);
        let gap = gap - replaced;
        let Some((&time, first)) = self.packets.first_key_value() else { return self.conceal() };
        if gap == 0 {
            return self.take_first();
        }
        if gap <= first.samples as i64 {
            self.cursor = Some(Position { time, ..cursor });
            let samples = on_grid(gap);
            self.counters.samples_played += samples as u64;
            self.counters.recovered += 1;
            return Decode::Fec { payload: first.payload.clone(), samples };
        }
        let samples = on_grid((gap - first.samples as i64).min(2 * STEP_SAMPLES as i64));
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

    /// Whether the packet of which a copy has come is still of use. The packet that carried the copy came first.
    fn is_missing(&self, copy: Position) -> bool {
        let Some(newest) = self.received_newest.filter(|newest| copy.sequence < *newest) else { return false };
        let age = newest - copy.sequence;
        age < 64 && self.received & 1 << age == 0
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
            // Older than the record. The cursor is past it.
            return true;
        }
        let bit = 1 << age;
        let is_new = self.received & bit == 0;
        self.received |= bit;
        is_new
    }

    /// Drops the oldest packets if there are too many.
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
            self.concealed = 0;
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
