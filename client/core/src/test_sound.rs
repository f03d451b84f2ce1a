//! The built-in test sound: tones in the band of speech, in syllables, with a marker each second.

use std::f64::consts::TAU;

use crate::media::AUDIO_CLOCK_HZ;

/// A marker starts with each second: this long, ...
pub const MARKER_SAMPLES: u64 = 2400;
/// ... of this tone, which no syllable has.
pub const MARKER_HZ: f64 = 3000.0;
/// Between markers no 5 ms are quieter than this (RMS), so that a gap can be told from the sound.
pub const QUIETEST_RMS: f32 = 0.08;

const SECOND: u64 = AUDIO_CLOCK_HZ as u64;
const SYLLABLE_SAMPLES: u64 = 12_000;
/// Multiples of 4 Hz, so that each syllable of a quarter second ends where the next begins.
const TONES_HZ: [f64; 12] =
    [400.0, 560.0, 720.0, 880.0, 1040.0, 1200.0, 1360.0, 1520.0, 1680.0, 1840.0, 2000.0, 2160.0];

/// The sample at `index` (48 kHz, from the start of the sound), -1 to 1. The pattern repeats every 3 s.
pub fn sample(index: u64) -> f32 {
    let in_second = index % SECOND;
    let seconds = |samples: u64| samples as f64 / SECOND as f64;
    if in_second < MARKER_SAMPLES {
        return (0.6 * (TAU * MARKER_HZ * seconds(in_second)).sin()) as f32;
    }
    let in_syllable = index % SYLLABLE_SAMPLES;
    let opening = (TAU / 2.0 * in_syllable as f64 / SYLLABLE_SAMPLES as f64).sin();
    let loudness = 0.15 + 0.35 * opening * opening;
    (loudness * (TAU * tone_hz(index) * seconds(in_syllable)).sin()) as f32
}

/// The tone of the syllable at `index`, outside of the marker.
pub fn tone_hz(index: u64) -> f64 {
    TONES_HZ[(index / SYLLABLE_SAMPLES) as usize % TONES_HZ.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_loud_everywhere_and_never_clips() {
        let sound: Vec<f32> = (0..3 * SECOND).map(sample).collect();
        assert!(sound.iter().all(|sample| sample.abs() <= 0.61));
        for part in sound.chunks(240) {
            let rms = (part.iter().map(|sample| sample * sample).sum::<f32>() / 240.0).sqrt();
            assert!(rms >= QUIETEST_RMS, "{rms}");
        }
    }

    #[test]
    fn it_has_no_clicks() {
        let sound: Vec<f32> = (0..3 * SECOND).map(sample).collect();
        let steepest = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.25, "{steepest}");
    }

    #[test]
    fn it_repeats_after_three_seconds() {
        assert!((0..SECOND).step_by(7).all(|index| (sample(index) - sample(index + 3 * SECOND)).abs() < 1e-6));
    }
}
