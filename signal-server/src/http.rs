//! Answers to those who are not in a WebSocket conversation.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::connection::linger;

/// A whole HTTP/1.1 response.
pub(crate) struct Answer {
    status: &'static str,
    header: &'static str,
    body: &'static str,
}

pub(crate) const NOT_A_HANDSHAKE: Answer = Answer {
    status: "426 Upgrade Required",
    header: "Upgrade: websocket\r\n",
    body: "This is a Maru signal server. It speaks WebSocket: enter its address in the app.\n",
};

pub(crate) const TOO_LATE: Answer =
    Answer { status: "408 Request Timeout", header: "", body: "The request did not come in time.\n" };

pub(crate) const FULL: Answer = Answer {
    status: "503 Service Unavailable",
    header: "Retry-After: 10\r\n",
    body: "This server is full. Try again later.\n",
};

/// Answers, for at most `limit`. The connection is to be closed afterwards.
pub(crate) async fn answer(tcp: &mut TcpStream, answer: Answer, limit: Duration) {
    let Answer { status, header, body } = answer;
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\n{header}Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    // Whoever does not take it does not get it.
    let _ = timeout(limit, tcp.write_all(response.as_bytes())).await;
}

/// Answers and closes, without having read anything.
pub(crate) async fn refuse(mut tcp: TcpStream, reason: Answer, limit: Duration) {
    answer(&mut tcp, reason, limit).await;
    linger(tcp, limit).await;
}
