//! The least of a quantity in the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Of delays, in µs, whose zero is anywhere: what the path takes when nothing waits.
#[derive(Debug, Default)]
pub(super) struct Least {
    /// The least of each of the last seconds, and when that second began.
    seconds: VecDeque<(Timestamp, i64)>,
}

impl Least {
    pub(super) fn add(&mut self, at: Timestamp, delay_us: i64) {
        match self.seconds.back_mut() {
            Some((began, least)) if at.since(*began) < Duration::from_secs(1) => *least = (*least).min(delay_us),
            _ => self.seconds.push_back((at, delay_us)),
        }
        while self.seconds.front().is_some_and(|&(began, _)| at.since(began) > MEMORY) {
            self.seconds.pop_front();
        }
    }

    /// By how much this is more than the least. Nothing before there is one.
    pub(super) fn excess(&self, delay_us: i64) -> Duration {
        let least = self.seconds.iter().map(|&(_, least)| least).min();
        Duration::from_micros((delay_us - least.unwrap_or(delay_us)).max(0) as u64)
    }

    /// From now on this is the least.
    pub(super) fn restart(&mut self, at: Timestamp, delay_us: i64) {
        self.seconds.clear();
        self.seconds.push_back((at, delay_us));
    }
}

/// Long enough to have seen the path empty; short enough to follow clocks, which part by 1 ms in this time.
const MEMORY: Duration = Duration::from_secs(10);
