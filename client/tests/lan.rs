//! No server named: clients on one network find each other, in a network namespace that has loopback only.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use support::client::Client;
use support::namespace::{LOOPBACK, runs_elsewhere};
use support::one_call_at_a_time;

#[test]
fn two_that_start_at_the_same_instant_meet_and_a_third_finds_them() {
    if runs_elsewhere(LOOPBACK, "two_that_start_at_the_same_instant_meet_and_a_third_finds_them") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let mut callers = ["하나", "two"].map(|name| Client::start(folder.path(), "home", name, "", &[]));
    for caller in &callers {
        caller.first("connected");
    }
    callers[0].types("서버 없이도 만났네요");
    callers[1].prints("하나: 서버 없이도 만났네요");
    let third = Client::start(folder.path(), "home", "third", "", &[]);
    third.count_from(0, "connected", 2, |_| true);
}

#[test]
fn one_alone_is_in_the_room_within_a_second_or_so() {
    if runs_elsewhere(LOOPBACK, "one_alone_is_in_the_room_within_a_second_or_so") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let mut alone = Client::start(folder.path(), "home", "alone", "", &[]);
    let joined = alone.first("joined");
    assert_eq!(joined["own_server"], true);
    alone.terminate();
    assert!(alone.ended().success());
}

/// The machine that runs the server leaves, or dies without a goodbye: another takes the part, and nobody who stays notices.
#[test]
fn when_the_one_with_the_server_goes_another_takes_the_part_within_three_seconds() {
    if runs_elsewhere(LOOPBACK, "when_the_one_with_the_server_goes_another_takes_the_part_within_three_seconds") {
        return;
    }
    let _turn = one_call_at_a_time();
    for how in ["-TERM", "-KILL"] {
        let folder = tempfile::tempdir().unwrap();
        let start = |name| Client::start(folder.path(), "home", name, "", &[]);
        let host = start("host");
        assert_eq!(host.first("joined")["own_server"], true);
        let others = ["하나", "two"].map(start);
        for client in &others {
            client.count_from(0, "connected", 2, |_| true);
        }
        let before = others.each_ref().map(|client| client.events_so_far().len());
        host.signal(how);
        let newcomer = start("newcomer");
        newcomer.count_from(0, "connected", 2, |event| event["peer"] != "host");
        for (client, before) in others.iter().zip(before) {
            // It would be told after three seconds.
            client.count_from(before, "connected", 1, |event| event["peer"] == "newcomer");
            let events = client.events_so_far();
            let told = |kind: &str| events[before..].iter().filter(|event| event["event"] == kind).count();
            assert_eq!((told("server-lost"), told("connected")), (0, 1), "{how}: {:?}", &events[before..]);
            let left = events[before..].iter().filter(|event| event["event"] == "peer-left");
            assert!(left.clone().all(|event| event["peer"] == "host"), "{how}");
        }
        let time = |kind: &str| newcomer.first(kind)["t_ms"].as_f64().unwrap();
        println!("{how}: the newcomer is connected {:.0} ms after it started", time("connected") - time("started"));
    }
}
