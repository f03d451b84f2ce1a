//! No input makes a decoder panic, and a message that it accepts is the same after it is written and read again.
//!
//! `cargo test` tries a bounded number of inputs. For longer, `BOLERO_RANDOM_TEST_TIME_MS=600000 cargo test -p
//! maru-protocol --test fuzz_wire`. Guided by coverage: `cargo bolero test -p maru-protocol messages_from_pieces`.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::fmt::Debug;

use bolero::check;
use maru_protocol::peer::PeerMessage;
use maru_protocol::signal::{ClientMessage, ErrorCode, ServerMessage};
use maru_protocol::{Nickname, RoomName, WireError};

/// Pieces of messages: random bytes hardly ever pass the JSON parser.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "1",
    "-0.5e9",
    " ",
    "\\u0000",
    "\\ud83d",
    "한",
    "😀",
    "\"type\":",
    "\"join\"",
    "\"signal\"",
    "\"rename\"",
    "\"leave\"",
    "\"ping\"",
    "\"challenge\"",
    "\"welcome\"",
    "\"peer-joined\"",
    "\"peer-left\"",
    "\"peer-renamed\"",
    "\"error\"",
    "\"pong\"",
    "\"hello\"",
    "\"chat\"",
    "\"delivered\"",
    "\"bye\"",
    "\"version\":2",
    "\"version\":3",
    "\"room\":\"r\"",
    "\"name\":\"n\"",
    "\"name\":\"\"",
    "\"text\":\"t\"",
    "\"instance\":\"0123456789abcdef0123456789abcdef\"",
    "\"proof\":{\"secret\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
    "\"proof\":{\"key\":\"04\",\"signature\":\"\"}",
    "\"to\":\"0123456789abcdef0123456789abcdef\"",
    "\"from\":\"0123456789abcdef0123456789abcdef\"",
    "\"id\":\"0123456789abcdef0123456789abcdef\"",
    "\"id\":1",
    "\"peers\":[]",
    "\"peer\":",
    "\"capacity\":8",
    "\"iceServers\":[]",
    "\"urls\":[\"stun:a\"]",
    "\"code\":\"too-fast\"",
    "\"message\":\"m\"",
    "\"reason\":\"left\"",
    "\"data\":{\"candidate\":null}",
    "\"data\":{\"description\":{",
    "\"type\":\"offer\"",
    "\"sdp\":\"v=0\"",
    "\"candidate\":\"c\"",
    "\"sdpMid\":\"0\"",
    "\"sdpMLineIndex\":0",
    "\"muted\":false",
    "\"cameraOn\":true",
    "\"sentUnixMs\":1",
];

#[test]
fn messages_from_bytes() {
    check!().for_each(|bytes: &[u8]| decode_all(&String::from_utf8_lossy(bytes)));
}

#[test]
fn messages_from_pieces() {
    check!().for_each(|bytes: &[u8]| {
        let text: String = bytes.iter().map(|byte| PIECES[usize::from(*byte) % PIECES.len()]).collect();
        decode_all(&text);
        decode_all(&format!("{{{text}}}"));
    });
}

#[test]
fn messages_from_golden_files_with_mistakes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let golden: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap()).collect();
    check!().with_type::<(u8, Vec<(u16, u8)>)>().for_each(|(choice, changes)| {
        let mut bytes = golden[usize::from(*choice) % golden.len()].clone();
        for (at, byte) in changes.iter().take(4) {
            let length = bytes.len();
            bytes[usize::from(*at) % length] = *byte;
        }
        decode_all(&String::from_utf8_lossy(&bytes));
    });
}

#[test]
fn names_parse_to_themselves() {
    check!().with_type::<Vec<char>>().for_each(|chars| {
        let text: String = chars.iter().take(70).collect();
        if let Ok(room) = text.parse::<RoomName>() {
            assert_eq!(room.as_str().parse::<RoomName>().as_ref(), Ok(&room));
        }
        if let Ok(name) = text.parse::<Nickname>() {
            assert_eq!(name.as_str().parse::<Nickname>().as_ref(), Ok(&name));
        }
    });
}

fn decode_all(text: &str) {
    if let Ok(message) = ClientMessage::decode(text) {
        check_round_trip(&message, ClientMessage::encode, ClientMessage::decode);
    }
    // What this version does not know can be read, but not written.
    match ServerMessage::decode(text) {
        Ok(ServerMessage::Unknown | ServerMessage::Error { code: ErrorCode::Unknown, .. }) | Err(_) => {}
        Ok(message) => check_round_trip(&message, ServerMessage::encode, ServerMessage::decode),
    }
    match PeerMessage::decode(text) {
        Ok(PeerMessage::Unknown) | Err(_) => {}
        Ok(message) => check_round_trip(&message, PeerMessage::encode, PeerMessage::decode),
    }
}

fn check_round_trip<M: Debug + PartialEq>(
    message: &M,
    encode: fn(&M) -> Result<String, WireError>,
    decode: fn(&str) -> Result<M, WireError>,
) {
    let text = encode(message).expect("a message that was read can be written");
    assert_eq!(decode(&text).as_ref(), Ok(message));
}
