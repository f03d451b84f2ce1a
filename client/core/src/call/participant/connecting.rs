//! The connections to a participant: the one that stands, and possibly the next one, which is built beside it and takes
//! its place as soon as media can flow there.

use std::collections::VecDeque;
use std::time::Duration;

use maru_protocol::PeerId;
use maru_protocol::peer::PeerMessage;
use maru_protocol::signal::{DescriptionKind, SignalData};

use super::super::action::{Action, ConnectionInput, Event};
use super::super::connection::Connection;
use super::super::ids::{ConnectionId, Generation};
use super::{Consequence, Participant, Shared, Waiting};
use crate::time::Timestamp;

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
/// After an interruption of so long a connection is worn.
const WEARING_OUTAGE: Duration = Duration::from_secs(3);
/// How long the next connection may take after the one that stood was closed, before a person is told.
const TAKE_OVER: Duration = Duration::from_secs(1);
/// Signals of a later connection that wait.
const MAX_WAITING_SIGNALS: usize = 64;
/// The standing connection is checked twice a second. Where nothing has come for so long, the other side's offer of the next
/// one is believed.
const SILENT: Duration = Duration::from_millis(1100);

impl Participant {
    /// Registered, or registered again under another id. What was under way through the server may be lost. `offers`: we
    /// offer, as the newcomer.
    pub(in crate::call) fn registered(
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
        let (has_moved, is_worn) = (self.has_moved, self.is_worn);
        match &mut self.connection {
            // Our own network was away, possibly with another address now: the next connection lists the addresses anew.
            Some(connection) if connection.is_interrupted() || has_moved || is_worn => {
                if offers || has_moved {
                    self.open_next(now, shared, out);
                } else {
                    self.retry_at = Some(now + self.turn());
                }
            }
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
        if let Some(next) = &mut self.next {
            next.signaling_restored();
            next.negotiate(now, &self.peer, out);
        }
    }

    /// Our own addresses are others now. A connection that stands may still work: the next one is built beside it.
    /// `affected`: connections that use an address that is gone, or not the best one.
    pub(in crate::call) fn network_changed(
        &mut self,
        now: Timestamp,
        is_lost: bool,
        affected: &[ConnectionId],
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) {
        if !self.connection.iter().chain(&self.next).all(|connection| affected.contains(&connection.id)) {
            return;
        }
        self.has_moved = true;
        self.has_lost_address |= is_lost;
        self.failures = 0;
        if !self.is_registered || !shared.is_registered {
            return;
        }
        match &self.connection {
            // The offer that is waited for has this generation.
            Some(connection) if connection.is_ready() => {
                let generation = connection.id.generation;
                self.close(out);
                self.open(generation, shared, out);
                self.retry_at = Some(now + FIRST_OFFER_WAIT);
            }
            None if self.is_banned(now) => {}
            _ => self.open_next(now, shared, out),
        }
    }

    /// This machine has slept. The next connection is built beside the one that stands.
    pub(in crate::call) fn woken(&mut self, now: Timestamp) {
        if self.connection.as_ref().is_some_and(Connection::has_been_established) {
            self.is_worn = true;
            self.failures = 0;
            self.retry_at = Some(now + self.turn());
        }
    }

    pub(in crate::call) fn handle_signal(
        &mut self,
        now: Timestamp,
        generation: Generation,
        data: SignalData,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) {
        if self.connection_of(generation).is_some() {
            if is_offer(&data) {
                if !self.offers.take(now) {
                    tracing::debug!(participant = self.id.0, "it offers too often: this one is not answered");
                    return;
                }
                self.retry_at = None;
            }
            let peer = self.peer.clone();
            if let Some(connection) = self.connection_of(generation) {
                connection.handle_signal(now, data);
                connection.negotiate(now, &peer, out);
            }
            return;
        }
        if self.is_banned(now) {
            return;
        }
        // Equal: our connection of this generation has failed, and is opened again for another offer.
        if generation < self.last_generation {
            // The other side has forgotten us, and counts anew: our next offer tells it where we are.
            if is_offer(&data) && self.established().is_none() && self.next.is_none() && self.openings.take(now) {
                self.retry_at = None;
                self.open_next(now, shared, out);
            } else {
                tracing::debug!(?generation, "a signal of an earlier connection");
            }
        } else if self.established().is_some() && !self.is_worn && self.announced != Some(generation) {
            // Nobody replaces a connection that works, the server included: the other side has to say so over it, or it
            // has to be silent, or what is said over it comes late.
            self.wait(generation, data);
        } else if is_offer(&data) && self.openings.take(now) {
            self.open(generation, shared, out);
            self.handle_signal(now, generation, data, shared, out);
        }
    }

    /// The other side says, over the connection that stands, that it builds the next one.
    pub(super) fn announced(
        &mut self,
        now: Timestamp,
        generation: Generation,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) {
        self.announced = Some(generation);
        self.take_up_waiting(now, shared, out);
    }

    /// Whether the offer that waits is to be taken, since nothing has come over the connection that stands for `silence`.
    pub(in crate::call) fn believes_waiting(&self, standing: ConnectionId, silence: Duration) -> bool {
        silence >= SILENT && self.waiting.is_some() && self.established() == Some(standing)
    }

    pub(in crate::call) fn handle_connection(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        input: ConnectionInput,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) -> Consequence {
        let is_next = self.next.as_ref().is_some_and(|connection| connection.id == id);
        let takes_over = is_next && matches!(input, ConnectionInput::Established | ConnectionInput::ChannelText(_));
        if takes_over {
            self.take_over(out);
        }
        let peer = self.peer.clone();
        let Some(connection) = self.connection_of(id.generation) else { return Consequence::Nothing };
        match input {
            ConnectionInput::StepDone(made) => {
                connection.step_done(made, &peer, out);
                connection.negotiate(now, &peer, out);
            }
            ConnectionInput::StepFailed { reason, is_spoiled } => {
                tracing::warn!(?id, reason, "a step of the negotiation failed");
                if connection.step_failed(is_spoiled) {
                    connection.negotiate(now, &peer, out);
                } else {
                    self.failed(now, id, reason, shared, out);
                }
            }
            ConnectionInput::LocalCandidate(candidate) => {
                out.push_back(connection.local_candidate(candidate, &peer));
            }
            ConnectionInput::MediaAgreed(shared) => {
                if std::mem::replace(&mut self.shared, shared) != shared {
                    out.push_back(Action::Tell(Event::MediaAgreed { participant: self.id, shared }));
                }
            }
            ConnectionInput::NegotiationNeeded => {
                connection.negotiation_needed();
                connection.negotiate(now, &peer, out);
            }
            ConnectionInput::Established => {
                let outage = connection.established(now);
                self.established_at = Some(now);
                self.has_moved = false;
                self.has_lost_address = false;
                self.tell_interruption_at = None;
                self.is_worn = outage >= WEARING_OUTAGE;
                self.retry_at = self.is_worn.then(|| now + self.turn());
                out.push_back(Action::Tell(Event::ParticipantConnected { participant: self.id }));
                return Consequence::Established { after_outage: self.is_worn };
            }
            // Of the next one: it is not established, so there is nothing to interrupt.
            ConnectionInput::Interrupted if is_next => {}
            ConnectionInput::Interrupted => self.interrupted(now, shared, out),
            ConnectionInput::Failed { reason } => self.failed(now, id, reason, shared, out),
            ConnectionInput::CutOff { reason } => {
                self.ban(now);
                self.failed(now, id, reason, shared, out);
            }
            ConnectionInput::ChannelOpen => {
                connection.channel_opened(now);
                self.greet_if_due(now, shared, out);
            }
            ConnectionInput::ChannelText(text) => return self.handle_text(now, &text, shared, out),
            ConnectionInput::ChannelClosed => {
                connection.channel_closed();
                // Without its channel a connection carries neither chat nor presence.
                self.failed(now, id, "its channel was closed".into(), shared, out);
            }
            ConnectionInput::KeyFrameRequested => return Consequence::KeyFrame,
            ConnectionInput::VideoDropped => {
                connection.require_key_frame();
                return Consequence::KeyFrame;
            }
        }
        Consequence::Nothing
    }

    /// Gives up what is over time, and tries again.
    pub(super) fn keep_connected(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        let connections = self.connection.iter().chain(&self.next);
        let expired = connections.filter_map(|one| one.expired(now).map(|reason| (one.id, reason)));
        for (id, reason) in expired.collect::<Vec<_>>() {
            self.failed(now, id, reason.to_owned(), shared, out);
        }
        if self.tell_interruption_at.is_some_and(|at| at <= now) {
            self.tell_interruption_at = None;
            out.push_back(Action::Tell(Event::ParticipantInterrupted { participant: self.id }));
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            match &mut self.connection {
                Some(connection) if connection.is_ready() => {
                    connection.offer(now);
                    connection.negotiate(now, &self.peer, out);
                }
                Some(connection) if !connection.is_interrupted() && !self.is_worn => {}
                // What is sent through the server would not reach it. It is tried when both are registered.
                _ if !self.is_registered || !shared.is_registered || self.next.is_some() => {}
                _ => self.open_next(now, shared, out),
            }
        }
    }

    pub(in crate::call) fn close(&mut self, out: &mut VecDeque<Action>) {
        self.retry_at = None;
        self.tell_interruption_at = None;
        self.chat.connection_closed();
        self.close_next(out);
        if let Some(connection) = self.connection.take() {
            out.push_back(Action::Close(connection.id));
        }
    }

    fn close_next(&mut self, out: &mut VecDeque<Action>) {
        if let Some(next) = self.next.take() {
            out.push_back(Action::Close(next.id));
        }
    }

    /// The next connection works: what stands is closed.
    fn take_over(&mut self, out: &mut VecDeque<Action>) {
        let Some(next) = self.next.take() else { return };
        self.close(out);
        self.connection = Some(next);
    }

    fn connection_of(&mut self, generation: Generation) -> Option<&mut Connection> {
        self.connection.iter_mut().chain(&mut self.next).find(|connection| connection.id.generation == generation)
    }

    /// Opens a connection and offers it, unless the other side has done so.
    fn open_next(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        if self.take_up_waiting(now, shared, out) {
            return;
        }
        let generation = Generation(self.last_generation.0.saturating_add(1));
        if self.connection.as_ref().is_some_and(Connection::is_open_at_both_ends) {
            self.say(&PeerMessage::Next { generation: generation.0 }, out);
        }
        self.open(generation, shared, out);
        let peer = self.peer.clone();
        if let Some(connection) = self.connection_of(generation) {
            connection.offer(now);
            connection.negotiate(now, &peer, out);
        }
    }

    /// Beside the one that stands, or instead of one that never did.
    fn open(&mut self, generation: Generation, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        let stands = self.connection.as_ref().is_some_and(Connection::has_been_established);
        if stands {
            self.close_next(out);
        } else {
            self.close(out);
        }
        self.last_generation = generation;
        self.waiting = None;
        self.announced = None;
        let id = ConnectionId { participant: self.id, generation };
        let connection = Connection::new(id, self.is_polite);
        if stands {
            self.next = Some(connection);
        } else {
            self.connection = Some(connection);
        }
        // While the old connection works, the better network is given a chance by itself: of two that work ICE may choose
        // the old one. If an address is gone any of the others may be the way.
        let only_best_address = stands && self.has_moved && !self.has_lost_address && self.failures == 0;
        let ice_servers = shared.ice_servers.to_vec();
        out.push_back(Action::Open { connection: id, only_best_address, ice_servers });
    }

    fn interrupted(&mut self, now: Timestamp, shared: &Shared<'_>, out: &mut VecDeque<Action>) {
        if !self.connection.as_mut().is_some_and(|connection| connection.interrupted(now)) {
            return;
        }
        out.push_back(Action::Tell(Event::ParticipantInterrupted { participant: self.id }));
        if !self.take_up_waiting(now, shared, out) && self.next.is_none() {
            self.retry_at = Some(now + self.turn());
        }
    }

    /// The connection is of no more use. The impolite side builds another one; the polite side waits for its offer, but
    /// not for ever.
    fn failed(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        reason: String,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) {
        if self.next.as_ref().is_some_and(|next| next.id == id) {
            self.close_next(out);
            if self.is_worn || self.connection.as_ref().is_some_and(Connection::is_interrupted) {
                self.retry_later(now);
            }
            return;
        }
        if let Some(next) = self.next.take() {
            let was_established = self.established().is_some();
            self.close(out);
            self.connection = Some(next);
            // Usually the other side has closed it because the next one works there, and in a moment it does here.
            self.tell_interruption_at = was_established.then(|| now + TAKE_OVER);
            return;
        }
        self.close(out);
        out.push_back(Action::Tell(Event::ParticipantUnreachable { participant: self.id, reason }));
        if self.is_banned(now) {
            self.waiting = None;
            self.retry_at = Some(self.banned_until);
        } else if !self.take_up_waiting(now, shared, out) {
            self.retry_later(now);
        }
    }

    fn retry_later(&mut self, now: Timestamp) {
        // One that comes and goes is tried again slower and slower, like one that never comes.
        if self.established_at.take().is_some_and(|at| now.since(at) >= LASTING) {
            self.failures = 0;
        }
        self.failures += 1;
        let pause = match self.failures {
            1 => Duration::ZERO,
            failures => (FIRST_RETRY * (1 << (failures - 2).min(8))).min(LONGEST_RETRY),
        };
        self.retry_at = Some(now + pause + self.turn());
    }

    /// How much later than the other side we offer.
    fn turn(&self) -> Duration {
        if self.is_polite { OFFER_WAIT } else { Duration::ZERO }
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
    pub(in crate::call) fn take_up_waiting(
        &mut self,
        now: Timestamp,
        shared: &Shared<'_>,
        out: &mut VecDeque<Action>,
    ) -> bool {
        let Some(Waiting { generation, signals }) = self.waiting.take() else { return false };
        self.announced = Some(generation);
        for data in signals {
            self.handle_signal(now, generation, data, shared, out);
        }
        self.connection_of(generation).is_some()
    }
}

fn is_offer(data: &SignalData) -> bool {
    matches!(data, SignalData::Description(description) if description.kind == DescriptionKind::Offer)
}
