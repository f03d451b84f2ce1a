//! `maru --demo` without a display: what `./run` does on a machine that has none.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::process::Command;

#[test]
fn both_sides_see_hear_and_write_to_each_other() {
    let output = Command::new(env!("CARGO_BIN_EXE_maru"))
        .args(["--demo", "--duration", "6"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("the program starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("Both saw, heard and wrote to each other."), "{printed}");
    let shots: Vec<&str> = printed.split_whitespace().filter(|word| word.ends_with("-saw.png")).collect();
    assert_eq!(shots.len(), 2, "{printed}");
    for shot in shots {
        let png = std::fs::read(shot).expect("the frame was saved");
        assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000, "{shot} has {} bytes", png.len());
    }
}
