//! Who is in the call, and which notices follow from each event. The window and the terminal share it.

use maru_core::media::SharedMedia;
use maru_protocol::{Nickname, RoomName};

use crate::i18n::Notice;
use crate::media::{FrameSlot, PeerSound};
use crate::session::{CallEvent, Event, ParticipantId, ParticipantStats};

/// Everyone in the room except ourselves, in the order of their arrival.
#[derive(Debug, Default)]
pub struct Participants {
    list: Vec<Participant>,
    /// How many of those who were in the room before us have not been announced yet.
    present_before: usize,
    is_server_lost: bool,
}

#[derive(Debug)]
pub struct Participant {
    pub key: ParticipantId,
    pub name: Nickname,
    pub connection: ConnectionState,
    pub muted: bool,
    pub camera_on: bool,
    /// Wants to speak.
    pub hand_raised: bool,
    /// What both programs have a codec for.
    pub shared: SharedMedia,
    /// Where their video is shown.
    pub frames: Option<FrameSlot>,
    pub sound: PeerSound,
    pub stats: Option<ParticipantStats>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    Connecting,
    Connected,
    Interrupted,
    /// Neither the server nor a connection leads to them. They are expected back for some minutes.
    Away,
    Unreachable {
        reason: String,
    },
}

impl<'a> IntoIterator for &'a Participants {
    type Item = &'a Participant;
    type IntoIter = std::slice::Iter<'a, Participant>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Participants {
    pub fn iter(&self) -> std::slice::Iter<'_, Participant> {
        self.list.iter()
    }

    pub fn get(&self, key: ParticipantId) -> Option<&Participant> {
        self.list.iter().find(|known| known.key == key)
    }

    /// Applies `event` of the call in `room` and returns what there is to say about it.
    pub fn apply(&mut self, room: &RoomName, event: &CallEvent) -> Vec<Notice> {
        match event {
            CallEvent::Call(event) => return self.apply_of_call(room, event),
            CallEvent::Media { participant, frames, sound } => {
                if let Some(known) = self.get_mut(*participant) {
                    known.frames = Some(frames.clone());
                    known.sound = sound.clone();
                }
            }
            CallEvent::Stats(stats) => {
                for stats in &stats.participants {
                    if let Some(known) = self.get_mut(stats.participant) {
                        known.stats = Some(stats.clone());
                    }
                }
            }
            CallEvent::Invitation(_) | CallEvent::FirstFrame { .. } => {}
        }
        vec![]
    }

    fn apply_of_call(&mut self, room: &RoomName, event: &Event) -> Vec<Notice> {
        match event {
            Event::Joined { server, present } => {
                self.present_before = *present;
                let mut notices = vec![Notice::Entered { room: room.clone() }];
                notices.extend(server.is_own.then_some(Notice::OwnServer));
                notices
            }
            Event::ServerLost => {
                self.is_server_lost = true;
                vec![Notice::ServerLost]
            }
            // After a change of network it was back before anybody missed it.
            Event::ServerBack { .. } => {
                let was_lost = std::mem::take(&mut self.is_server_lost);
                was_lost.then_some(Notice::ServerBack).into_iter().collect()
            }
            Event::Replaced => vec![Notice::Replaced],
            Event::ComputerAtLimit(is_at_limit) => is_at_limit.then_some(Notice::ComputerAtLimit).into_iter().collect(),
            Event::ParticipantJoined { participant, name } => self.joined(*participant, name),
            Event::ParticipantRenamed { participant, old, name } => {
                let Some(known) = self.get_mut(*participant) else { return vec![] };
                known.name = name.clone();
                vec![Notice::Renamed { old: old.clone(), name: name.clone() }]
            }
            Event::ParticipantConnected { participant } => {
                let Some(known) = self.get_mut(*participant) else { return vec![] };
                match std::mem::replace(&mut known.connection, ConnectionState::Connected) {
                    ConnectionState::Interrupted | ConnectionState::Away | ConnectionState::Unreachable { .. } => {
                        vec![Notice::Restored { name: known.name.clone() }]
                    }
                    ConnectionState::Connecting | ConnectionState::Connected => vec![],
                }
            }
            Event::ParticipantInterrupted { participant } => {
                match self.set_connection(*participant, ConnectionState::Interrupted) {
                    Some(name) => vec![Notice::Interrupted { name }],
                    None => vec![],
                }
            }
            Event::ParticipantAway { participant } => match self.set_connection(*participant, ConnectionState::Away) {
                Some(name) => vec![Notice::Away { name }],
                None => vec![],
            },
            Event::ParticipantUnreachable { participant, reason } => {
                match self.set_connection(*participant, ConnectionState::Unreachable { reason: reason.clone() }) {
                    Some(name) => vec![Notice::Unreachable { name, reason: reason.clone() }],
                    None => vec![],
                }
            }
            Event::ParticipantState { participant, muted, camera_on, hand_raised } => {
                let Some(known) = self.get_mut(*participant) else { return vec![] };
                (known.muted, known.camera_on) = (*muted, *camera_on);
                let raises = *hand_raised && !std::mem::replace(&mut known.hand_raised, *hand_raised);
                raises.then(|| Notice::HandRaised { name: known.name.clone() }).into_iter().collect()
            }
            Event::MediaAgreed { participant, shared } => {
                let Some(known) = self.get_mut(*participant) else { return vec![] };
                let SharedMedia { audio, video } = std::mem::replace(&mut known.shared, *shared);
                let no_video = (video && !shared.video).then(|| Notice::NoVideo { name: known.name.clone() });
                let no_audio = (audio && !shared.audio).then(|| Notice::NoAudio { name: known.name.clone() });
                no_video.into_iter().chain(no_audio).collect()
            }
            Event::ParticipantLeft { participant, lost, .. } => {
                let Some(index) = self.list.iter().position(|known| known.key == *participant) else { return vec![] };
                let name = self.list.remove(index).name;
                vec![if *lost { Notice::Lost { name } } else { Notice::Left { name } }]
            }
            Event::Searching
            | Event::Connecting { .. }
            | Event::ServerRefused { .. }
            | Event::Chat { .. }
            | Event::ChatDelivered { .. }
            | Event::Ended(_) => vec![],
        }
    }

    fn joined(&mut self, key: ParticipantId, name: &Nickname) -> Vec<Notice> {
        if self.get(key).is_some() {
            return vec![];
        }
        self.list.push(Participant {
            key,
            name: name.clone(),
            connection: ConnectionState::Connecting,
            muted: false,
            camera_on: true,
            hand_raised: false,
            shared: SharedMedia::ALL,
            frames: None,
            sound: PeerSound::default(),
            stats: None,
        });
        match self.present_before.checked_sub(1) {
            Some(rest) => {
                self.present_before = rest;
                vec![Notice::Present { name: name.clone() }]
            }
            None => vec![Notice::Joined { name: name.clone() }],
        }
    }

    /// Returns the participant's name if `connection` is news.
    fn set_connection(&mut self, key: ParticipantId, connection: ConnectionState) -> Option<Nickname> {
        let known = self.get_mut(key)?;
        // A second reason for the same trouble is no news.
        let is_news = std::mem::discriminant(&known.connection) != std::mem::discriminant(&connection);
        known.connection = connection;
        is_news.then(|| known.name.clone())
    }

    fn get_mut(&mut self, key: ParticipantId) -> Option<&mut Participant> {
        self.list.iter_mut().find(|known| known.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Server;

    fn name(name: &str) -> Nickname {
        name.parse().expect("a nickname")
    }

    fn apply(participants: &mut Participants, event: &CallEvent) -> Vec<Notice> {
        participants.apply(&"room".parse().expect("a room name"), event)
    }

    fn join(participants: &mut Participants, key: u32, who: &str) -> Vec<Notice> {
        apply(
            participants,
            &CallEvent::Call(Event::ParticipantJoined { participant: ParticipantId(key), name: name(who) }),
        )
    }

    #[test]
    fn those_present_before_us_did_not_join() {
        let mut participants = Participants::default();
        let joined = CallEvent::Call(Event::Joined { server: Server { url: "s".into(), is_own: true }, present: 1 });
        let entered = Notice::Entered { room: "room".parse().expect("a room name") };
        assert_eq!(apply(&mut participants, &joined), [entered, Notice::OwnServer]);
        assert_eq!(join(&mut participants, 1, "Mina"), [Notice::Present { name: name("Mina") }]);
        assert_eq!(join(&mut participants, 2, "Jun"), [Notice::Joined { name: name("Jun") }]);
        assert_eq!(join(&mut participants, 2, "Jun"), []);
        assert_eq!(participants.iter().count(), 2);
    }

    #[test]
    fn an_interruption_and_its_end_are_announced_once() {
        let mut participants = Participants::default();
        join(&mut participants, 1, "Mina");
        let connected = CallEvent::Call(Event::ParticipantConnected { participant: ParticipantId(1) });
        let interrupted = CallEvent::Call(Event::ParticipantInterrupted { participant: ParticipantId(1) });
        assert_eq!(apply(&mut participants, &connected), []);
        assert_eq!(apply(&mut participants, &interrupted), [Notice::Interrupted { name: name("Mina") }]);
        assert_eq!(apply(&mut participants, &interrupted), []);
        assert_eq!(apply(&mut participants, &connected), [Notice::Restored { name: name("Mina") }]);
        assert_eq!(apply(&mut participants, &connected), []);
    }

    #[test]
    fn someone_unreachable_can_still_be_reached_later() {
        let mut participants = Participants::default();
        join(&mut participants, 1, "Mina");
        let unreachable =
            CallEvent::Call(Event::ParticipantUnreachable { participant: ParticipantId(1), reason: "no path".into() });
        let notice = Notice::Unreachable { name: name("Mina"), reason: "no path".into() };
        assert_eq!(apply(&mut participants, &unreachable), [notice]);
        assert_eq!(apply(&mut participants, &unreachable), []);
        let connected = CallEvent::Call(Event::ParticipantConnected { participant: ParticipantId(1) });
        assert_eq!(apply(&mut participants, &connected), [Notice::Restored { name: name("Mina") }]);
    }

    #[test]
    fn nothing_is_said_about_someone_who_left() {
        let mut participants = Participants::default();
        join(&mut participants, 1, "Mina");
        let renamed = CallEvent::Call(Event::ParticipantRenamed {
            participant: ParticipantId(1),
            old: name("Mina"),
            name: name("Mina K"),
        });
        assert_eq!(apply(&mut participants, &renamed), [Notice::Renamed { old: name("Mina"), name: name("Mina K") }]);
        let lost =
            CallEvent::Call(Event::ParticipantLeft { participant: ParticipantId(1), name: name("Mina"), lost: true });
        assert_eq!(apply(&mut participants, &lost), [Notice::Lost { name: name("Mina K") }]);
        assert_eq!(apply(&mut participants, &lost), []);
        assert_eq!(apply(&mut participants, &renamed), []);
        assert!(participants.get(ParticipantId(1)).is_none());
    }
}
