//! Clients that break the protocol receive an error code or are disconnected. The others notice nothing.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod common;

use std::time::Duration;

use common::{Server, soon};
use futures_util::{FutureExt, SinkExt, StreamExt};
use maru_protocol::MAX_FRAME_BYTES;
use maru_protocol::signal::{
    ClientMessage, DescriptionKind, ErrorCode, LeaveReason, ServerMessage, SessionDescription, SignalData,
};
use signal_server::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

#[tokio::test]
async fn text_that_is_no_message_is_answered_with_an_error_code() {
    let server = Server::start(Config::default()).await;
    let mut client = server.client().await;
    for (text, code) in [
        ("", ErrorCode::BadMessage),
        ("{\"type\":", ErrorCode::BadMessage),
        ("[]", ErrorCode::BadMessage),
        ("{\"type\":\"fly\"}", ErrorCode::BadMessage),
        ("{\"type\":\"rename\",\"name\":\"x\"}", ErrorCode::NotJoined),
        ("{\"type\":\"rename\",\"name\":\"\"}", ErrorCode::BadName),
    ] {
        client.send_text(text).await;
        client.expect_error(code).await;
    }
    client.join("a", "still welcome").await;
    client.ask_to_join("b", "twice").await;
    client.expect_error(ErrorCode::AlreadyJoined).await;
    client.expect_nothing_but_pong().await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_of_another_version_is_disconnected() {
    let server = Server::start(Config::default()).await;
    let mut client = server.client().await;
    client.send_text(r#"{"type":"join","version":1,"rooms":["a"]}"#).await;
    client.expect_error(ErrorCode::UnsupportedVersion).await;
    client.expect_close(1008).await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_binary_frames_is_disconnected() {
    let server = Server::start(Config::default()).await;
    let mut other = server.join("a", "other").await;
    let mut client = server.join("a", "binary").await;
    other.expect_joined(&client).await;
    client.socket.send(Message::Binary(Bytes::from_static(b"\x00\xff"))).await.unwrap();
    client.expect_error(ErrorCode::BadMessage).await;
    client.expect_close(1003).await;
    other.expect_left(&client.id, LeaveReason::Lost).await;
    server.stop().await;
}

#[tokio::test]
async fn a_message_may_have_64_kib_and_a_description_32() {
    let server = Server::start(Config::default()).await;
    let mut client = server.join("a", "large").await;
    client.send_text(&format!("{{\"type\":\"ping\"}}{}", " ".repeat(MAX_FRAME_BYTES - 15))).await;
    assert_eq!(client.next().await, ServerMessage::Pong);
    // The server closes while the message is still being sent: sending may fail, the answer must arrive.
    let _ = soon(client.socket.send(Message::text("x".repeat(MAX_FRAME_BYTES + 1)))).await;
    client.expect_error(ErrorCode::TooLarge).await;
    client.expect_close(1009).await;

    let mut parts = server.join("a", "fragments").await;
    let sdp = "x".repeat(33 * 1024);
    let offer = format!(
        r#"{{"type":"signal","to":"{}","generation":1,"data":{{"description":{{"type":"offer","sdp":"{sdp}"}}}}}}"#,
        parts.id
    );
    parts.send_text(&offer).await;
    parts.expect_error(ErrorCode::TooLarge).await;
    parts.expect_nothing_but_pong().await;
    server.stop().await;
}

#[tokio::test]
async fn a_frame_that_rfc_6455_does_not_allow_closes_the_connection() {
    let server = Server::start(Config::default()).await;
    // Masked with zeros: text that is not UTF-8, a reserved opcode, the header of a frame of 2^63 bytes.
    for (frame, code) in [
        (&b"\x81\x82\0\0\0\0\xff\xfe"[..], 1007),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
    ] {
        let mut client = server.client().await;
        let tcp = client.socket.get_mut();
        soon(tcp.write_all(frame)).await.unwrap();
        if code == 1009 {
            client.expect_error(ErrorCode::TooLarge).await;
        }
        client.expect_close(code).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_neither_a_web_socket_nor_a_page_is_answered() {
    let server = Server::start(Config::default()).await;
    let halfhearted = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
    for request in ["POST / HTTP/1.1\r\nHost: x\r\n\r\n", halfhearted] {
        let mut tcp = server.tcp().await;
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(tcp.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
        assert!(answer.contains("It speaks WebSocket"), "{answer}");
    }
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(20_000));
    for (request, status) in [("\x16\x03\x01\r\n\r\n", "400 "), (&endless, "431 ")] {
        let mut tcp = server.tcp().await;
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(tcp.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_join_in_time_is_disconnected() {
    let server = Server::start(Config { join_timeout: Duration::from_secs(2), ..Config::default() }).await;
    let mut silent = server.tcp().await;
    let mut halfway = server.tcp().await;
    halfway.write_all(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n").await.unwrap();
    let mut unjoined = server.client().await;
    for tcp in [&mut silent, &mut halfway] {
        let mut answer = String::new();
        soon(tcp.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    unjoined.expect_error(ErrorCode::NotJoined).await;
    unjoined.expect_close(1008).await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_over_the_limit_is_refused() {
    let server = Server::start(Config { max_connections: 1, ..Config::default() }).await;
    let mut first = server.join("a", "first").await;
    let refused = soon(tokio_tungstenite::connect_async(format!("ws://{}/", server.address))).await;
    let Err(Error::Http(response)) = refused else { panic!("{refused:?}") };
    assert_eq!(response.status(), 503);
    first.expect_nothing_but_pong().await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_exceeds_the_rate_limit_is_disconnected() {
    let server = Server::start(Config { burst_frames: 10, frames_per_second: 0, ..Config::default() }).await;
    let mut client = server.join("a", "fast").await;
    for _ in 0..20 {
        // The server closes before all are sent.
        if client.socket.send(Message::text("{\"type\":\"ping\"}")).await.is_err() {
            break;
        }
    }
    let mut answers = 0;
    loop {
        match client.next().await {
            ServerMessage::Pong => answers += 1,
            ServerMessage::Error { code: ErrorCode::TooFast, .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers, 9, "joining took one of ten");
    client.expect_close(1008).await;
    server.stop().await;
}

/// No rate limit and no pings: the only reason left to disconnect a client is that it does not read.
fn without_rate_limit() -> Config {
    let ping_interval = Duration::from_secs(3600);
    Config { burst_frames: u32::MAX, burst_bytes: u32::MAX, ping_interval, ..Config::default() }
}

#[tokio::test]
async fn a_client_that_never_reads_is_disconnected_and_the_others_are_not() {
    let mut server = Server::start(without_rate_limit()).await;
    let not_reading = server.join("a", "not reading").await;
    let mut sender = server.join("a", "sender").await;
    let mut other = server.join("a", "other").await;
    sender.expect_joined(&other).await;

    let sdp = "x".repeat(30 * 1024);
    let data = SignalData::Description(SessionDescription { kind: DescriptionKind::Offer, sdp });
    let text = ClientMessage::Signal { to: not_reading.id.clone(), generation: 1, data }.encode().unwrap();
    // Fills the kernel's buffers (some megabytes) and the send queue (512 KiB).
    let mut sent = 0;
    let first_answer = loop {
        if let Some(answer) = sender.next().now_or_never() {
            break answer;
        }
        sender.send_text(&text).await;
        sent += 1;
        assert!(sent < 5_000, "150 MB for a peer that does not read");
    };
    assert_eq!(first_answer, ServerMessage::PeerLeft { id: not_reading.id.clone(), reason: LeaveReason::Lost });
    other.expect_left(&not_reading.id, LeaveReason::Lost).await;
    other.expect_nothing_but_pong().await;
    server.until_registered(2).await;
    drop(not_reading);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_disconnected() {
    let mut server = Server::start(without_rate_limit()).await;
    let mut client = server.join("a", "not reading").await;
    let (mut sink, stream) = client.socket.split();
    // The server answers each message; the client reads none of the answers.
    let message = "nonsense ".repeat(100);
    let refused = async { while sink.send(Message::text(message.as_str())).await.is_ok() {} };
    soon(refused).await;
    server.until_registered(0).await;
    client.socket = stream.reunite(sink).unwrap();
    client.until_closed().await;
    server.stop().await;
}
