//! Short sounds that are played once.

use std::f32::consts::TAU;

use maru_core::media::AUDIO_CLOCK_HZ;

/// Mono samples at 48 kHz, and how many of them have been played.
#[derive(Debug, Default)]
pub(super) struct Clip {
    samples: Vec<f32>,
    played: usize,
}

impl Clip {
    pub(super) fn new(samples: Vec<f32>) -> Self {
        Self { samples, played: 0 }
    }

    /// Adds the next samples to the mix.
    pub(super) fn play(&mut self, mix: &mut [f32]) {
        for (out, sample) in mix.iter_mut().zip(&self.samples[self.played..]) {
            *out += sample;
        }
        self.played = (self.played + mix.len()).min(self.samples.len());
    }

    pub(super) fn is_over(&self) -> bool {
        self.played == self.samples.len()
    }
}

/// A tone that fades out. It begins and ends at zero.
pub(super) fn note(hz: f32, samples: usize, loudest: f32) -> impl Iterator<Item = f32> {
    (0..samples).map(move |at| {
        let (share, seconds) = (at as f32 / samples as f32, at as f32 / AUDIO_CLOCK_HZ as f32);
        let loudness = (share * 40.0).min(1.0) * (1.0 - share).powi(2);
        loudest * loudness * (TAU * hz * seconds).sin()
    })
}
