//! The real window on a real display: a person joins by typing, sees, mutes, writes and leaves.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use support::client::Client;
use support::display::Display;
use support::server::Server;
use support::{deadline, one_call_at_a_time};

#[test]
fn a_person_joins_sees_mutes_writes_and_leaves() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let other = Client::start(folder.path(), "picnic", "other", &server.url, &["--camera", "test"]);
    other.first("joined");

    let display = Display::start();
    let mut window = open_window(&display, folder.path(), &server.url);
    display.xdotool(&["search", "--sync", "--onlyvisible", "--name", "Maru", "windowfocus", "--sync"]);
    // The cursor is in the room field: the name is known already.
    display.types("picnic");
    display.press("Return");
    other.event("the window joins", |event| event["event"] == "peer-joined" && event["peer"] == "person");
    window.first("first-frame");

    let numbers = watch(&display, folder.path());
    assert!(numbers.len() >= 2, "the picture of the other stands still at {numbers:?}");

    display.press("m");
    other.event("muted", |event| event["event"] == "peer-state" && event["muted"] == true);
    display.press("m");
    let muted_again = |event: &serde_json::Value| event["event"] == "peer-state" && event["muted"] == false;
    other.event("no longer muted", muted_again);

    display.press("c");
    display.types("hello from the window");
    display.press("Return");
    other.prints("person: hello from the window");

    display.press("Escape");
    display.press("ctrl+l");
    let left = other.first("peer-left");
    assert_eq!(left["lost"], false);
    window.first("left");
    window.terminate();
    window.ended();
}

fn open_window(display: &Display, folder: &Path, server: &str) -> Client {
    let folder = folder.join("window");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = display.command(env!("CARGO_BIN_EXE_maru"));
    command.args(["--name", "person", "--server", server, "--address", "127.0.0.1"]);
    command.args(["--camera", "none", "--microphone", "test", "--speaker", "none"]);
    Client::spawn(command, folder)
}

/// Looks at the screen until two different frame numbers have been seen.
fn watch(display: &Display, folder: &Path) -> BTreeSet<u16> {
    let end = Instant::now() + deadline();
    let mut numbers = BTreeSet::new();
    while numbers.len() < 2 && Instant::now() < end {
        let screen = display.shoot(&folder.join("screen.png"));
        numbers.extend(screen.frame_numbers().into_iter().filter(|(_, width)| *width > 300).map(|(number, _)| number));
    }
    numbers
}
