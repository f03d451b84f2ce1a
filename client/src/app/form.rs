//! What was typed on the start screen. It stays as typed, also after a failed attempt.

use maru_protocol::{IdError, Nickname, RoomName};

use crate::invitation;
use crate::server_url;
use crate::session::ServerChoice;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    pub(crate) name: String,
    pub(crate) room: String,
    /// Empty: search the local network.
    pub(crate) server: String,
    pub(crate) problems: Problems,
}

/// What was wrong with each field at the last attempt to use it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Problems {
    pub(crate) name: Option<IdError>,
    pub(crate) room: Option<RoomProblem>,
    /// Neither empty nor a WebSocket URL.
    pub(crate) server: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoomProblem {
    Name(IdError),
    /// A link, but not to a room.
    Link,
}

impl Form {
    /// What a call needs. `None`: [`Form::problems`] says why.
    pub(crate) fn parse(&mut self) -> Option<(Nickname, RoomName, ServerChoice)> {
        let name = self.parse_name();
        let room = self.parse_room();
        // After the room: its link may have one.
        let server = self.parse_server();
        self.problems.room = room.as_ref().err().cloned();
        self.problems.server = server.is_none();
        Some((name?, room.ok()?, server?))
    }

    /// The name alone. `None`: its problem is set.
    pub(crate) fn parse_name(&mut self) -> Option<Nickname> {
        let name: Result<Nickname, IdError> = self.name.parse();
        self.problems.name = name.as_ref().err().cloned();
        name.ok()
    }

    /// Puts the room and the server of an invitation link into their fields. Without a link nothing changes; with one
    /// that leads to no room only its problem is set.
    pub(crate) fn read_link(&mut self) {
        let Some(link) = invitation::find_link(&self.room) else { return };
        match invitation::read(link) {
            Some((room, server)) => {
                self.room = room.into();
                self.server = server;
                (self.problems.room, self.problems.server) = (None, false);
            }
            None => self.problems.room = Some(RoomProblem::Link),
        }
    }

    fn parse_room(&mut self) -> Result<RoomName, RoomProblem> {
        self.problems.room = None;
        self.read_link();
        match self.problems.room.take() {
            Some(problem) => Err(problem),
            None => self.room.parse().map_err(RoomProblem::Name),
        }
    }

    fn parse_server(&self) -> Option<ServerChoice> {
        let url = self.server.trim();
        if url.is_empty() {
            return Some(ServerChoice::Lan);
        }
        server_url::parse(url).ok().map(ServerChoice::Url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str, room: &str, server: &str) -> Form {
        Form { name: name.into(), room: room.into(), server: server.into(), problems: Problems::default() }
    }

    #[test]
    fn a_complete_form_parses() {
        let (name, room, server) = form(" 미나 ", "standup", "").parse().expect("complete");
        assert_eq!((name.as_str(), room.as_str(), server), ("미나", "standup", ServerChoice::Lan));
        let (_, _, server) = form("a", "b", " WSS://example.org ").parse().expect("complete");
        assert_eq!(server, ServerChoice::Url("wss://example.org".into()));
    }

    #[test]
    fn each_field_has_its_own_problem_and_keeps_its_text() {
        let mut typed = form("", &"r".repeat(65), "example.org");
        assert!(typed.parse().is_none());
        assert_eq!(typed.problems.name, Some(IdError::Empty));
        assert_eq!(typed.problems.room, Some(RoomProblem::Name(IdError::TooLong { length: 65, limit: 64 })));
        assert!(typed.problems.server);
        assert_eq!(typed.server, "example.org");
        assert!(form("a", "b", "ws://").parse().is_none(), "an address needs a host");
        assert!(form("a", "b", "wss:/한글").parse().is_none());
        assert!(form("a", "b", "ws://host:99999").parse().is_none(), "there is no such port");
    }

    #[test]
    fn a_pasted_link_gives_room_and_server_and_rubbish_loses_nothing() {
        let (_, room, server) =
            form("a", "https://call.example.org/r/%EA%B0%80%EC%A1%B1", "").parse().expect("complete");
        assert_eq!((room.as_str(), server), ("가족", ServerChoice::Url("wss://call.example.org".into())));
        let rubbish = "https://example.org/watch?v=1";
        let mut typed = form("a", rubbish, "ws://mine");
        assert!(typed.parse().is_none());
        assert_eq!(typed.problems.room, Some(RoomProblem::Link));
        assert_eq!((&*typed.room, &*typed.server), (rubbish, "ws://mine"));
        let mut name = form("a", "standup", "ws://mine");
        name.read_link();
        assert_eq!(name, form("a", "standup", "ws://mine"));
    }
}
