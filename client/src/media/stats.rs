//! Statistics of sending and receiving.

use maru_core::media::MAX_LAYERS;

/// What is sent to all peers. Counters start at the start of the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendStats {
    pub captured: u64,
    /// Of the newest frame from the camera, in pixels. 0: there was none.
    pub source_height: u32,
    /// Frames dropped because the encoder was busy.
    pub dropped_busy: u64,
    /// Mean time from capture to the encoder's output over the last second, in ms.
    pub encode_delay_ms: f32,
    pub layers: [LayerStats; MAX_LAYERS],
}

/// What is encoded of one simulcast layer.
#[derive(Debug, Clone, Copy, Default)]
pub struct LayerStats {
    pub encoded: u64,
    /// Frames dropped before encoding because too much waited in the send queues.
    pub dropped_backlog: u64,
    /// Of the newest frame.
    pub width: u32,
    pub height: u32,
}

impl SendStats {
    /// The best layer that was encoded since `last`, and its frames since then.
    pub fn best_layer_since(&self, last: &Self) -> (LayerStats, u64) {
        let since =
            self.layers.iter().zip(&last.layers).map(|(now, last)| (*now, now.encoded.saturating_sub(last.encoded)));
        let best = since.max_by_key(|(layer, encoded)| (*encoded > 0, layer.height));
        best.unwrap_or_default()
    }
}

/// What one peer sends. Counters start when the peer is added.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReceiveStats {
    pub presented: u64,
    pub decode_errors: u64,
    pub width: u32,
    pub height: u32,
    /// Mean time from hand-over to the decoded frame over the last second, in ms.
    pub decode_delay_ms: f32,
    /// Audio that waits in the jitter buffer and the speaker's ring, in ms.
    pub audio_buffer_ms: f32,
    /// Samples decoded from packets, at 48 kHz.
    pub audio_samples_played: u64,
    /// Samples concealed because their packets were lost or late, at 48 kHz.
    pub audio_samples_concealed: u64,
    /// The peak of the last 50 to 100 ms, 0 to 1.
    pub level: f32,
}
