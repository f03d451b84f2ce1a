//! The program, as people run it.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod common;

use std::process::Stdio;

use common::{Client, soon};
use maru_protocol::signal::ErrorCode;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signal-server"));
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The running program and its address: the first line that it prints.
async fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = program().args(["--listen", "127.0.0.1:0"]).args(arguments).spawn().unwrap();
    let mut line = String::new();
    soon(BufReader::new(child.stdout.take().unwrap()).read_line(&mut line)).await.unwrap();
    let address = line.trim_end().strip_prefix("listening on ws://").expect("the first line").to_owned();
    assert!(!address.ends_with(":0"), "{address}");
    (child, address)
}

#[tokio::test]
async fn the_command_line_sets_limits_and_ice_servers() {
    let turn = "turn:maru:secret@127.0.0.1:3478?transport=udp";
    let (_child, address) =
        start(&["--room-capacity", "1", "--ice-server", "stun:127.0.0.1", "--ice-server", turn]).await;
    let mut first = Client::connect(&address).await;
    first.ask_to_join("a", "first").await;
    let welcome = first.next().await.encode().unwrap();
    assert!(welcome.contains(r#""capacity":1"#), "{welcome}");
    let ice = r#""iceServers":[{"urls":["stun:127.0.0.1"]},{"urls":["turn:127.0.0.1:3478?transport=udp"],"username":"maru","credential":"secret"}]"#;
    assert!(welcome.contains(ice), "{welcome}");
    let mut second = Client::connect(&address).await;
    second.ask_to_join("a", "second").await;
    second.expect_error(ErrorCode::RoomFull).await;
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_and_sigint_close_all_connections_and_end_the_program() {
    for signal in ["TERM", "INT"] {
        let (child, address) = start(&[]).await;
        let mut client = Client::connect(&address).await;
        client.join("secret room", "name").await;
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().await.unwrap().success());
        client.expect_error(ErrorCode::ShuttingDown).await;
        client.expect_close(1001).await;
        drop(client);
        let output = soon(child.wait_with_output()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.contains("shutting down"), "{log}");
        assert!(!log.contains("secret room") && !log.contains("127.0.0.1"), "{log}");
    }
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_explained() {
    for (arguments, explanation) in [
        (&["--ice-server", "turn:host"][..], "needs a user and a credential"),
        (&["--ice-server", "stun:host:99999"], "the port must be a number"),
        (&["--listen", "nowhere"], "invalid"),
        (&["--room-capacity", "0"], "0 is not in 1..=64"),
    ] {
        let output = soon(program().args(arguments).output()).await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let explained = String::from_utf8(output.stderr).unwrap();
        assert!(explained.contains(explanation), "{explained}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_explained() {
    let (_child, address) = start(&[]).await;
    let output = soon(program().args(["--listen", &address]).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let explained = String::from_utf8(output.stderr).unwrap();
    assert!(explained.contains(&format!("cannot listen on {address}")), "{explained}");
}
