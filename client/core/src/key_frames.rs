//! How often a key frame is made or asked for. One key frame is as large as ten other frames, and several receivers
//! may ask at once.

use std::time::Duration;

use crate::time::Timestamp;

/// The least time between two key frames on request, on a short round trip.
pub const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);
/// On a longer one: what the key frame itself takes beside the round trip. Another one, made before the first can have
/// arrived, takes its place in the send queue, and on a narrow path neither arrives.
const BESIDE_ROUND_TRIP: Duration = Duration::from_millis(200);
/// A round trip that is measured longer than this is a queue, or nonsense of the peer.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

/// Lets the first request through at once. Requests within an interval of the last key frame are answered together when
/// it is over.
#[derive(Debug)]
pub struct KeyFrameThrottle {
    interval: Duration,
    last: Option<Timestamp>,
    is_requested: bool,
}

impl Default for KeyFrameThrottle {
    fn default() -> Self {
        Self { interval: KEY_FRAME_INTERVAL, last: None, is_requested: false }
    }
}

impl KeyFrameThrottle {
    pub fn new() -> Self {
        Self::default()
    }

    /// How long an answer takes.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.interval = round_trip.saturating_add(BESIDE_ROUND_TRIP).clamp(KEY_FRAME_INTERVAL, LONGEST_INTERVAL);
    }

    /// A key frame is wanted (PLI or FIR: RFC 4585, 6.3.1; RFC 5104, 4.3.1). [`Self::poll`] comes next.
    pub fn request(&mut self) {
        self.is_requested = true;
    }

    /// Whether to make one now.
    pub fn poll(&mut self, now: Timestamp) -> bool {
        let is_due = self.is_requested && self.next_allowed().is_none_or(|at| at <= now);
        if is_due {
            self.is_requested = false;
            self.last = Some(now);
        }
        is_due
    }

    /// When to call [`Self::poll`] again; `None` if nothing is wanted.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.is_requested.then(|| self.next_allowed().unwrap_or(Timestamp::ZERO))
    }

    /// `None`: at once.
    pub(crate) fn next_allowed(&self) -> Option<Timestamp> {
        self.last.map(|last| last + self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1_000)
    }

    #[test]
    fn the_first_request_is_answered_at_once_and_the_next_at_the_end_of_the_window() {
        let mut throttle = KeyFrameThrottle::new();
        assert!(!throttle.poll(at(5)));
        assert_eq!(throttle.poll_timeout(), None);

        throttle.request();
        assert!(throttle.poll(at(10)));
        assert!(!throttle.poll(at(11)), "answered");

        for ms in [20, 150, 299] {
            throttle.request();
            assert!(!throttle.poll(at(ms)));
        }
        assert_eq!(throttle.poll_timeout(), Some(at(310)));
        assert!(!throttle.poll(at(309)));
        assert!(throttle.poll(at(310)));
        assert_eq!(throttle.poll_timeout(), None);
        assert!(!throttle.poll(at(1_000)), "once for all of them");
    }

    /// Key frames made in a second of requests every ms.
    fn made(round_trip_ms: u64) -> usize {
        let mut throttle = KeyFrameThrottle::new();
        throttle.set_round_trip(Duration::from_millis(round_trip_ms));
        let made = (0..1_000).filter(|&ms| {
            throttle.request();
            throttle.poll(at(ms))
        });
        made.count()
    }

    #[test]
    fn the_next_key_frame_is_made_when_the_one_before_can_have_arrived() {
        assert_eq!((made(0), made(100), made(500), made(100_000)), (4, 4, 2, 1));
    }
}
