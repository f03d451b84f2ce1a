//! One person in the room: who it is, what it says, and the connections to it.

use std::collections::VecDeque;
use std::time::Duration;

use maru_protocol::signal::{IceServer, PeerInfo, SignalData};
use maru_protocol::{InstanceId, Nickname, PeerId};

use super::action::{Action, Event};
use super::allowance::Allowance;
use super::connection::Connection;
use super::ids::{ConnectionId, Generation, ParticipantId};
use super::paced::Paced;
use crate::chat::Chat;
use crate::media::SharedMedia;
use crate::time::Timestamp;

mod connecting;
mod messages;

/// How long one is kept who is neither registered nor connected: its computer may sleep.
const LONGEST_AWAY: Duration = Duration::from_secs(300);
/// Connections that the other side may begin at once, and the time after which it may begin one more.
const MAX_OPENINGS: u32 = 10;
const OPENING_INTERVAL: Duration = Duration::from_secs(2);
/// Key frames that it gets on request at once, and the time after which it gets one more, where others receive them, too.
const MAX_KEY_FRAMES: u32 = 10;
const KEY_FRAME_INTERVAL: Duration = Duration::from_secs(1);
/// Offers that the other side may make at once, and the time after which it may make one more: each is answered.
const MAX_OFFERS: u32 = 10;
const OFFER_INTERVAL: Duration = Duration::from_secs(1);
/// Changes of its name, mute and camera that are told at once, and the time after which one more is: each is shown.
const MAX_PRESENCE_CHANGES: u32 = 20;
const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// Sizes of a picture that are taken up at once, and the time after which one more is: each may cost a key frame.
const MAX_HEIGHTS: u32 = 10;
const HEIGHT_INTERVAL: Duration = Duration::from_secs(1);

/// What a participant tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub name: Nickname,
    pub muted: bool,
    pub camera_on: bool,
    pub hand_raised: bool,
}

/// What the call as a whole has to do because of one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consequence {
    Nothing,
    /// Media can flow to it, for the first time or again.
    Established {
        after_outage: bool,
    },
    /// It asks for a key frame.
    KeyFrame,
    SaidGoodbye,
}

#[derive(Debug)]
pub(super) struct Participant {
    id: ParticipantId,
    instance: InstanceId,
    /// Its id at the server, to address signals.
    peer: PeerId,
    name: Nickname,
    /// Whether the server has it, as far as we know.
    is_registered: bool,
    /// Whether we give way when offers cross.
    is_polite: bool,
    /// What it told last.
    presence: Paced<Option<Presence>>,
    /// How large it shows our camera's picture, in pixels. 0: not at all.
    ours_shown_at: Paced<u32>,
    /// How large we show its camera's picture.
    theirs_shown_at: Paced<u32>,
    /// What both sides have a codec for, as told last.
    shared: SharedMedia,
    /// It greeted with another version of the protocol: what else it says is ignored.
    has_other_version: bool,
    chat: Chat,
    /// Media go over it once it is established.
    connection: Option<Connection>,
    /// Built beside a standing one, and takes its place.
    next: Option<Connection>,
    /// The other side has said over the standing one that it builds the one of this generation.
    announced: Option<Generation>,
    /// Our own addresses have changed since the connection was opened.
    has_moved: bool,
    /// One of them is gone, so the old connection may be dead.
    has_lost_address: bool,
    /// It works again after an outage, or we have slept. What was written meanwhile comes late over it: SCTP waits longer
    /// and longer before it sends again. The next one is built beside it.
    is_worn: bool,
    last_generation: Generation,
    /// Signals of a connection that the other side has begun while the present one is established.
    waiting: Option<Waiting>,
    /// Since when neither the server nor a connection leads to it.
    away_since: Option<Timestamp>,
    /// Failed attempts since a connection lasted.
    failures: u32,
    /// Connections that had to be cut off.
    cut_off: u32,
    banned_until: Timestamp,
    /// When the present connection was established last.
    established_at: Option<Timestamp>,
    /// When a person is told that nothing comes from it.
    tell_interruption_at: Option<Timestamp>,
    /// When to offer another connection, unless the other side does first.
    retry_at: Option<Timestamp>,
    /// Connections that the other side may still begin: opening one costs sockets and keys.
    openings: Allowance,
    key_frames: Allowance,
    offers: Allowance,
}

#[derive(Debug)]
struct Waiting {
    generation: Generation,
    signals: VecDeque<SignalData>,
}

/// What the call knows and every participant needs.
pub(super) struct Shared<'a> {
    pub(super) presence: &'a Presence,
    pub(super) ice_servers: &'a [IceServer],
    /// Whether we are registered ourselves.
    pub(super) is_registered: bool,
}

impl Participant {
    pub(super) fn new(id: ParticipantId, info: &PeerInfo, own_instance: &InstanceId) -> Self {
        let PeerInfo { id: peer, name, instance, .. } = info.clone();
        Self {
            id,
            // By the instances, not by the peer ids, which change: both sides must come to opposite answers.
            is_polite: *own_instance < instance,
            instance,
            peer,
            name,
            is_registered: true,
            presence: Paced::new(None, MAX_PRESENCE_CHANGES, PRESENCE_INTERVAL),
            ours_shown_at: Paced::new(u32::MAX, MAX_HEIGHTS, HEIGHT_INTERVAL),
            theirs_shown_at: Paced::new(u32::MAX, MAX_HEIGHTS, HEIGHT_INTERVAL),
            shared: SharedMedia::ALL,
            has_other_version: false,
            chat: Chat::new(),
            connection: None,
            next: None,
            announced: None,
            has_moved: false,
            has_lost_address: false,
            is_worn: false,
            last_generation: Generation(0),
            waiting: None,
            away_since: None,
            failures: 0,
            cut_off: 0,
            banned_until: Timestamp::ZERO,
            established_at: None,
            tell_interruption_at: None,
            retry_at: None,
            openings: Allowance::new(MAX_OPENINGS, OPENING_INTERVAL),
            key_frames: Allowance::new(MAX_KEY_FRAMES, KEY_FRAME_INTERVAL),
            offers: Allowance::new(MAX_OFFERS, OFFER_INTERVAL),
        }
    }

    pub(super) fn id(&self) -> ParticipantId {
        self.id
    }

    pub(super) fn instance(&self) -> &InstanceId {
        &self.instance
    }

    pub(super) fn peer(&self) -> &PeerId {
        &self.peer
    }

    pub(super) fn name(&self) -> &Nickname {
        &self.name
    }

    /// The connection of now, established or not.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        self.connection.as_ref().map(|connection| connection.id)
    }

    /// The connection over which media go.
    pub(super) fn established(&self) -> Option<ConnectionId> {
        self.connection.as_ref().filter(|connection| connection.is_established()).map(|connection| connection.id)
    }

    /// The connection over which this kind of media goes.
    pub(super) fn takes_audio(&self) -> Option<ConnectionId> {
        self.established().filter(|_| self.shared.audio)
    }

    /// See [`Self::takes_audio`].
    pub(super) fn takes_video(&self) -> Option<ConnectionId> {
        self.established().filter(|_| self.shared.video && self.ours_shown_at() > 0)
    }

    /// How large it shows our camera's picture, in pixels.
    pub(super) fn ours_shown_at(&self) -> u32 {
        *self.ours_shown_at.current()
    }

    /// Neither the server nor a connection leads to it: there is no way to agree on another connection.
    pub(super) fn is_away(&self) -> bool {
        !self.is_registered && self.established().is_none()
    }

    /// Notes and tells since when it is away.
    pub(super) fn look_whether_away(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        if self.is_away() {
            if self.away_since.is_none() {
                self.away_since = Some(now);
                out.push_back(Action::Tell(Event::ParticipantAway { participant: self.id }));
            }
        } else if self.away_since.take().is_some() && self.established().is_none() {
            out.push_back(Action::Tell(Event::ParticipantInterrupted { participant: self.id }));
        }
    }

    /// It has been away for so long that it is not expected back.
    pub(super) fn is_gone(&self, now: Timestamp) -> bool {
        self.away_since.is_some_and(|since| now.since(since) >= LONGEST_AWAY)
    }

    pub(super) fn unregistered(&mut self) {
        self.is_registered = false;
    }

    /// It has this name from now on.
    pub(super) fn rename(&mut self, name: &Nickname, out: &mut VecDeque<Action>) {
        if self.name == *name {
            return;
        }
        let old = std::mem::replace(&mut self.name, name.clone());
        out.push_back(Action::SetMediaName { participant: self.id, name: name.clone() });
        let event = Event::ParticipantRenamed { participant: self.id, old, name: name.clone() };
        out.push_back(Action::Tell(event));
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let connections = self.connection.iter().chain(&self.next).filter_map(Connection::poll_timeout);
        let gone_at = self.away_since.map(|since| since + LONGEST_AWAY);
        let paced =
            [self.presence.poll_timeout(), self.ours_shown_at.poll_timeout(), self.theirs_shown_at.poll_timeout()];
        let times = [self.retry_at, self.tell_interruption_at, gone_at];
        connections.chain(times.into_iter().chain(paced).flatten()).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        self.keep_connected(now, shared, out);
        self.greet_if_due(now, shared, out);
        self.take_up_greeting(now, out);
        self.ours_shown_at.poll(now);
        self.subscribe(now, out);
    }

    pub(super) fn take_video(&mut self, is_key: bool) -> bool {
        self.connection.as_mut().is_some_and(|connection| connection.take_video(is_key))
    }

    pub(super) fn require_key_frame(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.require_key_frame();
        }
    }

    pub(super) fn needs_key_frame(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::needs_key_frame)
    }

    pub(super) fn take_key_frame_allowance(&mut self, now: Timestamp) -> bool {
        self.key_frames.take(now)
    }
}
