//! What the loudspeaker plays while the microphone captures a block: the reference of the echo canceller.
//!
//! Two devices have two clocks. Both are followed ([`SampleClock`]), and the reference is read at the pace of the
//! microphone, so that to the canceller the echo comes after a constant delay, whatever waits in the rings.

use std::collections::VecDeque;
use std::f64::consts::PI;

use crate::media::AUDIO_CLOCK_HZ;
use crate::sample_clock::SampleClock;
use crate::time::Timestamp;

/// The reference is this much ahead, in µs: an echo never comes before it, also where a driver reports a latency that is
/// too short. Less than what waits for the loudspeaker.
const LEAD_US: f64 = 30_000.0;
/// Samples that are kept: half a second before now, and what waits for the loudspeaker.
const KEPT: usize = AUDIO_CLOCK_HZ as usize;
/// Samples on each side of the one that is read.
const HALF_TAPS: usize = 8;
/// Phases of the interpolation filter; between two of them it is linear.
const PHASES: usize = 64;

/// See the [module](self).
#[derive(Debug)]
pub struct EchoReference {
    played: VecDeque<f32>,
    /// Of the first sample in `played`, counted from the start.
    first: u64,
    plays: SampleClock,
    captures: SampleClock,
    /// Samples captured so far.
    captured: u64,
    /// Windowed sinc, [`PHASES`] + 1 filters.
    filters: Vec<[f32; 2 * HALF_TAPS]>,
}

impl Default for EchoReference {
    fn default() -> Self {
        Self {
            played: VecDeque::with_capacity(KEPT),
            first: 0,
            plays: SampleClock::new(AUDIO_CLOCK_HZ),
            captures: SampleClock::new(AUDIO_CLOCK_HZ),
            captured: 0,
            filters: (0..=PHASES).map(filter).collect(),
        }
    }
}

impl EchoReference {
    /// The loudspeaker plays `block` from `at` on, mono at 48 kHz.
    pub fn push(&mut self, at: Timestamp, block: &[f32]) {
        let next = self.first + self.played.len() as u64;
        if self.plays.observe(next, at) {
            self.first = next;
            self.played.clear();
        }
        self.played.extend(block);
        let surplus = self.played.len().saturating_sub(KEPT);
        self.played.drain(..surplus);
        self.first += surplus as u64;
    }

    /// The loudspeaker plays nothing any more.
    pub fn stop(&mut self) {
        self.first += self.played.len() as u64;
        self.played.clear();
        self.plays.restart();
    }

    /// Another microphone.
    pub fn restart_capture(&mut self) {
        self.captures.restart();
    }

    /// Fills `out` with what the loudspeaker plays while as many samples are captured from `at` on. `false`: nothing is
    /// known of that time, and `out` is silent.
    pub fn read(&mut self, at: Timestamp, out: &mut [f32]) -> bool {
        self.captures.observe(self.captured, at);
        let start_us = self.captures.time_of(self.captured);
        self.captured += out.len() as u64;
        let end_us = self.captures.time_of(self.captured);
        out.fill(0.0);
        let index_at = |at_us: f64| self.plays.index_at(at_us + LEAD_US);
        let Some((from, to)) = start_us.and_then(index_at).zip(end_us.and_then(index_at)) else { return false };
        let step = (to - from) / out.len() as f64;
        let from = from - self.first as f64;
        let is_known = from >= HALF_TAPS as f64
            && from + step * out.len() as f64 + HALF_TAPS as f64 + 1.0 < self.played.len() as f64;
        if is_known {
            let played = self.played.make_contiguous();
            for (number, sample) in out.iter_mut().enumerate() {
                *sample = interpolate(&self.filters, played, from + step * number as f64);
            }
        }
        is_known
    }
}

/// The value at `position`, which is at least [`HALF_TAPS`] from both ends.
fn interpolate(filters: &[[f32; 2 * HALF_TAPS]], samples: &[f32], position: f64) -> f32 {
    let whole = position.floor();
    let phase = (position - whole) * PHASES as f64;
    let (low, share) = (phase as usize, (phase - phase.floor()) as f32);
    let begin = whole as usize + 1 - HALF_TAPS;
    let (Some(taps), Some(filter), Some(next)) =
        (samples.get(begin..begin + 2 * HALF_TAPS), filters.get(low), filters.get(low + 1))
    else {
        return 0.0;
    };
    taps.iter().zip(filter).zip(next).map(|((sample, one), other)| sample * (one + (other - one) * share)).sum()
}

/// Blackman-windowed sinc for a position `phase / PHASES` behind the middle.
fn filter(phase: usize) -> [f32; 2 * HALF_TAPS] {
    let shift = phase as f64 / PHASES as f64;
    std::array::from_fn(|tap| {
        let x = tap as f64 - (HALF_TAPS as f64 - 1.0) - shift;
        let sinc = if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) };
        let w = x / HALF_TAPS as f64;
        let window = 0.42 + 0.5 * (PI * w).cos() + 0.08 * (2.0 * PI * w).cos();
        (sinc * window) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 480;

    #[test]
    fn the_reference_follows_two_clocks_without_a_moving_delay() {
        for (speaker_ppm, microphone_ppm) in [(0.0, 0.0), (100.0, -100.0), (-150.0, 0.0)] {
            let moved_us = delay_range_us(speaker_ppm, microphone_ppm);
            assert!(moved_us < 700.0, "{speaker_ppm} and {microphone_ppm} ppm: the delay moves by {moved_us} µs");
        }
    }

    /// How far the delay between the reference and what is played moves within half a minute. Both devices have clocks that
    /// are off by so many ppm, and readings that are off by up to 10 ms.
    fn delay_range_us(speaker_ppm: f64, microphone_ppm: f64) -> f64 {
        let mut reference = EchoReference::default();
        let mut random = fastrand::Rng::with_seed(3);
        let period = |ppm: f64| 1e6 / (48_000.0 * (1.0 + ppm * 1e-6));
        let (play_us, capture_us) = (period(speaker_ppm), period(microphone_ppm));
        let (mut played, mut captured) = (0_u64, 0_u64);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut reading = |true_us: f64| Timestamp::from_micros((true_us + random.f64() * 10_000.0) as u64);
        for tick in 0..9_000_u64 {
            let now_us = 1e7 + tick as f64 * 10_000.0;
            while 1e7 + played as f64 * play_us < now_us + 80_000.0 {
                let begin_us = 1e7 + played as f64 * play_us;
                // A ramp tells when each sample is played.
                let block: Vec<f32> = (0..BLOCK).map(|n| ramp(begin_us + n as f64 * play_us)).collect();
                reference.push(reading(begin_us), &block);
                played += BLOCK as u64;
            }
            while 1e7 + (captured + BLOCK as u64) as f64 * capture_us < now_us {
                let begin_us = 1e7 + captured as f64 * capture_us;
                let mut block = [0.0; BLOCK];
                let is_known = reference.read(reading(begin_us), &mut block);
                captured += BLOCK as u64;
                // The ramp jumps once a second.
                let wanted = ramp(begin_us + LEAD_US);
                if tick > 6_000 && (0.2..0.8).contains(&wanted) {
                    assert!(is_known);
                    let off_us = f64::from(block[0] - wanted) * 1e6;
                    (least, most) = (least.min(off_us), most.max(off_us));
                }
            }
        }
        most - least
    }

    fn ramp(at_us: f64) -> f32 {
        (at_us / 1e6).fract() as f32
    }

    #[test]
    fn before_anything_is_played_and_after_a_stop_there_is_silence() {
        let mut reference = EchoReference::default();
        let at = |ms: u64| Timestamp::from_micros(1_000_000 + ms * 1000);
        let mut out = [1.0; BLOCK];
        assert!(!reference.read(at(0), &mut out));
        assert_eq!(out, [0.0; BLOCK]);
        for block in 0..20 {
            reference.push(at(block * 10), &[0.5; BLOCK]);
        }
        assert!(reference.read(at(10), &mut out));
        assert!(out.iter().all(|sample| (sample - 0.5).abs() < 1e-3), "{:?}", &out[..4]);
        reference.stop();
        assert!(!reference.read(at(20), &mut out));
    }

    #[test]
    fn interpolation_keeps_what_is_below_16_khz() {
        let filters: Vec<_> = (0..=PHASES).map(filter).collect();
        for hz in [100.0, 1_000.0, 8_000.0, 14_000.0] {
            let samples: Vec<f32> = (0..200).map(|n| (n as f64 * 2.0 * PI * hz / 48_000.0).sin() as f32).collect();
            for step in 0..97 {
                let position = 60.0 + f64::from(step) * 0.317;
                let wanted = (position * 2.0 * PI * hz / 48_000.0).sin() as f32;
                let error = (interpolate(&filters, &samples, position) - wanted).abs();
                assert!(error < 0.01, "{hz} Hz: {error}");
            }
        }
    }
}
