//! Fewer frames a second, evenly.

use std::time::Duration;

use maru_core::time::Timestamp;

/// Lets at most so many frames a second through, spread over the second. A camera's jitter costs no frame.
#[derive(Debug, Default)]
pub(super) struct Thinner {
    next_due: Option<Timestamp>,
}

impl Thinner {
    /// Whether the frame captured at `at` is one of `max_fps` a second.
    pub(super) fn takes(&mut self, at: Timestamp, max_fps: u32) -> bool {
        let Some(period_micros) = 1_000_000_u64.checked_div(u64::from(max_fps)) else { return false };
        let period = Duration::from_micros(period_micros);
        let due = self.next_due.unwrap_or(at);
        if at + period / 3 < due && due.since(at) < period * 2 {
            return false;
        }
        // Far from the rhythm, a new one begins here.
        let in_rhythm = at.since(due) < period && due.since(at) < period;
        self.next_due = Some(if in_rhythm { due + period } else { at + period });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one second at 30 frames a second with ±4 ms of jitter: which frames are taken.
    fn taken(max_fps: u32) -> Vec<u64> {
        let mut thinner = Thinner::default();
        let at =
            |frame: u64| Timestamp::from_micros(10_000 + frame * 33_333 + [4000, 0, 8000][frame as usize % 3] - 4000);
        (0..30).filter(|frame| thinner.takes(at(*frame), max_fps)).collect()
    }

    #[test]
    fn the_full_rate_loses_nothing_to_jitter() {
        assert_eq!(taken(30).len(), 30);
        assert_eq!(taken(60).len(), 30);
    }

    #[test]
    fn lower_rates_are_even() {
        for (fps, gaps) in [(20, 1..=2), (15, 1..=3), (10, 2..=4), (5, 5..=7)] {
            let frames = taken(fps);
            assert!(frames.len().abs_diff(fps as usize) <= 1, "{fps}: {frames:?}");
            assert!(frames.windows(2).all(|pair| gaps.contains(&(pair[1] - pair[0]))), "{fps}: {frames:?}");
        }
        assert!(taken(0).is_empty());
    }

    #[test]
    fn a_pause_begins_a_new_rhythm() {
        let mut thinner = Thinner::default();
        assert!(thinner.takes(Timestamp::from_micros(0), 10));
        assert!(thinner.takes(Timestamp::from_micros(5_000_000), 10));
        assert!(!thinner.takes(Timestamp::from_micros(5_020_000), 10));
        assert!(thinner.takes(Timestamp::from_micros(5_100_000), 10));
        // From 1 frame a second back to 30: the old rhythm must not hold the next frames back.
        assert!(thinner.takes(Timestamp::from_micros(6_100_000), 1));
        assert!(thinner.takes(Timestamp::from_micros(6_133_000), 30));
    }
}
