//! Finds the test sound in recorded audio.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::ops::Range;
use std::path::Path;

use maru_core::spectrum::{self, power_at};
use maru_core::test_sound::{MARKER_HZ, MARKER_SAMPLES, QUIETEST_RMS};

const RATE_HZ: u32 = 48_000;

/// Reads a WAV file: mono, 16 bits, 48 kHz.
pub fn read_wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, 48_000, 16));
    reader.samples::<i16>().map(|sample| f32::from(sample.expect("a whole file")) / 32_768.0).collect()
}

/// The loudest multiple of 40 Hz within `range_hz`.
pub fn loudest_hz(audio: &[f32], range_hz: Range<u32>) -> u32 {
    spectrum::loudest_hz(audio, RATE_HZ, range_hz, 40)
}

/// The index, to 1 ms, at which the first complete marker of the test sound begins.
pub fn first_marker(audio: &[f32]) -> Option<usize> {
    let width = MARKER_SAMPLES as usize;
    let power = |at: usize| power_at(&audio[at..at + 480], MARKER_HZ, RATE_HZ);
    // A marker has an amplitude of 0.6.
    let loud = |at: usize| power(at) > 0.25 * 0.6 * 0.6 / 4.0;
    let last = audio.len().checked_sub(2 * width)?;
    (0..last).step_by(48).find(|&at| loud(at) && loud(at + width - 960))
}

/// The index at which a complete second of the test sound begins: from one marker to the next, 1 s later, without a gap.
/// Other seconds may have gaps, because a busy machine stalls.
pub fn whole_second(audio: &[f32]) -> Option<usize> {
    let second = RATE_HZ as usize;
    let mut at = 0;
    while let Some(marker) = audio.get(at..).and_then(first_marker) {
        let start = at + marker;
        let next = audio.get(start + second - 480..).and_then(first_marker)?;
        let in_time = next.abs_diff(480) <= 96;
        if in_time && quiet_blocks(&audio[start..start + second], QUIETEST_RMS / 4.0) == 0 {
            return Some(start);
        }
        at = start + MARKER_SAMPLES as usize;
    }
    None
}

/// The number of blocks of 5 ms that are quieter than `rms`.
pub fn quiet_blocks(audio: &[f32], rms: f32) -> usize {
    let is_quiet =
        |part: &&[f32]| part.iter().map(|sample| sample * sample).sum::<f32>() < rms * rms * part.len() as f32;
    audio.chunks(240).filter(is_quiet).count()
}
