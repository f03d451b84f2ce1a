//! What is received from a peer: packets to access units to the decoder, and the figures about it.

use std::collections::VecDeque;

use maru_core::lip_sync::LipSync;
use maru_core::media::{AccessUnit, AudioPacket};
use maru_core::time::Timestamp;
use maru_core::video_receiver::{RtpVideo, VideoReceiver, VideoReceiverStats};

use crate::clock;
use crate::media::{FrameSlot, PeerMedia, ReceiveStats};
use crate::session::PeerStats;
use crate::session::connection::{ConnectionStats, MediaKind, SenderReport};

pub(super) struct Receiving {
    media: PeerMedia,
    video: VideoReceiver,
    sync: LipSync,
    /// Complete frames and when to show them, in order.
    waiting: VecDeque<(Timestamp, AccessUnit)>,
    waits_for_first_frame: bool,
    last: Counters,
}

/// More complete frames than this are shown as they come.
const MAX_WAITING: usize = 16;

/// What has been counted so far.
#[derive(Default)]
struct Counters {
    at: Timestamp,
    connection: ConnectionStats,
    media: ReceiveStats,
    video: VideoReceiverStats,
}

impl Receiving {
    pub(super) fn new(media: PeerMedia) -> Self {
        Self {
            media,
            video: VideoReceiver::new(),
            sync: LipSync::default(),
            waiting: VecDeque::new(),
            waits_for_first_frame: true,
            last: Counters::default(),
        }
    }

    /// A new connection begins with new streams.
    pub(super) fn reset(&mut self) {
        self.video.reset();
        self.sync.reset();
        self.waiting.clear();
        self.last.connection = ConnectionStats::default();
    }

    pub(super) fn video(&mut self, arrived: Timestamp, packet: RtpVideo) {
        self.video.handle_packet(arrived, packet);
    }

    pub(super) fn audio(&self, packet: AudioPacket) {
        self.media.push_audio(packet);
    }

    pub(super) fn sender_report(&mut self, report: SenderReport) {
        match report.kind {
            MediaKind::Audio => self.sync.sound_reported(report.ntp, report.rtp_time),
            MediaKind::Video => self.sync.frames_reported(report.ntp, report.rtp_time),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let due = self.waiting.front().map(|(due, _)| *due);
        due.into_iter().chain(self.video.poll_timeout()).min()
    }

    /// Gives the decoder whatever is complete and due.
    pub(super) fn hand_over(&mut self, now: Timestamp) {
        if let Some((at, rtp_time)) = self.media.heard() {
            self.sync.heard(at, rtp_time);
        }
        while let Some(unit) = self.video.poll_unit(now) {
            let due = if self.waiting.len() < MAX_WAITING { self.sync.due(now, unit.rtp_time) } else { now };
            self.waiting.push_back((due, unit));
        }
        while let Some((_, unit)) = self.waiting.pop_front_if(|(due, _)| *due <= now) {
            if !self.media.push_video(unit) {
                self.video.decoder_needs_key_frame();
            }
        }
        if self.media.take_key_frame_request() {
            self.video.decoder_needs_key_frame();
        }
    }

    pub(super) fn wants_key_frame(&mut self, now: Timestamp) -> bool {
        self.video.poll_key_frame_request(now)
    }

    pub(super) fn waits_for_first_frame(&self) -> bool {
        self.waits_for_first_frame
    }

    /// When the first frame was presented, once.
    pub(super) fn take_first_frame(&mut self) -> Option<Timestamp> {
        let frame = self.media.frames().get()?;
        self.waits_for_first_frame = false;
        Some(frame.at)
    }

    pub(super) fn frames(&self) -> FrameSlot {
        self.media.frames()
    }

    pub(super) fn set_name(&self, name: &str) {
        self.media.set_name(name);
    }

    pub(super) fn set_camera_on(&self, on: bool) {
        self.media.set_camera_on(on);
    }

    /// The figures since the last call.
    pub(super) fn stats(&mut self, peer: u32, name: &str, connection: ConnectionStats) -> PeerStats {
        if let Some(round_trip) = connection.round_trip {
            self.video.set_round_trip(round_trip);
        }
        let now = Counters { at: clock::now(), connection, media: self.media.stats(), video: self.video.stats() };
        let last = std::mem::replace(&mut self.last, now);
        let now = &self.last;
        let seconds = now.at.since(last.at).as_secs_f32().clamp(0.001, 3600.0);
        let bits_per_second = |now: u64, last: u64| (now.saturating_sub(last) as f32 * 8.0 / seconds) as u64;
        let round_trip_ms = connection.round_trip.map(|round_trip| round_trip.as_secs_f32() * 1e3);
        let played = now.media.audio_samples_played.saturating_sub(last.media.audio_samples_played);
        let concealed = now.media.audio_samples_concealed.saturating_sub(last.media.audio_samples_concealed);
        PeerStats {
            peer,
            name: name.to_owned(),
            sent_bitrate_bps: bits_per_second(sent_bytes(&now.connection), sent_bytes(&last.connection)),
            received_bitrate_bps: bits_per_second(received_bytes(&now.connection), received_bytes(&last.connection)),
            fps: now.media.presented.saturating_sub(last.media.presented) as f32 / seconds,
            width: now.media.width,
            height: now.media.height,
            loss: loss(&now.video, &last.video),
            round_trip_ms,
            jitter_ms: now.video.jitter_ms as f32,
            decode_delay_ms: now.media.decode_delay_ms,
            video_delay_ms: round_trip_ms.map(|round_trip_ms| round_trip_ms / 2.0 + now.media.decode_delay_ms),
            audio_delay_ms: Some(now.media.audio_buffer_ms),
            concealed: share(concealed, played),
            level: now.media.level,
            limited_by: "none".into(),
            ..PeerStats::default()
        }
    }
}

fn sent_bytes(connection: &ConnectionStats) -> u64 {
    connection.video.sent_bytes + connection.audio.sent_bytes
}

fn received_bytes(connection: &ConnectionStats) -> u64 {
    connection.video.received_bytes + connection.audio.received_bytes
}

/// Share of the packets since `last` that did not come, 0 to 1.
fn loss(now: &VideoReceiverStats, last: &VideoReceiverStats) -> f32 {
    let expected = now.expected.saturating_sub(last.expected);
    let received = now.received.saturating_sub(last.received);
    share(expected.saturating_sub(received), expected)
}

fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).clamp(0.0, 1.0) }
}
