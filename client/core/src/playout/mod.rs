//! From a peer's packets to an even stream of sound: order, wait, decode or conceal, stretch.
//!
//! [`Playout::push`] takes packets as they come; [`Playout::pull`] is called by the clock of the loudspeaker.

use crate::media::AudioPacket;
use crate::rtp::RtpTime;
use crate::time::Timestamp;

mod delay_target;
mod jitter_buffer;
pub mod opus_packet;
mod stretch;
mod timeline;

#[cfg(test)]
mod simulation;

pub use jitter_buffer::{Decode, PlayoutCounters};

use jitter_buffer::JitterBuffer;

/// Decodes Opus, or whatever a simulation uses instead.
pub trait SoundDecoder {
    /// Appends what `step` asks for to `out`, mono at 48 kHz. Must append silence where it fails.
    fn decode(&mut self, step: &Decode, out: &mut Vec<f32>);
}

/// The receiving side of one peer's sound.
#[derive(Debug)]
pub struct Playout<D> {
    buffer: JitterBuffer,
    decoder: D,
    /// Decoded and not played yet.
    decoded: Vec<f32>,
    excess: Excess,
}

/// The smallest excess of delay over the last pulls: what is left after all passing lateness.
#[derive(Debug, Default)]
struct Excess {
    smallest_us: Option<i64>,
    pulls: u32,
}

/// The delay is brought to its target in pieces of about 10 ms, so less than that is left alone.
const TOLERANCE_US: i64 = 10_000;
/// Half a second between pieces: a change of speed by 2 %.
const CALM_PULLS: u32 = 50;
/// Excess from here on is hurried, at 10 % of speed, and cut even where it may be heard.
const HURRY_US: i64 = 40_000;
const HURRY_PULLS: u32 = 10;
/// People who talk notice this much and fall into each other's words: it goes at a third of speed, as long as it lasts.
const RUSH_US: i64 = 120_000;
const RUSH_PULLS: u32 = 3;

/// How often a piece is left out or said twice.
fn pulls_between(excess_us: i64) -> u32 {
    match excess_us {
        RUSH_US.. => RUSH_PULLS,
        HURRY_US.. => HURRY_PULLS,
        _ => CALM_PULLS,
    }
}

impl<D: SoundDecoder> Playout<D> {
    pub fn new(decoder: D) -> Self {
        Self { buffer: JitterBuffer::default(), decoder, decoded: Vec::new(), excess: Excess::default() }
    }

    /// Takes a packet: late, doubled, reordered or broken ones are dropped and counted.
    pub fn push(&mut self, packet: AudioPacket) {
        self.buffer.push(packet);
    }

    /// The next `out.len()` samples, mono at 48 kHz. `now` is when they are taken.
    pub fn pull(&mut self, now: Timestamp, out: &mut [f32]) {
        self.decode_at_least(out.len(), now);
        self.adapt(now);
        self.decode_at_least(out.len(), now);
        out.copy_from_slice(&self.decoded[..out.len()]);
        self.decoded.drain(..out.len());
    }

    pub fn counters(&self) -> PlayoutCounters {
        self.buffer.counters
    }

    /// RTP time of the sample that the next [`Self::pull`] begins with. `None` while nothing is there to play.
    pub fn next_rtp_time(&self) -> Option<RtpTime> {
        Some(self.buffer.playing_at()? - self.decoded.len() as u64)
    }

    /// Sound waiting to be played.
    pub fn buffered_ms(&self) -> f32 {
        (self.buffer.buffered_samples() + self.decoded.len()) as f32 / 48.0
    }

    /// The delay that this link needs at the moment.
    pub fn target_ms(&self) -> f32 {
        self.buffer.target_us() as f32 / 1e3
    }

    pub fn decoder(&self) -> &D {
        &self.decoder
    }

    fn decode_at_least(&mut self, samples: usize, now: Timestamp) {
        while self.decoded.len() < samples {
            self.decode_next(now);
        }
    }

    fn decode_next(&mut self, now: Timestamp) {
        let step = self.buffer.pull(now);
        let before = self.decoded.len();
        self.decoder.decode(&step, &mut self.decoded);
        if self.decoded.len() == before {
            // A decoder that breaks its contract must not make this a loop without end.
            self.decoded.resize(before + 480, 0.0);
        }
    }

    /// Shortens or lengthens the sound where the delay has moved away from its target.
    fn adapt(&mut self, now: Timestamp) {
        let ahead = self.decoded.len();
        // The next sample to be played lies `ahead` before the cursor.
        let Some(excess_us) = self.buffer.excess_delay_us(now, ahead) else {
            self.excess = Excess::default();
            return;
        };
        let smallest_us = self.excess.smallest_us.map_or(excess_us, |us| us.min(excess_us));
        self.excess = Excess { smallest_us: Some(smallest_us), pulls: self.excess.pulls + 1 };
        let pulls = pulls_between(smallest_us);
        let (hurry, due) = (pulls < CALM_PULLS, self.excess.pulls >= pulls);
        if !due || smallest_us.abs() <= TOLERANCE_US {
            if self.excess.pulls >= CALM_PULLS {
                self.excess = Excess::default();
            }
            return;
        }
        while self.decoded.len() < stretch::NEEDED_SAMPLES && self.buffer.has_next() {
            self.decode_next(now);
        }
        let stretched = if smallest_us > 0 {
            stretch::shorten(&mut self.decoded, hurry)
        } else {
            stretch::lengthen(&mut self.decoded, false)
        };
        if stretched {
            self.excess = Excess::default();
        }
    }
}
