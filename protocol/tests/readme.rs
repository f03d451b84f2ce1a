//! README.md is the specification: its examples are valid messages, and it has every message and error code.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::collections::BTreeSet;

use maru_protocol::peer::PeerMessage;
use maru_protocol::signal::{ClientMessage, ErrorCode, ServerMessage};
use serde_json::Value;

const README: &str = include_str!("../README.md");

const CLIENT: &[&str] = &["join", "signal", "rename", "leave", "ping"];
const SERVER: &[&str] =
    &["challenge", "welcome", "peer-joined", "peer-left", "peer-renamed", "signal", "pong", "error"];
const PEER: &[&str] = &["hello", "subscribe", "chat", "delivered", "next", "bye"];

struct Example {
    /// The `##` heading above it.
    section: String,
    /// The type in the `###` heading above it.
    claimed: String,
    text: String,
}

#[test]
fn every_example_is_a_message_of_the_type_in_its_heading() {
    let mut seen = BTreeSet::new();
    for example in examples() {
        let parsed = match example.section.as_str() {
            "From the client to the server" => ClientMessage::decode(&example.text).map(|m| m.encode().unwrap()),
            "From the server to the client" => ServerMessage::decode(&example.text).map(|m| m.encode().unwrap()),
            "Between two peers" => PeerMessage::decode(&example.text).map(|m| m.encode().unwrap()),
            other => panic!("an example stands under {other:?}, which is no direction"),
        };
        let again = parsed.unwrap_or_else(|error| panic!("{error}: {}", example.text));
        let shown: Value = serde_json::from_str(&example.text).unwrap();
        assert_eq!(shown["type"], example.claimed.as_str(), "{}", example.text);
        let again: Value = serde_json::from_str(&again).unwrap();
        assert_eq!(again, shown, "a field of the example is unknown to the code");
        seen.insert((example.section, example.claimed));
    }
    let sections = [
        ("From the client to the server", CLIENT),
        ("From the server to the client", SERVER),
        ("Between two peers", PEER),
    ];
    for (section, types) in sections {
        for kind in types {
            assert!(seen.contains(&(section.to_owned(), (*kind).to_owned())), "no example of {kind} under {section}");
        }
    }
    assert_eq!(seen.len(), CLIENT.len() + SERVER.len() + PEER.len(), "a type is missing in the lists of this test");
}

/// The parser's error about an unknown type lists every type that it knows.
#[test]
fn the_lists_of_types_are_complete() {
    let error = ClientMessage::decode("{\"type\":\"?\"}").unwrap_err().to_string();
    let named: Vec<_> = error.split('`').skip(1).step_by(2).filter(|name| *name != "?").collect();
    assert_eq!(named, CLIENT, "{error}");
}

#[test]
fn every_error_code_has_a_row_in_the_table() {
    for code in ErrorCode::ALL {
        let name = serde_json::to_value(code).unwrap();
        let row = format!("| `{}` | ", name.as_str().unwrap());
        assert_eq!(README.matches(&row).count(), 1, "{row}");
    }
}

fn examples() -> Vec<Example> {
    let (mut section, mut claimed, mut examples) = (String::new(), String::new(), Vec::new());
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        } else if let Some(heading) = line.strip_prefix("### ") {
            heading.trim_matches('`').clone_into(&mut claimed);
        } else if line == "```json" {
            let text = lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n");
            examples.push(Example { section: section.clone(), claimed: claimed.clone(), text });
        }
    }
    examples
}
