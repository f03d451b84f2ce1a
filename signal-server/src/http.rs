//! HTTP/1.1: the head of a request (RFC 9112), and the responses other than a WebSocket.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use tokio_tungstenite::tungstenite::http::header;

use crate::connection::linger;
use crate::guest_page;

/// Longest head of a request. Browsers send a tenth of this.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The page may run scripts of this server only, and connect to this server only (calls between peers aside).
const PAGE_HEADERS: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
    Permissions-Policy: camera=(self), microphone=(self)\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-cache\r\n";

const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) const NOT_A_HANDSHAKE: Response = Response {
    status: "426 Upgrade Required",
    headers: "Upgrade: websocket\r\n",
    content_type: TEXT,
    body: "This is a Maru signal server. It speaks WebSocket: enter its address in the app.\n",
};

const NOT_FOUND: Response = Response {
    status: "404 Not Found",
    headers: "",
    content_type: TEXT,
    body: "There is nothing here. A guest's page is at /, and at /r/ROOM for a room.\n",
};

pub(crate) const TIMED_OUT: Response = Response {
    status: "408 Request Timeout",
    headers: "",
    content_type: TEXT,
    body: "The request did not come in time.\n",
};

pub(crate) const FULL: Response = Response {
    status: "503 Service Unavailable",
    headers: "Retry-After: 10\r\n",
    content_type: TEXT,
    body: "This server is full. Try again later.\n",
};

/// A response with a body.
pub(crate) struct Response {
    status: &'static str,
    /// Whole lines, each with its line end.
    headers: &'static str,
    content_type: &'static str,
    body: &'static str,
}

/// The head of a request.
pub(crate) struct Head {
    request: Request,
    /// The bytes that arrived after it.
    pub(crate) rest: Vec<u8>,
}

/// Reads the head of a GET request. `Ok(None)`: it is another request, no HTTP, or too long.
///
/// # Errors
/// The socket fails, or ends before the head does.
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
    /// The response that makes the connection a WebSocket (RFC 6455, 4.2.2). `None`: the request does not ask for one.
    pub(crate) fn upgrade(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let response = create_response(&self.request).ok()?;
        write_response(&mut bytes, &response).ok()?;
        Some(bytes)
    }

    /// The response to any other request.
    pub(crate) fn response(&self) -> Response {
        // An upgrade was asked for, but not a correct one: a page would not help.
        if self.request.headers().contains_key(header::UPGRADE) {
            return NOT_A_HANDSHAKE;
        }
        let Some(file) = guest_page::find(self.request.uri().path()) else { return NOT_FOUND };
        Response { status: "200 OK", headers: PAGE_HEADERS, content_type: file.content_type, body: file.body }
    }
}

/// Writes a response. A client that cannot accept it within `limit` is disconnected, as every client is afterwards.
pub(crate) async fn respond(tcp: &mut TcpStream, response: Response, limit: Duration) {
    let Response { status, headers, content_type, body } = response;
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let _ = timeout(limit, tcp.write_all(text.as_bytes())).await;
}

/// Responds without reading the request, and closes.
pub(crate) async fn refuse(mut tcp: TcpStream, response: Response, limit: Duration) {
    respond(&mut tcp, response, limit).await;
    linger(tcp, limit).await;
}
