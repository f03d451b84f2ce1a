//! Perfect negotiation (W3C WebRTC 1.0, 10.7) as a state machine: either side may start at any time, and offers that
//! cross on the way do no harm. The polite side takes its own offer back, the other one ignores what it is offered.
//!
//! The driver takes one [`Step`] at a time, carries it out on the peer connection, reports [`Negotiation::done`] or
//! [`Negotiation::failed`], and asks for the next.

use std::collections::VecDeque;

use maru_protocol::signal::{DescriptionKind, IceCandidate, SessionDescription};

/// Candidates that wait for their description. Further ones are dropped: ICE then finds its way with fewer.
pub const MAX_HELD_CANDIDATES: usize = 64;
/// Messages that wait for a step to end. Further ones are dropped; a peer that keeps to the protocol sends one
/// description and waits for the answer.
const MAX_INCOMING: usize = 2 * MAX_HELD_CANDIDATES;

/// What to do with the peer connection now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create an offer, set it as the local description and send it to the peer.
    SendOffer,
    /// Send the local description again as it is: the first copy may be lost.
    ResendOffer,
    /// Set a local description of type `rollback`: our offer is void.
    Rollback,
    /// Set the remote description.
    ApplyRemote(SessionDescription),
    /// Create an answer, set it as the local description and send it to the peer.
    SendAnswer,
    /// `None`: the peer has no more candidates.
    AddCandidate(Option<IceCandidate>),
}

/// Negotiates one peer connection.
#[derive(Debug, Clone)]
pub struct Negotiation {
    is_polite: bool,
    state: SignalingState,
    needs_offer: bool,
    offer_may_be_lost: bool,
    /// The last offer of the peer was ignored, and no description has come since.
    ignores_offer: bool,
    has_remote: bool,
    incoming: VecDeque<Incoming>,
    held_candidates: VecDeque<Option<IceCandidate>>,
    in_progress: Option<InProgress>,
    is_broken: bool,
    dropped: u64,
}

/// `RTCSignalingState`, between steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignalingState {
    Stable,
    HaveLocalOffer,
    HaveRemoteOffer,
}

#[derive(Debug, Clone)]
enum Incoming {
    Description(SessionDescription),
    Candidate(Option<IceCandidate>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InProgress {
    SendOffer,
    ResendOffer,
    Rollback,
    ApplyOffer,
    ApplyAnswer,
    SendAnswer,
    AddCandidate,
}

impl Negotiation {
    /// Exactly one of the two sides is polite.
    pub fn new(is_polite: bool) -> Self {
        Self {
            is_polite,
            state: SignalingState::Stable,
            needs_offer: false,
            offer_may_be_lost: false,
            ignores_offer: false,
            has_remote: false,
            incoming: VecDeque::new(),
            held_candidates: VecDeque::new(),
            in_progress: None,
            is_broken: false,
            dropped: 0,
        }
    }

    /// Something changed that the peer has to agree to. An offer follows as soon as nothing else is going on.
    pub fn negotiation_needed(&mut self) {
        self.needs_offer = true;
    }

    /// The way to the peer is back, and what was on it may be lost: an offer without an answer is sent again.
    pub fn signaling_restored(&mut self) {
        self.offer_may_be_lost = true;
    }

    /// The peer sent a description.
    pub fn handle_description(&mut self, description: SessionDescription) {
        self.enqueue(Incoming::Description(description));
    }

    /// The peer sent a candidate.
    pub fn handle_candidate(&mut self, candidate: Option<IceCandidate>) {
        self.enqueue(Incoming::Candidate(candidate));
    }

    /// What to do next. `None` while a step is being carried out, and when there is nothing to do.
    pub fn poll_step(&mut self) -> Option<Step> {
        if self.in_progress.is_some() || self.is_broken {
            return None;
        }
        let (step, in_progress) = self.next_step()?;
        self.in_progress = Some(in_progress);
        Some(step)
    }

    /// The step was carried out.
    pub fn done(&mut self) {
        let Some(finished) = self.in_progress.take() else { return };
        match finished {
            InProgress::SendOffer => self.state = SignalingState::HaveLocalOffer,
            InProgress::Rollback | InProgress::SendAnswer => self.state = SignalingState::Stable,
            InProgress::ApplyOffer => self.remote_applied(SignalingState::HaveRemoteOffer),
            InProgress::ApplyAnswer => self.remote_applied(SignalingState::Stable),
            InProgress::ResendOffer | InProgress::AddCandidate => {}
        }
    }

    /// The step was refused. A candidate or an offer that cannot be used is dropped; anything else leaves the two
    /// sides without a way to agree: see [`Self::is_broken`].
    pub fn failed(&mut self) {
        match self.in_progress.take() {
            None => {}
            Some(InProgress::AddCandidate | InProgress::ApplyOffer) => self.dropped += 1,
            Some(_) => self.is_broken = true,
        }
    }

    /// Whether this connection cannot be negotiated any more and has to be replaced.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether both sides have agreed and nothing is going on.
    pub fn is_settled(&self) -> bool {
        self.state == SignalingState::Stable
            && self.has_remote
            && !self.needs_offer
            && self.in_progress.is_none()
            && self.incoming.is_empty()
    }

    /// Whether an offer of our own waits for its answer.
    pub fn has_local_offer(&self) -> bool {
        self.state == SignalingState::HaveLocalOffer
    }

    /// Messages of the peer that could not be used: too many, out of place, or refused by the connection.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn enqueue(&mut self, message: Incoming) {
        if self.incoming.len() < MAX_INCOMING {
            self.incoming.push_back(message);
        } else {
            self.dropped += 1;
        }
    }

    fn next_step(&mut self) -> Option<(Step, InProgress)> {
        if self.state == SignalingState::HaveRemoteOffer {
            return Some((Step::SendAnswer, InProgress::SendAnswer));
        }
        if self.has_remote
            && !self.ignores_offer
            && let Some(candidate) = self.held_candidates.pop_front()
        {
            return Some((Step::AddCandidate(candidate), InProgress::AddCandidate));
        }
        while let Some(message) = self.incoming.pop_front() {
            let action = match message {
                Incoming::Description(description) => self.next_for_description(description),
                Incoming::Candidate(candidate) => self.next_for_candidate(candidate),
            };
            if action.is_some() {
                return action;
            }
        }
        let may_be_lost = std::mem::take(&mut self.offer_may_be_lost);
        if self.state == SignalingState::HaveLocalOffer {
            return may_be_lost.then_some((Step::ResendOffer, InProgress::ResendOffer));
        }
        let needs_offer = std::mem::take(&mut self.needs_offer);
        needs_offer.then_some((Step::SendOffer, InProgress::SendOffer))
    }

    fn next_for_description(&mut self, description: SessionDescription) -> Option<(Step, InProgress)> {
        match (description.kind, self.state) {
            (DescriptionKind::Offer, SignalingState::Stable) => {
                Some((Step::ApplyRemote(description), InProgress::ApplyOffer))
            }
            (DescriptionKind::Offer, _) if self.is_polite => {
                // There is no implicit rollback: the offer is taken up again once ours is out of the way.
                self.incoming.push_front(Incoming::Description(description));
                self.needs_offer = true;
                Some((Step::Rollback, InProgress::Rollback))
            }
            (DescriptionKind::Offer, _) => {
                self.ignores_offer = true;
                None
            }
            (DescriptionKind::Answer, SignalingState::HaveLocalOffer) => {
                Some((Step::ApplyRemote(description), InProgress::ApplyAnswer))
            }
            _ => {
                self.dropped += 1;
                None
            }
        }
    }

    fn next_for_candidate(&mut self, candidate: Option<IceCandidate>) -> Option<(Step, InProgress)> {
        if self.has_remote && !self.ignores_offer {
            return Some((Step::AddCandidate(candidate), InProgress::AddCandidate));
        }
        // Also those of an ignored offer: the peer gathers candidates once, so they also serve its later answer. Others are
        // told apart by their ICE user name.
        if self.held_candidates.len() < MAX_HELD_CANDIDATES {
            self.held_candidates.push_back(candidate);
        } else {
            self.dropped += 1;
        }
        None
    }

    fn remote_applied(&mut self, state: SignalingState) {
        self.state = state;
        self.has_remote = true;
        self.ignores_offer = false;
    }
}

#[cfg(test)]
mod tests;
