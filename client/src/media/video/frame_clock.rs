//! When the frames of a file or test pattern are due.

use std::time::Duration;

use maru_core::time::Timestamp;

/// Frame times at a fixed rate, each computed from the start: `start + index / rate`, so there is no drift.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameClock {
    start: Timestamp,
    rate: FrameRate,
    next: u64,
}

/// Frames per second as a fraction, such as 30000/1001; both parts are above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameRate {
    pub(super) numerator: u32,
    pub(super) denominator: u32,
}

impl FrameRate {
    /// Frames per 1000 s, rounded down.
    pub(super) fn millihertz(self) -> u64 {
        u64::from(self.numerator) * 1000 / u64::from(self.denominator.max(1))
    }
}

impl FrameClock {
    /// The first frame is due at `start`.
    pub(super) fn new(start: Timestamp, rate: FrameRate) -> Self {
        Self { start, rate, next: 0 }
    }

    /// The next frame's index and the time it is due. Of the frames that were due before `now` only the last is returned.
    pub(super) fn next(&mut self, now: Timestamp) -> (u64, Timestamp) {
        let elapsed = now.since(self.start).as_micros();
        let period_parts = u128::from(self.rate.denominator) * 1_000_000;
        let current = (elapsed * u128::from(self.rate.numerator) / period_parts) as u64;
        let index = self.next.max(current);
        self.next = index + 1;
        let due = u128::from(index) * period_parts / u128::from(self.rate.numerator);
        (index, self.start + Duration::from_micros(due as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTSC: FrameRate = FrameRate { numerator: 30_000, denominator: 1001 };

    #[test]
    fn an_hour_of_ntsc_does_not_drift() {
        let start = Timestamp::from_micros(5);
        let mut clock = FrameClock::new(start, NTSC);
        let mut now = start;
        for expected in 0..107_892 {
            let (index, due) = clock.next(now);
            assert_eq!(index, expected);
            // The thread wakes 2 ms late.
            now = due + Duration::from_millis(2);
        }
        let hour = now.since(start).as_secs_f64() - 0.002;
        assert!((hour - 107_891.0 * 1001.0 / 30_000.0).abs() < 1e-5, "{hour}");
    }

    #[test]
    fn frames_missed_during_a_stall_are_skipped() {
        let mut clock = FrameClock::new(Timestamp::ZERO, FrameRate { numerator: 10, denominator: 1 });
        assert_eq!(clock.next(Timestamp::ZERO), (0, Timestamp::ZERO));
        assert_eq!(clock.next(Timestamp::from_micros(1_050_000)), (10, Timestamp::from_micros(1_000_000)));
        assert_eq!(clock.next(Timestamp::from_micros(1_050_000)), (11, Timestamp::from_micros(1_100_000)));
    }
}
