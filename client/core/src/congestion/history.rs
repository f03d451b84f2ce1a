//! What was sent, until the peer has reported on it.

use std::collections::VecDeque;
use std::time::Duration;

use super::bursts::Bursts;
use super::{Fate, Outcome};
use crate::rtp::Sequence;
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct History {
    /// In the order of sending; transport-wide sequence numbers count up by one.
    packets: VecDeque<Packet>,
    /// When the newest packet was sent that has arrived.
    newest_arrived: Option<Timestamp>,
    /// Bytes sent since the start, and of those all up to the newest packet that was reported on.
    sent_bytes: u64,
    reported_bytes: u64,
    runs: Runs,
    bursts: Bursts,
}

/// Runs of losses, in the order of sending; older ones count less and less.
#[derive(Debug, Default)]
struct Runs {
    lost: f64,
    runs: f64,
    is_losing: bool,
}

impl Runs {
    fn add(&mut self, is_lost: bool) {
        if is_lost {
            self.lost += 1.0;
            self.runs += f64::from(u8::from(!self.is_losing));
        }
        self.is_losing = is_lost;
        if self.runs >= REMEMBERED_RUNS {
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
    is_repair: bool,
    /// Nothing was sent just before.
    is_head: bool,
    status: Status,
}

impl Packet {
    fn outcome(&self, fate: Fate) -> Outcome {
        Outcome { sequence: self.sequence, sent: self.sent, fate, bytes: self.bytes }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Nothing has been said of it: it may be on its way, or the report was lost.
    Unknown,
    Missing,
    Arrived,
}

impl History {
    /// `is_repair`: the peer may have it already, and then never reports it.
    pub(super) fn add(&mut self, sequence: Sequence, sent: Timestamp, bytes: usize, is_repair: bool) {
        if self.packets.len() == MAX_PACKETS {
            self.packets.pop_front();
        }
        self.sent_bytes += bytes as u64;
        let is_head = self.last_sent().is_none_or(|last| sent.since(last) >= PAUSE);
        let (sent_bytes, status) = (self.sent_bytes, Status::Unknown);
        self.packets.push_back(Packet { sequence, sent, bytes, sent_bytes, is_repair, is_head, status });
    }

    /// Bytes that were sent after everything that has been reported on.
    pub(super) fn in_flight_bytes(&self) -> u64 {
        self.sent_bytes - self.reported_bytes
    }

    pub(super) fn knows_bursts(&self) -> bool {
        self.bursts.are_known()
    }

    /// Whether the ends of our bursts are lost. Told once; after that it is counted anew.
    pub(super) fn take_lost_bursts(&mut self) -> bool {
        let are_lost = self.bursts.are_lost();
        if are_lost {
            self.bursts = Bursts::default();
        }
        are_lost
    }

    pub(super) fn last_sent(&self) -> Option<Timestamp> {
        self.packets.back().map(|packet| packet.sent)
    }

    /// How many packets are lost in a row, on average.
    pub(super) fn loss_run(&self) -> f64 {
        self.runs.lost / self.runs.runs.max(1.0)
    }

    /// Whether something is out that has not been reported on.
    pub(super) fn has_unreported(&self) -> bool {
        self.packets.iter().any(|packet| packet.status == Status::Unknown)
    }

    /// The peer reports on these: sequence numbers, and the arrival on its own clock or `None`. Returns what is certain now.
    /// A packet that was overtaken is told of when it arrives, and counts as lost only after [`OVERTAKEN`]; one of which
    /// nothing was said never does.
    pub(super) fn report(&mut self, packets: &[(Sequence, Option<Duration>)]) -> Vec<Outcome> {
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
                outcomes.push(packet.outcome(Fate::Arrived(at)));
            }
        }
        while let Some((packet, newest)) = self.packets.front().zip(self.newest_arrived) {
            if packet.status != Status::Arrived && newest.since(packet.sent) <= OVERTAKEN {
                break;
            }
            let fate = match packet.status {
                Status::Missing if !packet.is_repair => Some(Fate::Lost),
                Status::Unknown => Some(Fate::Unknown),
                Status::Missing | Status::Arrived => None,
            };
            self.runs.add(fate == Some(Fate::Lost));
            if !packet.is_repair {
                self.bursts.add(packet.is_head, fate == Some(Fate::Lost));
            }
            outcomes.extend(fate.map(|fate| packet.outcome(fate)));
            self.packets.pop_front();
        }
        outcomes
    }
}

/// A packet that so much later ones have overtaken is lost.
const OVERTAKEN: Duration = Duration::from_millis(150);
/// A queue that holds a packet or two is empty again after so long.
const PAUSE: Duration = Duration::from_millis(3);
const REMEMBERED_RUNS: f64 = 64.0;
/// A few seconds.
const MAX_PACKETS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    #[test]
    fn what_is_overtaken_is_told_late_and_what_is_lost_in_the_end() {
        let mut history = History::default();
        for i in 0..40 {
            history.add(Sequence::new(50 + i), at(i * 10), 100, i == 8);
        }
        let arrival = |i: u64| (Sequence::new(50 + i), Some(Duration::from_millis(1000 + i * 10)));
        let missing = |i: u64| (Sequence::new(50 + i), None);
        let is_arrival = |outcome: &&Outcome| matches!(outcome.fate, Fate::Arrived(_));
        let arrived = |outcomes: Vec<Outcome>| outcomes.iter().filter(is_arrival).count();
        // The third and the fifth are missing, of the seventh nothing is ever said, the ninth was there already.
        let first = [arrival(0), arrival(1), missing(2), arrival(3), missing(4), arrival(5)];
        assert_eq!(arrived(history.report(&first)), 4);
        assert_eq!(
            arrived(history.report(&[arrival(4), arrival(5)])),
            1,
            "the fifth came after all, the sixth is known"
        );
        let rest: Vec<_> = (7..40).map(|i| if i == 8 { missing(i) } else { arrival(i) }).collect();
        let outcomes = history.report(&rest);
        let others: Vec<_> = outcomes.iter().filter(|outcome| !is_arrival(outcome)).copied().collect();
        let outcome = |i: u64, fate| Outcome { sequence: Sequence::new(50 + i), sent: at(i * 10), fate, bytes: 100 };
        assert_eq!(others, [outcome(2, Fate::Lost), outcome(6, Fate::Unknown)]);
        assert_eq!(outcomes.len(), 34);
        assert!(!history.has_unreported());
        assert!(
            history.report(&[arrival(39), (Sequence::new(7), Some(Duration::ZERO))]).is_empty(),
            "old and unknown ones"
        );
    }
}
