//! What the sound tests hear with.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::f64::consts::TAU;
use std::ops::Range;
use std::path::Path;

use maru_core::test_sound::{MARKER_HZ, MARKER_SAMPLES, QUIETEST_RMS};

pub const RATE_HZ: f64 = 48_000.0;

/// A mono WAV file of 16 bit at 48 kHz.
pub fn read_wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 48_000, 16));
    reader.samples::<i16>().map(|sample| f32::from(sample.expect("a whole file")) / 32_768.0).collect()
}

/// Power at `hz` (Goertzel's algorithm): the square of the amplitude over 4.
pub fn power_at(sound: &[f32], hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hz / RATE_HZ).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for &sample in sound {
        (before, last) = (last, f64::from(sample) + coefficient * last - before);
    }
    (last * last + before * before - coefficient * last * before) / (sound.len() as f64).powi(2)
}

/// The loudest multiple of 40 Hz in `range`.
pub fn loudest_hz(sound: &[f32], range: Range<u32>) -> u32 {
    let start = range.start.next_multiple_of(40);
    let power = |hz: &u32| power_at(sound, f64::from(*hz));
    (start..range.end).step_by(40).max_by(|a, b| power(a).total_cmp(&power(b))).unwrap_or(0)
}

/// Where the first whole marker of the test sound begins, to 1 ms.
pub fn first_marker(sound: &[f32]) -> Option<usize> {
    let width = MARKER_SAMPLES as usize;
    let power = |at: usize| power_at(&sound[at..at + 480], MARKER_HZ);
    // A marker has an amplitude of 0.6.
    let loud = |at: usize| power(at) > 0.25 * 0.6 * 0.6 / 4.0;
    let last = sound.len().checked_sub(2 * width)?;
    (0..last).step_by(48).find(|&at| loud(at) && loud(at + width - 960))
}

/// Where a second of the test sound begins that arrived whole: from one marker to the next, in time, without a hole.
/// What a stalled machine does to the other seconds is not asked.
pub fn whole_second(sound: &[f32]) -> Option<usize> {
    let second = RATE_HZ as usize;
    let mut at = 0;
    while let Some(marker) = sound.get(at..).and_then(first_marker) {
        let start = at + marker;
        let next = sound.get(start + second - 480..).and_then(first_marker)?;
        let in_time = next.abs_diff(480) <= 96;
        if in_time && quiet_stretches(&sound[start..start + second], QUIETEST_RMS / 4.0) == 0 {
            return Some(start);
        }
        at = start + MARKER_SAMPLES as usize;
    }
    None
}

/// How many stretches of 5 ms are quieter than `rms`.
pub fn quiet_stretches(sound: &[f32], rms: f32) -> usize {
    let is_quiet =
        |part: &&[f32]| part.iter().map(|sample| sample * sample).sum::<f32>() < rms * rms * part.len() as f32;
    sound.chunks(240).filter(is_quiet).count()
}
