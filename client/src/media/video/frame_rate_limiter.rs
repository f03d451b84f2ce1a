//! Reduces the frame rate evenly.

use std::time::Duration;

use maru_core::time::Timestamp;

/// Lets through at most `max_fps` frames per second, at even distances. A camera's jitter costs no frame.
#[derive(Debug, Default)]
pub(super) struct FrameRateLimiter {
    next_due: Option<Timestamp>,
}

impl FrameRateLimiter {
    /// Whether the frame captured at `at` passes. None passes at a rate of 0.
    pub(super) fn takes(&mut self, at: Timestamp, max_fps: u32) -> bool {
        let Some(period_micros) = 1_000_000_u64.checked_div(u64::from(max_fps)) else { return false };
        let period = Duration::from_micros(period_micros);
        let due = self.next_due.unwrap_or(at);
        if at + period / 3 < due && due.since(at) < period * 2 {
            return false;
        }
        // After a pause or a change of rate the schedule starts again here.
        let on_schedule = at.since(due) < period && due.since(at) < period;
        self.next_due = Some(if on_schedule { due + period } else { at + period });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The indices that pass, of one second at 30 frames per second with ±4 ms of jitter.
    fn taken(max_fps: u32) -> Vec<u64> {
        let mut limiter = FrameRateLimiter::default();
        let at =
            |frame: u64| Timestamp::from_micros(10_000 + frame * 33_333 + [4000, 0, 8000][frame as usize % 3] - 4000);
        (0..30).filter(|frame| limiter.takes(at(*frame), max_fps)).collect()
    }

    #[test]
    fn jitter_costs_no_frame_at_the_full_rate() {
        assert_eq!(taken(30).len(), 30);
        assert_eq!(taken(60).len(), 30);
    }

    #[test]
    fn at_lower_rates_the_distances_are_even() {
        for (fps, gaps) in [(20, 1..=2), (15, 1..=3), (10, 2..=4), (5, 5..=7)] {
            let frames = taken(fps);
            assert!(frames.len().abs_diff(fps as usize) <= 1, "{fps}: {frames:?}");
            assert!(frames.windows(2).all(|pair| gaps.contains(&(pair[1] - pair[0]))), "{fps}: {frames:?}");
        }
        assert!(taken(0).is_empty());
    }

    #[test]
    fn the_schedule_starts_again_after_a_pause() {
        let mut limiter = FrameRateLimiter::default();
        assert!(limiter.takes(Timestamp::from_micros(0), 10));
        assert!(limiter.takes(Timestamp::from_micros(5_000_000), 10));
        assert!(!limiter.takes(Timestamp::from_micros(5_020_000), 10));
        assert!(limiter.takes(Timestamp::from_micros(5_100_000), 10));
        // From 1 back to 30 frames per second: the next frame passes at once.
        assert!(limiter.takes(Timestamp::from_micros(6_100_000), 1));
        assert!(limiter.takes(Timestamp::from_micros(6_133_000), 30));
    }
}
