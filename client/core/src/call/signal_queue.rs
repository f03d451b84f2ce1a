//! Signals on their way to the server. Others decide how many there are: each offer is answered. The server disconnects
//! a client that sends over 200 messages at once or 50 a second, so fewer leave, and the participants take turns.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use maru_protocol::signal::ClientMessage;

use super::allowance::Allowance;
use super::ids::ParticipantId;
use crate::time::Timestamp;

/// Signals at once, and the time after which one more may leave. Enough for a newcomer in a room of eight.
const MAX_AT_ONCE: u32 = 150;
const INTERVAL: Duration = Duration::from_millis(50);
/// Signals that wait for one participant. Further ones are dropped: its connection fails and is tried again.
const MAX_WAITING: usize = 128;

#[derive(Debug)]
pub(super) struct SignalQueue {
    waiting: BTreeMap<ParticipantId, VecDeque<ClientMessage>>,
    /// Whose turn it was last.
    last: ParticipantId,
    allowance: Allowance,
}

impl SignalQueue {
    pub(super) fn new() -> Self {
        Self { waiting: BTreeMap::new(), last: ParticipantId(0), allowance: Allowance::new(MAX_AT_ONCE, INTERVAL) }
    }

    pub(super) fn push(&mut self, to: ParticipantId, signal: ClientMessage) {
        let waiting = self.waiting.entry(to).or_default();
        if waiting.len() < MAX_WAITING {
            waiting.push_back(signal);
        } else {
            tracing::debug!(participant = to.0, "too many signals wait for it: one is dropped");
        }
    }

    /// The next signal that may leave at `now`.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<ClientMessage> {
        let after_last = self.waiting.range(ParticipantId(self.last.0.saturating_add(1))..).next();
        let turn = *after_last.or_else(|| self.waiting.first_key_value())?.0;
        if !self.allowance.take(now) {
            return None;
        }
        self.last = turn;
        let waiting = self.waiting.get_mut(&turn)?;
        let signal = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&turn);
        }
        signal
    }

    /// When the next signal may leave, if one waits.
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        (!self.waiting.is_empty()).then(|| self.allowance.next_at())
    }

    /// The ids in them belong to a registration that is over.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn forget(&mut self, participant: ParticipantId) {
        self.waiting.remove(&participant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participants_take_turns_and_no_more_leave_than_the_server_takes() {
        let at = |ms: u64| Timestamp::from_micros(ms * 1000);
        let mut queue = SignalQueue::new();
        for _ in 0..2 * MAX_WAITING {
            queue.push(ParticipantId(1), ClientMessage::Ping);
            queue.push(ParticipantId(2), ClientMessage::Ping);
        }
        queue.push(ParticipantId(3), ClientMessage::Leave);
        let first: Vec<_> = (0..3).filter_map(|_| queue.poll(at(1_000))).collect();
        assert!(first.contains(&ClientMessage::Leave), "one signal does not wait behind the flood of others");
        let mut sent = first.len();
        while queue.poll(at(1_000)).is_some() {
            sent += 1;
        }
        assert_eq!(sent, 150);
        assert_eq!(queue.poll_timeout(), Some(at(1_050)));
        assert!(queue.poll(at(1_049)).is_none() && queue.poll(at(1_050)).is_some());
        let limit = signal_server::Config::default();
        assert!(MAX_AT_ONCE < limit.burst_frames);
        assert!(INTERVAL * limit.frames_per_second > 2 * Duration::from_secs(1));
    }
}
