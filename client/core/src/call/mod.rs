//! The call: who is in the room, and what becomes of the connection to each. A state machine without I/O.
//!
//! ```text
//!              commands            server            connections        timeouts
//!                  │                 │                    │                │
//!                  ▼                 ▼                    ▼                ▼
//!               ┌─────────────────────────────────────────────────────────────┐
//!               │ Call ── Registration   at the signal server                 │
//!               │   └──── Participant    a person in the room; its chat       │
//!               │           └─ Connection  negotiation, state, greeting       │
//!               └─────────────────────────────────────────────────────────────┘
//!                                        │ poll_action
//!                                        ▼
//!                            the session carries actions out
//! ```
//!
//! After every input take all actions with [`Call::poll_action`], and come back at [`Call::poll_timeout`] at the latest.
//! The same inputs at the same times give the same actions.

mod action;
mod allowance;
mod audio_control;
mod connection;
mod ids;
mod layers;
mod paced;
mod participant;
mod registration;
mod sending;
mod signal_queue;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use maru_protocol::signal::{ClientMessage, IceServer, LeaveReason, PeerInfo, ServerMessage};
use maru_protocol::{InstanceId, Nickname, PeerId};

pub use self::action::{Action, Command, ConnectionInput, Estimate, Event, LayerTarget};
pub use self::ids::{ConnectionId, Generation, ParticipantId, StreamKind};
pub use self::participant::Presence;
pub use self::registration::{EndReason, Identity, Server};
pub use self::sending::EncoderCounts;

use self::audio_control::AudioControl;
use self::participant::{Consequence, Participant, Shared};
use self::registration::{News, Registration};
use self::sending::{Sending, Viewer};
use self::signal_queue::SignalQueue;
use crate::media::VideoLayerId;
use crate::time::Timestamp;

/// Participants at most, whatever a server says. Further ones are ignored.
pub const MAX_PARTICIPANTS: usize = 64;

/// How a call begins.
#[derive(Debug, Clone)]
pub struct CallConfig {
    pub identity: Identity,
    /// Servers are looked for on the local network, and there may be several.
    pub is_on_lan: bool,
    pub muted: bool,
    pub camera_on: bool,
    /// Whether the camera delivers frames, or is being opened.
    pub is_camera_available: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Call {
    registration: Registration,
    own: Own,
    ice_servers: Vec<IceServer>,
    participants: BTreeMap<ParticipantId, Participant>,
    last_participant: u32,
    sending: Sending,
    audio: AudioControl,
    actions: VecDeque<Action>,
    signals: SignalQueue,
    /// Of the last input.
    now: Timestamp,
    has_ended: bool,
}

#[derive(Debug)]
struct Own {
    identity: Identity,
    muted: bool,
    camera_on: bool,
    hand_raised: bool,
    is_camera_available: bool,
}

impl Own {
    fn presence(&self) -> Presence {
        let camera_on = self.camera_on && self.is_camera_available;
        Presence { name: self.identity.name.clone(), muted: self.muted, camera_on, hand_raised: self.hand_raised }
    }
}

/// What decides who gets a video frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameKind {
    pub layer: VideoLayerId,
    pub is_key: bool,
    /// No other frame refers to it.
    pub is_discardable: bool,
}

impl Call {
    /// A call that looks for its server. Nothing has happened before the first [`Call::poll_action`].
    pub fn new(now: Timestamp, config: CallConfig) -> Self {
        let CallConfig { identity, is_on_lan, muted, camera_on, is_camera_available } = config;
        let mut call = Self {
            registration: Registration::new(identity.clone(), is_on_lan),
            own: Own { identity, muted, camera_on, hand_raised: false, is_camera_available },
            ice_servers: Vec::new(),
            participants: BTreeMap::new(),
            last_participant: 0,
            sending: Sending::default(),
            audio: AudioControl::default(),
            actions: VecDeque::new(),
            signals: SignalQueue::new(),
            now,
            has_ended: false,
        };
        call.registration.start(now, &mut call.actions);
        call.sending.participants_changed(now, 0, &mut call.actions);
        call
    }

    /// The next thing to do. `None`: all is done until the next input or [`Call::poll_timeout`].
    pub fn poll_action(&mut self) -> Option<Action> {
        // A signal names ids of a registration: without one it goes nowhere. When we are registered again, offers that
        // have no answer are sent again.
        if !self.registration.is_registered() {
            self.signals.clear();
        }
        while let Some(action) = self.actions.pop_front() {
            let Action::SendToServer(ClientMessage::Signal { to, generation, data }) = action else {
                return Some(action);
            };
            if self.registration.is_registered()
                && let Some(participant) = self.participant_of(&to).map(|participant| participant.id())
            {
                self.signals.push(participant, ClientMessage::Signal { to, generation, data });
            }
        }
        self.signals.poll(self.now).map(Action::SendToServer)
    }

    /// When to call [`Call::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.has_ended {
            return None;
        }
        let participants = self.participants.values().filter_map(Participant::poll_timeout);
        let participants = participants.chain(self.signals.poll_timeout());
        participants.chain(self.registration.poll_timeout()).chain(self.sending.poll_timeout()).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.now = now;
        if self.has_ended {
            return;
        }
        let news = self.registration.handle_timeout(now, &mut self.actions);
        self.handle_news(now, news);
        self.each(|participant, shared, out| participant.handle_timeout(now, shared, out));
        self.look_who_is_away(now);
        self.sending.handle_timeout(now, &mut self.actions);
    }

    /// The person at this end wants something.
    pub fn handle_command(&mut self, now: Timestamp, command: Command) {
        self.now = now;
        match command {
            Command::SendChat { id, text, sent_unix_ms } => {
                self.each(|participant, _, out| participant.write_chat(id, &text, sent_unix_ms, out));
            }
            Command::SetMuted(muted) => {
                self.actions.push_back(Action::SetMuted(muted));
                self.change_presence(|own| own.muted = muted);
            }
            Command::SetHandRaised(hand_raised) => self.change_presence(|own| own.hand_raised = hand_raised),
            Command::SetCameraOn(camera_on) => {
                self.actions.push_back(Action::SetCameraOn(camera_on));
                self.change_presence(|own| own.camera_on = camera_on);
            }
            Command::ShowVideo { participant, max_height } => {
                self.with(participant, |participant, _, out| participant.show_video(now, max_height, out));
            }
            Command::Rename(name) => {
                self.registration.rename(name.clone(), &mut self.actions);
                self.change_presence(|own| own.identity.name = name);
            }
            Command::Leave => self.end(now, EndReason::Left),
        }
    }

    /// The camera was unplugged, or is back.
    pub fn set_camera_available(&mut self, is_available: bool) {
        self.change_presence(|own| own.is_camera_available = is_available);
    }

    /// Answers [`Action::FindServer`].
    pub fn server_found(&mut self, now: Timestamp, server: Server) {
        self.registration.found(now, server, &mut self.actions);
    }

    /// No server can be found or connected to, or the connection to it has ended.
    pub fn server_failed(&mut self, now: Timestamp, reason: EndReason) {
        let news = self.registration.handle_failure(now, reason, &mut self.actions);
        self.handle_news(now, news);
    }

    /// A text frame of the server.
    pub fn server_text(&mut self, now: Timestamp, text: &str) {
        self.now = now;
        let news = self.registration.text(now, text, &mut self.actions);
        self.handle_news(now, news);
    }

    /// A sign of life of the server without a text.
    pub fn server_alive(&mut self, now: Timestamp) {
        self.registration.handle_alive(now);
    }

    /// A better server was found on the local network.
    pub fn better_server_found(&mut self, now: Timestamp) {
        self.registration.better_found(now, &mut self.actions);
    }

    /// The addresses of this machine are others than before. `is_lost`: one of them is gone, and the connection to the
    /// server may be, too. `affected`: connections that use one that is gone, or not the best one.
    pub fn network_changed(&mut self, now: Timestamp, is_lost: bool, affected: &[ConnectionId]) {
        self.now = now;
        self.registration.network_changed(now, is_lost, &mut self.actions);
        self.each(|participant, shared, out| participant.network_changed(now, is_lost, affected, shared, out));
    }

    /// This machine has slept: no time has passed here, but elsewhere. The server may have dropped us, and what others wait to
    /// send over the standing connections is repeated once a minute.
    pub fn woken(&mut self, now: Timestamp) {
        self.now = now;
        self.registration.network_changed(now, false, &mut self.actions);
        self.each(|participant, _, _| participant.woken(now));
    }

    /// Something happened on a connection. Input of an earlier connection is ignored.
    pub fn handle_connection(&mut self, now: Timestamp, id: ConnectionId, input: ConnectionInput) {
        self.now = now;
        let consequence = self.with(id.participant, |participant, shared, out| {
            participant.handle_connection(now, id, input, shared, out)
        });
        match consequence.unwrap_or(Consequence::Nothing) {
            Consequence::Nothing => {}
            Consequence::Established { after_outage } => {
                if after_outage {
                    self.registration.network_changed(now, false, &mut self.actions);
                }
                if self.takes_video(id) {
                    self.sending.established(now, id, &mut self.actions);
                    self.sending.request_key_frame(now, id, false, &mut self.actions);
                }
            }
            Consequence::KeyFrame => self.request_key_frame(now, id, false),
            Consequence::SaidGoodbye => self.remove(now, id.participant, LeaveReason::Left),
        }
        self.look_who_is_away(now);
    }

    /// What the congestion controllers say now. Those of connections that are not established do not count.
    pub fn handle_estimates(&mut self, now: Timestamp, estimates: &[Estimate]) {
        let established: Vec<Estimate> =
            estimates.iter().filter(|estimate| self.takes_video(estimate.connection)).copied().collect();
        let hearing: Vec<Estimate> =
            estimates.iter().filter(|estimate| self.takes_audio(estimate.connection)).copied().collect();
        let viewers: Vec<Viewer> = established
            .iter()
            .map(|estimate| Viewer { estimate: *estimate, max_height: self.ours_shown_at(estimate.connection) })
            .collect();
        self.actions.extend(self.audio.update(now, &hearing).map(Action::SetAudio));
        let moved = self.sending.handle_estimates(now, &viewers, &mut self.actions);
        for id in moved {
            if let Some(participant) = self.participants.get_mut(&id.participant) {
                if participant.needs_key_frame() {
                    self.sending.has_left(id);
                }
                participant.require_key_frame();
                self.sending.request_key_frame(now, id, false, &mut self.actions);
            }
        }
        for estimate in established.iter().filter(|estimate| estimate.needs_key_frame) {
            self.request_key_frame(now, estimate.connection, true);
        }
        self.request_missing_key_frames(now);
        for Estimate { connection, silent_for, .. } in estimates {
            let participant = self.participants.get(&connection.participant);
            if participant.is_some_and(|participant| participant.believes_waiting(*connection, *silent_for)) {
                self.with(connection.participant, |participant, shared, out| {
                    participant.take_up_waiting(now, shared, out)
                });
            }
        }
    }

    /// The most that the path to one participant has a use for, in bit/s, with all headers.
    pub fn most_path_bps(&self) -> u32 {
        self.sending.most_bps()
    }

    /// Frames at the encoder in the last second. To be called once a second.
    pub fn second_passed(&mut self, now: Timestamp, counts: EncoderCounts) {
        if let Some(is_at_limit) = self.sending.second_passed(now, counts, &mut self.actions) {
            self.actions.push_back(Action::Tell(Event::ComputerAtLimit(is_at_limit)));
        }
    }

    /// The connections that a video frame of a layer goes to. Call once for each frame: one that gets a key frame needs
    /// none any more.
    pub fn video_receivers(&mut self, frame: FrameKind) -> impl Iterator<Item = ConnectionId> {
        let FrameKind { layer, is_key, is_discardable } = frame;
        let Self { participants, sending, .. } = self;
        participants.values_mut().filter_map(move |participant| {
            let id = participant.takes_video()?;
            if sending.leaving(id) == Some(layer) {
                return Some(id);
            }
            if sending.layer_of(id) != Some(layer) {
                return None;
            }
            if sending.is_left_behind(id) {
                participant.require_key_frame();
                sending.has_left(id);
                return None;
            }
            if is_discardable && sending.skips_upper_frames(id) {
                return None;
            }
            let takes = participant.take_video(is_key);
            if takes {
                sending.has_left(id);
            }
            takes.then_some(id)
        })
    }

    /// The connections that audio goes to.
    pub fn audio_receivers(&self) -> impl Iterator<Item = ConnectionId> {
        self.participants.values().filter_map(Participant::takes_audio)
    }

    /// What keeps our video on `connection` from being better, over the time between two counts: `"network"`, `"cpu"`,
    /// `"camera"` or `"none"`.
    pub fn limited_by(&self, connection: ConnectionId, since_last: EncoderCounts) -> &'static str {
        self.sending.limited_by(connection, since_last)
    }

    pub fn participants(&self) -> impl Iterator<Item = ParticipantId> {
        self.participants.keys().copied()
    }

    pub fn name_of(&self, participant: ParticipantId) -> Option<&Nickname> {
        self.participants.get(&participant).map(Participant::name)
    }

    /// Stays the same when the participant registers again.
    pub fn instance_of(&self, participant: ParticipantId) -> Option<&InstanceId> {
        self.participants.get(&participant).map(Participant::instance)
    }

    /// The connection to `participant` over which media go.
    pub fn established(&self, participant: ParticipantId) -> Option<ConnectionId> {
        self.participants.get(&participant).and_then(Participant::established)
    }

    fn takes_video(&self, connection: ConnectionId) -> bool {
        self.participants.get(&connection.participant).and_then(Participant::takes_video) == Some(connection)
    }

    fn takes_audio(&self, connection: ConnectionId) -> bool {
        self.participants.get(&connection.participant).and_then(Participant::takes_audio) == Some(connection)
    }

    fn ours_shown_at(&self, connection: ConnectionId) -> u32 {
        self.participants.get(&connection.participant).map_or(u32::MAX, Participant::ours_shown_at)
    }

    fn handle_news(&mut self, now: Timestamp, news: Option<News>) {
        match news {
            None => {}
            Some(News::Refused(reason)) => self.end(now, reason),
            Some(News::Welcome { present, ice_servers }) => self.welcomed(now, &present, ice_servers),
            Some(News::Message(message)) => self.server_said(now, message),
            Some(News::Replaced) => self.replaced(now),
        }
    }

    /// Registered. We offer to `present`, who were in the room before us. A participant that is not among them and has no
    /// established connection is gone.
    fn welcomed(&mut self, now: Timestamp, present: &[PeerInfo], ice_servers: Vec<IceServer>) {
        self.ice_servers = ice_servers;
        self.participants.values_mut().for_each(Participant::unregistered);
        for info in present {
            self.register(now, info, true);
        }
        self.look_who_is_away(now);
    }

    /// Without a registration no other connection can be agreed on: only the established ones stay.
    fn replaced(&mut self, now: Timestamp) {
        self.actions.push_back(Action::Tell(Event::Replaced));
        self.participants.values_mut().for_each(Participant::unregistered);
        self.look_who_is_away(now);
    }

    fn server_said(&mut self, now: Timestamp, message: ServerMessage) {
        match message {
            ServerMessage::PeerJoined { peer } => self.register(now, &peer, false),
            ServerMessage::PeerLeft { id, reason } => {
                let Some(participant) = self.participant_of(&id) else { return };
                participant.unregistered();
                let id = participant.id();
                if reason == LeaveReason::Left {
                    self.remove(now, id, reason);
                } else {
                    self.look_who_is_away(now);
                }
            }
            ServerMessage::PeerRenamed { id, name } => {
                if let Some(id) = self.participant_of(&id).map(|participant| participant.id()) {
                    self.with(id, |participant, _, out| participant.rename(&name, out));
                }
            }
            ServerMessage::Signal { from, generation, data } => {
                match self.participant_of(&from).map(|participant| participant.id()) {
                    Some(id) => {
                        self.with(id, |participant, shared, out| {
                            participant.handle_signal(now, Generation(generation), data, shared, out);
                        });
                    }
                    None => tracing::debug!("a signal of someone who has left"),
                }
            }
            ServerMessage::Error { code, message, .. } => {
                tracing::warn!(?code, message, "the server refused a message");
                self.actions.push_back(Action::Tell(Event::ServerRefused { message }));
            }
            ServerMessage::Challenge { .. }
            | ServerMessage::Welcome { .. }
            | ServerMessage::Pong
            | ServerMessage::Unknown => {}
        }
    }

    /// The server has this peer, for the first time or again.
    fn register(&mut self, now: Timestamp, info: &PeerInfo, offers: bool) {
        // The server may not have noticed yet that our own last registration is over.
        if info.instance == self.own.identity.instance {
            return;
        }
        let known = self.participants.values().find(|participant| *participant.instance() == info.instance);
        if let Some(id) = known.map(Participant::id) {
            self.with(id, |participant, shared, out| {
                participant.registered(now, info.id.clone(), offers, shared, out);
                participant.rename(&info.name, out);
            });
            return;
        }
        if self.participants.len() >= MAX_PARTICIPANTS {
            return;
        }
        self.last_participant += 1;
        let id = ParticipantId(self.last_participant);
        self.participants.insert(id, Participant::new(id, info, &self.own.identity.instance));
        self.actions.push_back(Action::AddMedia { participant: id, name: info.name.clone() });
        self.actions.push_back(Action::Tell(Event::ParticipantJoined { participant: id, name: info.name.clone() }));
        self.with(id, |participant, shared, out| participant.registered(now, info.id.clone(), offers, shared, out));
        self.sending.participants_changed(now, self.present(), &mut self.actions);
    }

    fn remove(&mut self, now: Timestamp, id: ParticipantId, reason: LeaveReason) {
        let Some(mut participant) = self.participants.remove(&id) else { return };
        participant.close(&mut self.actions);
        self.signals.forget(id);
        self.actions.push_back(Action::RemoveMedia(id));
        let (name, lost) = (participant.name().clone(), reason == LeaveReason::Lost);
        self.actions.push_back(Action::Tell(Event::ParticipantLeft { participant: id, name, lost }));
        self.sending.participants_changed(now, self.present(), &mut self.actions);
    }

    /// Who is away is kept for some minutes, and costs nothing.
    fn look_who_is_away(&mut self, now: Timestamp) {
        for participant in self.participants.values_mut() {
            participant.look_whether_away(now, &mut self.actions);
        }
        let gone: Vec<_> = self.participants.values().filter(|one| one.is_gone(now)).map(Participant::id).collect();
        for id in gone {
            self.remove(now, id, LeaveReason::Lost);
        }
        let present = self.present();
        if present != self.sending.participants() {
            self.sending.participants_changed(now, present, &mut self.actions);
        }
    }

    fn present(&self) -> usize {
        self.participants.values().filter(|participant| !participant.is_away()).count()
    }

    /// A receiver cannot go on without a key frame. Where others take the same layer it gets no more than its allowance.
    fn request_key_frame(&mut self, now: Timestamp, id: ConnectionId, at_once: bool) {
        let Some(participant) = self.participants.get_mut(&id.participant) else { return };
        if !self.sending.is_shared(id) || participant.take_key_frame_allowance(now) {
            participant.require_key_frame();
            self.sending.has_left(id);
            self.sending.request_key_frame(now, id, at_once, &mut self.actions);
        }
    }

    /// For receivers that wait for a key frame that was dropped or never made.
    fn request_missing_key_frames(&mut self, now: Timestamp) {
        for participant in self.participants.values_mut() {
            let Some(id) = participant.takes_video().filter(|id| !self.sending.is_left_behind(*id)) else { continue };
            if participant.needs_key_frame()
                && (!self.sending.is_shared(id) || participant.take_key_frame_allowance(now))
            {
                self.sending.request_missing_key_frame(now, id, &mut self.actions);
            }
        }
    }

    fn change_presence(&mut self, change: impl FnOnce(&mut Own)) {
        let before = self.own.presence();
        change(&mut self.own);
        if self.own.presence() != before {
            self.each(|participant, shared, out| participant.tell_presence(shared, out));
        }
    }

    fn end(&mut self, now: Timestamp, reason: EndReason) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.each(|participant, _, out| participant.leave(out));
        self.participants.clear();
        self.sending.participants_changed(now, 0, &mut self.actions);
        self.registration.leave(&mut self.actions);
        self.actions.push_back(Action::Tell(Event::Ended(reason)));
    }

    fn participant_of(&mut self, peer: &PeerId) -> Option<&mut Participant> {
        self.participants.values_mut().find(|participant| participant.peer() == peer)
    }

    fn with<T>(
        &mut self,
        id: ParticipantId,
        what: impl FnOnce(&mut Participant, &Shared<'_>, &mut VecDeque<Action>) -> T,
    ) -> Option<T> {
        let presence = self.own.presence();
        let shared = shared(&presence, &self.ice_servers, &self.registration);
        self.participants.get_mut(&id).map(|participant| what(participant, &shared, &mut self.actions))
    }

    fn each(&mut self, mut what: impl FnMut(&mut Participant, &Shared<'_>, &mut VecDeque<Action>)) {
        let presence = self.own.presence();
        let shared = shared(&presence, &self.ice_servers, &self.registration);
        for participant in self.participants.values_mut() {
            what(participant, &shared, &mut self.actions);
        }
    }
}

fn shared<'a>(presence: &'a Presence, ice_servers: &'a [IceServer], registration: &Registration) -> Shared<'a> {
    Shared { presence, ice_servers, is_registered: registration.is_registered() }
}
