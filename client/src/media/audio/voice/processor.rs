//! The adapter of `sonora`, a port of WebRTC's audio processing. Its settings are those that did best in a trial beside
//! the C++ original; `bench/voices` measures them.

use std::time::Duration;

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression as Level,
    NoiseSuppressionLevel, Pipeline, TransparentModeType,
};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::super::playback::BLOCK_SAMPLES;
use crate::media::config::{NoiseSuppression, VoiceProcessing};

/// By how much the voice is late: the filter bank that splits it into bands, the canceller's blocks, and the window of the
/// noise suppression.
const BANDS_DELAY: Duration = Duration::from_micros(4_250);
const ECHO_DELAY: Duration = Duration::from_millis(4);
const NOISE_DELAY: Duration = Duration::from_millis(6);
/// The default of 50 dB lifts the residual echo by as much, and the noise of a silent room.
const MAX_GAIN_DB: f32 = 24.0;

pub(super) struct Processor {
    inner: AudioProcessing,
    cancels_echo: bool,
    delay: Duration,
    output: [f32; BLOCK_SAMPLES],
}

impl Processor {
    /// `None` if nothing is to be done.
    pub(super) fn new(processing: VoiceProcessing) -> Option<Self> {
        let VoiceProcessing { echo_cancellation, noise_suppression, automatic_gain } = processing;
        if processing == VoiceProcessing::OFF {
            return None;
        }
        let level = match noise_suppression {
            NoiseSuppression::Off => None,
            NoiseSuppression::Moderate => Some(NoiseSuppressionLevel::Moderate),
            NoiseSuppression::Strong => Some(NoiseSuppressionLevel::High),
        };
        let config = Config {
            pipeline: Pipeline {
                // At 32 kHz it would cut everything above 16 kHz.
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                multi_channel_render: false,
                multi_channel_capture: false,
                ..Pipeline::default()
            },
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: echo_cancellation
                .then(|| EchoCanceller { transparent_mode: TransparentModeType::Hmm, ..EchoCanceller::default() }),
            noise_suppression: level.map(|level| Level { level, ..Level::default() }),
            gain_controller2: automatic_gain.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital {
                    initial_gain_db: 0.0,
                    max_gain_db: MAX_GAIN_DB,
                    ..AdaptiveDigital::default()
                }),
                // The operating system's level is never moved.
                input_volume_controller: false,
                ..GainController2::default()
            }),
            ..Config::default()
        };
        let mono = StreamConfig::new(48_000, 1);
        let inner = AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build();
        let echo_delay = if echo_cancellation { ECHO_DELAY } else { Duration::ZERO };
        let noise_delay = if level.is_some() { NOISE_DELAY } else { Duration::ZERO };
        let delay = BANDS_DELAY + echo_delay + noise_delay;
        Some(Self { inner, cancels_echo: echo_cancellation, delay, output: [0.0; BLOCK_SAMPLES] })
    }

    /// Whether it has a use for what the speaker plays.
    pub(super) fn cancels_echo(&self) -> bool {
        self.cancels_echo
    }

    /// By how much the voice is late.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// Processes a block of the microphone. `played`: what the speaker plays then, if it plays anything.
    pub(super) fn process(&mut self, played: Option<&[f32; BLOCK_SAMPLES]>, block: &mut [f32; BLOCK_SAMPLES]) {
        // One sample that is no number would spoil everything after it.
        for sample in block.iter_mut() {
            *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
        if let Some(played) = played
            && let Err(error) = self.inner.process_render_f32(&[played], &mut [&mut self.output])
        {
            tracing::error!(?error, "the echo canceller takes no reference");
        }
        match self.inner.process_capture_f32(&[block], &mut [&mut self.output]) {
            Ok(()) => block.copy_from_slice(&self.output),
            Err(error) => tracing::error!(?error, "the voice is not processed"),
        }
    }
}
