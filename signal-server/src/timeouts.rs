//! The timeouts of one connection: joining a room, pings, silence.

use std::time::Duration;

use crate::Config;

pub(crate) struct Timeouts {
    connected_at: Duration,
    /// When the last frame arrived.
    active_at: Duration,
    pinged_at: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A ping is to be sent.
    Ping,
    /// The client did not join a room within [`Config::join_timeout`].
    JoinTimeout,
    /// The client sent nothing for [`Config::silence_timeout`].
    SilenceTimeout,
}

impl Timeouts {
    /// For a client that connects at `now`.
    pub(crate) fn new(now: Duration) -> Self {
        Self { connected_at: now, active_at: now, pinged_at: now }
    }

    /// A frame arrived.
    pub(crate) fn frame_arrived(&mut self, now: Duration) {
        self.active_at = now;
    }

    /// What is due now. A ping that is returned counts as sent.
    pub(crate) fn check(&mut self, now: Duration, joined: bool, config: &Config) -> Option<Due> {
        if !joined {
            return (now >= self.connected_at + config.join_timeout).then_some(Due::JoinTimeout);
        }
        if now >= self.active_at + config.silence_timeout() {
            return Some(Due::SilenceTimeout);
        }
        let ping = now >= self.pinged_at + config.ping_interval;
        if ping {
            self.pinged_at = now;
        }
        ping.then_some(Due::Ping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_dead_client_times_out_within_20_s_after_two_pings() {
        let config = Config::default();
        // The worst case: the client dies right after it has sent a frame.
        let mut timeouts = Timeouts::new(at(0));
        let (mut pings, mut now) = (0, at(0));
        loop {
            now += config.tick_interval();
            match timeouts.check(now, true, &config) {
                Some(Due::Ping) => pings += 1,
                Some(Due::SilenceTimeout) => break,
                due => assert_eq!(due, None),
            }
        }
        assert_eq!(pings, 2);
        assert!(now <= at(20_000).saturating_sub(config.tick_interval()), "{now:?}");
    }

    #[test]
    fn a_client_that_answers_pings_does_not_time_out() {
        let config = Config::default();
        let mut timeouts = Timeouts::new(at(0));
        for tick in 0..10_000 {
            let now = config.tick_interval() * tick;
            match timeouts.check(now, true, &config) {
                Some(Due::Ping) => timeouts.frame_arrived(now + at(100)),
                due => assert_eq!(due, None),
            }
        }
    }

    #[test]
    fn frames_do_not_extend_the_join_timeout() {
        let config = Config::default();
        let mut timeouts = Timeouts::new(at(1_000));
        timeouts.frame_arrived(at(10_000));
        assert_eq!(timeouts.check(at(10_999), false, &config), None);
        assert_eq!(timeouts.check(at(11_000), false, &config), Some(Due::JoinTimeout));
    }
}
