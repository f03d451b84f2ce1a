//! How often a key frame is made or asked for. One key frame is as large as ten other frames, and several receivers
//! may ask at once.

use std::time::Duration;

use crate::time::Timestamp;

/// The least time between two key frames on request.
pub const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(300);

/// Lets the first request through at once. Requests within [`KEY_FRAME_INTERVAL`] of the last key frame are answered
/// together when it is over.
#[derive(Debug, Default)]
pub struct KeyFrameThrottle {
    last: Option<Timestamp>,
    is_requested: bool,
}

impl KeyFrameThrottle {
    pub fn new() -> Self {
        Self::default()
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
        self.last.map(|last| last + KEY_FRAME_INTERVAL)
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

    #[test]
    fn a_second_of_requests_every_ms_makes_four_key_frames() {
        let mut throttle = KeyFrameThrottle::new();
        let made = (0..1_000).filter(|&ms| {
            throttle.request();
            throttle.poll(at(ms))
        });
        assert_eq!(made.count(), 4);
    }
}
