//! How much frame to make: one for all peers, so it follows from how many they are and from the slowest way to one.

use maru_core::ladder::Ladder;
use maru_core::time::Timestamp;
use maru_core::video_share::VideoShare;

use crate::media::{SendStats, VideoTarget};

/// Sound with its headers, 50 packets a second.
const SOUND_BPS: u32 = 60_000;
/// What of the rest are frames: a packet of 1200 bytes has 80 of headers, and some are sent again.
const PICTURE_SHARE: f64 = 0.92;
/// A change below this share is not worth the encoder's while.
const NOTABLE: f64 = 0.03;

#[derive(Debug, Default)]
pub(super) struct VideoRate {
    ladder: Ladder,
    last: Option<VideoTarget>,
    receivers: usize,
}

impl VideoRate {
    /// What to make for `receivers`, of whom those with a connection have paths that carry `paths_bps` each. `None`: as before.
    pub(super) fn decide(
        &mut self,
        now: Timestamp,
        receivers: usize,
        paths_bps: impl Iterator<Item = u32>,
    ) -> Option<VideoTarget> {
        self.receivers = receivers;
        let share = VideoShare::for_receivers(receivers);
        let path_bps = paths_bps
            .min()
            .map_or(share.bitrate_bps, |bps| (f64::from(bps.saturating_sub(SOUND_BPS)) * PICTURE_SHARE) as u32);
        let bitrate_bps = if receivers == 0 { 0 } else { share.bitrate_bps.min(path_bps) };
        let size = self.ladder.choose(now, if receivers == 0 { share.bitrate_bps } else { path_bps });
        let target = VideoTarget {
            bitrate_bps,
            max_width: share.max_width.min(size.max_width),
            max_height: share.max_height.min(size.max_height),
            max_fps: share.max_fps,
        };
        let is_notable = self.last.is_none_or(|last| {
            let by = f64::from(bitrate_bps.abs_diff(last.bitrate_bps));
            by > f64::from(last.bitrate_bps) * NOTABLE || VideoTarget { bitrate_bps, ..last } != target
        });
        if is_notable {
            self.last = Some(target);
        }
        is_notable.then_some(target)
    }

    /// What keeps our frame from being better, over the time between two counts.
    pub(super) fn limited_by(&self, now: &SendStats, before: &SendStats) -> &'static str {
        let share = VideoShare::for_receivers(self.receivers);
        let captured = now.captured.saturating_sub(before.captured);
        let skipped = now.skipped.saturating_sub(before.skipped);
        let held = now.held.saturating_sub(before.held);
        let is_path_slow = self.last.is_some_and(|last| last.bitrate_bps < share.bitrate_bps / 10 * 9);
        if captured == 0 || self.receivers == 0 {
            "none"
        } else if is_path_slow || held * 10 > captured {
            "network"
        } else if skipped * 10 > captured {
            "cpu"
        } else if captured < u64::from(share.max_fps) * 9 / 10 {
            "camera"
        } else {
            "none"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    #[test]
    fn the_slowest_path_decides_and_small_changes_are_none() {
        let mut rate = VideoRate::default();
        let target = rate.decide(at(0), 2, [5_000_000, 800_000].into_iter()).expect("the first");
        assert_eq!((target.bitrate_bps, target.max_height), (680_800, 540));
        assert_eq!(rate.decide(at(50), 2, [5_000_000, 810_000].into_iter()), None);
        let target = rate.decide(at(100), 2, [5_000_000, 300_000].into_iter()).expect("much less");
        assert_eq!((target.bitrate_bps, target.max_height), (220_800, 270), "a fall to less than a third");
        assert_eq!(rate.decide(at(150), 0, [].into_iter()).expect("nobody").bitrate_bps, 0);
    }

    #[test]
    fn a_free_path_gives_the_share() {
        let mut rate = VideoRate::default();
        let target = rate.decide(at(0), 1, [3_000_000].into_iter()).expect("the first");
        assert_eq!((target.bitrate_bps, target.max_height, target.max_fps), (2_500_000, 720, 30));
        let target = rate.decide(at(50), 7, [3_000_000; 7].into_iter()).expect("more receivers");
        assert_eq!((target.bitrate_bps, target.max_height, target.max_fps), (600_000, 360, 20));
    }

    #[test]
    fn what_limits_has_a_name() {
        let mut rate = VideoRate::default();
        let counts = |captured, skipped, held| SendStats { captured, skipped, held, ..SendStats::default() };
        rate.decide(at(0), 1, [3_000_000].into_iter());
        let zero = SendStats::default();
        assert_eq!(rate.limited_by(&counts(30, 0, 0), &zero), "none");
        assert_eq!(rate.limited_by(&counts(30, 10, 0), &zero), "cpu");
        assert_eq!(rate.limited_by(&counts(30, 0, 10), &zero), "network");
        assert_eq!(rate.limited_by(&counts(15, 0, 0), &zero), "camera");
        assert_eq!(rate.limited_by(&counts(0, 0, 0), &zero), "none");
        rate.decide(at(50), 1, [1_000_000].into_iter());
        assert_eq!(rate.limited_by(&counts(30, 0, 0), &zero), "network");
    }
}
