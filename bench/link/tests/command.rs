//! The command line. `bench/networks --smoke` tests that packets are carried: it may make network namespaces.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::process::Command;

fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_maru-link")).args(arguments).output().expect("it starts");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn an_unknown_setting_is_named_and_the_known_ones_are_listed() {
    let (success, said) = run(&["--settings", "delay=20 lossy=5", "one", "two"]);
    assert!(!success);
    assert!(said.contains("\"lossy\"") && said.contains("loss=PERCENT"), "{said}");
}

#[test]
fn two_devices_are_needed() {
    let (success, said) = run(&["one"]);
    assert!(!success);
    assert!(said.contains("<DEVICES>"), "{said}");
}
