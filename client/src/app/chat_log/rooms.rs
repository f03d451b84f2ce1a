//! What was written in each room, for as long as the app runs.

use std::collections::VecDeque;

use maru_protocol::{RoomKey, RoomName};

use super::{ChatLog, Counters};

/// Rooms kept. The one that was left first is dropped first.
const ROOMS: usize = 8;
/// Texts of all kept rooms together. One room has at most 8 MB: 500 messages of 4,000 characters.
const TEXT_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub(crate) struct RoomLogs {
    logs: VecDeque<(RoomKey, ChatLog)>,
    counters: Counters,
}

impl RoomLogs {
    /// The log for a call in `room`, with what was written there before. Give it back with [`Self::keep`].
    pub(crate) fn take(&mut self, room: &RoomName) -> ChatLog {
        let key = room.key();
        let kept = self.logs.iter().position(|(kept, _)| *kept == key).and_then(|at| self.logs.remove(at));
        let mut log = kept.map(|(_, log)| log).unwrap_or_default();
        log.counters = self.counters;
        log
    }

    /// Keeps the log of a call that is over.
    pub(crate) fn keep(&mut self, room: &RoomName, mut log: ChatLog) {
        self.counters = log.counters;
        log.end_call();
        self.logs.push_back((room.key(), log));
        let mut bytes: usize = self.logs.iter().map(|(_, log)| log.text_bytes()).sum();
        while self.logs.len() > ROOMS || bytes > TEXT_BYTES {
            let Some((_, dropped)) = self.logs.pop_front() else { break };
            bytes -= dropped.text_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ParticipantId;

    fn room(name: &str) -> RoomName {
        name.parse().expect("a room name")
    }

    fn write(log: &mut ChatLog, text: &str) -> u64 {
        log.draft = text.into();
        log.send_draft(std::iter::once(ParticipantId(1)), 0).expect("a message").0
    }

    #[test]
    fn a_room_has_its_earlier_lines_and_another_room_has_not() {
        let mut logs = RoomLogs::default();
        let mut log = logs.take(&room("Family"));
        write(&mut log, "hello");
        logs.keep(&room("Family"), log);
        let other = logs.take(&room("work"));
        assert_eq!(other.lines().len(), 0);
        logs.keep(&room("work"), other);
        let mut log = logs.take(&room("family"));
        assert_eq!(log.lines().len(), 1);
        write(&mut log, "again");
        let earlier: Vec<_> = log.lines().map(|line| log.is_earlier(line)).collect();
        assert_eq!(earlier, [true, false]);
    }

    #[test]
    fn an_acknowledgement_of_an_earlier_call_marks_no_line_of_the_next() {
        let mut logs = RoomLogs::default();
        let mut ids = vec![];
        for name in ["a", "b", "a"] {
            let mut log = logs.take(&room(name));
            ids.push(write(&mut log, "hello"));
            logs.keep(&room(name), log);
        }
        assert_eq!(ids, [1, 2, 3], "no id is used twice, in whatever room");
    }

    #[test]
    fn rooms_and_texts_are_bounded() {
        let mut logs = RoomLogs::default();
        for at in 0..20 {
            let mut log = logs.take(&room(&format!("room {at}")));
            write(&mut log, "hello");
            logs.keep(&room(&format!("room {at}")), log);
        }
        assert_eq!(logs.logs.len(), ROOMS);
        assert_eq!(logs.take(&room("room 19")).lines().len(), 1);
        for at in 0..4 {
            let mut log = logs.take(&room(&format!("long {at}")));
            for _ in 0..500 {
                write(&mut log, &"\u{1f600}".repeat(4_000));
            }
            logs.keep(&room(&format!("long {at}")), log);
        }
        assert_eq!(logs.logs.len(), 2);
        assert_eq!(logs.take(&room("long 3")).lines().len(), 500);
    }
}
