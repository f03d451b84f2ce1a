//! The registration at a server that is slow, silent, full, or none.

use std::collections::VecDeque;
use std::time::Duration;

use maru_protocol::signal::{ErrorCode, ServerMessage};
use maru_protocol::{InstanceId, PeerId, VERSION};

use super::super::registration::{News, Registration};
use crate::call::{Action, EndReason, Event, Identity, Server};
use crate::time::Timestamp;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(ms * 1000)
}

fn server() -> Server {
    Server { url: "ws://x".into(), is_own: false }
}

fn registration(is_on_lan: bool) -> Registration {
    registration_of(InstanceId::from_bits(1), is_on_lan)
}

fn registration_of(instance: InstanceId, is_on_lan: bool) -> Registration {
    let identity = Identity { room: "room".parse().unwrap(), name: "name".parse().unwrap(), instance };
    Registration::new(identity, is_on_lan)
}

fn text(message: &ServerMessage) -> String {
    message.encode().expect("a message of the server")
}

fn welcome() -> String {
    let (instance, peers, ice_servers) = (InstanceId::from_bits(1), Vec::new(), Vec::new());
    text(&ServerMessage::Welcome { version: VERSION, instance, peers, capacity: 8, ice_servers })
}

fn challenge() -> String {
    text(&ServerMessage::Challenge { id: PeerId::from_bits(7) })
}

/// Registered at `at(40)`.
fn registered() -> Registration {
    registered_as(InstanceId::from_bits(1))
}

fn registered_as(instance: InstanceId) -> Registration {
    let (mut registration, mut out) = (registration_of(instance, false), VecDeque::new());
    registration.start(at(0), &mut out);
    registration.found(at(0), server(), &mut out);
    assert_eq!(registration.text(at(20), &challenge(), &mut out), None);
    let (room, name) = ("room".parse().unwrap(), "name".parse().unwrap());
    assert_eq!(out.pop_back(), Some(Action::Join { challenge: PeerId::from_bits(7), room, name }));
    assert!(matches!(registration.text(at(40), &welcome(), &mut out), Some(News::Welcome { .. })));
    registration
}

fn failure() -> EndReason {
    EndReason::NoServer { url: "ws://x".into(), reason: "refused".into() }
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_five_seconds() {
    let (mut registration, mut out) = (registration(false), VecDeque::new());
    registration.start(at(0), &mut out);
    registration.found(at(0), server(), &mut out);
    assert_eq!(registration.poll_timeout(), Some(at(5_000)));
    assert!(registration.handle_timeout(at(4_999), &mut out).is_none());
    let refused = registration.handle_timeout(at(5_000), &mut out);
    assert!(matches!(refused, Some(News::Refused(EndReason::NoServer { .. }))), "{refused:?}");
}

#[test]
fn what_a_server_refuses_is_told() {
    for (code, expected) in [
        (ErrorCode::RoomFull, EndReason::RoomFull { capacity: Some(8) }),
        (ErrorCode::ServerFull, EndReason::ServerFull),
        (ErrorCode::UnsupportedVersion, EndReason::OtherVersion { server: "ws://x".into() }),
    ] {
        let (mut registration, mut out) = (registration(false), VecDeque::new());
        registration.start(at(0), &mut out);
        registration.found(at(0), server(), &mut out);
        registration.text(at(20), &challenge(), &mut out);
        let error = text(&ServerMessage::Error { code, message: String::new(), capacity: Some(8) });
        assert_eq!(registration.text(at(30), &error, &mut out), Some(News::Refused(expected)));
    }
}

#[test]
fn a_server_is_joined_once_and_after_its_challenge() {
    let (mut registration, mut out) = (registration(false), VecDeque::new());
    registration.start(at(0), &mut out);
    registration.found(at(0), server(), &mut out);
    assert_eq!(registration.text(at(10), &welcome(), &mut out), None, "nobody asked for it");
    out.clear();
    for _ in 0..3 {
        assert_eq!(registration.text(at(20), &challenge(), &mut out), None);
    }
    assert!(matches!(out.make_contiguous(), [Action::Join { .. }]), "{out:?}");
    assert_eq!(registration.poll_timeout(), Some(at(5_000)), "connecting and joining have one deadline");
}

#[test]
fn a_server_that_refuses_before_its_challenge_is_told_too() {
    let (mut registration, mut out) = (registration(false), VecDeque::new());
    registration.start(at(0), &mut out);
    registration.found(at(0), server(), &mut out);
    let full = text(&ServerMessage::Error { code: ErrorCode::ServerFull, message: String::new(), capacity: None });
    assert_eq!(registration.text(at(10), &full, &mut out), Some(News::Refused(EndReason::ServerFull)));
}

/// How many of ten thousand clients of a server come back in each tenth of a second after it is there again.
#[test]
fn ten_thousand_clients_come_back_within_three_seconds_and_not_in_one_instant() {
    let mut arrivals = [0; 30];
    for client in 0..10_000 {
        let instance = InstanceId::from_bits(client * 0x9e37_79b9_7f4a_7c15);
        let (mut registration, mut out) = (registered_as(instance), VecDeque::new());
        registration.handle_failure(at(1_000), failure(), &mut out);
        // It is away for ten seconds and refuses each attempt.
        let back = loop {
            let next = registration.poll_timeout().expect("it tries again");
            registration.handle_timeout(next, &mut out);
            let tries = out.drain(..).any(|action| action == Action::FindServer);
            if tries && next >= at(11_000) {
                break next.since(at(11_000));
            }
            if tries {
                registration.found(next, server(), &mut out);
                registration.handle_failure(next, failure(), &mut out);
            }
        };
        arrivals[back.as_millis() as usize / 100] += 1;
    }
    println!("{arrivals:?}");
    assert_eq!(arrivals[20..].iter().sum::<usize>(), 0, "two seconds at most");
    assert!(arrivals.iter().all(|arrivals| *arrivals < 1_500), "{arrivals:?}");
}

#[test]
fn a_silent_server_is_asked_and_then_left() {
    let (mut registration, mut out) = (registered(), VecDeque::new());
    let mut pings = 0;
    let lost = loop {
        let timeout = registration.poll_timeout().expect("there is always one");
        registration.handle_timeout(timeout, &mut out);
        pings += out.iter().filter(|action| matches!(action, Action::SendToServer(_))).count();
        if out.drain(..).any(|action| action == Action::DisconnectServer) {
            break timeout;
        }
    };
    assert_eq!((lost, pings), (at(11_040), 2));
    assert!(!registration.is_registered());
}

#[test]
fn pauses_between_attempts_double_up_to_two_seconds_and_differ_from_client_to_client() {
    let (mut registration, mut out) = (registered(), VecDeque::new());
    let mut now = at(1_000);
    registration.handle_failure(now, failure(), &mut out);
    // A person is told, once.
    now = at(4_000);
    registration.handle_timeout(now, &mut out);
    registration.found(now, server(), &mut out);
    registration.handle_failure(now, failure(), &mut out);
    assert_eq!(out.iter().filter(|action| **action == Action::Tell(Event::ServerLost)).count(), 1);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let next = registration.poll_timeout().expect("it tries again");
        pauses.push(next.since(now).as_millis());
        now = next;
        registration.handle_timeout(now, &mut out);
        registration.found(now, server(), &mut out);
        registration.handle_failure(now, failure(), &mut out);
    }
    for (pause, most) in pauses.iter().zip([1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]) {
        assert!((most / 2..=most).contains(pause), "{pauses:?}");
    }
    assert_ne!(pauses[3], pauses[4]);
    // Once in a call, no refusal ends it.
    registration.handle_timeout(now + Duration::from_secs(5), &mut out);
    registration.found(now, server(), &mut out);
    registration.text(now, &challenge(), &mut out);
    let full = text(&ServerMessage::Error { code: ErrorCode::RoomFull, message: String::new(), capacity: Some(8) });
    assert_eq!(registration.text(now, &full, &mut out), None);
    assert!(registration.poll_timeout().is_some());
}

#[test]
fn on_a_lan_other_servers_are_tried_but_not_for_ever() {
    let (mut registration, mut out) = (registration(true), VecDeque::new());
    registration.start(at(0), &mut out);
    let mut tried = 0;
    let refused = loop {
        registration.found(at(0), server(), &mut out);
        tried += 1;
        if let Some(refused) = registration.handle_failure(at(10), failure(), &mut out) {
            break refused;
        }
    };
    assert_eq!((refused, tried), (News::Refused(failure()), 9));
    let avoided = out.iter().filter(|action| matches!(action, Action::AvoidServer(_))).count();
    assert_eq!(avoided, 9);
}

#[test]
fn a_better_server_is_moved_to_also_while_joining() {
    let (mut registration, mut out) = (registration(true), VecDeque::new());
    registration.start(at(0), &mut out);
    registration.found(at(0), server(), &mut out);
    out.clear();
    registration.better_found(at(1), &mut out);
    assert_eq!(out.pop_front(), Some(Action::DisconnectServer));

    let mut registered = registered();
    out.clear();
    registered.better_found(at(100), &mut out);
    assert_eq!(out, [Action::DisconnectServer, Action::FindServer]);
}

#[test]
fn a_search_that_finds_nothing_ends() {
    let mut registered = registered();
    let mut out = VecDeque::new();
    registered.better_found(at(100), &mut out);
    assert_eq!(registered.poll_timeout(), Some(at(10_100)));
    registered.handle_timeout(at(10_100), &mut out);
    let again = registered.poll_timeout().expect("it is tried again");
    assert!((at(10_350)..at(10_600)).contains(&again), "{again:?}");
}

#[test]
fn one_who_was_replaced_stays_out() {
    let (mut registration, mut out) = (registered(), VecDeque::new());
    let replaced = ServerMessage::Error { code: ErrorCode::Replaced, message: String::new(), capacity: None };
    assert_eq!(registration.text(at(100), &text(&replaced), &mut out), Some(News::Replaced));
    registration.handle_failure(at(110), failure(), &mut out);
    assert_eq!(registration.poll_timeout(), None);
    registration.better_found(at(120), &mut out);
    assert_eq!(registration.text(at(130), &challenge(), &mut out), None);
    assert_eq!(out, [Action::DisconnectServer]);
}
