//! What is said over a connection's channel: greetings, chat, goodbye.

use std::collections::VecDeque;

use maru_protocol::peer::{CAMERA, MICROPHONE, PeerMessage, Source, Stream, Wanted};
use maru_protocol::{VERSION, WireError};

use super::super::action::{Action, Event};
use super::super::connection::Connection;
use super::super::ids::Generation;
use super::{Consequence, Participant, Presence, Shared};
use crate::time::Timestamp;

impl Participant {
    /// Our own presence has changed.
    pub(in crate::call) fn tell_presence(&self, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        if self.connection.as_ref().is_some_and(Connection::is_channel_open) {
            self.say(&hello(shared.presence), out);
        }
    }

    pub(in crate::call) fn write_chat(&mut self, id: u64, text: &str, sent_unix_ms: u64, out: &mut VecDeque<Action>) {
        if let Err(error) = self.chat.write(id, text, sent_unix_ms) {
            tracing::warn!(%error, "a chat message is not sent");
        }
        self.send_chat(out);
    }

    /// Says goodbye and ends the connection.
    pub(in crate::call) fn leave(&mut self, out: &mut VecDeque<Action>) {
        if self.connection.as_ref().is_some_and(Connection::is_channel_open) {
            self.say(&PeerMessage::Bye, out);
        }
        self.close(out);
    }

    pub(super) fn greet_if_due(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        if self.connection.as_mut().is_some_and(|connection| connection.take_due_hello(now)) {
            self.say(&hello(shared.presence), out);
        }
    }

    pub(super) fn handle_text(
        &mut self,
        now: Timestamp,
        text: &str,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) -> Consequence {
        if self.connection.as_mut().is_some_and(Connection::channel_heard) {
            self.say(&hello(shared.presence), out);
            self.say(&subscription(*self.theirs_shown_at.current()), out);
            self.chat.connection_opened();
            self.send_chat(out);
        }
        let message = match PeerMessage::decode(text) {
            Ok(message) => message,
            Err(error) => {
                self.has_other_version |= matches!(error, WireError::UnsupportedVersion { .. });
                tracing::debug!(participant = self.id.0, %error, "a message that is not understood");
                return Consequence::Nothing;
            }
        };
        if matches!(message, PeerMessage::Hello { .. }) {
            self.has_other_version = false;
        }
        match message {
            _ if self.has_other_version => tracing::debug!(participant = self.id.0, "it speaks another version"),
            PeerMessage::Hello { name, muted, camera_on, hand_raised, .. } => {
                self.presence.set(Some(Presence { name, muted, camera_on, hand_raised }));
                self.take_up_greeting(now, out);
            }
            PeerMessage::Subscribe { streams } => {
                let camera = streams.iter().find(|wanted| wanted.id == CAMERA && wanted.person.is_none());
                self.ours_shown_at.set(camera.map_or(u32::MAX, |wanted| wanted.max_height));
                self.ours_shown_at.poll(now);
            }
            PeerMessage::Chat { id, text, sent_unix_ms } => {
                let (delivered, received) = self.chat.handle_chat(id, &text, sent_unix_ms);
                if let Some(chat) = received {
                    let (participant, text, sent_unix_ms) = (self.id, chat.text, chat.sent_unix_ms);
                    out.push_back(Action::Tell(Event::Chat { participant, text, sent_unix_ms }));
                }
                self.say(&delivered, out);
            }
            PeerMessage::Delivered { id } => {
                if self.chat.handle_delivered(id) {
                    out.push_back(Action::Tell(Event::ChatDelivered { participant: self.id, id }));
                }
            }
            PeerMessage::Next { generation } => self.announced(now, Generation(generation), shared, out),
            PeerMessage::Bye => return Consequence::SaidGoodbye,
            PeerMessage::Unknown => {}
        }
        Consequence::Nothing
    }

    /// Greetings are repeated until they are answered: only a change is told. Whoever changes too often is heard later,
    /// with the newest greeting.
    pub(super) fn take_up_greeting(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        let Some(presence) = self.presence.poll(now).cloned().flatten() else { return };
        let Presence { name, muted, camera_on, hand_raised } = presence;
        out.push_back(Action::SetMediaCameraOn { participant: self.id, camera_on });
        out.push_back(Action::Tell(Event::ParticipantState { participant: self.id, muted, camera_on, hand_raised }));
        self.rename(&name, out);
    }

    /// We show its camera's picture with this height.
    pub(in crate::call) fn show_video(&mut self, now: Timestamp, max_height: u32, out: &mut VecDeque<Action>) {
        self.theirs_shown_at.set(max_height);
        self.subscribe(now, out);
    }

    pub(super) fn subscribe(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        let Some(max_height) = self.theirs_shown_at.poll(now).copied() else { return };
        if self.connection.as_ref().is_some_and(Connection::is_open_at_both_ends) {
            self.say(&subscription(max_height), out);
        }
    }

    fn send_chat(&mut self, out: &mut VecDeque<Action>) {
        while self.connection.as_ref().is_some_and(Connection::is_open_at_both_ends) {
            let Some(message) = self.chat.poll_message() else { return };
            self.say(&message, out);
        }
    }

    pub(super) fn say(&self, message: &PeerMessage, out: &mut VecDeque<Action>) {
        let Some(connection) = self.connection() else { return };
        match message.encode() {
            Ok(text) => out.push_back(Action::SendText { connection, text }),
            Err(error) => tracing::warn!(%error, "a message that no participant would take is not sent"),
        }
    }
}

fn hello(presence: &Presence) -> PeerMessage {
    let Presence { name, muted, camera_on, hand_raised } = presence.clone();
    let stream = |id, source| Stream { id, source, person: None };
    let streams = vec![stream(MICROPHONE, Source::Microphone), stream(CAMERA, Source::Camera)];
    PeerMessage::Hello { version: VERSION, name, muted, camera_on, hand_raised, streams }
}

fn subscription(max_height: u32) -> PeerMessage {
    let wanted = Wanted { id: CAMERA, max_height, person: None };
    PeerMessage::Subscribe { streams: if max_height == u32::MAX { vec![] } else { vec![wanted] } }
}
