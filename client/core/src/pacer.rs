//! The pacer: audio leaves at once, an ordinary frame too unless frames are spread, and a large one over the time
//! it takes. What waits here would otherwise wait on the path, with audio behind it.
//!
//! The budget is a token bucket: it fills at headroom times the rate, up to [`Config::burst`] or one packet.

use std::collections::VecDeque;
use std::time::Duration;

use crate::congestion::MIN_PAIR_BYTES;
use crate::time::Timestamp;

/// One packet may always leave once the one before it has been paid for.
const MIN_BURST_BYTES: f64 = 1.0;
/// Time counts in whole microseconds. A wait that is rounded down would end too early, with nothing to do.
const ROUNDING: Duration = Duration::from_micros(1);

/// Configuration of a [`Pacer`]. "Simulation": the tests in `congestion/simulation.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Sending rate as a multiple of the target, so that frames a little larger than planned do not pile up.
    pub headroom: f64,
    /// The same while frames are spread.
    pub spread_headroom: f64,
    /// What the rate carries in this time may leave as one burst: one and a half frames at 30 a second.
    pub burst: Duration,
    /// While frames are spread: how often a packet follows an audio packet at once, as a packet pair. Audio waits for
    /// one packet then. Two video packets as a pair made audio wait for both, 32 ms at 600 kbit/s (simulation).
    pub pair_interval: Duration,
    /// The same after a video packet, where there is no audio.
    pub pair_interval_without_audio: Duration,
    /// A packet that is handed over within this time after another can follow it at once.
    pub pair_within: Duration,
    /// Bytes that the second packet of a pair has at least.
    pub pair_min_bytes: usize,
    /// A retransmission that has waited longer is dropped: the peer has given the frame up, or asks again.
    pub max_retransmission_delay: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            headroom: 1.25,
            spread_headroom: 1.1,
            burst: Duration::from_millis(50),
            pair_interval: Duration::from_millis(200),
            pair_interval_without_audio: Duration::from_millis(500),
            pair_within: Duration::from_micros(500),
            pair_min_bytes: MIN_PAIR_BYTES,
            max_retransmission_delay: Duration::from_millis(300),
        }
    }
}

/// The order in which packets leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Never waits.
    Audio,
    /// Requested by a NACK: a frame at the peer waits for it.
    Retransmission,
    /// Video and its FEC packets.
    Video,
}

/// The send queue of one path. Its length is bounded by who fills it: see [`Pacer::len`].
#[derive(Debug)]
pub struct Pacer<T> {
    config: Config,
    audio: VecDeque<Queued<T>>,
    retransmissions: VecDeque<Queued<T>>,
    video: VecDeque<Queued<T>>,
    queued_bytes: usize,
    rate_bps: f64,
    is_spread: bool,
    /// When the first packet of a pair left, and when the last pair left.
    first_of_pair: Option<Timestamp>,
    last_pair: Timestamp,
    /// Bytes that may leave now. Negative after a packet that was larger than what was left.
    budget_bytes: f64,
    filled: Timestamp,
}

#[derive(Debug)]
struct Queued<T> {
    since: Timestamp,
    bytes: usize,
    packet: T,
}

impl<T> Pacer<T> {
    /// An empty send queue. `rate_bps`: see [`Self::set_rate`].
    pub fn new(config: Config, rate_bps: u32) -> Self {
        Self {
            config,
            audio: VecDeque::new(),
            retransmissions: VecDeque::new(),
            video: VecDeque::new(),
            queued_bytes: 0,
            rate_bps: f64::from(rate_bps),
            is_spread: false,
            first_of_pair: None,
            last_pair: Timestamp::ZERO,
            budget_bytes: 0.0,
            filled: Timestamp::ZERO,
        }
    }

    /// The target bitrate of the path.
    pub fn set_rate(&mut self, now: Timestamp, rate_bps: u32) {
        self.fill(now);
        self.rate_bps = f64::from(rate_bps.max(1));
    }

    /// Whether the packets of each frame leave one by one, not as a burst. Queues on the path stay short, and on a
    /// narrow path audio waits for one packet of a frame, not for all.
    pub fn set_spread(&mut self, is_spread: bool) {
        self.is_spread = is_spread;
    }

    /// A packet enters the send queue. `bytes`: with its RTP header.
    pub fn push(&mut self, now: Timestamp, priority: Priority, bytes: usize, packet: T) {
        self.queued_bytes += bytes;
        let queued = Queued { since: now, bytes, packet };
        match priority {
            Priority::Audio => self.audio.push_back(queued),
            Priority::Retransmission => self.retransmissions.push_back(queued),
            Priority::Video => self.video.push_back(queued),
        }
    }

    /// A retransmission that has waited for longer than [`Config::max_retransmission_delay`].
    pub fn pop_stale_retransmission(&mut self, now: Timestamp) -> Option<T> {
        let max_delay = self.config.max_retransmission_delay;
        let stale = self.retransmissions.pop_front_if(|queued| now.since(queued.since) > max_delay)?;
        self.queued_bytes -= stale.bytes;
        Some(stale.packet)
    }

    /// Packets in the send queue.
    pub fn len(&self) -> usize {
        self.audio.len() + self.retransmissions.len() + self.video.len()
    }

    /// Whether the send queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the video in the send queue: a key frame follows, and nothing before it is needed.
    pub fn drop_video(&mut self) {
        self.queued_bytes -= clear(&mut self.video);
    }

    /// Drops the retransmissions in the send queue.
    pub fn drop_retransmissions(&mut self) {
        self.queued_bytes -= clear(&mut self.retransmissions);
    }

    /// The next packet that may leave at `now`, and its bytes. Only audio if the congestion window is not open.
    pub fn pop(&mut self, now: Timestamp, is_window_open: bool) -> Option<(T, usize)> {
        self.fill(now);
        let next = match self.audio.pop_front() {
            Some(audio) => {
                self.note_first_of_pair(now, self.config.pair_interval);
                Some(audio)
            }
            None if is_window_open && self.may_leave(now) => {
                self.retransmissions.pop_front().or_else(|| self.video.pop_front())
            }
            None => None,
        };
        let Queued { bytes, packet, .. } = next?;
        self.queued_bytes -= bytes;
        self.budget_bytes -= bytes as f64;
        Some((packet, bytes))
    }

    /// Whether the next packet that is not audio may leave: by the budget, or as the second of a pair.
    fn may_leave(&mut self, now: Timestamp) -> bool {
        let Some(next) = self.retransmissions.front().or(self.video.front()) else { return false };
        let follows = self.first_of_pair.is_some_and(|first| now.since(first) <= self.config.pair_within);
        if follows && next.bytes >= self.config.pair_min_bytes {
            self.first_of_pair = None;
            self.last_pair = now;
            return true;
        }
        let may_leave = self.budget_bytes > 0.0;
        if may_leave {
            self.note_first_of_pair(now, self.config.pair_interval_without_audio);
        }
        may_leave
    }

    fn note_first_of_pair(&mut self, now: Timestamp, interval: Duration) {
        let is_due = self.is_spread && now.since(self.last_pair) >= interval;
        self.first_of_pair = is_due.then_some(now);
    }

    /// When the next packet may leave. `None` if the send queue is empty.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if !self.audio.is_empty() {
            return Some(self.filled);
        }
        if self.retransmissions.is_empty() && self.video.is_empty() {
            return None;
        }
        let missing_bytes = (1.0 - self.budget_bytes).max(0.0);
        Some(self.filled + Duration::from_secs_f64(missing_bytes / self.bytes_per_second()) + ROUNDING)
    }

    /// How long the path takes for the send queue.
    pub fn queue_delay(&self) -> Duration {
        Duration::from_secs_f64((self.queued_bytes as f64 * 8.0 / self.rate_bps).min(3600.0))
    }

    fn fill(&mut self, now: Timestamp) {
        let since = now.since(self.filled);
        self.filled = self.filled.max(now);
        let burst = if self.is_spread { Duration::ZERO } else { self.config.burst };
        let max_bytes = (self.rate_bps / 8.0 * burst.as_secs_f64()).max(MIN_BURST_BYTES);
        let filled_bytes = self.budget_bytes + self.bytes_per_second() * since.as_secs_f64();
        self.budget_bytes = filled_bytes.min(max_bytes);
    }

    fn bytes_per_second(&self) -> f64 {
        let headroom = if self.is_spread { self.config.spread_headroom } else { self.config.headroom };
        self.rate_bps / 8.0 * headroom
    }
}

/// Empties a queue and returns the bytes that were in it.
fn clear<T>(queue: &mut VecDeque<Queued<T>>) -> usize {
    queue.drain(..).map(|queued| queued.bytes).sum()
}

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
        let mut pacer = Pacer::new(Config::default(), RATE_BPS);
        pacer.pop(at(0), true);
        for packet in 0..3 {
            pacer.push(at(33), Priority::Video, 1100, packet);
        }
        assert!(departures(&mut pacer, 33).iter().all(|&(_, ms)| ms == 33));
        assert_eq!(pacer.queue_delay(), Duration::ZERO);
    }

    #[test]
    fn a_large_frame_is_spread_and_overtaken_by_audio_and_retransmissions() {
        let mut pacer = Pacer::new(Config::default(), RATE_BPS);
        pacer.pop(at(0), true);
        for packet in 0..30 {
            pacer.push(at(0), Priority::Video, 1250, packet);
        }
        // 30 packets of 10,000 bits at 800 kbit/s.
        assert_eq!(pacer.queue_delay(), Duration::from_millis(375));
        let mut first = Vec::new();
        while let Some((packet, _)) = pacer.pop(at(40), true) {
            first.push(packet);
        }
        assert_eq!(first, [0, 1, 2, 3], "5000 bytes are a burst");
        pacer.push(at(40), Priority::Retransmission, 1250, 100);
        pacer.push(at(40), Priority::Audio, 100, 200);
        let left = departures(&mut pacer, 41);
        assert_eq!((left[0], left[1].0, left[2].0), ((200, 41), 100, 4));
        let (_, end_ms) = left.last().expect("the last one");
        // 26 packets and 1.25 times the rate: 10 ms for each.
        assert!((300..=320).contains(end_ms), "{end_ms}");
    }

    #[test]
    fn audio_passes_between_the_packets_of_a_frame_that_is_spread() {
        let mut pacer = Pacer::new(Config::default(), RATE_BPS);
        pacer.set_spread(true);
        pacer.pop(at(0), true);
        for packet in 0..3 {
            pacer.push(at(33), Priority::Video, 1250, packet);
        }
        // The first two go together, since there was no audio for long; then 11.4 ms for each packet.
        assert_eq!(departures(&mut pacer, 33), [(0, 33), (1, 33), (2, 55)]);
        for packet in 3..7 {
            pacer.push(at(300), Priority::Video, 1250, packet);
        }
        assert_eq!((pacer.pop(at(300), true), pacer.pop(at(300), true)), (Some((3, 1250)), None));
        // One follows the audio packet at once; none follows the second, so soon after.
        pacer.push(at(302), Priority::Audio, 100, 100);
        let left: Vec<_> = std::iter::from_fn(|| pacer.pop(at(302), true)).collect();
        assert_eq!(left, [(100, 100), (4, 1250)]);
        pacer.push(at(322), Priority::Audio, 100, 101);
        assert_eq!(departures(&mut pacer, 322), [(101, 322), (5, 324), (6, 335)]);
    }

    #[test]
    fn no_more_than_one_burst_is_saved_up_in_a_pause() {
        let mut pacer = Pacer::new(Config::default(), RATE_BPS);
        pacer.pop(at(0), true);
        for packet in 0..20 {
            pacer.push(at(0), Priority::Video, 1250, packet);
        }
        let at_once = std::iter::from_fn(|| pacer.pop(at(60_000), true)).count();
        assert_eq!(at_once, 4);
    }

    #[test]
    fn a_retransmission_that_has_waited_too_long_is_dropped() {
        let mut pacer = Pacer::new(Config::default(), 10_000);
        pacer.push(at(0), Priority::Retransmission, 1250, 1);
        pacer.push(at(200), Priority::Retransmission, 1250, 2);
        assert_eq!(pacer.pop_stale_retransmission(at(300)), None);
        assert_eq!(pacer.pop_stale_retransmission(at(301)), Some(1));
        assert_eq!(pacer.pop_stale_retransmission(at(301)), None);
        assert_eq!(pacer.queue_delay(), Duration::from_secs(1));
    }

    #[test]
    fn the_send_queue_is_dropped_for_a_key_frame() {
        let mut pacer = Pacer::new(Config::default(), RATE_BPS);
        for packet in 0..10 {
            pacer.push(at(0), Priority::Video, 1250, packet);
        }
        pacer.push(at(0), Priority::Retransmission, 1250, 100);
        assert_eq!(pacer.len(), 11);
        pacer.drop_video();
        assert_eq!(pacer.len(), 1);
        pacer.drop_retransmissions();
        assert!(pacer.is_empty());
        assert_eq!(pacer.queue_delay(), Duration::ZERO);
        pacer.push(at(0), Priority::Retransmission, 1250, 100);
        pacer.push(at(0), Priority::Video, 1250, 10);
        let left: Vec<u32> = departures(&mut pacer, 1).iter().map(|&(packet, _)| packet).collect();
        assert_eq!(left, [100, 10]);
        assert_eq!(pacer.queue_delay(), Duration::ZERO);
    }

    #[test]
    fn only_audio_leaves_while_the_window_is_closed() {
        let mut pacer = Pacer::new(Config::default(), RATE_BPS);
        pacer.push(at(0), Priority::Video, 1000, 1);
        pacer.push(at(0), Priority::Audio, 100, 2);
        assert_eq!(pacer.pop(at(10), false), Some((2, 100)));
        assert_eq!(pacer.pop(at(10), false), None);
        assert_eq!(pacer.pop(at(10), true), Some((1, 1000)));
    }
}
