//! The command line. Packets are carried in `bench/networks --smoke`, which has the right to make networks.

use std::process::Command;

fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_maru-link")).args(arguments).output().expect("it starts");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_setting_that_does_not_exist_is_named_beside_those_that_do() {
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
