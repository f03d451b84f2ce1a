//! Which messages are under way to whom. As long as a connected participant has not acknowledged many, no more lines are
//! read, so that a file can be piped in.

use std::collections::{BTreeMap, BTreeSet};

use maru_core::chat::MAX_WAITING;

use crate::participants::{ConnectionState, Participants};
use crate::session::ParticipantId;

/// Half of what a participant may leave unacknowledged: what the connection repeats has room, too.
const MAX_UNDER_WAY: usize = MAX_WAITING / 2;

#[derive(Debug, Default)]
pub(super) struct Undelivered {
    ids: BTreeMap<ParticipantId, BTreeSet<u64>>,
}

impl Undelivered {
    /// The message `id` was written to all `participants`. Returns those that have to do without it: they are not
    /// connected, and too many messages wait for them already.
    pub(super) fn written(&mut self, id: u64, participants: &Participants) -> Vec<ParticipantId> {
        self.ids.retain(|key, _| participants.get(*key).is_some());
        let mut without = Vec::new();
        for participant in participants {
            let waiting = self.ids.entry(participant.key).or_default();
            if waiting.len() < MAX_WAITING {
                waiting.insert(id);
            } else {
                without.push(participant.key);
            }
        }
        without
    }

    pub(super) fn delivered(&mut self, id: u64, participant: ParticipantId) {
        if let Some(waiting) = self.ids.get_mut(&participant) {
            waiting.remove(&id);
        }
    }

    /// Whether the next line can be sent now. Those that cannot be reached are not waited for.
    pub(super) fn has_room(&self, participants: &Participants) -> bool {
        let is_full = |key| self.ids.get(&key).is_some_and(|waiting| waiting.len() >= MAX_UNDER_WAY);
        let is_reached =
            |state: &ConnectionState| matches!(state, ConnectionState::Connecting | ConnectionState::Connected);
        !participants.iter().any(|participant| is_reached(&participant.connection) && is_full(participant.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{CallEvent, Event};

    const ANN: ParticipantId = ParticipantId(1);
    const BOB: ParticipantId = ParticipantId(2);

    fn apply(participants: &mut Participants, event: Event) {
        participants.apply(&"room".parse().expect("a room name"), &CallEvent::Call(event));
    }

    fn room() -> Participants {
        let mut participants = Participants::default();
        for (participant, name) in [(ANN, "Ann"), (BOB, "Bob")] {
            let name = name.parse().expect("a nickname");
            apply(&mut participants, Event::ParticipantJoined { participant, name });
            apply(&mut participants, Event::ParticipantConnected { participant });
        }
        participants
    }

    #[test]
    fn lines_wait_for_the_slowest_participant() {
        let (participants, mut undelivered) = (room(), Undelivered::default());
        let mut sent = 0;
        for _ in 0..1_000 {
            while undelivered.has_room(&participants) {
                sent += 1;
                assert_eq!(undelivered.written(sent, &participants), []);
                undelivered.delivered(sent, ANN);
            }
            // Bob acknowledges one.
            let first = *undelivered.ids[&BOB].first().expect("messages are under way");
            undelivered.delivered(first, BOB);
        }
        assert_eq!(sent, 999 + MAX_UNDER_WAY as u64);
    }

    #[test]
    fn a_participant_that_is_out_of_reach_holds_up_nobody() {
        let (mut participants, mut undelivered) = (room(), Undelivered::default());
        apply(&mut participants, Event::ParticipantInterrupted { participant: BOB });
        for id in 1..=1_000 {
            assert!(undelivered.has_room(&participants));
            let without = undelivered.written(id, &participants);
            assert_eq!(without.is_empty(), id <= MAX_WAITING as u64, "message {id}");
            undelivered.delivered(id, ANN);
        }
    }

    #[test]
    fn who_has_left_holds_up_nobody_and_is_forgotten() {
        let (mut participants, mut undelivered) = (room(), Undelivered::default());
        for id in 1..=MAX_UNDER_WAY as u64 {
            undelivered.written(id, &participants);
            undelivered.delivered(id, ANN);
        }
        assert!(!undelivered.has_room(&participants));
        apply(
            &mut participants,
            Event::ParticipantLeft { participant: BOB, name: "Bob".parse().expect("a nickname"), lost: true },
        );
        assert!(undelivered.has_room(&participants));
        undelivered.written(1_000, &participants);
        assert_eq!(undelivered.ids.keys().copied().collect::<Vec<_>>(), [ANN]);
    }
}
