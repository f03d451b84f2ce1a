//! How the microphone is encoded: once for all receivers, so the narrowest path decides.

use std::time::Duration;

use super::action::Estimate;
use crate::media::AudioTarget;
use crate::time::Timestamp;

/// From this on a path carries the better audio beside a picture. Less than what is assumed of a new path: without
/// pictures nothing shows that it carries more.
const WIDE_BPS: u32 = 800_000;
/// A path counts as narrow again below this.
const NARROW_BPS: u32 = 600_000;
/// Paths have to be wide for this long.
const WIDE_FOR: Duration = Duration::from_secs(3);
/// Loss is expected for this long after the last.
const LOSS_EXPECTED_FOR: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct AudioControl {
    target: AudioTarget,
    wide_since: Option<Timestamp>,
    lost_at: Option<Timestamp>,
}

impl AudioControl {
    /// What has changed, after these estimates of all receivers.
    pub(super) fn update(&mut self, now: Timestamp, estimates: &[Estimate]) -> Option<AudioTarget> {
        let narrowest_bps = estimates.iter().map(|estimate| estimate.bitrate_bps).min()?;
        let is_high = self.target.bitrate_bps == AudioTarget::HIGH_BPS;
        if narrowest_bps < if is_high { NARROW_BPS } else { WIDE_BPS } {
            self.wide_since = None;
        } else {
            self.wide_since.get_or_insert(now);
        }
        let is_wide = self.wide_since.is_some_and(|since| is_high || now.since(since) >= WIDE_FOR);
        if estimates.iter().any(|estimate| estimate.loses_audio) {
            self.lost_at = Some(now);
        }
        let target = AudioTarget {
            bitrate_bps: if is_wide { AudioTarget::HIGH_BPS } else { AudioTarget::LOW_BPS },
            expects_loss: self.lost_at.is_some_and(|at| now.since(at) < LOSS_EXPECTED_FOR),
        };
        (std::mem::replace(&mut self.target, target) != target).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ids::{ConnectionId, Generation, ParticipantId};

    fn estimate(bitrate_bps: u32, loses_audio: bool) -> Estimate {
        Estimate {
            connection: ConnectionId { participant: ParticipantId(1), generation: Generation(1) },
            bitrate_bps,
            send_queue: Duration::ZERO,
            round_trip: Duration::from_millis(40),
            silent_for: Duration::ZERO,
            needs_key_frame: false,
            loses_audio,
        }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    #[test]
    fn the_narrowest_path_decides_and_a_wave_of_its_estimate_changes_nothing() {
        let mut control = AudioControl::default();
        let mut update = |ms, rates: &[u32]| {
            let estimates: Vec<_> = rates.iter().map(|rate| estimate(*rate, false)).collect();
            control.update(at(ms), &estimates).map(|target| target.bitrate_bps)
        };
        assert_eq!(update(0, &[3_000_000]), None);
        assert_eq!(update(3_000, &[3_000_000]), Some(AudioTarget::HIGH_BPS));
        assert_eq!(update(3_050, &[3_000_000, 700_000]), None);
        assert_eq!(update(3_100, &[3_000_000, 300_000]), Some(AudioTarget::LOW_BPS));
        assert_eq!(update(3_150, &[3_000_000, 700_000]), None);
        assert_eq!(update(9_000, &[3_000_000]), None, "wide for a moment");
        assert_eq!(update(9_050, &[]), None, "nobody");
    }

    #[test]
    fn loss_is_expected_for_a_while_after_the_last() {
        let mut control = AudioControl::default();
        let mut update =
            |ms, lost| control.update(at(ms), &[estimate(500_000, lost)]).map(|target| target.expects_loss);
        assert_eq!(update(0, false), None);
        assert_eq!(update(50, true), Some(true));
        assert_eq!(update(9_000, true), None);
        assert_eq!(update(18_000, false), None);
        assert_eq!(update(19_050, false), Some(false));
    }
}
