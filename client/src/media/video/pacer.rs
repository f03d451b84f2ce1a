//! The rhythm of sources that have none of their own.

use std::time::Duration;

use maru_core::time::Timestamp;

/// Frame times at a fixed rate from a start, each computed from the start: no drift.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pacer {
    start: Timestamp,
    rate: FrameRate,
    next: u64,
}

/// Frames a second as a fraction; both parts above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameRate {
    pub(super) numerator: u32,
    pub(super) denominator: u32,
}

impl Pacer {
    /// The first frame is due at `start`.
    pub(super) fn new(start: Timestamp, rate: FrameRate) -> Self {
        Self { start, rate, next: 0 }
    }

    /// The next frame's index and when it is due. Frames whose time is over at `now` are left out, except the last.
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
        let mut pacer = Pacer::new(start, NTSC);
        let mut now = start;
        for expected in 0..107_892 {
            let (index, due) = pacer.next(now);
            assert_eq!(index, expected);
            // The thread wakes 2 ms late each time.
            now = due + Duration::from_millis(2);
        }
        let hour = now.since(start).as_secs_f64() - 0.002;
        assert!((hour - 107_891.0 * 1001.0 / 30_000.0).abs() < 1e-5, "{hour}");
    }

    #[test]
    fn a_stall_leaves_frames_out_instead_of_bunching_them() {
        let mut pacer = Pacer::new(Timestamp::ZERO, FrameRate { numerator: 10, denominator: 1 });
        assert_eq!(pacer.next(Timestamp::ZERO), (0, Timestamp::ZERO));
        assert_eq!(pacer.next(Timestamp::from_micros(1_050_000)), (10, Timestamp::from_micros(1_000_000)));
        assert_eq!(pacer.next(Timestamp::from_micros(1_050_000)), (11, Timestamp::from_micros(1_100_000)));
    }
}
