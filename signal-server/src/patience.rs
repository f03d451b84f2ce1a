//! How long one connection is waited for, and how fast it may talk. The time is an argument: it counts from the start
//! of the server.

use std::time::Duration;

use crate::Config;

pub(crate) struct Patience {
    connected_at: Duration,
    heard_at: Duration,
    pinged_at: Duration,
    frames: Bucket,
    bytes: Bucket,
}

/// What a connection needs now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    Ping,
    /// It has not joined in time.
    JoinOverdue,
    /// It has been silent for too long.
    Gone,
}

impl Patience {
    pub(crate) fn new(now: Duration, config: &Config) -> Self {
        Self {
            connected_at: now,
            heard_at: now,
            pinged_at: now,
            frames: Bucket::full(now, config.burst_frames),
            bytes: Bucket::full(now, config.burst_bytes),
        }
    }

    /// A frame of `bytes` came. False if there were too many of late.
    pub(crate) fn heard(&mut self, now: Duration, bytes: usize, config: &Config) -> bool {
        self.heard_at = now;
        self.frames.spend(now, 1.0, config.burst_frames, config.frames_per_second)
            && self.bytes.spend(now, bytes as f64, config.burst_bytes, config.bytes_per_second)
    }

    pub(crate) fn check(&mut self, now: Duration, joined: bool, config: &Config) -> Need {
        if !joined && now >= self.connected_at + config.join_timeout {
            Need::JoinOverdue
        } else if joined && now >= self.heard_at + config.silence_limit() {
            Need::Gone
        } else if joined && now >= self.pinged_at + config.ping_interval {
            self.pinged_at = now;
            Need::Ping
        } else {
            Need::Nothing
        }
    }
}

/// A token bucket.
struct Bucket {
    level: f64,
    filled_at: Duration,
}

impl Bucket {
    fn full(now: Duration, burst: u32) -> Self {
        Self { level: f64::from(burst), filled_at: now }
    }

    fn spend(&mut self, now: Duration, cost: f64, burst: u32, per_second: u32) -> bool {
        let elapsed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.level = (self.level + elapsed * f64::from(per_second)).min(f64::from(burst));
        self.filled_at = now;
        let enough = self.level >= cost;
        if enough {
            self.level -= cost;
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
    fn a_dead_peer_is_noticed_within_20_s_after_two_pings() {
        let config = Config::default();
        // The worst moment: it answers a ping and dies at once.
        let mut patience = Patience::new(at(0), &config);
        assert!(patience.heard(at(0), 10, &config));
        let (mut pings, mut now) = (0, at(0));
        loop {
            now += config.tick_interval();
            match patience.check(now, true, &config) {
                Need::Ping => pings += 1,
                Need::Gone => break,
                Need::Nothing => {}
                Need::JoinOverdue => panic!("it has joined"),
            }
        }
        assert_eq!(pings, 2);
        assert!(now <= at(20_000) - config.tick_interval(), "{now:?}");
    }

    #[test]
    fn who_answers_pings_stays() {
        let config = Config::default();
        let mut patience = Patience::new(at(0), &config);
        for tick in 0..10_000 {
            let now = config.tick_interval() * tick;
            match patience.check(now, true, &config) {
                Need::Ping => assert!(patience.heard(now + at(100), 4, &config)),
                need => assert_eq!(need, Need::Nothing),
            }
        }
    }

    #[test]
    fn joining_has_a_deadline_that_talking_does_not_move() {
        let config = Config::default();
        let mut patience = Patience::new(at(1_000), &config);
        assert!(patience.heard(at(10_000), 10, &config));
        assert_eq!(patience.check(at(10_999), false, &config), Need::Nothing);
        assert_eq!(patience.check(at(11_000), false, &config), Need::JoinOverdue);
    }

    #[test]
    fn a_burst_is_allowed_and_refills() {
        let config = Config { burst_frames: 3, frames_per_second: 2, ..Config::default() };
        let mut patience = Patience::new(at(0), &config);
        let mut heard = |ms| patience.heard(at(ms), 10, &config);
        assert!(heard(0) && heard(0) && heard(0));
        assert!(!heard(0));
        assert!(!heard(499));
        assert!(heard(500));
        assert!(!heard(500));
        assert!(heard(60_000) && heard(60_000) && heard(60_000), "no more than the burst is saved up");
        assert!(!heard(60_000));
    }

    #[test]
    fn bytes_count_too() {
        let config = Config { burst_bytes: 100, bytes_per_second: 10, ..Config::default() };
        let mut patience = Patience::new(at(0), &config);
        assert!(patience.heard(at(0), 100, &config));
        assert!(!patience.heard(at(900), 10, &config));
        assert!(patience.heard(at(1_000), 10, &config));
    }
}
