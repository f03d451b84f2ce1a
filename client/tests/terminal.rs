//! `maru --headless` in its surroundings: where its output goes, what its input brings, and which signals it gets.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::client::Client;
use support::namespace::{NAME_SERVER, OWN_NAME_SERVER, runs_elsewhere};
use support::server::Server;
use support::{maru, one_call_at_a_time};

/// Runs `script`, in which `"$@"` is a client without devices called `name`.
fn start_by(script: &str, folder: &Path, name: &str, server: &str) -> Client {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(maru());
    command.args(["--headless", "room", "--name", name, "--address", "127.0.0.1", "--server", server]);
    command.args(["--camera", "none", "--microphone", "none", "--speaker", "none"]);
    Client::spawn(command, folder)
}

/// Ends a client that is not our child, but a grandchild.
fn end_process_of(client: &Client) {
    let pid = client.first("started")["pid"].to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
}

#[test]
fn a_call_goes_on_when_its_output_goes_nowhere() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut writer = Client::start(folder.path(), "room", "writer", &server.url, &[]);
    writer.first("joined");
    let full = r#"exec "$@" >/dev/full 2>/dev/full"#;
    let closed = r#""$@" 2>&1 | head -n 1"#;
    let mut into_full = start_by(full, folder.path(), "full", &server.url);
    let mut into_closed = start_by(closed, folder.path(), "closed", &server.url);
    writer.count_from(0, "connected", 2, |_| true);
    writer.types("one");
    writer.types("two");
    for reader in [&into_full, &into_closed] {
        reader.event("the second message", |event| event["event"] == "chat" && event["text"] == "two");
    }
    into_full.terminate();
    assert!(into_full.ended().success());
    end_process_of(&into_closed);
    into_closed.ended();
}

#[test]
fn a_thousand_lines_at_once_arrive_in_order() {
    const LINES: usize = 1_000;
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut writer = Client::start(folder.path(), "room", "writer", &server.url, &[]);
    let reader = Client::start(folder.path(), "room", "reader", &server.url, &[]);
    let mut input: Vec<u8> = b"not UTF-8: \xff\xfe\n".to_vec();
    input.extend((0..LINES).flat_map(|number| format!("line {number}\n").into_bytes()));
    input.extend("x".repeat(100_000).bytes().chain(*b"\nlast\n"));
    writer.writes(&input);
    reader.event("the last line", |event| event["event"] == "chat" && event["text"] == "last");
    let events = reader.events_so_far();
    let texts: Vec<&str> =
        events.iter().filter(|event| event["event"] == "chat").map(|event| event["text"].as_str().unwrap()).collect();
    let mut sent = vec!["not UTF-8: \u{fffd}\u{fffd}".to_owned()];
    sent.extend((0..LINES).map(|number| format!("line {number}")));
    sent.push("last".into());
    assert_eq!(texts, sent);
    writer.tells("more than 4000 characters");
}

#[test]
fn a_client_in_the_background_of_a_terminal_is_not_stopped() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let job = folder.path().join("job.sh");
    std::fs::write(&job, "set -m\n\"$@\" &\nwait\n").unwrap();
    // `script` gives its command a terminal.
    let in_terminal = format!(r#"script -qec "sh {} $*" /dev/null"#, job.display());
    let mut background = start_by(&in_terminal, folder.path(), "background", &server.url);
    background.first("joined");
    background.types("for the shell");
    let other = Client::start(folder.path(), "room", "other", &server.url, &[]);
    other.first("connected");
    background.first("connected");
    other.terminate();
    background.first("peer-left");
    end_process_of(&background);
    background.ended();
}

#[test]
fn closing_the_terminal_says_goodbye() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let other = Client::start(folder.path(), "room", "other", &server.url, &[]);
    other.first("joined");
    // Under `nohup` the tests would pass on that the signal is ignored.
    let by_default = r#"exec env --default-signal=HUP "$@""#;
    let mut closed = start_by(by_default, folder.path(), "closed", &server.url);
    other.first("connected");
    closed.first("connected");
    closed.hang_up();
    assert!(closed.ended().success());
    other.first("peer-left");
}

#[test]
fn a_client_that_nohup_started_stays_when_the_terminal_is_closed() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut stays = start_by(r#"trap "" HUP; exec "$@""#, folder.path(), "stays", &server.url);
    stays.first("joined");
    stays.hang_up();
    let other = Client::start(folder.path(), "room", "other", &server.url, &[]);
    other.first("connected");
    stays.terminate();
    assert!(stays.ended().success());
}

#[test]
fn a_client_ends_at_once_while_name_servers_are_silent() {
    if runs_elsewhere(OWN_NAME_SERVER, "a_client_ends_at_once_while_name_servers_are_silent") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name_server = UdpSocket::bind(NAME_SERVER).unwrap();
    let mut client = Client::start(folder.path(), "room", "name", "ws://signal.example.org:7400", &[]);
    name_server.recv_from(&mut [0; 512]).unwrap();
    let since = Instant::now();
    client.terminate();
    assert!(client.ended().success());
    // The system's resolver gives up after ten seconds or more.
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}
