//! How many frames and bytes one client may send.

use std::time::Duration;

use crate::Config;

pub(crate) struct RateLimit {
    frames: TokenBucket,
    bytes: TokenBucket,
}

impl RateLimit {
    pub(crate) fn new(now: Duration, config: &Config) -> Self {
        Self {
            frames: TokenBucket::full(now, config.burst_frames, config.frames_per_second),
            bytes: TokenBucket::full(now, config.burst_bytes, config.bytes_per_second),
        }
    }

    /// Counts a frame of `bytes`. False if it exceeds the limit.
    #[must_use]
    pub(crate) fn allows(&mut self, now: Duration, bytes: usize) -> bool {
        self.frames.take(now, 1.0) && self.bytes.take(now, bytes as f64)
    }
}

struct TokenBucket {
    tokens: f64,
    capacity: f64,
    tokens_per_second: f64,
    filled_at: Duration,
}

impl TokenBucket {
    fn full(now: Duration, capacity: u32, tokens_per_second: u32) -> Self {
        let capacity = f64::from(capacity);
        Self { tokens: capacity, capacity, tokens_per_second: f64::from(tokens_per_second), filled_at: now }
    }

    /// Takes `tokens`, or none and returns false if there are fewer.
    fn take(&mut self, now: Duration, tokens: f64) -> bool {
        let elapsed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.tokens_per_second).min(self.capacity);
        self.filled_at = now;
        let enough = self.tokens >= tokens;
        if enough {
            self.tokens -= tokens;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_of_frames_is_allowed_and_refills() {
        let config = Config { burst_frames: 3, frames_per_second: 2, ..Config::default() };
        let mut limit = RateLimit::new(at(0), &config);
        let mut allows = |ms| limit.allows(at(ms), 10);
        assert!(allows(0) && allows(0) && allows(0));
        assert!(!allows(0));
        assert!(!allows(499));
        assert!(allows(500));
        assert!(!allows(500));
        assert!(allows(60_000) && allows(60_000) && allows(60_000));
        assert!(!allows(60_000), "no more than the burst is saved up");
    }

    #[test]
    fn bytes_are_limited_too() {
        let config = Config { burst_bytes: 100, bytes_per_second: 10, ..Config::default() };
        let mut limit = RateLimit::new(at(0), &config);
        assert!(limit.allows(at(0), 100));
        assert!(!limit.allows(at(900), 10));
        assert!(limit.allows(at(1_000), 10));
    }
}
