//! What is encoded: one stream for all participants. Their number and the narrowest path decide bitrate and size.

use std::collections::VecDeque;

use super::action::{Action, Estimate};
use crate::key_frames::KeyFrameThrottle;
use crate::ladder::Ladder;
use crate::media::VideoTarget;
use crate::time::Timestamp;
use crate::video_share::VideoShare;

/// Audio with its headers, 50 packets a second.
const AUDIO_BPS: u32 = 60_000;
/// Share of the rest that video payloads get: of 1,280 bytes on the wire 80 are headers, and some packets are
/// retransmitted.
const VIDEO_SHARE: f64 = 0.92;
/// Smaller changes of the bitrate do not reach the encoder.
const MIN_CHANGE: f64 = 0.03;

/// Frames at the encoder, counted over some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncoderCounts {
    pub captured: u64,
    /// Dropped because the encoder was not ready for them.
    pub dropped_busy: u64,
    /// Dropped before encoding because the send queue was too long.
    pub dropped_backlog: u64,
}

#[derive(Debug, Default)]
pub(super) struct Sending {
    key_frames: KeyFrameThrottle,
    ladder: Ladder,
    target: Option<VideoTarget>,
    receivers: usize,
    /// Of the narrowest path, at the last estimate.
    narrowest_bps: Option<u32>,
}

impl Sending {
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.key_frames.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        if self.key_frames.poll(now) {
            out.push_back(Action::RequestKeyFrame { at_once: false });
        }
    }

    pub(super) fn request_key_frame(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        self.key_frames.request();
        self.handle_timeout(now, out);
    }

    pub(super) fn receivers_changed(&mut self, now: Timestamp, receivers: usize, out: &mut VecDeque<Action>) {
        self.receivers = receivers;
        self.decide(now, out);
    }

    pub(super) fn handle_estimates(&mut self, now: Timestamp, estimates: &[Estimate], out: &mut VecDeque<Action>) {
        self.narrowest_bps = estimates.iter().map(|estimate| estimate.bitrate_bps).min();
        self.decide(now, out);
        if estimates.iter().any(|estimate| estimate.needs_key_frame) {
            out.push_back(Action::RequestKeyFrame { at_once: true });
        }
    }

    /// What keeps our video from being better.
    pub(super) fn limited_by(&self, counts: EncoderCounts) -> &'static str {
        let EncoderCounts { captured, dropped_busy, dropped_backlog } = counts;
        let share = VideoShare::for_receivers(self.receivers);
        let is_path_slow = self.target.is_some_and(|target| target.bitrate_bps < share.bitrate_bps / 10 * 9);
        if captured == 0 || self.receivers == 0 {
            "none"
        } else if is_path_slow || dropped_backlog * 10 > captured {
            "network"
        } else if dropped_busy * 10 > captured {
            "cpu"
        } else if captured < u64::from(share.max_fps) * 9 / 10 {
            "camera"
        } else {
            "none"
        }
    }

    fn decide(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        let share = VideoShare::for_receivers(self.receivers);
        let path_bps = self
            .narrowest_bps
            .map_or(share.bitrate_bps, |bps| (f64::from(bps.saturating_sub(AUDIO_BPS)) * VIDEO_SHARE) as u32);
        let (bitrate_bps, path_bps) = match self.receivers {
            0 => (0, share.bitrate_bps),
            _ => (share.bitrate_bps.min(path_bps), path_bps),
        };
        let size = self.ladder.choose(now, path_bps);
        let target = VideoTarget {
            bitrate_bps,
            max_width: share.max_width.min(size.max_width),
            max_height: share.max_height.min(size.max_height),
            max_fps: share.max_fps,
        };
        let is_change = self.target.is_none_or(|last| {
            let by = f64::from(bitrate_bps.abs_diff(last.bitrate_bps));
            by > f64::from(last.bitrate_bps) * MIN_CHANGE || VideoTarget { bitrate_bps, ..last } != target
        });
        if is_change {
            self.target = Some(target);
            out.push_back(Action::SetVideoTarget(target));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ids::{ConnectionId, Generation, ParticipantId};

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    fn estimate(bitrate_bps: u32) -> Estimate {
        let connection = ConnectionId { participant: ParticipantId(1), generation: Generation(1) };
        Estimate { connection, bitrate_bps, needs_key_frame: false }
    }

    /// The target after these estimates, if it changed.
    fn decide(sending: &mut Sending, ms: u64, receivers: usize, paths_bps: &[u32]) -> Option<VideoTarget> {
        let estimates: Vec<_> = paths_bps.iter().copied().map(estimate).collect();
        let mut out = VecDeque::new();
        sending.receivers = receivers;
        sending.handle_estimates(at(ms), &estimates, &mut out);
        out.into_iter().find_map(|action| if let Action::SetVideoTarget(target) = action { Some(target) } else { None })
    }

    #[test]
    fn the_narrowest_path_decides_and_small_changes_are_ignored() {
        let mut sending = Sending::default();
        let target = decide(&mut sending, 0, 2, &[5_000_000, 800_000]).expect("the first");
        assert_eq!((target.bitrate_bps, target.max_height), (680_800, 540));
        assert_eq!(decide(&mut sending, 50, 2, &[5_000_000, 810_000]), None);
        let target = decide(&mut sending, 100, 2, &[5_000_000, 300_000]).expect("much less");
        assert_eq!((target.bitrate_bps, target.max_height), (220_800, 270), "a fall to less than a third");
        assert_eq!(decide(&mut sending, 150, 0, &[]).expect("nobody").bitrate_bps, 0);
    }

    #[test]
    fn a_wide_path_gives_the_share() {
        let mut sending = Sending::default();
        let target = decide(&mut sending, 0, 1, &[3_000_000]).expect("the first");
        assert_eq!((target.bitrate_bps, target.max_height, target.max_fps), (2_500_000, 720, 30));
        let target = decide(&mut sending, 50, 7, &[3_000_000; 7]).expect("more receivers");
        assert_eq!((target.bitrate_bps, target.max_height, target.max_fps), (600_000, 360, 20));
    }

    #[test]
    fn what_limits_has_a_name() {
        let mut sending = Sending::default();
        let counts =
            |captured, dropped_busy, dropped_backlog| EncoderCounts { captured, dropped_busy, dropped_backlog };
        decide(&mut sending, 0, 1, &[3_000_000]);
        assert_eq!(sending.limited_by(counts(30, 0, 0)), "none");
        assert_eq!(sending.limited_by(counts(30, 10, 0)), "cpu");
        assert_eq!(sending.limited_by(counts(30, 0, 10)), "network");
        assert_eq!(sending.limited_by(counts(15, 0, 0)), "camera");
        assert_eq!(sending.limited_by(counts(0, 0, 0)), "none");
        decide(&mut sending, 50, 1, &[1_000_000]);
        assert_eq!(sending.limited_by(counts(30, 0, 0)), "network");
    }
}
