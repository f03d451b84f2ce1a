//! Messages and notices, in order. Bounded: the oldest lines are dropped.

mod rooms;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maru_protocol::Nickname;
use maru_protocol::peer::MAX_CHAT_CHARS;

pub(crate) use self::rooms::RoomLogs;
use crate::i18n::Notice;
use crate::session::ParticipantId;

/// Lines kept.
const CAPACITY: usize = 500;

#[derive(Debug, Clone, Default)]
pub(crate) struct ChatLog {
    lines: VecDeque<ChatLine>,
    counters: Counters,
    /// The newest line of an earlier call in this room.
    last_earlier: Option<u64>,
    /// Messages that arrived while the chat was closed.
    pub(crate) unread: usize,
    /// The first of them. Stays until the chat is closed again.
    first_unread: Option<u64>,
    pub(crate) draft: String,
}

/// The numbers given last. None is given twice while the app runs: a late acknowledgement marks no other line.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    message: u64,
    line: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatLine {
    /// Counts up, and is in no other room's log.
    pub(crate) number: u64,
    pub(crate) unix_ms: u64,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Notice(Notice),
    Theirs { participant: ParticipantId, name: Nickname, text: String },
    Ours { id: u64, text: String, delivery: Delivery },
}

/// Who was in the room when a message of ours was sent, and who has received it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Delivery {
    expected: BTreeSet<ParticipantId>,
    delivered: BTreeSet<ParticipantId>,
}

impl Content {
    /// `None`: we, or the program.
    fn author(&self) -> Option<ParticipantId> {
        match self {
            Self::Theirs { participant, .. } => Some(*participant),
            Self::Ours { .. } | Self::Notice(_) => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Theirs { text, .. } | Self::Ours { text, .. } => text,
            Self::Notice(_) => "",
        }
    }
}

impl Delivery {
    pub(crate) fn delivered(&self) -> usize {
        self.delivered.len()
    }

    /// Everyone who was in the room, and those who came later and received it.
    pub(crate) fn total(&self) -> usize {
        self.expected.union(&self.delivered).count()
    }
}

impl ChatLog {
    pub(crate) fn lines(&self) -> impl ExactSizeIterator<Item = &ChatLine> {
        self.lines.iter()
    }

    /// Written in an earlier call.
    pub(crate) fn is_earlier(&self, line: &ChatLine) -> bool {
        self.last_earlier.is_some_and(|last| line.number <= last)
    }

    pub(crate) fn is_first_unread(&self, line: &ChatLine) -> bool {
        self.first_unread == Some(line.number)
    }

    /// The newest line came while the chat was closed.
    pub(crate) fn count_unread(&mut self) {
        if self.unread == 0 {
            self.first_unread = Some(self.counters.line);
        }
        self.unread += 1;
    }

    pub(crate) fn handle_opened(&mut self) {
        self.unread = 0;
    }

    pub(crate) fn handle_closed(&mut self) {
        if self.unread == 0 {
            self.first_unread = None;
        }
    }

    pub(crate) fn add_notice(&mut self, notice: Notice, unix_ms: u64) {
        self.push(unix_ms, Content::Notice(notice));
    }

    pub(crate) fn add_theirs(&mut self, participant: ParticipantId, name: Nickname, text: String, unix_ms: u64) {
        self.push(unix_ms, Content::Theirs { participant, name, text });
    }

    /// Turns the draft into a message and returns its id and text. `None`: it is blank or too long.
    pub(crate) fn send_draft(
        &mut self,
        to: impl Iterator<Item = ParticipantId>,
        unix_ms: u64,
    ) -> Option<(u64, String)> {
        let text = self.draft.trim();
        if text.is_empty() || self.draft_excess().is_some() {
            return None;
        }
        let text = text.to_owned();
        self.draft.clear();
        self.counters.message += 1;
        let id = self.counters.message;
        let delivery = Delivery { expected: to.collect(), delivered: BTreeSet::new() };
        self.push(unix_ms, Content::Ours { id, text: text.clone(), delivery });
        Some((id, text))
    }

    /// The draft's length in characters, if it is above the limit.
    pub(crate) fn draft_excess(&self) -> Option<usize> {
        // A text has at least as many bytes as characters, so a short draft needs no count.
        let may_exceed = self.draft.len() > MAX_CHAT_CHARS;
        may_exceed.then(|| self.draft.trim().chars().count()).filter(|length| *length > MAX_CHAT_CHARS)
    }

    pub(crate) fn mark_delivered(&mut self, delivered_id: u64, peer: ParticipantId) {
        // Newest first: usually the last message is confirmed.
        for line in self.lines.iter_mut().rev() {
            if let Content::Ours { id, delivery, .. } = &mut line.content
                && *id == delivered_id
            {
                delivery.delivered.insert(peer);
                return;
            }
        }
    }

    fn text_bytes(&self) -> usize {
        self.lines.iter().map(|line| line.content.text().len()).sum()
    }

    fn end_call(&mut self) {
        self.last_earlier = self.lines.back().map(|line| line.number);
        (self.unread, self.first_unread) = (0, None);
    }

    fn push(&mut self, unix_ms: u64, content: Content) {
        if self.lines.len() == CAPACITY {
            // A notice first: whoever comes, goes or changes its name a thousand times erases no message.
            let notice = self.lines.iter().position(|line| matches!(line.content, Content::Notice(_)));
            self.lines.remove(notice.unwrap_or_else(|| self.oldest_of_most_talkative()));
        }
        self.counters.line += 1;
        self.lines.push_back(ChatLine { number: self.counters.line, unix_ms, content });
    }

    /// Whoever writes a thousand messages erases its own, and nobody else's.
    fn oldest_of_most_talkative(&self) -> usize {
        let mut lines_of = BTreeMap::<_, (usize, usize)>::new();
        for (index, line) in self.lines.iter().enumerate() {
            // Another call counts its participants anew.
            let author = (self.is_earlier(line), line.content.author());
            lines_of.entry(author).or_insert((0, index)).0 += 1;
        }
        lines_of.into_values().max_by_key(|(lines, _)| *lines).map_or(0, |(_, oldest)| oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(log: &ChatLog) -> &Delivery {
        match &log.lines().last().expect("a line").content {
            Content::Ours { delivery, .. } => delivery,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn delivery_counts_those_present_and_those_who_came_later() {
        let mut log = ChatLog { draft: "  hello\nyou \n".into(), ..ChatLog::default() };
        let sent = log.send_draft([ParticipantId(1), ParticipantId(2)].into_iter(), 5);
        assert_eq!(sent, Some((1, "hello\nyou".into())));
        assert!(log.draft.is_empty());
        log.mark_delivered(1, ParticipantId(2));
        log.mark_delivered(1, ParticipantId(2));
        log.mark_delivered(9, ParticipantId(1));
        assert_eq!((delivery(&log).delivered(), delivery(&log).total()), (1, 2));
        log.mark_delivered(1, ParticipantId(3));
        assert_eq!((delivery(&log).delivered(), delivery(&log).total()), (2, 3));
    }

    #[test]
    fn blank_and_overlong_drafts_stay() {
        let mut log = ChatLog { draft: " \n".into(), ..ChatLog::default() };
        assert_eq!(log.send_draft(std::iter::empty(), 0), None);
        log.draft = "가".repeat(MAX_CHAT_CHARS);
        assert_eq!(log.draft_excess(), None);
        log.draft.push('가');
        assert_eq!(log.draft_excess(), Some(MAX_CHAT_CHARS + 1));
        assert_eq!(log.send_draft(std::iter::empty(), 0), None);
        assert!(!log.draft.is_empty());
    }

    #[test]
    fn notices_erase_no_messages() {
        let mut log = ChatLog::default();
        let name: Nickname = "Mina".parse().expect("a name");
        log.add_theirs(ParticipantId(1), name.clone(), "first".into(), 0);
        for unix_ms in 1..5_000 {
            log.add_notice(Notice::Renamed { old: name.clone(), name: name.clone() }, unix_ms);
        }
        assert_eq!(log.lines().len(), CAPACITY);
        assert_eq!(log.lines().next().map(|line| line.unix_ms), Some(0));
    }

    #[test]
    fn whoever_floods_the_chat_erases_only_its_own_messages() {
        let mut log = ChatLog { draft: "ours".into(), ..ChatLog::default() };
        let name: Nickname = "Mina".parse().expect("a name");
        log.add_theirs(ParticipantId(1), name.clone(), "first".into(), 0);
        log.send_draft(std::iter::empty(), 1);
        for unix_ms in 2..5_000 {
            log.add_theirs(ParticipantId(2), name.clone(), "flood".into(), unix_ms);
        }
        log.add_theirs(ParticipantId(1), name, "last".into(), 5_000);
        assert_eq!(log.lines().len(), CAPACITY);
        let times: Vec<_> = log.lines().map(|line| line.unix_ms).collect();
        assert_eq!((&times[..2], times.last()), (&[0, 1][..], Some(&5_000)));
        assert_eq!(times[2], 5_000 - (CAPACITY as u64 - 3), "of the flood the newest are left");
    }

    #[test]
    fn the_log_does_not_grow_without_bound() {
        let mut log = ChatLog::default();
        for unix_ms in 0..CAPACITY as u64 + 10 {
            log.add_notice(Notice::ServerLost, unix_ms);
        }
        assert_eq!(log.lines().len(), CAPACITY);
        assert_eq!(log.lines().next().map(|line| line.unix_ms), Some(10));
    }
}
