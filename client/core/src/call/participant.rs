//! One person in the room: who it is, what it says, and the connections to it, one after the other.

use std::collections::VecDeque;
use std::time::Duration;

use maru_protocol::signal::{DescriptionKind, IceServer, PeerInfo, SignalData};
use maru_protocol::{InstanceId, Nickname, PeerId};

use super::action::{Action, ConnectionInput, Event};
use super::allowance::Allowance;
use super::connection::Connection;
use super::ids::{ConnectionId, Generation, ParticipantId};
use crate::chat::Chat;
use crate::media::SharedMedia;
use crate::time::Timestamp;

mod messages;

/// Pauses between attempts to connect double from the second attempt on.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(10);
/// A connection that was established for so long has lasted.
const LASTING: Duration = Duration::from_secs(10);
/// How long the polite side waits for the other one's offer, on top of the pause. Then it
/// offers itself: the other one may have given up.
const OFFER_WAIT: Duration = Duration::from_secs(3);
/// How long the newcomer's first offer is waited for. A browser may have to ask its user first.
const FIRST_OFFER_WAIT: Duration = Duration::from_secs(10);
/// After a second connection that had to be cut off none is opened for this time, which doubles each time. The first may
/// be our own computer's fault.
const FIRST_BAN: Duration = Duration::from_secs(30);
const LONGEST_BAN: Duration = Duration::from_secs(960);
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
/// Signals of a later connection that wait for the end of the present one.
const MAX_WAITING_SIGNALS: usize = 64;

/// What a participant tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub name: Nickname,
    pub muted: bool,
    pub camera_on: bool,
}

/// What the call as a whole has to do because of one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consequence {
    Nothing,
    /// Media can flow to it, for the first time or again.
    Established,
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
    presence: Option<Presence>,
    /// What it has told since, too soon to be shown.
    greeting: Option<Presence>,
    presence_changes: Allowance,
    /// What both sides have a codec for, as told last.
    shared: SharedMedia,
    /// It greeted with another version of the protocol: what else it says is ignored.
    has_other_version: bool,
    chat: Chat,
    connection: Option<Connection>,
    last_generation: Generation,
    /// Signals of a connection that the other side has begun while the present one is established.
    waiting: Option<Waiting>,
    /// Failed attempts since a connection lasted.
    failures: u32,
    /// Connections that had to be cut off.
    cut_off: u32,
    banned_until: Timestamp,
    /// When the present connection was established last.
    established_at: Option<Timestamp>,
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
}

impl Participant {
    pub(super) fn new(id: ParticipantId, info: &PeerInfo, own_instance: &InstanceId) -> Self {
        let PeerInfo { id: peer, name, instance } = info.clone();
        Self {
            id,
            // By the instances, not by the peer ids, which change: both sides must come to opposite answers.
            is_polite: *own_instance < instance,
            instance,
            peer,
            name,
            is_registered: true,
            presence: None,
            greeting: None,
            presence_changes: Allowance::new(MAX_PRESENCE_CHANGES, PRESENCE_INTERVAL),
            shared: SharedMedia::ALL,
            has_other_version: false,
            chat: Chat::new(),
            connection: None,
            last_generation: Generation(0),
            waiting: None,
            failures: 0,
            cut_off: 0,
            banned_until: Timestamp::ZERO,
            established_at: None,
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
        self.established().filter(|_| self.shared.video)
    }

    /// Neither the server nor a connection leads to it: there is no way to agree on another connection.
    pub(super) fn is_lost(&self) -> bool {
        !self.is_registered && self.established().is_none()
    }

    pub(super) fn unregistered(&mut self) {
        self.is_registered = false;
    }

    /// Registered, or registered again under another id. What was under way through the server may be lost. `offers`: we
    /// offer, as the newcomer.
    pub(super) fn registered(
        &mut self,
        now: Timestamp,
        peer: PeerId,
        offers: bool,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) {
        self.is_registered = true;
        self.peer = peer;
        let is_banned = self.is_banned(now);
        match &mut self.connection {
            // Our own network was away, possibly with another address now: the next connection lists the addresses anew.
            Some(connection) if offers && connection.is_interrupted() => self.open_next(now, shared, out),
            Some(connection) => {
                if offers && connection.is_ready() {
                    connection.offer(now);
                }
                connection.signaling_restored();
                connection.negotiate(now, &self.peer, out);
            }
            None if is_banned => {}
            None if offers => self.open_next(now, shared, out),
            None => {
                // Sockets and keys are ready when the first offer comes. Later ones may have any generation.
                if self.last_generation == Generation(0) {
                    self.open(Generation(1), shared, out);
                }
                let wait = now + FIRST_OFFER_WAIT;
                self.retry_at = Some(self.retry_at.map_or(wait, |at| at.min(wait)));
            }
        }
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

    pub(super) fn handle_signal(
        &mut self,
        now: Timestamp,
        generation: Generation,
        data: SignalData,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) {
        if let Some(connection) = self.connection.as_mut().filter(|connection| connection.id.generation == generation) {
            if is_offer(&data) {
                if !self.offers.take(now) {
                    tracing::debug!(participant = self.id.0, "it offers too often: this one is not answered");
                    return;
                }
                self.retry_at = None;
            }
            connection.handle_signal(now, data);
            connection.negotiate(now, &self.peer, out);
            return;
        }
        if self.is_banned(now) {
            return;
        }
        // Equal: our connection of this generation has failed, and is opened again for another offer.
        if generation < self.last_generation {
            // The other side has forgotten us, and counts anew: our next offer tells it where we are.
            if is_offer(&data) && self.connection.is_none() && self.openings.take(now) {
                self.retry_at = None;
                self.open_next(now, shared, out);
            } else {
                tracing::debug!(?generation, "a signal of an earlier connection");
            }
        } else if self.established().is_some() {
            // Nobody replaces a connection that works. If it has failed at the other end, that is noticed here soon.
            self.wait(generation, data);
        } else if is_offer(&data) && self.openings.take(now) {
            self.open(generation, shared, out);
            self.handle_signal(now, generation, data, shared, out);
        }
    }

    pub(super) fn handle_connection(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        input: ConnectionInput,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) -> Consequence {
        let Some(connection) = self.connection.as_mut().filter(|connection| connection.id == id) else {
            return Consequence::Nothing;
        };
        match input {
            ConnectionInput::StepDone(made) => {
                connection.step_done(made, &self.peer, out);
                connection.negotiate(now, &self.peer, out);
            }
            ConnectionInput::StepFailed { reason, is_spoiled } => {
                tracing::warn!(?id, reason, "a step of the negotiation failed");
                if connection.step_failed(is_spoiled) {
                    connection.negotiate(now, &self.peer, out);
                } else {
                    self.failed(now, reason, shared, out);
                }
            }
            ConnectionInput::LocalCandidate(candidate) => {
                out.push_back(connection.local_candidate(candidate, &self.peer));
            }
            ConnectionInput::MediaAgreed(shared) => {
                connection.shared = shared;
                if std::mem::replace(&mut self.shared, shared) != shared {
                    out.push_back(Action::Tell(Event::MediaAgreed { participant: self.id, shared }));
                }
            }
            ConnectionInput::NegotiationNeeded => {
                connection.negotiation_needed();
                connection.negotiate(now, &self.peer, out);
            }
            ConnectionInput::Established => {
                connection.established();
                self.established_at = Some(now);
                out.push_back(Action::Tell(Event::ParticipantConnected { participant: self.id }));
                return Consequence::Established;
            }
            ConnectionInput::Interrupted => self.interrupted(now, shared, out),
            ConnectionInput::Failed { reason } => self.failed(now, reason, shared, out),
            ConnectionInput::CutOff { reason } => {
                self.ban(now);
                self.failed(now, reason, shared, out);
            }
            ConnectionInput::ChannelOpen => {
                connection.channel_opened(now);
                self.greet_if_due(now, shared, out);
            }
            ConnectionInput::ChannelText(text) => return self.handle_text(now, &text, shared, out),
            ConnectionInput::ChannelClosed => {
                connection.channel_closed();
                // Without its channel a connection carries neither chat nor presence.
                self.failed(now, "its channel was closed".into(), shared, out);
            }
            ConnectionInput::KeyFrameRequested => return Consequence::KeyFrame,
            ConnectionInput::VideoDropped => {
                connection.require_key_frame();
                return Consequence::KeyFrame;
            }
        }
        Consequence::Nothing
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let connection = self.connection.as_ref().and_then(Connection::poll_timeout);
        connection.into_iter().chain(self.retry_at).chain(self.greeting_at()).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        if let Some(reason) = self.connection.as_ref().and_then(|connection| connection.expired(now)) {
            self.failed(now, reason.to_owned(), shared, out);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            match self.connection.as_mut().filter(|connection| connection.is_ready()) {
                Some(connection) => {
                    connection.offer(now);
                    connection.negotiate(now, &self.peer, out);
                }
                None => self.open_next(now, shared, out),
            }
        }
        self.greet_if_due(now, shared, out);
        self.take_up_greeting(now, out);
    }

    pub(super) fn close(&mut self, out: &mut VecDeque<Action>) {
        self.retry_at = None;
        self.chat.connection_closed();
        if let Some(connection) = self.connection.take() {
            out.push_back(Action::Close(connection.id));
        }
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

    /// Opens a connection and offers it.
    fn open_next(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        let generation = Generation(self.last_generation.0.saturating_add(1));
        self.open(generation, shared, out);
        if let Some(connection) = &mut self.connection {
            connection.offer(now);
            connection.negotiate(now, &self.peer, out);
        }
    }

    fn open(&mut self, generation: Generation, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        self.close(out);
        self.last_generation = generation;
        self.waiting = None;
        let id = ConnectionId { participant: self.id, generation };
        self.connection = Some(Connection::new(id, self.is_polite));
        out.push_back(Action::Open { connection: id, ice_servers: shared.ice_servers.to_vec() });
    }

    fn interrupted(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        if self.connection.as_mut().is_some_and(|connection| connection.interrupted(now)) {
            out.push_back(Action::Tell(Event::ParticipantInterrupted { participant: self.id }));
            self.take_up_waiting(now, shared, out);
        }
    }

    /// The connection is of no more use. The impolite side builds another one; the polite side waits for its offer, but
    /// not for ever.
    fn failed(&mut self, now: Timestamp, reason: String, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        self.close(out);
        out.push_back(Action::Tell(Event::ParticipantUnreachable { participant: self.id, reason }));
        if self.is_banned(now) {
            self.waiting = None;
            self.retry_at = Some(self.banned_until);
            return;
        }
        if self.take_up_waiting(now, shared, out) {
            return;
        }
        // One that comes and goes is tried again slower and slower, like one that never comes.
        if self.established_at.take().is_some_and(|at| now.since(at) >= LASTING) {
            self.failures = 0;
        }
        self.failures += 1;
        let pause = match self.failures {
            1 => Duration::ZERO,
            failures => (FIRST_RETRY * (1 << (failures - 2).min(8))).min(LONGEST_RETRY),
        };
        self.retry_at = Some(now + pause + if self.is_polite { OFFER_WAIT } else { Duration::ZERO });
    }

    fn ban(&mut self, now: Timestamp) {
        self.cut_off += 1;
        if self.cut_off > 1 {
            self.banned_until = now + (FIRST_BAN * (1 << (self.cut_off - 2).min(8))).min(LONGEST_BAN);
        }
    }

    fn is_banned(&self, now: Timestamp) -> bool {
        now < self.banned_until
    }

    fn wait(&mut self, generation: Generation, data: SignalData) {
        if self.waiting.as_ref().is_none_or(|waiting| waiting.generation < generation) {
            if !is_offer(&data) {
                return;
            }
            self.waiting = Some(Waiting { generation, signals: VecDeque::new() });
        }
        let waiting = self.waiting.as_mut().filter(|waiting| waiting.generation == generation);
        if let Some(waiting) = waiting.filter(|waiting| waiting.signals.len() < MAX_WAITING_SIGNALS) {
            waiting.signals.push_back(data);
        }
    }

    /// Goes on with the connection that the other side has begun meanwhile.
    fn take_up_waiting(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) -> bool {
        let Some(Waiting { generation, signals }) = self.waiting.take() else { return false };
        for data in signals {
            self.handle_signal(now, generation, data, shared, out);
        }
        self.connection.is_some()
    }
}

fn is_offer(data: &SignalData) -> bool {
    matches!(data, SignalData::Description(description) if description.kind == DescriptionKind::Offer)
}
