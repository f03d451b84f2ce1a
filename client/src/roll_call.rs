//! Who is who in a call, and which events are worth a line: what the terminal says of a call.

use std::collections::HashMap;

use maru_protocol::{Nickname, RoomName};

use crate::i18n::Notice;
use crate::session::{CallEvent, PeerKey};

/// The names of the peers by their keys.
#[derive(Debug, Default)]
pub struct RollCall {
    names: HashMap<PeerKey, Nickname>,
    interrupted: Vec<PeerKey>,
    /// Those who were in the room before us and have not been named yet: they did not join just now.
    present: usize,
}

impl RollCall {
    pub fn name(&self, peer: PeerKey) -> Option<&Nickname> {
        self.names.get(&peer)
    }

    /// Takes note of `event`, and says which notices follow from it.
    pub fn take(&mut self, room: &RoomName, event: &CallEvent) -> Vec<Notice> {
        match event {
            CallEvent::Joined { own_server, peers, .. } => {
                self.present = *peers;
                let mut notices = vec![Notice::Entered { room: room.clone() }];
                notices.extend(own_server.then_some(Notice::OwnServer));
                notices
            }
            CallEvent::ServerLost => vec![Notice::ServerLost],
            CallEvent::ServerBack => vec![Notice::ServerBack],
            CallEvent::PeerJoined { peer, name } => {
                self.names.insert(*peer, name.clone());
                if self.present > 0 {
                    self.present -= 1;
                    return vec![Notice::Present { name: name.clone() }];
                }
                vec![Notice::Joined { name: name.clone() }]
            }
            CallEvent::PeerRenamed { peer, old, name } => {
                self.names.insert(*peer, name.clone());
                vec![Notice::Renamed { old: old.clone(), name: name.clone() }]
            }
            CallEvent::PeerConnected { peer, .. } if self.interrupted.contains(peer) => {
                self.interrupted.retain(|key| key != peer);
                self.about(*peer, |name| Notice::Restored { name })
            }
            CallEvent::PeerInterrupted { peer } => {
                self.interrupted.push(*peer);
                self.about(*peer, |name| Notice::Interrupted { name })
            }
            CallEvent::PeerUnreachable { peer, reason } => {
                self.about(*peer, |name| Notice::Unreachable { name, reason: reason.clone() })
            }
            CallEvent::PeerLeft { peer, lost } => {
                let notices =
                    self.about(*peer, |name| if *lost { Notice::Lost { name } } else { Notice::Left { name } });
                self.names.remove(peer);
                self.interrupted.retain(|key| key != peer);
                notices
            }
            _ => Vec::new(),
        }
    }

    fn about(&self, peer: PeerKey, notice: impl FnOnce(Nickname) -> Notice) -> Vec<Notice> {
        self.name(peer).cloned().map(notice).into_iter().collect()
    }
}
