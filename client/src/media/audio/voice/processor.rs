//! What is done to a block of the voice, in WebRTC's order. `bench/voices` measures it beside the C++ original.

use std::time::Duration;

use super::super::playback::BLOCK_SAMPLES;
use super::bands::{self, Bands, HighPass, Merger, SILENCE, Splitter};
use super::echo::{self, EchoCanceller};
use super::gain::AutomaticGain;
use super::noise::NoiseReduction;
use crate::media::config::VoiceProcessing;

pub(super) struct Processor {
    splitter: Splitter,
    merger: Merger,
    high_pass: HighPass,
    echo: Option<(Splitter, EchoCanceller)>,
    noise: Option<NoiseReduction>,
    gain: Option<AutomaticGain>,
    bands: Bands,
}

impl Processor {
    /// `None` if nothing is to be done.
    pub(super) fn new(processing: VoiceProcessing) -> Option<Self> {
        let VoiceProcessing { echo_cancellation, noise_suppression, automatic_gain } = processing;
        if processing == VoiceProcessing::OFF {
            return None;
        }
        Some(Self {
            splitter: Splitter::default(),
            merger: Merger::default(),
            high_pass: HighPass::new(),
            echo: echo_cancellation.then(|| (Splitter::default(), EchoCanceller::new())),
            noise: NoiseReduction::new(noise_suppression),
            gain: automatic_gain.then(AutomaticGain::new),
            bands: SILENCE,
        })
    }

    /// Whether it has a use for what the speaker plays.
    pub(super) fn cancels_echo(&self) -> bool {
        self.echo.is_some()
    }

    /// By how much the voice is late.
    pub(super) fn delay(&self) -> Duration {
        let echo = self.echo.as_ref().map_or(Duration::ZERO, |_| echo::DELAY);
        let noise = self.noise.as_ref().map_or(Duration::ZERO, NoiseReduction::delay);
        bands::DELAY + echo + noise
    }

    /// Processes a block of the microphone. `played`: what the speaker plays then, if it plays anything.
    pub(super) fn process(&mut self, played: Option<&[f32; BLOCK_SAMPLES]>, block: &mut [f32; BLOCK_SAMPLES]) {
        let bands = &mut self.bands;
        if let (Some(played), Some((splitter, echo))) = (played, &mut self.echo) {
            splitter.split(played, bands);
            echo.play(bands);
        }
        // One sample that is no number would spoil everything after it.
        for sample in block.iter_mut() {
            *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
        self.splitter.split(block, bands);
        self.high_pass.process(bands);
        if let Some(noise) = &mut self.noise {
            noise.analyze(bands);
        }
        if let Some((_, echo)) = &mut self.echo {
            echo.process(bands);
        }
        if let Some(noise) = &mut self.noise {
            noise.process_bands(bands);
        }
        self.merger.merge(bands, block);
        if let Some(noise) = &mut self.noise {
            noise.process_block(block);
        }
        if let Some(gain) = &mut self.gain {
            gain.process(block);
        }
    }
}
