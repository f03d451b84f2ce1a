//! Figures of frames and sound.

/// Counted since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendStats {
    pub captured: u64,
    pub encoded: u64,
    /// Frames that the encoder was too late for.
    pub skipped: u64,
    /// Frames left out because the last ones still waited for the network.
    pub held: u64,
    pub width: u32,
    pub height: u32,
    /// Mean time from capture to the encoder's output over the last second.
    pub encode_delay_ms: f32,
}

/// Counted since the start, unless it says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReceiveStats {
    pub presented: u64,
    pub decode_errors: u64,
    pub width: u32,
    pub height: u32,
    /// Mean time from hand-over to decoded, over the last second.
    pub decode_delay_ms: f32,
    /// Sound waiting in the jitter buffer and the device ring now.
    pub audio_buffer_ms: f32,
    pub audio_samples_played: u64,
    pub audio_samples_concealed: u64,
    /// The peer's loudness over the last 50 ms or so, 0 to 1.
    pub level: f32,
}
