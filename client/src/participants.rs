//! Who is in the call, and which notices follow from each event. The window and the terminal share it.

use maru_protocol::{Nickname, RoomName};

use crate::i18n::Notice;
use crate::media::FrameSlot;
use crate::session::{CallEvent, PeerKey, PeerStats};

/// Everyone in the room except ourselves, in the order of their arrival.
#[derive(Debug, Default)]
pub struct Participants {
    list: Vec<Participant>,
    /// How many of those who were in the room before us have not been announced yet.
    present_before: usize,
}

#[derive(Debug)]
pub struct Participant {
    pub key: PeerKey,
    pub name: Nickname,
    pub connection: Connection,
    pub muted: bool,
    pub camera_on: bool,
    /// Their video, from the first connection on.
    pub frames: Option<FrameSlot>,
    pub stats: Option<PeerStats>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    Connecting,
    Connected,
    Interrupted,
    Unreachable { reason: String },
}

impl Participants {
    pub fn iter(&self) -> std::slice::Iter<'_, Participant> {
        self.list.iter()
    }

    pub fn get(&self, key: PeerKey) -> Option<&Participant> {
        self.list.iter().find(|known| known.key == key)
    }

    /// Applies `event` of the call in `room` and returns what there is to say about it.
    pub fn apply(&mut self, room: &RoomName, event: &CallEvent) -> Vec<Notice> {
        match event {
            CallEvent::Joined { server: _, own_server, peers } => {
                self.present_before = *peers;
                let mut notices = vec![Notice::Entered { room: room.clone() }];
                notices.extend(own_server.then_some(Notice::OwnServer));
                notices
            }
            CallEvent::ServerLost => vec![Notice::ServerLost],
            CallEvent::ServerBack => vec![Notice::ServerBack],
            CallEvent::PeerJoined { peer, name } => self.joined(*peer, name),
            CallEvent::PeerRenamed { peer, old, name } => {
                let Some(known) = self.get_mut(*peer) else { return vec![] };
                known.name = name.clone();
                vec![Notice::Renamed { old: old.clone(), name: name.clone() }]
            }
            CallEvent::PeerConnected { peer, frames } => {
                let Some(known) = self.get_mut(*peer) else { return vec![] };
                known.frames = Some(frames.clone());
                match std::mem::replace(&mut known.connection, Connection::Connected) {
                    Connection::Interrupted | Connection::Unreachable { .. } => {
                        vec![Notice::Restored { name: known.name.clone() }]
                    }
                    Connection::Connecting | Connection::Connected => vec![],
                }
            }
            CallEvent::PeerInterrupted { peer } => match self.set_connection(*peer, Connection::Interrupted) {
                Some(name) => vec![Notice::Interrupted { name }],
                None => vec![],
            },
            CallEvent::PeerUnreachable { peer, reason } => {
                match self.set_connection(*peer, Connection::Unreachable { reason: reason.clone() }) {
                    Some(name) => vec![Notice::Unreachable { name, reason: reason.clone() }],
                    None => vec![],
                }
            }
            CallEvent::PeerState { peer, muted, camera_on } => {
                if let Some(known) = self.get_mut(*peer) {
                    (known.muted, known.camera_on) = (*muted, *camera_on);
                }
                vec![]
            }
            CallEvent::PeerLeft { peer, lost } => {
                let Some(index) = self.list.iter().position(|known| known.key == *peer) else { return vec![] };
                let name = self.list.remove(index).name;
                vec![if *lost { Notice::Lost { name } } else { Notice::Left { name } }]
            }
            CallEvent::Stats(stats) => {
                for stats in &stats.peers {
                    if let Some(known) = self.get_mut(PeerKey(stats.peer)) {
                        known.stats = Some(stats.clone());
                    }
                }
                vec![]
            }
            CallEvent::Searching
            | CallEvent::Connecting { .. }
            | CallEvent::Invitation(_)
            | CallEvent::FirstFrame { .. }
            | CallEvent::Chat { .. }
            | CallEvent::ChatDelivered { .. }
            | CallEvent::Ended(_) => vec![],
        }
    }

    fn joined(&mut self, key: PeerKey, name: &Nickname) -> Vec<Notice> {
        if self.get(key).is_some() {
            return vec![];
        }
        self.list.push(Participant {
            key,
            name: name.clone(),
            connection: Connection::Connecting,
            muted: false,
            camera_on: true,
            frames: None,
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
    fn set_connection(&mut self, key: PeerKey, connection: Connection) -> Option<Nickname> {
        let known = self.get_mut(key)?;
        let is_news = known.connection != connection;
        known.connection = connection;
        is_news.then(|| known.name.clone())
    }

    fn get_mut(&mut self, key: PeerKey) -> Option<&mut Participant> {
        self.list.iter_mut().find(|known| known.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Nickname {
        name.parse().expect("a nickname")
    }

    fn apply(participants: &mut Participants, event: &CallEvent) -> Vec<Notice> {
        participants.apply(&"room".parse().expect("a room name"), event)
    }

    fn join(participants: &mut Participants, key: u32, who: &str) -> Vec<Notice> {
        apply(participants, &CallEvent::PeerJoined { peer: PeerKey(key), name: name(who) })
    }

    #[test]
    fn those_present_before_us_did_not_join() {
        let mut participants = Participants::default();
        let joined = CallEvent::Joined { server: "s".into(), own_server: true, peers: 1 };
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
        let connected = CallEvent::PeerConnected { peer: PeerKey(1), frames: FrameSlot::default() };
        let interrupted = CallEvent::PeerInterrupted { peer: PeerKey(1) };
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
        let unreachable = CallEvent::PeerUnreachable { peer: PeerKey(1), reason: "no path".into() };
        let notice = Notice::Unreachable { name: name("Mina"), reason: "no path".into() };
        assert_eq!(apply(&mut participants, &unreachable), [notice]);
        assert_eq!(apply(&mut participants, &unreachable), []);
        let connected = CallEvent::PeerConnected { peer: PeerKey(1), frames: FrameSlot::default() };
        assert_eq!(apply(&mut participants, &connected), [Notice::Restored { name: name("Mina") }]);
    }

    #[test]
    fn nothing_is_said_about_someone_who_left() {
        let mut participants = Participants::default();
        join(&mut participants, 1, "Mina");
        let renamed = CallEvent::PeerRenamed { peer: PeerKey(1), old: name("Mina"), name: name("Mina K") };
        assert_eq!(apply(&mut participants, &renamed), [Notice::Renamed { old: name("Mina"), name: name("Mina K") }]);
        let lost = CallEvent::PeerLeft { peer: PeerKey(1), lost: true };
        assert_eq!(apply(&mut participants, &lost), [Notice::Lost { name: name("Mina K") }]);
        assert_eq!(apply(&mut participants, &lost), []);
        assert_eq!(apply(&mut participants, &renamed), []);
        assert!(participants.get(PeerKey(1)).is_none());
    }
}
