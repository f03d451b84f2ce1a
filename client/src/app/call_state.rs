//! A call as the window knows it, from the first search for a server on.

use std::collections::VecDeque;
use std::time::Duration;

use maru_core::time::Timestamp;
use maru_protocol::{Nickname, RoomName};

use super::chat_log::ChatLog;
use super::commands::Side;
use crate::clock;
use crate::i18n::Notice;
use crate::invitation::Invitation;
use crate::media::FrameSlot;
use crate::session::{CallEvent, CallStats, PeerKey, PeerStats};

/// How long a notice is shown over the frames.
pub(crate) const NOTICE_TIME: Duration = Duration::from_secs(6);
/// Notices shown at the same time.
const NOTICES_SHOWN: usize = 4;

#[derive(Debug)]
pub(crate) struct CallState {
    pub(crate) room: RoomName,
    pub(crate) name: Nickname,
    pub(crate) progress: Progress,
    pub(crate) server_lost: bool,
    pub(crate) invitation: Option<Invitation>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) chat: ChatLog,
    pub(crate) side: Option<Side>,
    pub(crate) show_stats: bool,
    pub(crate) sent: CallStats,
    notices: VecDeque<(Notice, Timestamp)>,
    /// Peers that were in the room before us and are still to be told of: their arrival is no news.
    present_before: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    Searching,
    Connecting { url: String },
    Joined,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) key: PeerKey,
    pub(crate) name: Nickname,
    pub(crate) link: PeerLink,
    pub(crate) muted: bool,
    pub(crate) camera_on: bool,
    pub(crate) frames: Option<FrameSlot>,
    pub(crate) stats: Option<PeerStats>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PeerLink {
    Connecting,
    Connected,
    Interrupted,
    Unreachable { reason: String },
}

impl CallState {
    pub(crate) fn new(room: RoomName, name: Nickname) -> Self {
        Self {
            room,
            name,
            progress: Progress::Searching,
            server_lost: false,
            invitation: None,
            peers: Vec::new(),
            chat: ChatLog::default(),
            side: None,
            show_stats: false,
            sent: CallStats::default(),
            notices: VecDeque::new(),
            present_before: 0,
        }
    }

    /// The notices to be shown at `now`, the oldest first.
    pub(crate) fn notices(&self, now: Timestamp) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(move |(_, until)| *until > now).map(|(notice, _)| notice)
    }

    /// When the next notice has to go.
    pub(crate) fn next_notice_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.notices.iter().map(|(_, until)| *until).filter(|until| *until > now).min()
    }

    pub(crate) fn notify(&mut self, notice: Notice, now: Timestamp) {
        self.chat.add_notice(notice.clone(), unix_ms(now));
        if self.notices.len() == NOTICES_SHOWN {
            self.notices.pop_front();
        }
        self.notices.push_back((notice, now + NOTICE_TIME));
    }

    /// Everything but [`CallEvent::Ended`], which is not this call's to survive.
    pub(crate) fn apply(&mut self, event: CallEvent, now: Timestamp) {
        match event {
            CallEvent::Searching => self.progress_to(Progress::Searching),
            CallEvent::Connecting { url } => self.progress_to(Progress::Connecting { url }),
            CallEvent::Joined { server: _, own_server, peers } => self.joined(own_server, peers, now),
            CallEvent::Invitation(invitation) => self.invitation = Some(invitation),
            CallEvent::ServerLost => {
                self.server_lost = true;
                self.notify(Notice::ServerLost, now);
            }
            CallEvent::ServerBack => {
                self.server_lost = false;
                self.notify(Notice::ServerBack, now);
            }
            CallEvent::PeerJoined { peer, name } => self.peer_joined(peer, name, now),
            CallEvent::PeerRenamed { peer, old, name } => {
                if let Some(known) = self.peer_mut(peer) {
                    known.name = name.clone();
                    self.notify(Notice::Renamed { old, name }, now);
                }
            }
            CallEvent::PeerConnected { peer, frames } => self.peer_connected(peer, frames, now),
            CallEvent::PeerInterrupted { peer } => {
                if let Some(name) = self.set_link(peer, PeerLink::Interrupted) {
                    self.notify(Notice::Interrupted { name }, now);
                }
            }
            CallEvent::PeerUnreachable { peer, reason } => {
                if let Some(name) = self.set_link(peer, PeerLink::Unreachable { reason: reason.clone() }) {
                    self.notify(Notice::Unreachable { name, reason }, now);
                }
            }
            // The frame itself comes through the slot.
            CallEvent::FirstFrame { peer: _ } => {}
            CallEvent::PeerState { peer, muted, camera_on } => {
                if let Some(peer) = self.peer_mut(peer) {
                    peer.muted = muted;
                    peer.camera_on = camera_on;
                }
            }
            CallEvent::Chat { peer, text, sent_unix_ms } => {
                if let Some(name) = self.peer_mut(peer).map(|peer| peer.name.clone()) {
                    self.chat.add_theirs(name, text, sent_unix_ms);
                    if self.side != Some(Side::Chat) {
                        self.chat.unread += 1;
                    }
                }
            }
            CallEvent::ChatDelivered { peer, id } => self.chat.mark_delivered(id, peer),
            CallEvent::PeerLeft { peer, lost } => {
                if let Some(index) = self.peers.iter().position(|known| known.key == peer) {
                    let name = self.peers.remove(index).name;
                    self.notify(if lost { Notice::Lost { name } } else { Notice::Left { name } }, now);
                }
            }
            CallEvent::Stats(mut stats) => {
                for peer_stats in stats.peers.drain(..) {
                    if let Some(peer) = self.peer_mut(PeerKey(peer_stats.peer)) {
                        peer.stats = Some(peer_stats);
                    }
                }
                self.sent = stats;
            }
            CallEvent::Ended(_) => {}
        }
    }

    /// What to hand to someone who is to come: the link, or the room's name until there is one.
    pub(crate) fn invite(&mut self, now: Timestamp) -> String {
        let Some(Invitation { link, with_camera }) = self.invitation.clone() else { return self.room.to_string() };
        self.notify(Notice::Invited { with_camera }, now);
        link
    }

    pub(crate) fn send_draft(&mut self, now: Timestamp) -> Option<(u64, String)> {
        self.chat.send_draft(self.peers.iter().map(|peer| peer.key), unix_ms(now))
    }

    /// Once in the room, registering again is no progress.
    fn progress_to(&mut self, progress: Progress) {
        if self.progress != Progress::Joined {
            self.progress = progress;
        }
    }

    fn joined(&mut self, own_server: bool, peers: usize, now: Timestamp) {
        if self.progress == Progress::Joined {
            return;
        }
        self.progress = Progress::Joined;
        self.present_before = peers.saturating_sub(self.peers.len());
        self.notify(Notice::Entered { room: self.room.clone() }, now);
        if own_server {
            self.notify(Notice::OwnServer, now);
        }
    }

    fn peer_joined(&mut self, key: PeerKey, name: Nickname, now: Timestamp) {
        if self.peer_mut(key).is_some() {
            return;
        }
        self.peers.push(Peer {
            key,
            name: name.clone(),
            link: PeerLink::Connecting,
            muted: false,
            camera_on: true,
            frames: None,
            stats: None,
        });
        if self.progress == Progress::Joined && self.present_before == 0 {
            self.notify(Notice::Joined { name }, now);
        } else {
            self.present_before = self.present_before.saturating_sub(1);
        }
    }

    fn peer_connected(&mut self, key: PeerKey, frames: FrameSlot, now: Timestamp) {
        let Some(peer) = self.peer_mut(key) else { return };
        peer.frames = Some(frames);
        let before = std::mem::replace(&mut peer.link, PeerLink::Connected);
        if matches!(before, PeerLink::Interrupted | PeerLink::Unreachable { .. }) {
            let name = peer.name.clone();
            self.notify(Notice::Restored { name }, now);
        }
    }

    /// Sets the link and returns the peer's name, if that is news.
    fn set_link(&mut self, key: PeerKey, link: PeerLink) -> Option<Nickname> {
        let peer = self.peer_mut(key)?;
        let is_news = peer.link != link;
        peer.link = link;
        is_news.then(|| peer.name.clone())
    }

    fn peer_mut(&mut self, key: PeerKey) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.key == key)
    }
}

fn unix_ms(at: Timestamp) -> u64 {
    clock::unix_ms(at).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Nickname {
        name.parse().expect("a nickname")
    }

    fn call() -> CallState {
        CallState::new("room".parse().expect("a room name"), name("me"))
    }

    fn at(secs: u64) -> Timestamp {
        clock::timestamp(std::time::Instant::now()) + Duration::from_secs(secs)
    }

    fn join(call: &mut CallState, key: u32, who: &str, now: Timestamp) {
        call.apply(CallEvent::PeerJoined { peer: PeerKey(key), name: name(who) }, now);
    }

    #[test]
    fn those_present_before_are_no_news() {
        let (mut call, now) = (call(), at(0));
        call.apply(CallEvent::Joined { server: "s".into(), own_server: false, peers: 1 }, now);
        join(&mut call, 1, "Mina", now);
        assert_eq!(call.notices(now).count(), 1, "only that we entered");
        join(&mut call, 2, "Jun", now);
        assert_eq!(call.notices(now).last(), Some(&Notice::Joined { name: name("Jun") }));
        assert_eq!(call.peers.len(), 2);
    }

    #[test]
    fn notices_go_away_but_stay_in_the_log() {
        let (mut call, now) = (call(), at(0));
        call.notify(Notice::ServerLost, now);
        assert_eq!(call.next_notice_end(now), Some(now + NOTICE_TIME));
        assert_eq!(call.notices(now + NOTICE_TIME).count(), 0);
        assert_eq!(call.next_notice_end(now + NOTICE_TIME), None);
        assert_eq!(call.chat.lines().len(), 1);
        for _ in 0..10 {
            call.notify(Notice::ServerBack, now);
        }
        assert_eq!(call.notices(now).count(), NOTICES_SHOWN);
    }

    #[test]
    fn an_interruption_and_its_end_are_told_once() {
        let (mut call, now) = (call(), at(0));
        join(&mut call, 1, "Mina", now);
        let connected = || CallEvent::PeerConnected { peer: PeerKey(1), frames: FrameSlot::default() };
        call.apply(connected(), now);
        assert_eq!(call.notices(now).count(), 0);
        call.apply(CallEvent::PeerInterrupted { peer: PeerKey(1) }, now);
        call.apply(CallEvent::PeerInterrupted { peer: PeerKey(1) }, now);
        call.apply(connected(), now);
        let told: Vec<_> = call.notices(now).cloned().collect();
        assert_eq!(told, [Notice::Interrupted { name: name("Mina") }, Notice::Restored { name: name("Mina") }]);
    }

    #[test]
    fn messages_count_as_unread_while_the_chat_is_closed() {
        let (mut call, now) = (call(), at(0));
        join(&mut call, 1, "Mina", now);
        let chat = || CallEvent::Chat { peer: PeerKey(1), text: "안녕".into(), sent_unix_ms: u64::MAX };
        call.apply(chat(), now);
        assert_eq!(call.chat.unread, 1);
        call.side = Some(Side::Chat);
        call.apply(chat(), now);
        assert_eq!(call.chat.unread, 1);
        call.apply(CallEvent::PeerLeft { peer: PeerKey(1), lost: true }, now);
        assert_eq!(call.notices(now).last(), Some(&Notice::Lost { name: name("Mina") }));
        call.apply(chat(), now);
        assert_eq!(call.chat.unread, 1, "nothing more comes from someone who is gone");
    }
}
