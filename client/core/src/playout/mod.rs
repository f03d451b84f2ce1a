//! Playout of a peer's audio: jitter buffer, decoding and concealment, time stretching.
//!
//! [`Playout::push`] takes packets as they arrive; [`Playout::pull`] is called at the pace of the loudspeaker.

use crate::media::AudioPacket;
use crate::rtp::RtpTime;
use crate::time::Timestamp;

mod jitter_buffer;
pub mod opus_packet;
mod playout_delay;
mod restart;
mod time_stretch;

#[cfg(test)]
mod simulation;

pub use jitter_buffer::{Decode, PlayoutCounters};

use jitter_buffer::JitterBuffer;

/// An Opus decoder, or what a simulation uses instead.
pub trait AudioDecoder {
    /// Appends the samples of `step` to `out`, mono at 48 kHz; silence if decoding fails.
    fn decode(&mut self, step: &Decode, out: &mut Vec<f32>);
}

impl<D: AudioDecoder + ?Sized> AudioDecoder for Box<D> {
    fn decode(&mut self, step: &Decode, out: &mut Vec<f32>) {
        (**self).decode(step, out);
    }
}

/// The playout of one peer's audio.
#[derive(Debug)]
pub struct Playout<D> {
    buffer: JitterBuffer,
    decoder: D,
    /// Decoded, not played yet.
    decoded: Vec<f32>,
    excess: Excess,
}

/// The least excess of the delay over the last pulls, which passing jitter does not change.
#[derive(Debug, Default)]
struct Excess {
    smallest_us: Option<i64>,
    pulls: u32,
}

/// Time stretching changes the delay by about 10 ms at once. A smaller excess is left.
const TOLERANCE_US: i64 = 10_000;
/// Pulls (10 ms each) between two pieces: a change of speed by 2 %.
const CALM_PULLS: u32 = 50;
/// From this excess on the speed changes by 10 %, and cuts may be heard.
const HURRY_US: i64 = 40_000;
const HURRY_PULLS: u32 = 10;
/// From this excess on people interrupt each other: the speed changes by a third.
const RUSH_US: i64 = 120_000;
const RUSH_PULLS: u32 = 3;

/// Pulls between two pieces that are removed or repeated.
fn pulls_between(excess_us: i64) -> u32 {
    match excess_us {
        RUSH_US.. => RUSH_PULLS,
        HURRY_US.. => HURRY_PULLS,
        _ => CALM_PULLS,
    }
}

impl<D: AudioDecoder> Playout<D> {
    /// Plays nothing until the first packet.
    pub fn new(decoder: D) -> Self {
        Self { buffer: JitterBuffer::default(), decoder, decoded: Vec::new(), excess: Excess::default() }
    }

    /// Takes a packet. Late, duplicate and malformed ones are dropped and counted.
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

    /// What has been played, concealed and dropped so far.
    pub fn counters(&self) -> PlayoutCounters {
        self.buffer.counters
    }

    /// RTP time of the first sample of the next [`Self::pull`]. `None` while there is none.
    pub fn next_rtp_time(&self) -> Option<RtpTime> {
        Some(self.buffer.playing_at()? - self.decoded.len() as u64)
    }

    /// Audio that waits to be played.
    pub fn buffered_ms(&self) -> f32 {
        (self.buffer.buffered_samples() + self.decoded.len()) as f32 / 48.0
    }

    /// The playout delay that the network requires now.
    pub fn target_ms(&self) -> f32 {
        self.buffer.target_us() as f32 / 1e3
    }

    /// The decoder given to [`Self::new`].
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
            // A decoder that appends nothing must not make this loop endless.
            self.decoded.resize(before + 480, 0.0);
        }
    }

    /// Stretches audio while the delay differs from the playout delay.
    fn adapt(&mut self, now: Timestamp) {
        let ahead = self.decoded.len();
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
        while self.decoded.len() < time_stretch::NEEDED_SAMPLES && self.buffer.has_next() {
            self.decode_next(now);
        }
        let stretched = if smallest_us > 0 {
            time_stretch::shorten(&mut self.decoded, hurry)
        } else {
            time_stretch::lengthen(&mut self.decoded, false)
        };
        if stretched {
            self.excess = Excess::default();
        }
    }
}
