//! Finds the pitch of a signal, for tests.

use std::f64::consts::TAU;
use std::ops::Range;

/// A sine of half the full scale.
pub(super) fn tone(hz: f64, rate_hz: u32, samples: usize) -> Vec<f32> {
    (0..samples).map(|n| (0.5 * (TAU * hz * n as f64 / f64::from(rate_hz)).sin()) as f32).collect()
}

/// Power at `hz` (Goertzel's algorithm), relative to the length.
pub(super) fn power_at(sound: &[f32], hz: f64, rate_hz: u32) -> f64 {
    let coefficient = 2.0 * (TAU * hz / f64::from(rate_hz)).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for &sample in sound {
        (before, last) = (last, f64::from(sample) + coefficient * last - before);
    }
    (last * last + before * before - coefficient * last * before) / (sound.len() as f64).powi(2)
}

/// The loudest multiple of 20 Hz in `range`.
pub(super) fn loudest_hz(sound: &[f32], rate_hz: u32, range: Range<u32>) -> u32 {
    let power = |hz: &u32| power_at(sound, f64::from(*hz), rate_hz);
    range.step_by(20).max_by(|a, b| power(a).total_cmp(&power(b))).unwrap_or(0)
}
