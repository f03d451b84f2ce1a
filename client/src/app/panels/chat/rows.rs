//! The lines of the log as they are shown: grouped by person and minute, with dividers.

use crate::app::chat_log::{ChatLine, ChatLog, Content};

#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) line: &'a ChatLine,
    /// Above the line.
    pub(super) divider: Option<Divider>,
    /// With name and time. The lines below it are of the same person and minute.
    pub(super) has_header: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Divider {
    /// What is above was written in an earlier call.
    Earlier,
    /// What is below came while the chat was closed.
    Unread,
}

pub(super) fn rows(chat: &ChatLog) -> Vec<Row<'_>> {
    let before = std::iter::once(None).chain(chat.lines().map(Some));
    let row = |(before, line): (Option<&ChatLine>, _)| {
        let divider = if chat.is_first_unread(line) {
            Some(Divider::Unread)
        } else if before.is_some_and(|before| chat.is_earlier(before)) && !chat.is_earlier(line) {
            Some(Divider::Earlier)
        } else {
            None
        };
        let continues = divider.is_none() && before.is_some_and(|before| continues(before, line));
        Row { line, divider, has_header: !continues && !matches!(line.content, Content::Notice(_)) }
    };
    before.zip(chat.lines()).map(row).collect()
}

/// By the same person, in the same minute.
fn continues(before: &ChatLine, line: &ChatLine) -> bool {
    let is_same_writer = match (&before.content, &line.content) {
        (Content::Theirs { participant: before, name: old, .. }, Content::Theirs { participant, name, .. }) => {
            before == participant && old == name
        }
        (Content::Ours { .. }, Content::Ours { .. }) => true,
        _ => false,
    };
    is_same_writer && before.unix_ms / 60_000 == line.unix_ms / 60_000
}

#[cfg(test)]
mod tests {
    use maru_protocol::Nickname;

    use super::*;
    use crate::i18n::Notice;
    use crate::session::ParticipantId;

    #[test]
    fn lines_of_the_same_person_and_minute_are_grouped() {
        let name = |name: &str| name.parse::<Nickname>().expect("a name");
        let mut log = ChatLog::default();
        for (key, who, unix_ms) in [
            (1, "Mina", 0),
            (1, "Mina", 59_000),
            (1, "Mina", 60_000),
            (2, "Jun", 60_000),
            (1, "Mina", 61_000),
            (1, "Minji", 61_000),
            (1, "Minji", 62_000),
        ] {
            log.add_theirs(ParticipantId(key), name(who), "hello".into(), unix_ms);
        }
        log.add_notice(Notice::ServerLost, 62_000);
        log.add_theirs(ParticipantId(1), name("Minji"), "hello".into(), 62_000);
        let headers: Vec<_> = rows(&log).iter().map(|row| row.has_header).collect();
        assert_eq!(headers, [true, false, true, true, true, true, false, false, true]);
    }

    #[test]
    fn unread_lines_have_a_divider_until_the_chat_is_closed_again() {
        let mut log = ChatLog::default();
        let name: Nickname = "Mina".parse().expect("a name");
        for text in ["read", "unread", "unread, too"] {
            log.add_theirs(ParticipantId(1), name.clone(), text.into(), 0);
            if text != "read" {
                log.count_unread();
            }
        }
        let divided = |log: &ChatLog| rows(log).iter().position(|row| row.divider == Some(Divider::Unread));
        log.handle_closed();
        log.handle_opened();
        assert_eq!((divided(&log), log.unread), (Some(1), 0));
        assert!(rows(&log)[1].has_header, "the divider separates groups");
        log.add_theirs(ParticipantId(1), name, "seen as it comes".into(), 0);
        assert_eq!(divided(&log), Some(1));
        log.handle_closed();
        assert_eq!(divided(&log), None);
    }
}
