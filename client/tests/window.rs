//! The real window on a real display: a person joins by typing, sees, mutes, writes and leaves.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

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

    let mut numbers = BTreeSet::new();
    let width = wait_for_screen(&display, folder.path(), "a frame that moves", |number, width| {
        numbers.insert(number);
        (numbers.len() >= 2).then_some(width)
    });

    display.press("m");
    other.event("muted", |event| event["event"] == "peer-state" && event["muted"] == true);
    display.press("m");
    let muted_again = |event: &serde_json::Value| event["event"] == "peer-state" && event["muted"] == false;
    other.event("no longer muted", muted_again);

    display.press("c");
    // The chat takes room from the frame: from then on keys are text.
    wait_for_screen(&display, folder.path(), "room for the chat", |_, now| (now < width - 40).then_some(()));
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

/// Looks at the screen until `look` is content with the frame number and the width of the other's frame.
fn wait_for_screen<T>(
    display: &Display,
    folder: &Path,
    what: &str,
    mut look: impl FnMut(u16, usize) -> Option<T>,
) -> T {
    let end = Instant::now() + deadline();
    loop {
        let screen = display.shoot(&folder.join("screen.png"));
        if let Some(found) = screen.frame_number().and_then(|(number, width)| look(number, width)) {
            return found;
        }
        assert!(Instant::now() < end, "not on the screen: {what}");
    }
}
