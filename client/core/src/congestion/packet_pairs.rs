//! The rate of the bottleneck by packet pairs: two packets that leave together arrive as far apart as the bottleneck
//! takes for the second one (Keshav, SIGCOMM 1991; Dovrolis et al., INFOCOM 2001).
//!
//! Cross traffic, jitter and links that deliver in batches move the estimate, so it never sets the target. It tells
//! whether the path has changed.

use std::collections::VecDeque;
use std::time::Duration;

use super::Config;
use crate::rtp::Sequence;
use crate::time::Timestamp;

/// A smaller second packet measures clocks rather than the path.
pub(crate) const MIN_PAIR_BYTES: usize = 500;

#[derive(Debug, Default)]
pub(super) struct PacketPairs {
    last: Option<Arrived>,
    /// When the newest pair was sent.
    newest: Option<Timestamp>,
    /// Rates of the newest pairs, the newest last.
    rates_bps: VecDeque<f64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived {
    /// Transport-wide.
    pub(super) sequence: Sequence,
    pub(super) sent: Timestamp,
    pub(super) at: Duration,
    pub(super) bytes: usize,
}

impl PacketPairs {
    /// A packet arrived. To be called in the order of sending.
    pub(super) fn add(&mut self, config: &Config, packet: Arrived) {
        let Some(last) = self.last.replace(packet) else { return };
        let is_pair = packet.sequence == last.sequence + 1 && packet.sent.since(last.sent) <= config.pair_sent_within;
        if !is_pair || packet.bytes < config.pair_min_bytes || packet.at <= last.at {
            return;
        }
        self.newest = Some(packet.sent);
        if self.rates_bps.len() == config.pair_count {
            self.rates_bps.pop_front();
        }
        self.rates_bps.push_back(packet.bytes as f64 * 8.0 / packet.at.saturating_sub(last.at).as_secs_f64());
    }

    /// The median of the newest pairs, in bit/s. `None` if there are too few, or none of late.
    pub(super) fn bps(&self, config: &Config, now: Timestamp) -> Option<f64> {
        let is_old = self.newest.is_none_or(|newest| now.since(newest) > config.pair_max_age);
        self.last_bps(config).filter(|_| !is_old)
    }

    /// The same, however old they are.
    pub(super) fn last_bps(&self, config: &Config) -> Option<f64> {
        if self.rates_bps.len() < config.pair_count {
            return None;
        }
        let mut sorted: Vec<f64> = self.rates_bps.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        Some(sorted[sorted.len() / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(sequence: u64, sent_us: u64, at_us: u64, bytes: usize) -> Arrived {
        let sequence = Sequence::new(sequence);
        Arrived { sequence, sent: Timestamp::from_micros(sent_us), at: Duration::from_micros(at_us), bytes }
    }

    #[test]
    fn a_pair_arrives_as_far_apart_as_the_bottleneck_takes_for_one_packet() {
        let (config, mut pairs) = (Config::default(), PacketPairs::default());
        for frame in 0..6 {
            let sent_us = frame * 33_000;
            // 10 ms for 1000 bytes; the third packet leaves later, the fourth is small.
            pairs.add(&config, arrived(frame * 4, sent_us, sent_us + 20_000, 1000));
            pairs.add(&config, arrived(frame * 4 + 1, sent_us, sent_us + 30_000, 1000));
            pairs.add(&config, arrived(frame * 4 + 2, sent_us + 5000, sent_us + 31_000, 1000));
            pairs.add(&config, arrived(frame * 4 + 3, sent_us + 5000, sent_us + 31_100, 100));
            let now = Timestamp::from_micros(sent_us + 100_000);
            assert_eq!(pairs.bps(&config, now).is_some(), frame >= 4);
        }
        assert_eq!(pairs.bps(&config, Timestamp::from_micros(1_000_000)), Some(800_000.0));
        assert_eq!(pairs.bps(&config, Timestamp::from_micros(3_000_000)), None);
    }

    #[test]
    fn two_pairs_that_met_cross_traffic_do_not_change_the_estimate() {
        let (config, mut pairs) = (Config::default(), PacketPairs::default());
        for (pair, apart_us) in [10_000, 90_000, 10_000, 100, 10_000].into_iter().enumerate() {
            let (sequence, sent_us) = (pair as u64 * 2, pair as u64 * 100_000);
            pairs.add(&config, arrived(sequence, sent_us, sent_us + 20_000, 1000));
            pairs.add(&config, arrived(sequence + 1, sent_us, sent_us + 20_000 + apart_us, 1000));
        }
        assert_eq!(pairs.bps(&config, Timestamp::from_micros(1_000_000)), Some(800_000.0));
    }
}
