//! The pitch of a signal, for tests that compare what was sent with what arrived.

use std::f64::consts::TAU;
use std::ops::Range;

/// The power of `samples` at `hz` (Goertzel's algorithm): a quarter of the squared amplitude of a sine of that pitch.
pub fn power_at(samples: &[f32], hz: f64, rate_hz: u32) -> f64 {
    let coefficient = 2.0 * (TAU * hz / f64::from(rate_hz)).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for &sample in samples {
        (before, last) = (last, f64::from(sample) + coefficient * last - before);
    }
    (last * last + before * before - coefficient * last * before) / (samples.len() as f64).powi(2)
}

/// The multiple of `step_hz` within `range_hz` that has the most power.
pub fn loudest_hz(samples: &[f32], rate_hz: u32, range_hz: Range<u32>, step_hz: u32) -> u32 {
    let power = |hz: &u32| power_at(samples, f64::from(*hz), rate_hz);
    let pitches = (range_hz.start.next_multiple_of(step_hz)..range_hz.end).step_by(step_hz as usize);
    pitches.max_by(|a, b| power(a).total_cmp(&power(b))).unwrap_or(0)
}

/// A sine of amplitude 0.5.
pub fn tone(hz: f64, rate_hz: u32, samples: usize) -> Vec<f32> {
    (0..samples).map(|n| (0.5 * (TAU * hz * n as f64 / f64::from(rate_hz)).sin()) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_a_quarter_of_its_squared_amplitude_at_its_pitch_and_little_elsewhere() {
        let sine = tone(1000.0, 48_000, 4800);
        assert!((power_at(&sine, 1000.0, 48_000) - 0.0625).abs() < 1e-4);
        assert!(power_at(&sine, 1200.0, 48_000) < 1e-4);
        assert_eq!(loudest_hz(&sine, 48_000, 390..3000, 20), 1000);
    }
}
