//! When each packet may leave: sound at once, an ordinary picture at once too, a large one spread over the time that the
//! path takes for it.
//!
//! The budget is a bucket that fills at [`HEADROOM`] times the rate and holds one ordinary picture. Whatever waits here
//! would otherwise wait in the path, where sound waits behind it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// What goes first. Sound never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Sound,
    /// What the peer has asked for again: a picture there waits for it.
    Repair,
    Picture,
}

/// Holds packets until their time has come. The memory is bounded by who fills it: see [`Pacer::waiting`].
#[derive(Debug)]
pub struct Pacer<T> {
    sound: VecDeque<(usize, T)>,
    repair: VecDeque<(usize, T)>,
    pictures: VecDeque<(usize, T)>,
    waiting_bytes: usize,
    rate_bps: f64,
    /// Bytes that may leave now; below zero after the last one that left.
    budget_bytes: f64,
    filled: Timestamp,
}

impl<T> Pacer<T> {
    pub fn new(rate_bps: u32) -> Self {
        Self {
            sound: VecDeque::new(),
            repair: VecDeque::new(),
            pictures: VecDeque::new(),
            waiting_bytes: 0,
            rate_bps: f64::from(rate_bps),
            budget_bytes: 0.0,
            filled: Timestamp::ZERO,
        }
    }

    /// The rate that the path is taken to carry.
    pub fn set_rate(&mut self, now: Timestamp, rate_bps: u32) {
        self.fill(now);
        self.rate_bps = f64::from(rate_bps.max(1));
    }

    pub fn push(&mut self, priority: Priority, bytes: usize, packet: T) {
        self.waiting_bytes += bytes;
        match priority {
            Priority::Sound => self.sound.push_back((bytes, packet)),
            Priority::Repair => self.repair.push_back((bytes, packet)),
            Priority::Picture => self.pictures.push_back((bytes, packet)),
        }
    }

    /// The next packet that may leave at `now`.
    pub fn pop(&mut self, now: Timestamp) -> Option<T> {
        self.fill(now);
        let next = match self.sound.pop_front() {
            Some(sound) => Some(sound),
            None if self.budget_bytes > 0.0 => self.repair.pop_front().or_else(|| self.pictures.pop_front()),
            None => None,
        };
        let (bytes, packet) = next?;
        self.waiting_bytes -= bytes;
        self.budget_bytes -= bytes as f64;
        Some(packet)
    }

    /// When the next packet may leave; `None` if none waits.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if !self.sound.is_empty() {
            return Some(self.filled);
        }
        if self.repair.is_empty() && self.pictures.is_empty() {
            return None;
        }
        let missing_bytes = (1.0 - self.budget_bytes).max(0.0);
        Some(self.filled + Duration::from_secs_f64(missing_bytes / self.bytes_per_second()) + ROUNDING)
    }

    /// How long the path takes for what waits here.
    pub fn waiting(&self) -> Duration {
        Duration::from_secs_f64((self.waiting_bytes as f64 * 8.0 / self.rate_bps).min(3600.0))
    }

    fn fill(&mut self, now: Timestamp) {
        let since = now.since(self.filled);
        self.filled = self.filled.max(now);
        let most_bytes = (self.rate_bps / 8.0 * BURST.as_secs_f64()).max(MIN_BURST_BYTES);
        let filled_bytes = self.budget_bytes + self.bytes_per_second() * since.as_secs_f64();
        self.budget_bytes = filled_bytes.min(most_bytes);
    }

    fn bytes_per_second(&self) -> f64 {
        self.rate_bps / 8.0 * HEADROOM
    }
}

/// Faster than the rate, so that nothing piles up here when pictures come a little larger than planned.
const HEADROOM: f64 = 1.25;
/// What the rate carries in this time may leave in one go: one and a half pictures at 30 a second.
const BURST: Duration = Duration::from_millis(50);
/// Two packets: less would be no burst at all.
const MIN_BURST_BYTES: f64 = 2500.0;
/// Time counts in whole microseconds: a wait that is rounded down would be over too early, and nothing would happen.
const ROUNDING: Duration = Duration::from_micros(1);

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_BPS: u32 = 800_000;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(10_000_000 + ms * 1000)
    }

    /// Lets everything leave, and tells when each did, in ms.
    fn departures(pacer: &mut Pacer<u32>, start_ms: u64) -> Vec<(u32, u64)> {
        let mut now = at(start_ms);
        let mut left = Vec::new();
        loop {
            while let Some(packet) = pacer.pop(now) {
                left.push((packet, now.since(at(0)).as_millis() as u64));
            }
            let Some(next) = pacer.poll_timeout() else { return left };
            assert!(next > now, "a wait that does not end");
            now = next;
        }
    }

    #[test]
    fn an_ordinary_picture_leaves_at_once() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.pop(at(0));
        for packet in 0..3 {
            pacer.push(Priority::Picture, 1100, packet);
        }
        assert!(departures(&mut pacer, 33).iter().all(|&(_, ms)| ms == 33));
        assert_eq!(pacer.waiting(), Duration::ZERO);
    }

    #[test]
    fn a_large_one_is_spread_and_sound_and_repair_overtake_it() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.pop(at(0));
        for packet in 0..30 {
            pacer.push(Priority::Picture, 1250, packet);
        }
        // 30 packets of 10,000 bits at 800 kbit/s.
        assert_eq!(pacer.waiting(), Duration::from_millis(375));
        let mut first = Vec::new();
        while let Some(packet) = pacer.pop(at(40)) {
            first.push(packet);
        }
        assert_eq!(first, [0, 1, 2, 3], "5000 bytes are a burst");
        pacer.push(Priority::Repair, 1250, 100);
        pacer.push(Priority::Sound, 100, 200);
        let left = departures(&mut pacer, 41);
        assert_eq!((left[0], left[1].0, left[2].0), ((200, 41), 100, 4));
        let (_, end_ms) = left.last().expect("the last one");
        // 26 packets and 1.25 times the rate: 10 ms for each.
        assert!((300..=320).contains(end_ms), "{end_ms}");
    }

    #[test]
    fn a_pause_saves_up_no_more_than_one_burst() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.pop(at(0));
        for packet in 0..20 {
            pacer.push(Priority::Picture, 1250, packet);
        }
        let at_once = std::iter::from_fn(|| pacer.pop(at(60_000))).count();
        assert_eq!(at_once, 4);
    }
}
