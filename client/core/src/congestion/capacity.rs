//! The capacity of a path that has been full, and how the target grows after that.

use std::time::Duration;

use super::Config;
use crate::time::Timestamp;

/// The capacity as measured when the path was full last, and what packet pairs have shown since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    pub(super) measured: Timestamp,
    pub(super) bps: f64,
    /// The least rate that packet pairs have shown since.
    min_pairs_bps: f64,
    pub(super) widened: Option<Timestamp>,
    has_pairs: bool,
}

impl Capacity {
    pub(super) fn new(measured: Timestamp, bps: f64) -> Self {
        Self { measured, bps, min_pairs_bps: f64::INFINITY, widened: None, has_pairs: false }
    }

    /// `pairs_bps`: the estimate by packet pairs. If it has risen by a factor, the path has become wider.
    pub(super) fn update(&mut self, config: &Config, now: Timestamp, pairs_bps: Option<f64>) {
        self.has_pairs = pairs_bps.is_some();
        let Some(bps) = pairs_bps else { return };
        if bps > self.min_pairs_bps * config.widened_factor {
            self.bps = self.bps.max(bps);
            self.min_pairs_bps = bps;
            self.widened = Some(now);
        }
        self.min_pairs_bps = self.min_pairs_bps.min(bps);
    }

    /// A target of `bps` after another `step` without a queue. `stood`: when a queue stood last. While it drains, nothing
    /// says that the path carries more.
    pub(super) fn grown_bps(
        &self,
        config: &Config,
        now: Timestamp,
        stood: Option<Timestamp>,
        step: Duration,
        bps: f64,
    ) -> f64 {
        let seconds = step.as_secs_f64();
        let recovered_bps = self.bps * config.recovery_share;
        if bps < recovered_bps {
            return (bps * config.recovery_growth.powf(seconds)).min(recovered_bps);
        }
        // Near the capacity the next queue is near, and is approached slowly.
        let is_near = self.widened.is_none() && bps < self.bps * config.beyond_factor;
        let is_alone = self.widened.is_none() && self.has_pairs && self.bps > self.min_pairs_bps * config.alone_share;
        let changed = self.widened.unwrap_or_else(|| stood.map_or(self.measured, |stood| stood.max(self.measured)));
        let since_change = now.since(changed).as_secs_f64();
        let factor = match (is_near, is_alone) {
            (_, true) if bps > self.bps => config.alone_growth,
            (false, false) => 1.0 + config.growth_acceleration * since_change * since_change,
            _ => 1.0,
        };
        bps + config.additive_growth_bps * factor * seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(25);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    /// The target after `seconds` of growth from half of 1 Mbit/s, the measured capacity.
    fn after(mut capacity: Capacity, seconds: u64, pairs_bps: impl Fn(u64) -> Option<f64>) -> f64 {
        let config = Config::default();
        (0..seconds * 40).fold(500_000.0, |bps, step| {
            capacity.update(&config, at(step * 25), pairs_bps(step / 40));
            capacity.grown_bps(&config, at(step * 25), None, STEP, bps)
        })
    }

    #[test]
    fn growth_beyond_the_capacity_is_slow_on_a_path_of_our_own_and_fast_on_a_shared_one() {
        let capacity = Capacity::new(at(0), 1e6);
        let (alone, shared) = (after(capacity, 8, |_| Some(1e6)), after(capacity, 8, |_| Some(3e6)));
        assert!((1e6..1.1e6).contains(&alone), "{alone}");
        assert!(shared > 2e6 && after(capacity, 8, |_| None) == shared, "{shared}");
        let unknown_again = after(capacity, 8, |second| (second < 5).then_some(1e6));
        assert!(unknown_again > 2e6, "{unknown_again}");
    }

    #[test]
    fn a_path_that_has_become_wider_is_used_at_once() {
        let capacity = Capacity::new(at(0), 1e6);
        let widened = after(capacity, 5, |second| Some(if second < 3 { 1e6 } else { 3e6 }));
        assert!((2.5e6..3.2e6).contains(&widened), "{widened}");
        let varied = after(capacity, 5, |second| Some(if second % 2 == 0 { 1e6 } else { 1.5e6 }));
        assert!(varied < 1.2e6, "pairs that vary by a half say nothing: {varied}");
    }
}
