//! Packets that were sent, until the peer has reported on them.

use std::collections::VecDeque;
use std::time::Duration;

use super::burst_loss::BurstLoss;
use super::{Config, Delivery, Outcome};
use crate::rtp::Sequence;
use crate::time::Timestamp;

/// A few seconds. Bounds the memory.
const MAX_PACKETS: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct History {
    /// In the order of sending; transport-wide sequence numbers count up by one.
    packets: VecDeque<Packet>,
    /// When the newest packet that has arrived was sent.
    newest_arrived: Option<Timestamp>,
    /// Bytes sent since the start, and of those all up to the newest packet that was reported on.
    sent_bytes: u64,
    reported_bytes: u64,
    runs: LossRuns,
    bursts: BurstLoss,
}

/// Runs of consecutive losses, in the order of sending. Decaying counts.
#[derive(Debug, Default)]
struct LossRuns {
    lost: f64,
    runs: f64,
    last_was_lost: bool,
}

impl LossRuns {
    fn add(&mut self, config: &Config, is_lost: bool) {
        if is_lost {
            self.lost += 1.0;
            self.runs += f64::from(u8::from(!self.last_was_lost));
        }
        self.last_was_lost = is_lost;
        if self.runs >= config.loss_runs {
            (self.lost, self.runs) = (self.lost / 2.0, self.runs / 2.0);
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Packet {
    sequence: Sequence,
    sent: Timestamp,
    bytes: usize,
    /// Bytes sent since the start, this packet included.
    sent_bytes: u64,
    is_retransmission: bool,
    is_burst_head: bool,
    status: Status,
}

impl Packet {
    fn outcome(&self, delivery: Delivery) -> Outcome {
        Outcome { sequence: self.sequence, sent: self.sent, delivery, bytes: self.bytes }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// In flight, or the report was lost.
    Unreported,
    Missing,
    Arrived,
}

impl History {
    /// `is_retransmission`: the peer may have the packet already, and then never reports this copy.
    pub(super) fn add(
        &mut self,
        config: &Config,
        sequence: Sequence,
        sent: Timestamp,
        bytes: usize,
        is_retransmission: bool,
    ) {
        if self.packets.len() == MAX_PACKETS {
            self.packets.pop_front();
        }
        self.sent_bytes += bytes as u64;
        let is_burst_head = self.last_sent().is_none_or(|last| sent.since(last) >= config.burst_gap);
        let (sent_bytes, status) = (self.sent_bytes, Status::Unreported);
        let packet = Packet { sequence, sent, bytes, sent_bytes, is_retransmission, is_burst_head, status };
        self.packets.push_back(packet);
    }

    /// Bytes that were sent after everything that has been reported on.
    pub(super) fn in_flight_bytes(&self) -> u64 {
        self.sent_bytes - self.reported_bytes
    }

    pub(super) fn knows_bursts(&self, config: &Config) -> bool {
        self.bursts.is_known(config)
    }

    /// Whether the ends of our bursts are lost. Restarts the count if so.
    pub(super) fn take_burst_loss(&mut self, config: &Config) -> bool {
        let is_detected = self.bursts.is_detected(config);
        if is_detected {
            self.bursts = BurstLoss::default();
        }
        is_detected
    }

    pub(super) fn last_sent(&self) -> Option<Timestamp> {
        self.packets.back().map(|packet| packet.sent)
    }

    /// The mean length of a run of losses, in packets.
    pub(super) fn mean_loss_run(&self) -> f64 {
        self.runs.lost / self.runs.runs.max(1.0)
    }

    pub(super) fn has_unreported(&self) -> bool {
        self.packets.iter().any(|packet| packet.status == Status::Unreported)
    }

    /// The peer reports on these packets: the arrival on its own clock, or `None`. Returns what is certain now. A
    /// packet that was overtaken counts as lost only after [`Config::reordering_time`], and arrives until then; one
    /// that was never reported on is not lost.
    pub(super) fn handle_report(&mut self, config: &Config, packets: &[(Sequence, Option<Duration>)]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for &(sequence, arrived) in packets {
            let Some(first) = self.packets.front() else { break };
            let Ok(place) = usize::try_from(sequence - first.sequence) else { continue };
            let known = self.packets.get_mut(place).filter(|packet| packet.sequence == sequence);
            let Some(packet) = known.filter(|packet| packet.status != Status::Arrived) else { continue };
            packet.status = if arrived.is_some() { Status::Arrived } else { Status::Missing };
            self.reported_bytes = self.reported_bytes.max(packet.sent_bytes);
            if let Some(at) = arrived {
                self.newest_arrived = self.newest_arrived.max(Some(packet.sent));
                outcomes.push(packet.outcome(Delivery::Arrived(at)));
            }
        }
        while let Some((packet, newest)) = self.packets.front().zip(self.newest_arrived) {
            if packet.status != Status::Arrived && newest.since(packet.sent) <= config.reordering_time {
                break;
            }
            let delivery = match packet.status {
                Status::Missing if !packet.is_retransmission => Some(Delivery::Lost),
                Status::Unreported => Some(Delivery::Unknown),
                Status::Missing | Status::Arrived => None,
            };
            let is_lost = delivery == Some(Delivery::Lost);
            self.runs.add(config, is_lost);
            if !packet.is_retransmission {
                self.bursts.add(config, packet.is_burst_head, is_lost);
            }
            outcomes.extend(delivery.map(|delivery| packet.outcome(delivery)));
            self.packets.pop_front();
        }
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    #[test]
    fn an_overtaken_packet_arrives_late_and_a_lost_one_is_lost_in_the_end() {
        let (config, mut history) = (Config::default(), History::default());
        for i in 0..40 {
            history.add(&config, Sequence::new(50 + i), at(i * 10), 100, i == 8);
        }
        let arrival = |i: u64| (Sequence::new(50 + i), Some(Duration::from_millis(1000 + i * 10)));
        let missing = |i: u64| (Sequence::new(50 + i), None);
        let is_arrival = |outcome: &&Outcome| matches!(outcome.delivery, Delivery::Arrived(_));
        let arrived = |outcomes: Vec<Outcome>| outcomes.iter().filter(is_arrival).count();
        // The third and the fifth are missing, the seventh is never reported on, the ninth is a retransmission.
        let first = [arrival(0), arrival(1), missing(2), arrival(3), missing(4), arrival(5)];
        assert_eq!(arrived(history.handle_report(&config, &first)), 4);
        let second = history.handle_report(&config, &[arrival(4), arrival(5)]);
        assert_eq!(arrived(second), 1, "the fifth came after all, the sixth is known");
        let rest: Vec<_> = (7..40).map(|i| if i == 8 { missing(i) } else { arrival(i) }).collect();
        let outcomes = history.handle_report(&config, &rest);
        let others: Vec<_> = outcomes.iter().filter(|outcome| !is_arrival(outcome)).copied().collect();
        let outcome =
            |i: u64, delivery| Outcome { sequence: Sequence::new(50 + i), sent: at(i * 10), delivery, bytes: 100 };
        assert_eq!(others, [outcome(2, Delivery::Lost), outcome(6, Delivery::Unknown)]);
        assert_eq!(outcomes.len(), 34);
        assert!(!history.has_unreported());
        let old_and_unknown = [arrival(39), (Sequence::new(7), Some(Duration::ZERO))];
        assert!(history.handle_report(&config, &old_and_unknown).is_empty());
    }
}
