//! What the state machine tells, as the window and the terminal take it.

use maru_core::call::Event;

use super::{CallEvent, PeerKey};
use crate::media::FrameSlot;

/// `frames_of`: where a participant's frames are shown. `None`: told in another way.
pub(super) fn of(event: &Event, frames_of: impl Fn(PeerKey) -> FrameSlot) -> Option<CallEvent> {
    let event = event.clone();
    Some(match event {
        Event::Searching => CallEvent::Searching,
        Event::Connecting { url } => CallEvent::Connecting { url },
        Event::Joined { server, present } => {
            CallEvent::Joined { server: server.url, own_server: server.is_own, peers: present }
        }
        Event::ServerLost => CallEvent::ServerLost,
        Event::ServerBack { .. } => CallEvent::ServerBack,
        // The last event comes when everyone has been told.
        Event::ServerRefused { .. } | Event::Ended(_) => return None,
        Event::ParticipantJoined { participant: peer, name } => CallEvent::PeerJoined { peer, name },
        Event::ParticipantRenamed { participant: peer, old, name } => CallEvent::PeerRenamed { peer, old, name },
        Event::ParticipantConnected { participant: peer } => CallEvent::PeerConnected { peer, frames: frames_of(peer) },
        Event::ParticipantInterrupted { participant: peer } => CallEvent::PeerInterrupted { peer },
        Event::ParticipantUnreachable { participant: peer, reason } => CallEvent::PeerUnreachable { peer, reason },
        Event::ParticipantState { participant: peer, muted, camera_on } => {
            CallEvent::PeerState { peer, muted, camera_on }
        }
        Event::Chat { participant: peer, text, sent_unix_ms } => CallEvent::Chat { peer, text, sent_unix_ms },
        Event::ChatDelivered { participant: peer, id } => CallEvent::ChatDelivered { peer, id },
        Event::ParticipantLeft { participant: peer, lost, .. } => CallEvent::PeerLeft { peer, lost },
    })
}
