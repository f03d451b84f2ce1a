//! The HTTP around the WebSocket: the head of a request, and answers to those who do not want to converse.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use tokio_tungstenite::tungstenite::http::header;

use crate::connection::linger;
use crate::pages;

/// Browsers send a tenth of this.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The head of a request (RFC 9112) and the bytes that came after it.
pub(crate) struct Head {
    request: Request,
    pub(crate) rest: Vec<u8>,
}

/// Reads a GET request. `Ok(None)`: it is something else, or too long.
///
/// # Errors
/// The socket's, also when it ends too early.
pub(crate) async fn read_head(tcp: &mut TcpStream) -> io::Result<Option<Head>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if tcp.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match Request::try_parse(&bytes) {
            Ok(Some((length, request))) => return Ok(Some(Head { request, rest: bytes.split_off(length) })),
            Ok(None) if bytes.len() < MAX_HEAD_BYTES => {}
            Ok(None) | Err(_) => return Ok(None),
        }
    }
}

impl Head {
    /// The answer that turns the connection into a WebSocket (RFC 6455, 4.2), if that is what was asked for.
    pub(crate) fn upgrade(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let response = create_response(&self.request).ok()?;
        write_response(&mut bytes, &response).ok()?;
        Some(bytes)
    }

    /// The answer to everything else.
    pub(crate) fn answer(&self) -> Answer {
        // Whoever asks for an upgrade wants no page.
        if self.request.headers().contains_key(header::UPGRADE) {
            return NOT_A_HANDSHAKE;
        }
        match pages::find(self.request.uri().path()) {
            Some(page) => {
                Answer { status: "200 OK", header: PAGE_HEADERS, content_type: page.content_type, body: page.body }
            }
            None => NOT_FOUND,
        }
    }
}

/// A whole HTTP/1.1 response.
pub(crate) struct Answer {
    status: &'static str,
    /// Whole lines.
    header: &'static str,
    content_type: &'static str,
    body: &'static str,
}

/// The page runs what comes from here, talks to this server and the other callers, and nothing else.
const PAGE_HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    Permissions-Policy: camera=(self), microphone=(self)\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-cache\r\n";

const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) const NOT_A_HANDSHAKE: Answer = Answer {
    status: "426 Upgrade Required",
    header: "Upgrade: websocket\r\n",
    content_type: TEXT,
    body: "This is a Maru signal server. It speaks WebSocket: enter its address in the app.\n",
};

const NOT_FOUND: Answer = Answer {
    status: "404 Not Found",
    header: "",
    content_type: TEXT,
    body: "There is nothing here. A guest's page is at /, and at /r/ROOM for a room.\n",
};

pub(crate) const TOO_LATE: Answer = Answer {
    status: "408 Request Timeout",
    header: "",
    content_type: TEXT,
    body: "The request did not come in time.\n",
};

pub(crate) const FULL: Answer = Answer {
    status: "503 Service Unavailable",
    header: "Retry-After: 10\r\n",
    content_type: TEXT,
    body: "This server is full. Try again later.\n",
};

/// Answers, for at most `limit`. The connection is to be closed afterwards.
pub(crate) async fn answer(tcp: &mut TcpStream, answer: Answer, limit: Duration) {
    let Answer { status, header, content_type, body } = answer;
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\n{header}Connection: close\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    // Whoever does not take it does not get it.
    let _ = timeout(limit, tcp.write_all(response.as_bytes())).await;
}

/// Answers and closes, without having read anything.
pub(crate) async fn refuse(mut tcp: TcpStream, reason: Answer, limit: Duration) {
    answer(&mut tcp, reason, limit).await;
    linger(tcp, limit).await;
}
