//! Single steps, and two machines against each other over channels that delay, in every order there is.

use std::collections::{HashSet, VecDeque};

use maru_protocol::signal::{DescriptionKind, IceCandidate, SessionDescription};

use super::*;

fn description(kind: DescriptionKind, sdp: &str) -> SessionDescription {
    SessionDescription { kind, sdp: sdp.to_owned() }
}

fn offer(sdp: &str) -> SessionDescription {
    description(DescriptionKind::Offer, sdp)
}

fn candidate(text: &str) -> Option<IceCandidate> {
    let candidate = text.to_owned();
    Some(IceCandidate { candidate, sdp_mid: None, sdp_m_line_index: None, username_fragment: None })
}

#[track_caller]
fn expect(negotiation: &mut Negotiation, action: Step) {
    assert_eq!(negotiation.poll_step(), Some(action));
    assert_eq!(negotiation.poll_step(), None, "one at a time");
    negotiation.done();
}

#[test]
fn an_offer_is_answered_and_an_answer_settles() {
    let mut caller = Negotiation::new(true);
    caller.negotiation_needed();
    expect(&mut caller, Step::SendOffer);
    assert!(!caller.is_settled());
    let answer = description(DescriptionKind::Answer, "b");
    caller.handle_description(answer.clone());
    expect(&mut caller, Step::ApplyRemote(answer));
    assert!(caller.is_settled());

    let mut callee = Negotiation::new(false);
    callee.handle_description(offer("a"));
    expect(&mut callee, Step::ApplyRemote(offer("a")));
    expect(&mut callee, Step::SendAnswer);
    assert!(callee.is_settled());
}

#[test]
fn candidates_wait_for_the_description_in_order_and_within_bounds() {
    let mut negotiation = Negotiation::new(true);
    for index in 0..200 {
        negotiation.handle_candidate(candidate(&index.to_string()));
        assert_eq!(negotiation.poll_step(), None);
    }
    assert_eq!(negotiation.dropped(), 200 - MAX_HELD_CANDIDATES as u64);
    negotiation.handle_description(offer("a"));
    expect(&mut negotiation, Step::ApplyRemote(offer("a")));
    expect(&mut negotiation, Step::SendAnswer);
    for index in 0..MAX_HELD_CANDIDATES {
        expect(&mut negotiation, Step::AddCandidate(candidate(&index.to_string())));
    }
    assert_eq!(negotiation.poll_step(), None);
    negotiation.handle_candidate(None);
    expect(&mut negotiation, Step::AddCandidate(None));
}

#[test]
fn the_polite_side_rolls_back_and_offers_again() {
    let mut polite = Negotiation::new(true);
    polite.negotiation_needed();
    expect(&mut polite, Step::SendOffer);
    polite.handle_description(offer("theirs"));
    expect(&mut polite, Step::Rollback);
    expect(&mut polite, Step::ApplyRemote(offer("theirs")));
    expect(&mut polite, Step::SendAnswer);
    expect(&mut polite, Step::SendOffer);
}

#[test]
fn the_impolite_side_ignores_the_offer_but_keeps_its_candidates_for_the_answer() {
    let mut impolite = Negotiation::new(false);
    impolite.negotiation_needed();
    expect(&mut impolite, Step::SendOffer);
    impolite.handle_description(offer("theirs"));
    impolite.handle_candidate(candidate("of theirs"));
    assert_eq!(impolite.poll_step(), None);
    let answer = description(DescriptionKind::Answer, "b");
    impolite.handle_description(answer.clone());
    expect(&mut impolite, Step::ApplyRemote(answer));
    expect(&mut impolite, Step::AddCandidate(candidate("of theirs")));
    assert!(impolite.is_settled());
}

#[test]
fn an_offer_that_is_still_being_made_collides_too() {
    let mut polite = Negotiation::new(true);
    polite.negotiation_needed();
    assert_eq!(polite.poll_step(), Some(Step::SendOffer));
    polite.handle_description(offer("theirs"));
    assert_eq!(polite.poll_step(), None);
    polite.done();
    expect(&mut polite, Step::Rollback);
    expect(&mut polite, Step::ApplyRemote(offer("theirs")));
}

#[test]
fn an_unanswered_offer_is_sent_again_when_signaling_is_back() {
    let mut negotiation = Negotiation::new(false);
    negotiation.signaling_restored();
    assert_eq!(negotiation.poll_step(), None);
    negotiation.negotiation_needed();
    expect(&mut negotiation, Step::SendOffer);
    assert_eq!(negotiation.poll_step(), None);
    negotiation.signaling_restored();
    expect(&mut negotiation, Step::ResendOffer);
    assert_eq!(negotiation.poll_step(), None);
    negotiation.handle_description(description(DescriptionKind::Answer, "b"));
    expect(&mut negotiation, Step::ApplyRemote(description(DescriptionKind::Answer, "b")));
    assert!(negotiation.is_settled());
}

#[test]
fn what_is_out_of_place_or_refused_is_dropped() {
    let mut negotiation = Negotiation::new(true);
    negotiation.done();
    negotiation.failed();
    negotiation.handle_description(description(DescriptionKind::Answer, "to nothing"));
    negotiation.handle_description(description(DescriptionKind::Rollback, ""));
    assert_eq!(negotiation.poll_step(), None);
    assert_eq!(negotiation.dropped(), 2);

    negotiation.handle_description(offer("garbage"));
    assert_eq!(negotiation.poll_step(), Some(Step::ApplyRemote(offer("garbage"))));
    negotiation.failed();
    assert!(!negotiation.is_broken());
    negotiation.negotiation_needed();
    expect(&mut negotiation, Step::SendOffer);

    negotiation.handle_description(description(DescriptionKind::Answer, "garbage"));
    assert!(negotiation.poll_step().is_some());
    negotiation.failed();
    assert!(negotiation.is_broken());
    negotiation.negotiation_needed();
    assert_eq!(negotiation.poll_step(), None);
}

#[test]
fn messages_during_a_long_action_are_bounded() {
    let mut negotiation = Negotiation::new(true);
    negotiation.negotiation_needed();
    assert_eq!(negotiation.poll_step(), Some(Step::SendOffer));
    for _ in 0..10_000 {
        negotiation.handle_description(offer("again"));
        negotiation.handle_candidate(None);
    }
    assert_eq!(negotiation.incoming.len(), MAX_INCOMING);
    assert_eq!(negotiation.dropped(), 20_000 - MAX_INCOMING as u64);
}

/// One side: the machine, and a peer connection that checks what is done to it (JSEP, RFC 8829, 3.2).
#[derive(Debug, Clone)]
struct Side {
    negotiation: Negotiation,
    connection: Connection,
    changes_left: u32,
    /// Changes made so far; every offer and answer says how many it knows of.
    changes: u32,
    action: Option<Step>,
}

#[derive(Debug, Clone, Default)]
struct Connection {
    local_offer: Option<String>,
    remote_offer: Option<String>,
    /// Offer and answer of the last exchange that was completed.
    agreed: Option<(String, String)>,
}

impl Side {
    fn new(is_polite: bool, changes_left: u32) -> Self {
        let negotiation = Negotiation::new(is_polite);
        Self { negotiation, connection: Connection::default(), changes_left, changes: 0, action: None }
    }

    fn name(&self) -> &'static str {
        if self.negotiation.is_polite { "polite" } else { "impolite" }
    }

    fn change(&mut self) {
        self.changes_left -= 1;
        self.changes += 1;
        self.negotiation.negotiation_needed();
    }

    /// Ends the action; returns what it sends.
    fn finish(&mut self) -> Option<SessionDescription> {
        let sdp = format!("{} {}", self.name(), self.changes);
        let connection = &mut self.connection;
        let sent = match self.action.take().expect("only called with an action") {
            Step::SendOffer => {
                assert!(connection.local_offer.is_none() && connection.remote_offer.is_none());
                connection.local_offer = Some(sdp.clone());
                Some(offer(&sdp))
            }
            Step::Rollback => {
                assert!(connection.local_offer.take().is_some());
                None
            }
            Step::ApplyRemote(SessionDescription { kind: DescriptionKind::Offer, sdp }) => {
                assert!(connection.local_offer.is_none() && connection.remote_offer.is_none());
                connection.remote_offer = Some(sdp);
                None
            }
            Step::ApplyRemote(SessionDescription { sdp, .. }) => {
                let local_offer = connection.local_offer.take().expect("an answer needs an offer");
                connection.agreed = Some((local_offer, sdp));
                None
            }
            Step::SendAnswer => {
                let remote_offer = connection.remote_offer.take().expect("an answer needs an offer");
                connection.agreed = Some((remote_offer.clone(), format!("{sdp} to {remote_offer}")));
                Some(description(DescriptionKind::Answer, &format!("{sdp} to {remote_offer}")))
            }
            action @ (Step::ResendOffer | Step::AddCandidate(_)) => panic!("nobody asked for {action:?}"),
        };
        self.negotiation.done();
        sent
    }
}

/// Two sides and the messages on their way, each direction in order.
#[derive(Debug, Clone)]
struct World {
    sides: [Side; 2],
    to: [VecDeque<SessionDescription>; 2],
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Change(usize),
    Begin(usize),
    Finish(usize),
    Deliver(usize),
}

impl World {
    fn new(changes: [u32; 2]) -> Self {
        Self { sides: [Side::new(true, changes[0]), Side::new(false, changes[1])], to: Default::default() }
    }

    fn steps(&self) -> Vec<Turn> {
        let mut steps = Vec::new();
        for index in 0..2 {
            let side = &self.sides[index];
            if side.changes_left > 0 {
                steps.push(Turn::Change(index));
            }
            if side.action.is_some() {
                steps.push(Turn::Finish(index));
            } else if side.negotiation.clone().poll_step().is_some() {
                steps.push(Turn::Begin(index));
            }
            if !self.to[index].is_empty() {
                steps.push(Turn::Deliver(index));
            }
        }
        steps
    }

    fn take(&mut self, step: Turn) {
        match step {
            Turn::Change(index) => self.sides[index].change(),
            Turn::Begin(index) => self.sides[index].action = self.sides[index].negotiation.poll_step(),
            Turn::Finish(index) => self.to[1 - index].extend(self.sides[index].finish()),
            Turn::Deliver(index) => {
                let message = self.to[index].pop_front().expect("only taken with a message");
                self.sides[index].negotiation.handle_description(message);
            }
        }
    }

    /// Nothing can happen any more: both must know of the same exchange, and of each other's last change.
    fn assert_converged(&self) {
        let [polite, impolite] = &self.sides;
        assert!(polite.negotiation.is_settled() && impolite.negotiation.is_settled(), "deadlock: {self:#?}");
        assert_eq!(polite.connection.agreed, impolite.connection.agreed);
        let (offer, answer) = polite.connection.agreed.as_ref().expect("settled");
        for side in &self.sides {
            let newest = format!("{} {}", side.name(), side.changes);
            assert!(*offer == newest || answer.starts_with(&newest), "{newest} is not in {offer} / {answer}");
        }
        assert_eq!(polite.negotiation.dropped() + impolite.negotiation.dropped(), 0);
    }
}

#[test]
fn every_order_of_two_changes_on_each_side_converges() {
    for changes in [[1, 0], [0, 1], [1, 1], [2, 1], [1, 2], [2, 2]] {
        let mut seen = HashSet::new();
        let mut open = vec![World::new(changes)];
        let mut ends = 0;
        while let Some(world) = open.pop() {
            let steps = world.steps();
            if steps.is_empty() {
                world.assert_converged();
                ends += 1;
            }
            for step in steps {
                let mut next = world.clone();
                next.take(step);
                if seen.insert(format!("{next:?}")) {
                    open.push(next);
                }
            }
        }
        assert!(ends > 0);
    }
}

#[test]
fn random_orders_of_many_changes_converge() {
    let mut state = 1_u64;
    for _ in 0..500 {
        let mut world = World::new([10, 10]);
        loop {
            let steps = world.steps();
            if steps.is_empty() {
                break;
            }
            // A linear congruential generator (Knuth's MMIX) is random enough to pick a step.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            world.take(steps[(state >> 33) as usize % steps.len()]);
        }
        world.assert_converged();
    }
}
