//! Makes frames from the packets of one video stream, and holds each for the audio captured with it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::lip_sync::LipSync;
use crate::media::AccessUnit;
use crate::time::Timestamp;
use crate::video_receiver::{RtpVideo, VideoReceiver, VideoReceiverStats};

/// If so many complete frames wait for their audio, the next ones are due at once.
const MAX_WAITING: usize = 16;

#[derive(Debug)]
pub struct VideoPlayout {
    receiver: VideoReceiver,
    sync: LipSync,
    /// Complete frames and when each is due, in order.
    waiting: VecDeque<(Timestamp, AccessUnit)>,
}

impl VideoPlayout {
    pub fn new() -> Self {
        Self { receiver: VideoReceiver::new(), sync: LipSync::default(), waiting: VecDeque::new() }
    }

    /// The lip sync: to be told the sender reports, and which audio is heard.
    pub fn sync(&mut self) -> &mut LipSync {
        &mut self.sync
    }

    pub fn handle_packet(&mut self, arrived: Timestamp, packet: RtpVideo) {
        self.receiver.handle_packet(arrived, packet);
    }

    /// How long a retransmission takes.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.receiver.set_round_trip(round_trip);
    }

    /// The decoder cannot go on without a key frame.
    pub fn decoder_needs_key_frame(&mut self) {
        self.receiver.decoder_needs_key_frame();
    }

    /// The next frame for the decoder at `now`, if one is due.
    pub fn poll_unit(&mut self, now: Timestamp) -> Option<AccessUnit> {
        while let Some(unit) = self.receiver.poll_unit(now) {
            let is_room = self.waiting.len() < MAX_WAITING;
            let due = if is_room { self.sync.due(now, unit.rtp_time) } else { now };
            self.waiting.push_back((due, unit));
        }
        self.waiting.pop_front_if(|(due, _)| *due <= now).map(|(_, unit)| unit)
    }

    /// Whether to ask the sender for a key frame now.
    pub fn poll_key_frame_request(&mut self, now: Timestamp) -> bool {
        self.receiver.poll_key_frame_request(now)
    }

    /// When to poll again.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let due = self.waiting.front().map(|(due, _)| *due);
        due.into_iter().chain(self.receiver.poll_timeout()).min()
    }

    pub fn stats(&self) -> VideoReceiverStats {
        self.receiver.stats()
    }
}

impl Default for VideoPlayout {
    fn default() -> Self {
        Self::new()
    }
}
