//! The life of one connection: negotiated, established, interrupted, and the greeting on its channel.

use std::collections::VecDeque;
use std::time::Duration;

use maru_protocol::PeerId;
use maru_protocol::signal::{ClientMessage, IceCandidate, SessionDescription, SignalData};

use super::action::Action;
use super::ids::ConnectionId;
use crate::negotiation::{Negotiation, Step};
use crate::time::Timestamp;

/// How long a connection may take from its first signal until media can flow. A person at the other end may have to
/// answer a firewall's question.
const ESTABLISH_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an interrupted connection may take to come back: while a computer sleeps. The stack gives it up then, too.
const INTERRUPTED_TIMEOUT: Duration = Duration::from_secs(300);
/// How long one step of the negotiation may take. The stack takes milliseconds, unless it hangs.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two greetings to a participant that has not been heard yet: what is sent before the other end of the channel
/// is open is lost.
const HELLO_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    state: State,
    negotiation: Negotiation,
    /// Kept to be sent again: the first copy may be lost.
    last_offer: Option<SessionDescription>,
    step_deadline: Option<Timestamp>,
    channel: Channel,
    /// The receiver cannot decode anything before the next key frame.
    needs_key_frame: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Open, and neither side has offered yet.
    Ready,
    Connecting {
        deadline: Timestamp,
    },
    Established,
    Interrupted {
        since: Timestamp,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Closed,
    /// Our end is open. Greetings are repeated until something is heard.
    Open {
        hello_at: Timestamp,
    },
    /// Something was heard: both ends are open.
    Heard,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, is_polite: bool) -> Self {
        Self {
            id,
            state: State::Ready,
            negotiation: Negotiation::new(is_polite),
            last_offer: None,
            step_deadline: None,
            channel: Channel::Closed,
            needs_key_frame: true,
        }
    }

    pub(super) fn is_established(&self) -> bool {
        self.state == State::Established
    }

    /// Established or interrupted: it has worked.
    pub(super) fn has_been_established(&self) -> bool {
        matches!(self.state, State::Established | State::Interrupted { .. })
    }

    /// Texts written now arrive, unless the connection fails.
    pub(super) fn is_open_at_both_ends(&self) -> bool {
        self.channel == Channel::Heard
    }

    pub(super) fn is_channel_open(&self) -> bool {
        self.channel != Channel::Closed
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let state = match self.state {
            State::Connecting { deadline } => Some(deadline),
            State::Interrupted { since } => Some(since + INTERRUPTED_TIMEOUT),
            State::Ready | State::Established => None,
        };
        state.into_iter().chain(self.step_deadline).chain(self.hello_at()).min()
    }

    /// Which deadline has passed, if one has: give the connection up.
    pub(super) fn expired(&self, now: Timestamp) -> Option<&'static str> {
        match self.state {
            State::Connecting { deadline } if deadline <= now => return Some("it took too long to connect"),
            State::Interrupted { since } if since + INTERRUPTED_TIMEOUT <= now => return Some("nothing comes from it"),
            _ => {}
        }
        self.step_deadline.is_some_and(|deadline| deadline <= now).then_some("the connection does not react")
    }

    /// Whether a greeting is to be sent now. The next one is due an interval after this one, however late this one is.
    pub(super) fn take_due_hello(&mut self, now: Timestamp) -> bool {
        let is_due = self.hello_at().is_some_and(|at| at <= now);
        if is_due {
            self.channel = Channel::Open { hello_at: now + HELLO_INTERVAL };
        }
        is_due
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    pub(super) fn offer(&mut self, now: Timestamp) {
        self.begin(now);
        self.negotiation.negotiation_needed();
    }

    /// The stack wants an offer. Ignored unless established: the call makes the first one.
    pub(super) fn negotiation_needed(&mut self) {
        if self.is_established() {
            self.negotiation.negotiation_needed();
        }
    }

    /// The server is back, and what was under way through it may be lost.
    pub(super) fn signaling_restored(&mut self) {
        self.negotiation.signaling_restored();
    }

    pub(super) fn handle_signal(&mut self, now: Timestamp, data: SignalData) {
        self.begin(now);
        match data {
            SignalData::Description(description) => self.negotiation.handle_description(description),
            SignalData::Candidate(candidate) => self.negotiation.handle_candidate(candidate),
        }
    }

    /// Starts the next step, if none is being carried out.
    pub(super) fn negotiate(&mut self, now: Timestamp, peer: &PeerId, out: &mut VecDeque<Action>) {
        while let Some(step) = self.negotiation.poll_step() {
            if step == Step::ResendOffer {
                if let Some(offer) = self.last_offer.clone() {
                    out.push_back(self.signal(peer, SignalData::Description(offer)));
                }
                self.negotiation.done();
                continue;
            }
            self.step_deadline = Some(now + STEP_TIMEOUT);
            out.push_back(Action::Negotiate { connection: self.id, step });
        }
    }

    pub(super) fn step_done(&mut self, made: Option<SessionDescription>, peer: &PeerId, out: &mut VecDeque<Action>) {
        self.step_deadline = None;
        self.negotiation.done();
        let Some(description) = made else { return };
        if self.negotiation.has_local_offer() {
            self.last_offer = Some(description.clone());
        }
        out.push_back(self.signal(peer, SignalData::Description(description)));
    }

    /// Whether the connection can still be used. One that was never established and is spoiled by what its other end sent
    /// has to be replaced.
    pub(super) fn step_failed(&mut self, is_spoiled: bool) -> bool {
        self.step_deadline = None;
        self.negotiation.failed();
        !self.negotiation.is_broken() && (!is_spoiled || self.is_established())
    }

    pub(super) fn local_candidate(&self, candidate: Option<IceCandidate>, peer: &PeerId) -> Action {
        self.signal(peer, SignalData::Candidate(candidate))
    }

    /// Media begin with a key frame. Gives how long it was interrupted.
    pub(super) fn established(&mut self, now: Timestamp) -> Duration {
        self.needs_key_frame = true;
        match std::mem::replace(&mut self.state, State::Established) {
            State::Interrupted { since } => now.since(since),
            State::Ready | State::Connecting { .. } | State::Established => Duration::ZERO,
        }
    }

    /// Whether it was established before.
    pub(super) fn interrupted(&mut self, now: Timestamp) -> bool {
        let was_established = self.is_established();
        if was_established {
            self.state = State::Interrupted { since: now };
        }
        was_established
    }

    pub(super) fn is_interrupted(&self) -> bool {
        matches!(self.state, State::Interrupted { .. })
    }

    pub(super) fn channel_opened(&mut self, now: Timestamp) {
        if self.channel == Channel::Closed {
            self.channel = Channel::Open { hello_at: now };
        }
    }

    pub(super) fn channel_closed(&mut self) {
        self.channel = Channel::Closed;
    }

    /// Something came over the channel. Whether it was the first.
    pub(super) fn channel_heard(&mut self) -> bool {
        std::mem::replace(&mut self.channel, Channel::Heard) != Channel::Heard
    }

    pub(super) fn needs_key_frame(&self) -> bool {
        self.needs_key_frame
    }

    pub(super) fn require_key_frame(&mut self) {
        self.needs_key_frame = true;
    }

    /// Whether this connection gets the frame: once it is established, from the next key frame on. Call once for each
    /// frame.
    pub(super) fn take_video(&mut self, is_key: bool) -> bool {
        let takes = self.is_established() && (is_key || !self.needs_key_frame);
        self.needs_key_frame &= !takes;
        takes
    }

    fn begin(&mut self, now: Timestamp) {
        if self.is_ready() {
            self.state = State::Connecting { deadline: now + ESTABLISH_TIMEOUT };
        }
    }

    fn hello_at(&self) -> Option<Timestamp> {
        match self.channel {
            Channel::Open { hello_at } => Some(hello_at),
            Channel::Closed | Channel::Heard => None,
        }
    }

    fn signal(&self, peer: &PeerId, data: SignalData) -> Action {
        let (to, generation) = (peer.clone(), self.id.generation.0);
        Action::SendToServer(ClientMessage::Signal { to, generation, data })
    }
}
