//! The queue that stands on the path.

use std::collections::VecDeque;
use std::time::Duration;

use super::least::Least;
use crate::time::Timestamp;

/// One-way delays, of which only differences mean something: the two clocks have nothing to do with each other.
#[derive(Debug, Default)]
pub(super) struct QueueDelay {
    /// Of the last moments, each less than those behind it.
    recent: VecDeque<Transit>,
    least: Least,
    count: u64,
}

#[derive(Debug, Clone, Copy)]
struct Transit {
    sent: Timestamp,
    arrived: Duration,
    delay_us: i64,
    /// How many came before it.
    number: u64,
}

impl QueueDelay {
    /// A packet arrived. In the order in which they were sent.
    pub(super) fn add(&mut self, sent: Timestamp, arrived: Duration) {
        let delay_us = delay_us(sent, arrived);
        while self.recent.back().is_some_and(|last| last.delay_us >= delay_us) {
            self.recent.pop_back();
        }
        let number = self.count;
        self.count += 1;
        self.recent.push_back(Transit { sent, arrived, delay_us, number });
        // On a path that has become slow what was sent within a moment arrives over many. A single late packet is none.
        let is_old = |first: &Transit| {
            let arrived_long_ago = arrived.saturating_sub(first.arrived) > RECENT_ARRIVALS;
            sent.since(first.sent) > RECENT || arrived_long_ago && number - first.number >= MIN_ARRIVALS
        };
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        self.least.add(sent, delay_us);
    }

    /// How long this packet waited, of those that were added.
    pub(super) fn waited(&self, sent: Timestamp, arrived: Duration) -> Duration {
        self.least.excess(delay_us(sent, arrived))
    }

    /// How long what is sent now waits, beyond what the path itself takes.
    pub(super) fn standing(&self) -> Duration {
        self.recent.front().map_or(Duration::ZERO, |recent| self.least.excess(recent.delay_us))
    }

    /// What stands now is the path itself.
    pub(super) fn take_as_zero(&mut self) {
        if let Some(&Transit { sent, delay_us, .. }) = self.recent.front() {
            self.least.restart(sent, delay_us);
        }
    }
}

fn delay_us(sent: Timestamp, arrived: Duration) -> i64 {
    arrived.as_micros() as i64 - sent.as_micros() as i64
}

/// Three frames or more, and six packets of sound: enough for one that met neither jitter nor a frame before it.
const RECENT: Duration = Duration::from_millis(120);
const RECENT_ARRIVALS: Duration = Duration::from_millis(150);
const MIN_ARRIVALS: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    /// Sends a packet every 10 ms from `ms`, whose delays are these.
    fn send(queue: &mut QueueDelay, ms: &mut u64, delays_ms: impl IntoIterator<Item = u64>) {
        for delay_ms in delays_ms {
            queue.add(at(*ms), Duration::from_millis(1_000_000 + *ms + delay_ms));
            *ms += 10;
        }
    }

    #[test]
    fn jitter_is_no_queue() {
        let (mut queue, mut ms) = (QueueDelay::default(), 0);
        send(&mut queue, &mut ms, (0..100).map(|i| 20 + i * 37 % 60));
        assert!(queue.standing() < Duration::from_millis(10), "{:?}", queue.standing());
    }

    #[test]
    fn a_queue_stands_when_nobody_passes_without_waiting() {
        let (mut queue, mut ms) = (QueueDelay::default(), 0);
        send(&mut queue, &mut ms, [20; 50]);
        assert_eq!(queue.standing(), Duration::ZERO);
        send(&mut queue, &mut ms, (0..50).map(|i| 70 + i % 7));
        assert_eq!(queue.standing(), Duration::from_millis(50));
        send(&mut queue, &mut ms, [20]);
        assert_eq!(queue.standing(), Duration::ZERO, "gone at once");
    }

    #[test]
    fn a_longer_path_is_taken_for_one_in_the_end() {
        let (mut queue, mut ms) = (QueueDelay::default(), 0);
        send(&mut queue, &mut ms, [20; 50]);
        send(&mut queue, &mut ms, [80; 1200]);
        assert_eq!(queue.standing(), Duration::ZERO);
        send(&mut queue, &mut ms, [120; 20]);
        assert_eq!(queue.standing(), Duration::from_millis(40));
        queue.take_as_zero();
        assert_eq!(queue.standing(), Duration::ZERO);
    }

    #[test]
    fn a_computer_that_stands_still_is_no_queue_and_a_path_that_becomes_slow_is_one() {
        let (mut queue, mut ms) = (QueueDelay::default(), 0);
        send(&mut queue, &mut ms, [20; 50]);
        send(&mut queue, &mut ms, [220, 210]);
        assert_eq!(queue.standing(), Duration::ZERO, "two packets");
        send(&mut queue, &mut ms, [20; 50]);
        // A tenth of the rate: each packet takes 90 ms more than the one before it.
        send(&mut queue, &mut ms, (1..=8).map(|packet| 20 + packet * 90));
        assert!(queue.standing() > Duration::from_millis(200), "{:?}", queue.standing());
    }
}
