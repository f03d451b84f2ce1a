//! The delay of the standing queue: the least one-way delay of the last moments, less the base delay.

use std::collections::VecDeque;
use std::time::Duration;

use super::Config;
use super::windowed_min::WindowedMin;
use crate::time::Timestamp;

/// One-way delays between two clocks: only differences mean something.
#[derive(Debug, Default)]
pub(super) struct QueueDelay {
    /// Of the last moments, each with less delay than those behind it.
    recent: VecDeque<Transit>,
    base: WindowedMin,
    count: u64,
}

#[derive(Debug, Clone, Copy)]
struct Transit {
    sent: Timestamp,
    arrived: Duration,
    delay_us: i64,
    /// Counts packets.
    number: u64,
}

impl QueueDelay {
    /// A packet arrived. To be called in the order of sending.
    pub(super) fn add(&mut self, config: &Config, sent: Timestamp, arrived: Duration) {
        let delay_us = delay_us(sent, arrived);
        while self.recent.back().is_some_and(|last| last.delay_us >= delay_us) {
            self.recent.pop_back();
        }
        let number = self.count;
        self.count += 1;
        self.recent.push_back(Transit { sent, arrived, delay_us, number });
        // After a fall of the rate, what was sent within a moment arrives over many.
        let is_old = |first: &Transit| {
            let arrived_long_ago = arrived.saturating_sub(first.arrived) > config.queue_arrived_within;
            sent.since(first.sent) > config.queue_sent_within
                || arrived_long_ago && number - first.number >= config.queue_min_packets
        };
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        self.base.add(config.base_delay_memory, sent, delay_us);
    }

    /// How long this packet queued.
    pub(super) fn of_packet(&self, sent: Timestamp, arrived: Duration) -> Duration {
        self.base.excess(delay_us(sent, arrived))
    }

    pub(super) fn standing(&self) -> Duration {
        self.recent.front().map_or(Duration::ZERO, |recent| self.base.excess(recent.delay_us))
    }

    /// The standing queue is part of the path from now on.
    pub(super) fn take_as_base(&mut self) {
        if let Some(&Transit { sent, delay_us, .. }) = self.recent.front() {
            self.base.restart(sent, delay_us);
        }
    }
}

fn delay_us(sent: Timestamp, arrived: Duration) -> i64 {
    arrived.as_micros() as i64 - sent.as_micros() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    /// Sends a packet every 10 ms from `ms`, with these delays.
    fn send(queue: &mut QueueDelay, ms: &mut u64, delays_ms: impl IntoIterator<Item = u64>) {
        for delay_ms in delays_ms {
            queue.add(&Config::default(), at(*ms), Duration::from_millis(1_000_000 + *ms + delay_ms));
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
    fn a_queue_stands_when_every_packet_is_delayed() {
        let (mut queue, mut ms) = (QueueDelay::default(), 0);
        send(&mut queue, &mut ms, [20; 50]);
        assert_eq!(queue.standing(), Duration::ZERO);
        send(&mut queue, &mut ms, (0..50).map(|i| 70 + i % 7));
        assert_eq!(queue.standing(), Duration::from_millis(50));
        send(&mut queue, &mut ms, [20]);
        assert_eq!(queue.standing(), Duration::ZERO, "gone at once");
    }

    #[test]
    fn the_base_delay_follows_a_longer_path() {
        let (mut queue, mut ms) = (QueueDelay::default(), 0);
        send(&mut queue, &mut ms, [20; 50]);
        send(&mut queue, &mut ms, [80; 1200]);
        assert_eq!(queue.standing(), Duration::ZERO);
        send(&mut queue, &mut ms, [120; 20]);
        assert_eq!(queue.standing(), Duration::from_millis(40));
        queue.take_as_base();
        assert_eq!(queue.standing(), Duration::ZERO);
    }

    #[test]
    fn two_late_packets_are_no_queue_and_a_fall_of_the_rate_is_one() {
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
