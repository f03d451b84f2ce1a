//! Noise suppression: the adapters of `sonora-ns`, a port of WebRTC's, and of `nnnoiseless`, a port of RNNoise (Valin 2018).

use std::time::Duration;

use nnnoiseless::DenoiseState;
use sonora::three_band_filter_bank::NUM_BANDS;
use sonora_ns::config::{NsConfig, SuppressionLevel};
use sonora_ns::noise_suppressor::NoiseSuppressor;

use super::super::playback::BLOCK_SAMPLES;
use super::bands::{Bands, SCALE};
use crate::media::config::NoiseSuppression;

/// By how much each makes the voice late: their windows overlap.
const STEADY_DELAY: Duration = Duration::from_millis(6);
const VOICE_ONLY_DELAY: Duration = Duration::from_millis(10);

/// Takes noise away, more or less of it.
pub(super) struct NoiseReduction {
    steady: NoiseSuppressor,
    /// At the strong level.
    voice_only: Option<Box<DenoiseState<'static>>>,
}

impl NoiseReduction {
    /// `None` if nothing is to be taken away.
    pub(super) fn new(level: NoiseSuppression) -> Option<Self> {
        let (target_level, voice_only) = match level {
            NoiseSuppression::Off => return None,
            NoiseSuppression::Moderate => (SuppressionLevel::K12dB, None),
            // Together they measure better than each of them alone.
            NoiseSuppression::Strong => (SuppressionLevel::K6dB, Some(DenoiseState::new())),
        };
        let steady = NoiseSuppressor::new_with_bands(NsConfig { target_level }, NUM_BANDS);
        Some(Self { steady, voice_only })
    }

    /// By how much it makes the voice late.
    pub(super) fn delay(&self) -> Duration {
        STEADY_DELAY + self.voice_only.as_ref().map_or(Duration::ZERO, |_| VOICE_ONLY_DELAY)
    }

    /// Learns the noise from the microphone's block before the canceller has it, which adds noise of its own.
    pub(super) fn analyze(&mut self, bands: &Bands) {
        self.steady.analyze(&bands[0]);
    }

    /// Takes away what sounds all the time.
    pub(super) fn process_bands(&mut self, bands: &mut Bands) {
        let [lowest, upper @ ..] = bands;
        self.steady.process(lowest);
        let gain = self.steady.upper_band_gain();
        for (number, band) in upper.iter_mut().enumerate() {
            self.steady.process_upper_band(band, number, gain);
        }
    }

    /// At the strong level, takes away what is no voice.
    pub(super) fn process_block(&mut self, block: &mut [f32; BLOCK_SAMPLES]) {
        if let Some(voice_only) = &mut self.voice_only {
            let input = block.map(|sample| sample * SCALE);
            voice_only.process_frame(block, &input);
            for sample in block {
                *sample = (*sample / SCALE).clamp(-1.0, 1.0);
            }
        }
    }
}
