//! What is refused, and with which error code; what is accepted from a newer version.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use maru_protocol::peer::PeerMessage;
use maru_protocol::signal::{ClientMessage, ErrorCode, LeaveReason, ServerMessage, SignalData};
use maru_protocol::{
    IdError, MAX_CANDIDATE_BYTES, MAX_CHAT_CHARS, MAX_FRAME_BYTES, MAX_SDP_BYTES, MAX_SERVER_FRAME_BYTES, WireError,
};

const ID: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn text_that_is_no_message_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "[\"ping\"]",
        "\"ping\"",
        "{",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"fly\"}",
        "{\"type\":\"ping\"} {}",
        "{\"type\":\"rename\"}",
        "{\"type\":\"rename\",\"name\":7}",
        "{\"type\":\"signal\",\"to\":\"me\",\"data\":{\"candidate\":null}}",
        "{\"type\":\"ping\",\"type\":\"leave\"}",
    ] {
        assert_eq!(code(text), ErrorCode::BadMessage, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let nested = format!("{{\"type\":\"rename\",\"name\":{}", "[".repeat(60_000));
    assert_eq!(code(&nested), ErrorCode::BadMessage);
}

#[test]
fn an_error_does_not_quote_a_long_message() {
    let text = format!("{{\"type\":\"{}\"}}", "x".repeat(50_000));
    let error = ClientMessage::decode(&text).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn an_invalid_name_is_an_error_of_its_own() {
    assert_eq!(ClientMessage::decode(&join("\" \"", "\"Min\"")), Err(WireError::BadRoom(IdError::Empty)));
    let long = format!("\"{}\"", "n".repeat(33));
    let too_long = IdError::TooLong { length: 33, limit: 32 };
    assert_eq!(ClientMessage::decode(&join("\"room\"", &long)), Err(WireError::BadName(too_long.clone())));
    let rename = format!("{{\"type\":\"rename\",\"name\":{long}}}");
    assert_eq!(ClientMessage::decode(&rename), Err(WireError::BadName(too_long)));
    assert_eq!(code(&join("7", "\"Min\"")), ErrorCode::BadMessage);
    assert_eq!(code(&join("\"\"", "\"Min\"")), ErrorCode::BadRoom);
    assert_eq!(code(&join("\"room\"", "\"\\u0007\"")), ErrorCode::BadName);
}

#[test]
fn another_version_is_recognised_whatever_its_fields_hold() {
    for text in [
        "{\"type\":\"join\",\"version\":1}",
        "{\"type\":\"join\",\"version\":0,\"room\":\"\",\"name\":[]}",
        "{\"type\":\"join\",\"version\":\"2.1\",\"room\":{\"id\":1}}",
        "{\"version\":18446744073709551616,\"type\":\"join\"}",
    ] {
        assert_eq!(code(text), ErrorCode::UnsupportedVersion, "{text}");
    }
    assert_eq!(code("{\"type\":\"join\"}"), ErrorCode::BadMessage);

    let welcome = ServerMessage::decode("{\"type\":\"welcome\",\"version\":1}").unwrap_err();
    assert_eq!(welcome.code(), ErrorCode::UnsupportedVersion);
    let hello = PeerMessage::decode("{\"type\":\"hello\",\"version\":3}").unwrap_err();
    assert_eq!(hello.code(), ErrorCode::UnsupportedVersion);
}

#[test]
fn additions_of_a_newer_version_are_ignored() {
    let mut text = join("\"room\"", "\"Min\"");
    text.insert_str(1, "\"camera\":{\"codecs\":[\"av1\"]},");
    assert!(ClientMessage::decode(&text).is_ok());

    let signal =
        format!(r#"{{"type":"signal","from":"{ID}","generation":1,"data":{{"candidate":null,"more":[1]}},"x":1}}"#);
    assert!(matches!(
        ServerMessage::decode(&signal),
        Ok(ServerMessage::Signal { data: SignalData::Candidate(None), .. })
    ));
    assert_eq!(ServerMessage::decode("{\"type\":\"moved\",\"to\":[{}]}"), Ok(ServerMessage::Unknown));
    assert_eq!(PeerMessage::decode("{\"type\":\"wave\",\"hand\":\"left\"}"), Ok(PeerMessage::Unknown));
    let error = "{\"type\":\"error\",\"code\":\"moved\",\"message\":\"\"}";
    assert!(matches!(ServerMessage::decode(error), Ok(ServerMessage::Error { code: ErrorCode::Unknown, .. })));
    let left = format!("{{\"type\":\"peer-left\",\"id\":\"{ID}\",\"reason\":\"bored\"}}");
    assert!(matches!(ServerMessage::decode(&left), Ok(ServerMessage::PeerLeft { reason: LeaveReason::Lost, .. })));
}

#[test]
fn unknown_messages_cannot_be_written() {
    assert!(ServerMessage::Unknown.encode().is_err());
    assert!(PeerMessage::Unknown.encode().is_err());
}

#[test]
fn signal_data_is_either_a_description_or_a_candidate() {
    let signal = |data: &str| {
        ClientMessage::decode(&format!("{{\"type\":\"signal\",\"to\":\"{ID}\",\"generation\":1,\"data\":{data}}}"))
    };
    assert!(signal("{\"candidate\":{\"candidate\":\"\"}}").is_ok());
    assert!(signal("{\"candidate\":{\"candidate\":\"x\",\"sdpMid\":null,\"sdpMLineIndex\":null}}").is_ok());
    assert!(signal("{\"description\":{\"type\":\"rollback\"}}").is_ok());
    for data in [
        "{}",
        "{\"description\":null}",
        "{\"description\":{\"type\":\"offer\",\"sdp\":\"\"},\"candidate\":null}",
        "{\"description\":{\"type\":\"proposal\",\"sdp\":\"\"}}",
        "{\"candidate\":\"x\"}",
    ] {
        assert_eq!(signal(data).unwrap_err().code(), ErrorCode::BadMessage, "{data}");
    }
}

#[test]
fn a_proof_is_either_a_signature_or_a_secret() {
    let with = |proof: &str| ClientMessage::decode(&join("\"room\"", "\"Min\"").replace(PROOF, proof));
    assert!(with(PROOF).is_ok());
    let (key, signature) = (format!("04{}", "a".repeat(128)), "b".repeat(128));
    assert!(with(&format!(r#"{{"key":"{key}","signature":"{signature}","more":1}}"#)).is_ok());
    for proof in [
        "null".to_owned(),
        "{}".into(),
        r#"{"secret":""}"#.into(),
        format!(r#"{{"key":"{key}"}}"#),
        format!(r#"{{"key":"{key}","signature":"{signature}00"}}"#),
        format!(r#"{{"key":"{}","signature":"{signature}"}}"#, key.to_uppercase()),
    ] {
        assert_eq!(with(&proof).unwrap_err().code(), ErrorCode::BadMessage, "{proof}");
    }
}

#[test]
fn sizes_are_limited_to_the_byte() {
    let offer = |bytes: usize| {
        let sdp = "x".repeat(bytes);
        format!(
            "{{\"type\":\"signal\",\"to\":\"{ID}\",\"generation\":1,\"data\":{{\"description\":{{\"type\":\"offer\",\"sdp\":\"{sdp}\"}}}}}}"
        )
    };
    let sent = ClientMessage::decode(&offer(MAX_SDP_BYTES)).unwrap();
    assert!(sent.encode().is_ok());
    assert_eq!(code(&offer(MAX_SDP_BYTES + 1)), ErrorCode::TooLarge);

    let candidate = |bytes: usize| {
        let text = "x".repeat(bytes);
        format!(
            "{{\"type\":\"signal\",\"to\":\"{ID}\",\"generation\":1,\"data\":{{\"candidate\":{{\"candidate\":\"{text}\"}}}}}}"
        )
    };
    assert!(ClientMessage::decode(&candidate(MAX_CANDIDATE_BYTES)).is_ok());
    assert_eq!(code(&candidate(MAX_CANDIDATE_BYTES + 1)), ErrorCode::TooLarge);
    let mid = format!("{{\"candidate\":\"\",\"sdpMid\":\"{}\"}}", "x".repeat(MAX_CANDIDATE_BYTES + 1));
    let mid = format!("{{\"type\":\"signal\",\"to\":\"{ID}\",\"generation\":1,\"data\":{{\"candidate\":{mid}}}}}");
    assert_eq!(code(&mid), ErrorCode::TooLarge);

    let ping = |bytes: usize| format!("{{\"type\":\"ping\"}}{}", " ".repeat(bytes - 15));
    assert!(ClientMessage::decode(&ping(MAX_FRAME_BYTES)).is_ok());
    assert_eq!(code(&ping(MAX_FRAME_BYTES + 1)), ErrorCode::TooLarge);
    assert!(ServerMessage::decode(&ping(MAX_SERVER_FRAME_BYTES)).is_ok());
    assert_eq!(ServerMessage::decode(&ping(MAX_SERVER_FRAME_BYTES + 1)).unwrap_err().code(), ErrorCode::TooLarge);
}

#[test]
fn a_server_can_pass_on_whatever_a_client_may_send() {
    // A control character takes six bytes in JSON: the most that a description can grow when it is encoded anew.
    let sdp = "\u{1}".repeat(10_000);
    let text = serde_json::json!({"type": "signal", "to": ID, "generation": 7, "data": {"description": {"type": "offer", "sdp": sdp}}});
    let Ok(ClientMessage::Signal { to, generation, data }) = ClientMessage::decode(&text.to_string()) else { panic!() };
    assert!(ServerMessage::Signal { from: to, generation, data }.encode().is_ok());
}

#[test]
fn chat_text_is_limited_in_characters() {
    let chat = |chars: usize| PeerMessage::Chat { id: 1, text: "😀".repeat(chars), sent_unix_ms: 0 };
    let text = chat(MAX_CHAT_CHARS).encode().unwrap();
    assert_eq!(PeerMessage::decode(&text), Ok(chat(MAX_CHAT_CHARS)));
    assert!(chat(MAX_CHAT_CHARS + 1).encode().is_err());
    let text = serde_json::to_string(&chat(MAX_CHAT_CHARS + 1)).unwrap();
    assert_eq!(PeerMessage::decode(&text).unwrap_err().code(), ErrorCode::BadMessage);
    let widest = PeerMessage::Chat { id: 1, text: "\u{1}".repeat(MAX_CHAT_CHARS), sent_unix_ms: u64::MAX };
    assert!(widest.encode().is_ok(), "text of escaped characters fits too");
}

const PROOF: &str = r#"{"secret":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}"#;

fn join(room: &str, name: &str) -> String {
    format!("{{\"type\":\"join\",\"version\":2,\"room\":{room},\"name\":{name},\"proof\":{PROOF}}}")
}

fn code(text: &str) -> ErrorCode {
    ClientMessage::decode(text).expect_err("it should be refused").code()
}
