//! Chat with one peer: what is written waits for the connection, is sent again when the connection was replaced, and is shown once.

use std::collections::VecDeque;

use maru_protocol::peer::{MAX_CHAT_CHARS, PeerMessage};
use unicode_normalization::char::is_combining_mark;

/// Messages that wait for a connection or for their acknowledgement. Further ones are refused.
pub const MAX_WAITING: usize = 200;

/// Line breaks in one message; further ones become spaces. Between two of them at most this many blank lines.
const MAX_LINE_BREAKS: usize = 60;
const MAX_BLANK_LINES: usize = 1;
/// Combining marks in a row. Vietnamese takes two, Thai three, Tibetan six.
const MAX_MARKS: usize = 8;

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    #[error("there is nothing to send")]
    Empty,
    #[error("it has {chars} characters, at most {MAX_CHAT_CHARS} are allowed")]
    TooLong { chars: usize },
    #[error("{MAX_WAITING} messages wait to be delivered already")]
    Full,
}

/// A message of the peer, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedChat {
    pub text: String,
    /// By the sender's clock.
    pub sent_unix_ms: u64,
}

/// The conversation with one peer, for as long as the peer is known, over any number of connections.
#[derive(Debug, Default)]
pub struct Chat {
    outgoing: VecDeque<Outgoing>,
    is_open: bool,
    last_received_id: u64,
}

#[derive(Debug)]
struct Outgoing {
    id: u64,
    text: String,
    sent_unix_ms: u64,
    /// Over the present connection.
    is_sent: bool,
}

impl Chat {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a message for the peer. `id` counts up from one message to the next.
    ///
    /// # Errors
    /// It cannot be sent as it is; nothing was taken.
    pub fn write(&mut self, id: u64, text: &str, sent_unix_ms: u64) -> Result<(), ChatError> {
        let text = displayable(text);
        let chars = text.chars().count();
        if text.trim().is_empty() {
            return Err(ChatError::Empty);
        }
        if chars > MAX_CHAT_CHARS {
            return Err(ChatError::TooLong { chars });
        }
        if self.outgoing.len() >= MAX_WAITING {
            return Err(ChatError::Full);
        }
        self.outgoing.push_back(Outgoing { id, text, sent_unix_ms, is_sent: false });
        Ok(())
    }

    /// The channel to the peer is open, possibly a new one: what was not acknowledged goes out again.
    pub fn connection_opened(&mut self) {
        self.is_open = true;
        for message in &mut self.outgoing {
            message.is_sent = false;
        }
    }

    pub fn connection_closed(&mut self) {
        self.is_open = false;
    }

    /// The next message to send, in the order written.
    pub fn poll_message(&mut self) -> Option<PeerMessage> {
        if !self.is_open {
            return None;
        }
        let message = self.outgoing.iter_mut().find(|message| !message.is_sent)?;
        message.is_sent = true;
        let Outgoing { id, text, sent_unix_ms, .. } = message;
        Some(PeerMessage::Chat { id: *id, text: text.clone(), sent_unix_ms: *sent_unix_ms })
    }

    /// The peer acknowledged the message `id`. Whether it was waiting for that.
    pub fn handle_delivered(&mut self, id: u64) -> bool {
        let waiting = self.outgoing.iter().position(|message| message.id == id && message.is_sent);
        waiting.is_some_and(|at| self.outgoing.remove(at).is_some())
    }

    /// The peer sent a message. It is acknowledged in any case, and shown if it is new and has something to show.
    pub fn handle_chat(&mut self, id: u64, text: &str, sent_unix_ms: u64) -> (PeerMessage, Option<ReceivedChat>) {
        let acknowledgement = PeerMessage::Delivered { id };
        // Channels are ordered and ids count up, so what was sent again is never above the last one.
        if id <= self.last_received_id {
            return (acknowledgement, None);
        }
        self.last_received_id = id;
        let mut text = displayable(text);
        if let Some((end, _)) = text.char_indices().nth(MAX_CHAT_CHARS) {
            text.truncate(end);
        }
        let received = (!text.trim().is_empty()).then_some(ReceivedChat { text, sent_unix_ms });
        (acknowledgement, received)
    }

    /// How many messages wait to be sent or acknowledged.
    pub fn waiting(&self) -> usize {
        self.outgoing.len()
    }
}

/// Without control characters except the newline, and without the invisible ones that turn the direction of the text
/// around them; with few line breaks and few marks on one character: nothing that a peer writes changes how the rest of the
/// window reads, or takes its place.
fn displayable(text: &str) -> String {
    let reorders =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // They join or separate letters, and have no place of their own.
    let is_joiner = |c: char| matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}');
    let (mut breaks, mut blank, mut marks) = (0, 0, 0);
    let mut shown = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").replace('\t', " ").chars() {
        if matches!(c, '\n' | '\u{2028}' | '\u{2029}') {
            blank += 1;
            breaks += 1;
            if breaks > MAX_LINE_BREAKS {
                shown.push(' ');
            } else if blank <= MAX_BLANK_LINES + 1 {
                shown.push('\n');
            }
            continue;
        }
        if c.is_control() || reorders(c) {
            continue;
        }
        if is_combining_mark(c) {
            marks += 1;
        } else if !is_joiner(c) {
            marks = 0;
        }
        if marks <= MAX_MARKS {
            shown.push(c);
            blank = 0;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(chat: &mut Chat) -> Vec<u64> {
        let ids = std::iter::from_fn(|| chat.poll_message()).map(|message| match message {
            PeerMessage::Chat { id, .. } => id,
            other => panic!("{other:?} is no chat"),
        });
        ids.collect()
    }

    #[test]
    fn what_is_written_before_the_connection_waits_for_it() {
        let mut chat = Chat::new();
        chat.write(1, "안녕", 10).unwrap();
        chat.write(2, "👋🏽", 20).unwrap();
        assert_eq!(chat.poll_message(), None);
        chat.connection_opened();
        let first = PeerMessage::Chat { id: 1, text: "안녕".into(), sent_unix_ms: 10 };
        assert_eq!(chat.poll_message(), Some(first));
        assert_eq!(sent(&mut chat), [2]);
        assert!(chat.handle_delivered(1));
        assert!(!chat.handle_delivered(1), "once");
        assert!(!chat.handle_delivered(7), "never written");
        assert_eq!(chat.waiting(), 1);
    }

    #[test]
    fn a_new_connection_carries_what_the_old_one_did_not_deliver() {
        let mut chat = Chat::new();
        chat.connection_opened();
        for id in 1..=4 {
            chat.write(id, "x", 0).unwrap();
        }
        assert_eq!(sent(&mut chat), [1, 2, 3, 4]);
        chat.handle_delivered(1);
        chat.handle_delivered(3);
        chat.connection_closed();
        chat.write(5, "x", 0).unwrap();
        assert!(sent(&mut chat).is_empty());
        assert!(!chat.handle_delivered(5), "not sent yet");
        chat.connection_opened();
        assert_eq!(sent(&mut chat), [2, 4, 5]);
    }

    #[test]
    fn what_comes_twice_is_shown_once_and_acknowledged_twice() {
        let mut chat = Chat::new();
        let received = ReceivedChat { text: "hello".into(), sent_unix_ms: 5 };
        assert_eq!(chat.handle_chat(3, "hello", 5), (PeerMessage::Delivered { id: 3 }, Some(received)));
        assert_eq!(chat.handle_chat(3, "hello", 5), (PeerMessage::Delivered { id: 3 }, None));
        assert!(chat.handle_chat(4, "next", 6).1.is_some());
    }

    #[test]
    fn text_is_made_fit_to_be_shown() {
        let mut chat = Chat::new();
        let shown = |chat: &mut Chat, id, text: &str| chat.handle_chat(id, text, 0).1.map(|received| received.text);
        assert_eq!(shown(&mut chat, 1, "a\u{1b}[2J\tb\r\nc\u{202e}d\u{0}").unwrap(), "a[2J b\ncd");
        assert_eq!(shown(&mut chat, 2, " \u{7}\n "), None);
        let long = "한".repeat(MAX_CHAT_CHARS + 1);
        assert_eq!(shown(&mut chat, 3, &long).unwrap().chars().count(), MAX_CHAT_CHARS);
        assert_eq!(shown(&mut chat, 4, "👩‍👩‍👧‍👦").unwrap(), "👩‍👩‍👧‍👦", "joiners are part of emoji");
    }

    #[test]
    fn one_message_does_not_take_the_place_of_all_others() {
        let mut chat = Chat::new();
        let mut shown = |id, text: &str| chat.handle_chat(id, text, 0).1.map(|received| received.text).unwrap();
        assert_eq!(shown(1, "a\n\n\n\n\nb\n\nc"), "a\n\nb\n\nc");
        assert_eq!(shown(2, &"x\n".repeat(2_000)).lines().count(), MAX_LINE_BREAKS + 1);
        assert_eq!(shown(3, &format!("Z{}", "\u{301}".repeat(3_000))).chars().count(), 1 + MAX_MARKS);
        assert!(
            shown(4, &format!("Z{}", "\u{301}\u{200e}\u{200b}".repeat(1_000))).matches('\u{301}').count() <= MAX_MARKS
        );
        assert!(shown(5, &"\u{e49}".repeat(1_000)).chars().count() <= MAX_MARKS, "marks of any script");
        assert_eq!(shown(6, &"x\u{2028}".repeat(2_000)).lines().count(), MAX_LINE_BREAKS + 1);
        assert_eq!(shown(7, "Việt Nam, 한글, हिन्दी, ภาษาไทย"), "Việt Nam, 한글, हिन्दी, ภาษาไทย");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_the_reason() {
        let mut chat = Chat::new();
        assert_eq!(chat.write(1, " \n", 0), Err(ChatError::Empty));
        let long = "x".repeat(MAX_CHAT_CHARS + 1);
        assert_eq!(chat.write(1, &long, 0), Err(ChatError::TooLong { chars: MAX_CHAT_CHARS + 1 }));
        for id in 1..=MAX_WAITING as u64 {
            chat.write(id, "x", 0).unwrap();
        }
        assert_eq!(chat.write(201, "x", 0), Err(ChatError::Full));
    }
}
