//! The rooms joined last.

use maru_protocol::RoomName;
use serde::{Deserialize, Serialize};

use super::Settings;

/// Rooms that are kept.
const LIMIT: usize = 6;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentRoom {
    pub room: String,
    /// Empty: on the local network. `None`: on a server that only the command line gave.
    pub server: Option<String>,
}

impl Settings {
    /// Puts `room` first. Another spelling of it goes.
    pub(crate) fn remember_room(&mut self, room: &RoomName, server: Option<String>) {
        let is_same = |recent: &RecentRoom| {
            recent.server == server && recent.room.parse().is_ok_and(|other: RoomName| other.key() == room.key())
        };
        self.recent_rooms.retain(|recent| !is_same(recent));
        self.recent_rooms.insert(0, RecentRoom { room: room.to_string(), server });
        self.recent_rooms.truncate(LIMIT);
    }

    pub(crate) fn forget_room(&mut self, forgotten: &RecentRoom) {
        self.recent_rooms.retain(|recent| recent != forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(settings: &Settings) -> Vec<&str> {
        settings.recent_rooms.iter().map(|recent| &*recent.room).collect()
    }

    #[test]
    fn the_last_six_rooms_are_kept_newest_first_and_each_once() {
        let mut settings = Settings::default();
        for room in ["a", "b", "c", "d", "e", "f", "g", "c", "Family", " family"] {
            settings.remember_room(&room.parse().expect("a room"), Some(String::new()));
        }
        assert_eq!(names(&settings), ["family", "c", "g", "f", "e", "d"]);
        settings.remember_room(&"c".parse().expect("a room"), Some("wss://example.org".into()));
        assert_eq!(names(&settings), ["c", "family", "c", "g", "f", "e"], "another server has another room");
        let forgotten = settings.recent_rooms[0].clone();
        settings.forget_room(&forgotten);
        assert_eq!(names(&settings), ["family", "c", "g", "f", "e"]);
    }
}
