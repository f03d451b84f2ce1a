//! What the narrowest link on the way carries, by pairs of packets: two that leave together wait there for each other, and
//! arrive as far apart as it takes for the second one (Keshav, SIGCOMM 1991; Dovrolis et al., INFOCOM 2001).
//!
//! Nothing has to queue for that but the second packet. What others send counts in part only, and many links hand out
//! packets in heaps: so this never says what may be sent, only whether the way has changed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::rtp::Sequence;
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Pairs {
    last: Option<Arrived>,
    /// When the last pair was sent.
    newest: Option<Timestamp>,
    /// Newest last, in bit/s.
    recent_bps: VecDeque<f64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived {
    pub(super) sequence: Sequence,
    pub(super) sent: Timestamp,
    pub(super) at: Duration,
    pub(super) bytes: usize,
}

impl Pairs {
    /// A packet arrived. In the order in which they were sent.
    pub(super) fn add(&mut self, packet: Arrived) {
        let Some(last) = self.last.replace(packet) else { return };
        let are_together = packet.sequence == last.sequence + 1 && packet.sent.since(last.sent) <= TOGETHER;
        if !are_together || packet.bytes < MIN_PAIR_BYTES || packet.at <= last.at {
            return;
        }
        self.newest = Some(packet.sent);
        if self.recent_bps.len() == PAIRS {
            self.recent_bps.pop_front();
        }
        self.recent_bps.push_back(packet.bytes as f64 * 8.0 / (packet.at - last.at).as_secs_f64());
    }

    /// The median of the last pairs, in bit/s. `None`: there were too few, or none of late.
    pub(super) fn bps(&self, now: Timestamp) -> Option<f64> {
        if self.recent_bps.len() < PAIRS || self.newest.is_none_or(|newest| now.since(newest) > OLD) {
            return None;
        }
        let mut sorted: Vec<f64> = self.recent_bps.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        Some(sorted[sorted.len() / 2])
    }
}

/// Sent within this time there is no pause between two packets.
const TOGETHER: Duration = Duration::from_millis(1);
/// A second packet that is smaller says more of clocks than of the way.
pub(crate) const MIN_PAIR_BYTES: usize = 500;
/// Four times what the pacer takes from one pair to the next where there is no sound.
const OLD: Duration = Duration::from_secs(2);
/// So many, and the median of them is not moved by two that met something.
const PAIRS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(sequence: u64, sent_us: u64, at_us: u64, bytes: usize) -> Arrived {
        let sequence = Sequence::new(sequence);
        Arrived { sequence, sent: Timestamp::from_micros(sent_us), at: Duration::from_micros(at_us), bytes }
    }

    #[test]
    fn two_packets_that_leave_together_arrive_as_far_apart_as_the_way_takes_for_one() {
        let mut pairs = Pairs::default();
        for frame in 0..6 {
            let sent_us = frame * 33_000;
            // 10 ms for 1000 bytes; the third packet leaves later, the fourth is small.
            pairs.add(arrived(frame * 4, sent_us, sent_us + 20_000, 1000));
            pairs.add(arrived(frame * 4 + 1, sent_us, sent_us + 30_000, 1000));
            pairs.add(arrived(frame * 4 + 2, sent_us + 5000, sent_us + 31_000, 1000));
            pairs.add(arrived(frame * 4 + 3, sent_us + 5000, sent_us + 31_100, 100));
            let now = Timestamp::from_micros(sent_us + 100_000);
            assert_eq!(pairs.bps(now).is_some(), frame >= 4);
        }
        assert_eq!(pairs.bps(Timestamp::from_micros(1_000_000)), Some(800_000.0));
        assert_eq!(pairs.bps(Timestamp::from_micros(3_000_000)), None);
    }

    #[test]
    fn two_that_met_something_on_the_way_do_not_count() {
        let mut pairs = Pairs::default();
        for (pair, apart_us) in [10_000, 90_000, 10_000, 100, 10_000].into_iter().enumerate() {
            let (sequence, sent_us) = (pair as u64 * 2, pair as u64 * 100_000);
            pairs.add(arrived(sequence, sent_us, sent_us + 20_000, 1000));
            pairs.add(arrived(sequence + 1, sent_us, sent_us + 20_000 + apart_us, 1000));
        }
        assert_eq!(pairs.bps(Timestamp::from_micros(1_000_000)), Some(800_000.0));
    }
}
