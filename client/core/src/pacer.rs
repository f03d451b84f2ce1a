//! When each packet may leave: sound at once, an ordinary frame at once too, a large one spread over the time that the
//! path takes for it.
//!
//! The budget is a bucket that fills at [`HEADROOM`] times the rate and holds one ordinary frame. Whatever waits here
//! would otherwise wait in the path, where sound waits behind it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::congestion::MIN_PAIR_BYTES;
use crate::time::Timestamp;

/// What goes first. Sound never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Sound,
    /// What the peer has asked for again: a frame there waits for it.
    Repair,
    VideoFrame,
}

/// Holds packets until their time has come. The memory is bounded by who fills it: see [`Pacer::waiting`].
#[derive(Debug)]
pub struct Pacer<T> {
    sound: VecDeque<Waiting<T>>,
    repair: VecDeque<Waiting<T>>,
    frames: VecDeque<Waiting<T>>,
    waiting_bytes: usize,
    rate_bps: f64,
    burst: Duration,
    headroom: f64,
    /// When a packet left that another may follow at once, and when two last went together.
    first_of_pair: Option<Timestamp>,
    last_pair: Timestamp,
    /// Bytes that may leave now; below zero after the last one that left.
    budget_bytes: f64,
    filled: Timestamp,
}

#[derive(Debug)]
struct Waiting<T> {
    since: Timestamp,
    bytes: usize,
    packet: T,
}

impl<T> Pacer<T> {
    pub fn new(rate_bps: u32) -> Self {
        Self {
            sound: VecDeque::new(),
            repair: VecDeque::new(),
            frames: VecDeque::new(),
            waiting_bytes: 0,
            rate_bps: f64::from(rate_bps),
            burst: BURST,
            headroom: HEADROOM,
            first_of_pair: None,
            last_pair: Timestamp::ZERO,
            budget_bytes: 0.0,
            filled: Timestamp::ZERO,
        }
    }

    /// The rate that the path is taken to carry.
    pub fn set_rate(&mut self, now: Timestamp, rate_bps: u32) {
        self.fill(now);
        self.rate_bps = f64::from(rate_bps.max(1));
    }

    /// Whether each frame is spread over its time: short queues hold it then, and sound waits for one packet of it on a
    /// narrow path, not for all. Now and then one follows the sound at once all the same: what the path carries is seen by
    /// how far apart the two arrive. Otherwise ordinary frames go at once.
    pub fn set_spread(&mut self, spread: bool) {
        (self.burst, self.headroom) = if spread { (Duration::ZERO, SPREAD_HEADROOM) } else { (BURST, HEADROOM) };
    }

    pub fn push(&mut self, now: Timestamp, priority: Priority, bytes: usize, packet: T) {
        self.waiting_bytes += bytes;
        let waiting = Waiting { since: now, bytes, packet };
        match priority {
            Priority::Sound => self.sound.push_back(waiting),
            Priority::Repair => self.repair.push_back(waiting),
            Priority::VideoFrame => self.frames.push_back(waiting),
        }
    }

    /// A packet of repair that has waited too long to be of use: the peer has given it up, or asks again.
    pub fn pop_stale(&mut self, now: Timestamp) -> Option<T> {
        let stale = self.repair.pop_front_if(|waiting| now.since(waiting.since) > REPAIR_USEFUL)?;
        self.waiting_bytes -= stale.bytes;
        Some(stale.packet)
    }

    /// Packets that wait.
    pub fn len(&self) -> usize {
        self.sound.len() + self.repair.len() + self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the frames that wait: a key frame comes, and nobody needs them any more.
    pub fn drop_frames(&mut self) {
        self.waiting_bytes -= forget(&mut self.frames);
    }

    /// Forgets what is to be sent again, too.
    pub fn drop_repair(&mut self) {
        self.waiting_bytes -= forget(&mut self.repair);
    }

    /// The next packet that may leave at `now`, and its bytes. Without `room` on the way only sound may.
    pub fn pop(&mut self, now: Timestamp, room: bool) -> Option<(T, usize)> {
        self.fill(now);
        let next = match self.sound.pop_front() {
            Some(sound) => {
                self.note_first_of_pair(now, PAIR_EVERY);
                Some(sound)
            }
            None if room && self.may_leave(now) => self.repair.pop_front().or_else(|| self.frames.pop_front()),
            None => None,
        };
        let Waiting { bytes, packet, .. } = next?;
        self.waiting_bytes -= bytes;
        self.budget_bytes -= bytes as f64;
        Some((packet, bytes))
    }

    /// Whether the budget, or the packet before, lets the next one leave that is not sound.
    fn may_leave(&mut self, now: Timestamp) -> bool {
        let Some(next) = self.repair.front().or(self.frames.front()) else { return false };
        let follows = self.first_of_pair.is_some_and(|first| now.since(first) <= TOGETHER);
        if follows && next.bytes >= MIN_PAIR_BYTES {
            self.first_of_pair = None;
            self.last_pair = now;
            return true;
        }
        let may_leave = self.budget_bytes > 0.0;
        if may_leave {
            self.note_first_of_pair(now, PAIR_WITHOUT_SOUND_EVERY);
        }
        may_leave
    }

    fn note_first_of_pair(&mut self, now: Timestamp, every: Duration) {
        let is_due = self.burst.is_zero() && now.since(self.last_pair) >= every;
        self.first_of_pair = is_due.then_some(now);
    }

    /// When the next packet may leave; `None` if none waits.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if !self.sound.is_empty() {
            return Some(self.filled);
        }
        if self.repair.is_empty() && self.frames.is_empty() {
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
        let most_bytes = (self.rate_bps / 8.0 * self.burst.as_secs_f64()).max(MIN_BURST_BYTES);
        let filled_bytes = self.budget_bytes + self.bytes_per_second() * since.as_secs_f64();
        self.budget_bytes = filled_bytes.min(most_bytes);
    }

    fn bytes_per_second(&self) -> f64 {
        self.rate_bps / 8.0 * self.headroom
    }
}

/// Empties a queue, and returns the bytes that waited in it.
fn forget<T>(queue: &mut VecDeque<Waiting<T>>) -> usize {
    queue.drain(..).map(|waiting| waiting.bytes).sum()
}

/// Faster than the rate, so that nothing piles up here when frames come a little larger than planned.
const HEADROOM: f64 = 1.25;
const SPREAD_HEADROOM: f64 = 1.1;
/// What the rate carries in this time may leave in one go: one and a half frames at 30 a second.
const BURST: Duration = Duration::from_millis(50);
/// How often a packet follows the sound at once where frames are spread, or another packet where there is no sound. A
/// packet of sound waits for one packet then, as ever.
const PAIR_EVERY: Duration = Duration::from_millis(200);
const PAIR_WITHOUT_SOUND_EVERY: Duration = Duration::from_millis(500);
/// Those of one frame come here one after the other.
const TOGETHER: Duration = Duration::from_micros(500);
/// A frame that waits for its repair longer than this is given up by the peer.
const REPAIR_USEFUL: Duration = Duration::from_millis(300);
/// One packet may always leave once the one before it has been paid for.
const MIN_BURST_BYTES: f64 = 1.0;
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
            while let Some((packet, _)) = pacer.pop(now, true) {
                left.push((packet, now.since(at(0)).as_millis() as u64));
            }
            let Some(next) = pacer.poll_timeout() else { return left };
            assert!(next > now, "a wait that does not end");
            now = next;
        }
    }

    #[test]
    fn an_ordinary_frame_leaves_at_once() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.pop(at(0), true);
        for packet in 0..3 {
            pacer.push(at(33), Priority::VideoFrame, 1100, packet);
        }
        assert!(departures(&mut pacer, 33).iter().all(|&(_, ms)| ms == 33));
        assert_eq!(pacer.waiting(), Duration::ZERO);
    }

    #[test]
    fn a_large_one_is_spread_and_sound_and_repair_overtake_it() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.pop(at(0), true);
        for packet in 0..30 {
            pacer.push(at(0), Priority::VideoFrame, 1250, packet);
        }
        // 30 packets of 10,000 bits at 800 kbit/s.
        assert_eq!(pacer.waiting(), Duration::from_millis(375));
        let mut first = Vec::new();
        while let Some((packet, _)) = pacer.pop(at(40), true) {
            first.push(packet);
        }
        assert_eq!(first, [0, 1, 2, 3], "5000 bytes are a burst");
        pacer.push(at(40), Priority::Repair, 1250, 100);
        pacer.push(at(40), Priority::Sound, 100, 200);
        let left = departures(&mut pacer, 41);
        assert_eq!((left[0], left[1].0, left[2].0), ((200, 41), 100, 4));
        let (_, end_ms) = left.last().expect("the last one");
        // 26 packets and 1.25 times the rate: 10 ms for each.
        assert!((300..=320).contains(end_ms), "{end_ms}");
    }

    #[test]
    fn sound_passes_between_the_packets_of_a_frame_that_is_spread() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.set_spread(true);
        pacer.pop(at(0), true);
        for packet in 0..3 {
            pacer.push(at(33), Priority::VideoFrame, 1250, packet);
        }
        // The first two go together, since there was no sound for long; then 11.4 ms for each packet.
        assert_eq!(departures(&mut pacer, 33), [(0, 33), (1, 33), (2, 55)]);
        for packet in 3..7 {
            pacer.push(at(300), Priority::VideoFrame, 1250, packet);
        }
        assert_eq!((pacer.pop(at(300), true), pacer.pop(at(300), true)), (Some((3, 1250)), None));
        // One follows the sound at once; of the second sound, so soon after, none does.
        pacer.push(at(302), Priority::Sound, 100, 100);
        let left: Vec<_> = std::iter::from_fn(|| pacer.pop(at(302), true)).collect();
        assert_eq!(left, [(100, 100), (4, 1250)]);
        pacer.push(at(322), Priority::Sound, 100, 101);
        assert_eq!(departures(&mut pacer, 322), [(101, 322), (5, 324), (6, 335)]);
    }

    #[test]
    fn a_pause_saves_up_no_more_than_one_burst() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.pop(at(0), true);
        for packet in 0..20 {
            pacer.push(at(0), Priority::VideoFrame, 1250, packet);
        }
        let at_once = std::iter::from_fn(|| pacer.pop(at(60_000), true)).count();
        assert_eq!(at_once, 4);
    }

    #[test]
    fn repair_that_has_waited_too_long_is_given_up() {
        let mut pacer = Pacer::new(10_000);
        pacer.push(at(0), Priority::Repair, 1250, 1);
        pacer.push(at(200), Priority::Repair, 1250, 2);
        assert_eq!(pacer.pop_stale(at(300)), None);
        assert_eq!(pacer.pop_stale(at(301)), Some(1));
        assert_eq!(pacer.pop_stale(at(301)), None);
        assert_eq!(pacer.waiting(), Duration::from_secs(1));
    }

    #[test]
    fn a_key_frame_makes_the_frames_before_it_needless() {
        let mut pacer = Pacer::new(RATE_BPS);
        for packet in 0..10 {
            pacer.push(at(0), Priority::VideoFrame, 1250, packet);
        }
        pacer.push(at(0), Priority::Repair, 1250, 100);
        assert_eq!(pacer.len(), 11);
        pacer.drop_frames();
        assert_eq!(pacer.len(), 1);
        pacer.drop_repair();
        assert!(pacer.is_empty());
        assert_eq!(pacer.waiting(), Duration::ZERO);
        pacer.push(at(0), Priority::Repair, 1250, 100);
        pacer.push(at(0), Priority::VideoFrame, 1250, 10);
        let left: Vec<u32> = departures(&mut pacer, 1).iter().map(|&(packet, _)| packet).collect();
        assert_eq!(left, [100, 10]);
        assert_eq!(pacer.waiting(), Duration::ZERO);
    }

    #[test]
    fn without_room_only_sound_leaves() {
        let mut pacer = Pacer::new(RATE_BPS);
        pacer.push(at(0), Priority::VideoFrame, 1000, 1);
        pacer.push(at(0), Priority::Sound, 100, 2);
        assert_eq!(pacer.pop(at(10), false), Some((2, 100)));
        assert_eq!(pacer.pop(at(10), false), None);
        assert_eq!(pacer.pop(at(10), true), Some((1, 1000)));
    }
}
