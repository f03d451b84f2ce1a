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
