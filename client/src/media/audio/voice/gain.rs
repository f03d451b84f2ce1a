//! Automatic gain: the adapter of `sonora`'s, a port of WebRTC's (AGC2).

use sonora::config::{AdaptiveDigital, GainController2};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::super::playback::BLOCK_SAMPLES;

/// The default of 50 dB lifts the residual echo by as much, and the noise of a silent room.
const MAX_GAIN_DB: f32 = 24.0;

/// Makes a quiet voice louder, and limits a loud one.
pub(super) struct AutomaticGain {
    inner: AudioProcessing,
    output: [f32; BLOCK_SAMPLES],
}

impl AutomaticGain {
    pub(super) fn new() -> Self {
        let adaptive_digital =
            AdaptiveDigital { initial_gain_db: 0.0, max_gain_db: MAX_GAIN_DB, ..AdaptiveDigital::default() };
        let controller = GainController2 {
            adaptive_digital: Some(adaptive_digital),
            // The operating system's level is never moved.
            input_volume_controller: false,
            ..GainController2::default()
        };
        let mono = StreamConfig::new(48_000, 1);
        let config = Config { gain_controller2: Some(controller), ..Config::default() };
        let inner = AudioProcessing::builder().config(config).capture_config(mono).build();
        Self { inner, output: [0.0; BLOCK_SAMPLES] }
    }

    pub(super) fn process(&mut self, block: &mut [f32; BLOCK_SAMPLES]) {
        match self.inner.process_capture_f32(&[block], &mut [&mut self.output]) {
            Ok(()) => block.copy_from_slice(&self.output),
            Err(error) => tracing::error!(?error, "the gain of the voice stays as it is"),
        }
    }
}
