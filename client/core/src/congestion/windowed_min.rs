//! The minimum of a delay over the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Of delays in µs between two clocks: only differences mean something.
#[derive(Debug, Default)]
pub(super) struct WindowedMin {
    /// The minimum of each of the last seconds, and when that second began.
    seconds: VecDeque<(Timestamp, i64)>,
}

impl WindowedMin {
    /// Forgets what is older than `memory`.
    pub(super) fn add(&mut self, memory: Duration, at: Timestamp, delay_us: i64) {
        match self.seconds.back_mut() {
            Some((began, min)) if at.since(*began) < Duration::from_secs(1) => *min = (*min).min(delay_us),
            _ => self.seconds.push_back((at, delay_us)),
        }
        while self.seconds.front().is_some_and(|&(began, _)| at.since(began) > memory) {
            self.seconds.pop_front();
        }
    }

    /// `delay_us` less the minimum. Zero before there is one.
    pub(super) fn excess(&self, delay_us: i64) -> Duration {
        let min = self.seconds.iter().map(|&(_, min)| min).min();
        Duration::from_micros((delay_us - min.unwrap_or(delay_us)).max(0) as u64)
    }

    /// Makes `delay_us` the minimum.
    pub(super) fn restart(&mut self, at: Timestamp, delay_us: i64) {
        self.seconds.clear();
        self.seconds.push_back((at, delay_us));
    }
}
