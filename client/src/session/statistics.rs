//! Statistics of a connection over the time between two counts.

use maru_core::call::ParticipantId;
use maru_core::time::Timestamp;
use maru_core::video_receiver::VideoReceiverStats;

use super::ParticipantStats;
use super::connection::ConnectionStats;
use crate::media::ReceiveStats;

/// What has been counted so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) at: Timestamp,
    pub(super) connection: ConnectionStats,
    pub(super) media: ReceiveStats,
    pub(super) video: VideoReceiverStats,
}

impl Counts {
    /// What happened since `last`.
    pub(super) fn since(&self, last: &Self, participant: ParticipantId, name: &str) -> ParticipantStats {
        let seconds = self.at.since(last.at).as_secs_f32().clamp(0.001, 3600.0);
        let bits_per_second = |now: u64, last: u64| (now.saturating_sub(last) as f32 * 8.0 / seconds) as u64;
        let round_trip_ms = self.connection.round_trip.map(|round_trip| round_trip.as_secs_f32() * 1e3);
        let played = self.media.audio_samples_played.saturating_sub(last.media.audio_samples_played);
        let concealed = self.media.audio_samples_concealed.saturating_sub(last.media.audio_samples_concealed);
        let expected = self.video.expected.saturating_sub(last.video.expected);
        let received = self.video.received.saturating_sub(last.video.received);
        ParticipantStats {
            participant,
            name: name.to_owned(),
            sent_bitrate_bps: bits_per_second(sent_bytes(&self.connection), sent_bytes(&last.connection)),
            received_bitrate_bps: bits_per_second(received_bytes(&self.connection), received_bytes(&last.connection)),
            fps: self.media.presented.saturating_sub(last.media.presented) as f32 / seconds,
            width: self.media.width,
            height: self.media.height,
            loss: share_of(expected.saturating_sub(received), expected),
            round_trip_ms,
            jitter_ms: self.video.jitter_ms as f32,
            decode_delay_ms: self.media.decode_delay_ms,
            video_delay_ms: round_trip_ms.map(|round_trip_ms| round_trip_ms / 2.0 + self.media.decode_delay_ms),
            audio_delay_ms: Some(self.media.audio_buffer_ms),
            concealed: share_of(concealed, played),
            level: self.media.level,
            // The connection task fills in three, the call task `limited_by`.
            path_bitrate_bps: 0,
            queue_ms: 0.0,
            pacing_ms: 0.0,
            limited_by: "none".into(),
        }
    }
}

fn sent_bytes(stats: &ConnectionStats) -> u64 {
    stats.video.sent_bytes + stats.audio.sent_bytes
}

fn received_bytes(stats: &ConnectionStats) -> u64 {
    stats.video.received_bytes + stats.audio.received_bytes
}

/// 0 to 1.
fn share_of(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).clamp(0.0, 1.0) }
}
