//! A rate limit: some at once, and one more after each interval (a token bucket).

use std::time::Duration;

use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Allowance {
    most: u32,
    interval: Duration,
    left: u32,
    /// When one more was added.
    added_at: Timestamp,
}

impl Allowance {
    pub(super) fn new(most: u32, interval: Duration) -> Self {
        Self { most, interval, left: most, added_at: Timestamp::ZERO }
    }

    /// When one can be taken, at the latest.
    pub(super) fn next_at(&self) -> Timestamp {
        if self.left > 0 { self.added_at } else { self.added_at + self.interval }
    }

    /// Takes one, if one is left.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        let added = now.since(self.added_at).as_micros() / self.interval.as_micros().max(1);
        if added > 0 {
            self.left = self.left.saturating_add(u32::try_from(added).unwrap_or(u32::MAX)).min(self.most);
            self.added_at = if self.left == self.most { now } else { self.added_at + self.interval * added as u32 };
        }
        let is_left = self.left > 0;
        self.left -= u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_allowed_at_once_and_then_one_after_each_interval() {
        let mut allowance = Allowance::new(3, Duration::from_secs(1));
        let at = |ms: u64| Timestamp::from_micros(ms * 1000);
        let taken = |allowance: &mut Allowance, ms| (0..10).filter(|_| allowance.take(at(ms))).count();
        assert_eq!(taken(&mut allowance, 5_000), 3);
        assert_eq!(taken(&mut allowance, 5_900), 0);
        assert_eq!(taken(&mut allowance, 6_000), 1);
        assert_eq!(taken(&mut allowance, 8_500), 2);
        assert_eq!(taken(&mut allowance, 9_000), 1, "the half second counts");
        assert_eq!(taken(&mut allowance, 3_600_000), 3);
    }
}
