//! A mean over the last second.

use std::time::Duration;

use maru_core::time::Timestamp;

/// The mean of the values of the last complete second, or of the first one while it lasts.
#[derive(Debug, Default)]
pub(super) struct SecondMean {
    began: Option<Timestamp>,
    sum: f32,
    count: u32,
    last: f32,
}

impl SecondMean {
    pub(super) fn add(&mut self, now: Timestamp, value: f32) {
        let began = *self.began.get_or_insert(now);
        if now.since(began) >= Duration::from_secs(1) {
            self.last = self.sum / self.count.max(1) as f32;
            *self = Self { began: Some(now), last: self.last, ..Self::default() };
        }
        self.sum += value;
        self.count += 1;
    }

    pub(super) fn mean(&self) -> f32 {
        if self.last == 0.0 { self.sum / self.count.max(1) as f32 } else { self.last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_mean() {
        let mut mean = SecondMean::default();
        assert!(mean.mean() == 0.0);
        mean.add(Timestamp::from_micros(0), 2.0);
        mean.add(Timestamp::from_micros(500_000), 4.0);
        assert!(mean.mean() == 3.0);
        mean.add(Timestamp::from_micros(1_000_000), 100.0);
        assert!(mean.mean() == 3.0);
        mean.add(Timestamp::from_micros(2_000_000), 1.0);
        assert!(mean.mean() == 100.0);
    }
}
