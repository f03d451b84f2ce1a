//! What is known of a path that was full once, and how the target grows after that.

use std::time::Duration;

use crate::time::Timestamp;

/// When the path was full last, and what has been seen since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full {
    pub(super) at: Timestamp,
    /// What it carried then, or what pairs of packets have shown since.
    pub(super) carried_bps: f64,
    /// The least that pairs have shown since.
    least_pairs_bps: f64,
    pub(super) widened: Option<Timestamp>,
    /// Whether pairs say anything at the moment.
    has_pairs: bool,
}

impl Full {
    pub(super) fn new(at: Timestamp, carried_bps: f64) -> Self {
        Self { at, carried_bps, least_pairs_bps: f64::INFINITY, widened: None, has_pairs: false }
    }

    /// What pairs of packets show now, if anything. Where they arrive much closer to each other than before, the path has
    /// widened.
    pub(super) fn look_at_pairs(&mut self, now: Timestamp, bps: Option<f64>) {
        self.has_pairs = bps.is_some();
        let Some(bps) = bps else { return };
        if bps > self.least_pairs_bps * WIDER {
            self.carried_bps = self.carried_bps.max(bps);
            self.least_pairs_bps = bps;
            self.widened = Some(now);
        }
        self.least_pairs_bps = self.least_pairs_bps.min(bps);
    }

    /// A target of `bps` after another `step` without a queue.
    pub(super) fn grown_bps(&self, now: Timestamp, step: Duration, bps: f64) -> f64 {
        let seconds = step.as_secs_f64();
        if bps < self.carried_bps * KNOWN {
            return (bps * RETURNING.powf(seconds)).min(self.carried_bps * KNOWN);
        }
        // Near what it carried the next queue is near, and is to be met slowly; beyond, the path has changed, or somebody
        // else has gone.
        let is_near = self.widened.is_none() && bps < self.carried_bps * BEYOND;
        let is_all_ours = self.widened.is_none() && self.has_pairs && self.carried_bps > self.least_pairs_bps * ALL;
        let changed = now.since(self.widened.unwrap_or(self.at)).as_secs_f64();
        let times = match (is_near, is_all_ours) {
            (_, true) if bps > self.carried_bps => SLOWER,
            (false, false) => 1.0 + 3.0 * changed * changed,
            _ => 1.0,
        };
        bps + ADDED_BPS * times * seconds
    }
}

/// Growth per second up to a share of what it carried.
const RETURNING: f64 = 8.0;
const KNOWN: f64 = 0.85;
const BEYOND: f64 = 1.1;
/// After that, in bit/s for each second; where the path has changed, times one and three times the square of the seconds
/// since. By the same amount for everyone, so that those who share a path come to have equal parts of it (as AIMD, Chiu
/// and Jain 1989).
const ADDED_BPS: f64 = 50_000.0;
/// The same above what a path carried that is all ours.
const SLOWER: f64 = 0.3;
/// How much more pairs show on a path that has widened, as a factor.
const WIDER: f64 = 1.6;
/// Where nobody else sends, we had at least this share of what pairs show.
const ALL: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(25);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    /// The target after `seconds` of growth from half of 1 Mbit/s, at which the path was full.
    fn after(mut full: Full, seconds: u64, pairs_bps: impl Fn(u64) -> Option<f64>) -> f64 {
        (0..seconds * 40).fold(500_000.0, |bps, step| {
            full.look_at_pairs(at(step * 25), pairs_bps(step / 40));
            full.grown_bps(at(step * 25), STEP, bps)
        })
    }

    #[test]
    fn what_we_fill_alone_is_met_slowly_what_others_may_have_left_is_not() {
        let full = Full::new(at(0), 1e6);
        let (alone, shared) = (after(full, 8, |_| Some(1e6)), after(full, 8, |_| Some(3e6)));
        assert!((1e6..1.1e6).contains(&alone), "{alone}");
        assert!(shared > 2e6 && after(full, 8, |_| None) == shared, "{shared}");
        let unknown_again = after(full, 8, |second| (second < 5).then_some(1e6));
        assert!(unknown_again > 2e6, "{unknown_again}");
    }

    #[test]
    fn a_path_that_has_widened_is_used_at_once() {
        let full = Full::new(at(0), 1e6);
        let widened = after(full, 5, |second| Some(if second < 3 { 1e6 } else { 3e6 }));
        assert!((2.5e6..3.2e6).contains(&widened), "{widened}");
        // Pairs that vary by a half say nothing.
        let varied = after(full, 5, |second| Some(if second % 2 == 0 { 1e6 } else { 1.5e6 }));
        assert!(varied < 1.2e6, "{varied}");
    }
}
