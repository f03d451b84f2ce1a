//! A value that another side may change as often as it likes, and that is taken up only so often: the newest counts.

use std::time::Duration;

use super::allowance::Allowance;
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Paced<T> {
    current: T,
    /// Came too soon.
    waiting: Option<T>,
    changes: Allowance,
}

impl<T: PartialEq> Paced<T> {
    /// `most` changes are taken up at once, and one more after each `interval`.
    pub(super) fn new(current: T, most: u32, interval: Duration) -> Self {
        Self { current, waiting: None, changes: Allowance::new(most, interval) }
    }

    pub(super) fn current(&self) -> &T {
        &self.current
    }

    pub(super) fn set(&mut self, value: T) {
        self.waiting = (value != self.current).then_some(value);
    }

    /// The value, if it changes now.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<&T> {
        if self.waiting.is_none() || !self.changes.take(now) {
            return None;
        }
        self.current = self.waiting.take()?;
        Some(&self.current)
    }

    /// When to poll what waits.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.waiting.as_ref().map(|_| self.changes.next_at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_counts_and_one_that_is_taken_back_was_never_there() {
        let at = |ms: u64| Timestamp::from_micros(10_000_000 + ms * 1000);
        let mut value = Paced::new(0, 2, Duration::from_secs(1));
        for number in 1..=5 {
            value.set(number);
            let taken = value.poll(at(0)).copied();
            assert_eq!(taken, (number <= 2).then_some(number));
        }
        assert_eq!(*value.current(), 2);
        let next = value.poll_timeout().unwrap();
        assert_eq!(value.poll(next).copied(), Some(5));
        value.set(6);
        value.set(5);
        assert_eq!((value.poll_timeout(), value.poll(at(60_000))), (None, None));
    }
}
