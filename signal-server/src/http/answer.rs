//! The answers to requests, other than a WebSocket.

use std::fmt::Write;

use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::guest_page::File;

pub(super) type Body = Full<&'static [u8]>;

/// Names in lower case, and values.
type Headers = &'static [(&'static str, &'static str)];

/// The page may run scripts of this server only, and connect to this server only (calls between peers aside).
const PAGE_HEADERS: Headers = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("permissions-policy", "camera=(self), microphone=(self)"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-cache"),
];

const TEXT: &str = "text/plain; charset=utf-8";

pub(super) const NOT_A_HANDSHAKE: Answer = Answer {
    status: StatusCode::UPGRADE_REQUIRED,
    headers: &[("upgrade", "websocket")],
    content_type: TEXT,
    body: "This is a Maru signal server. It speaks WebSocket: enter its address in the app.\n",
};

pub(super) const UPGRADE_REMOVED: Answer = Answer {
    status: StatusCode::UPGRADE_REQUIRED,
    headers: &[("upgrade", "websocket")],
    content_type: TEXT,
    body: "A proxy in front of this Maru signal server does not pass WebSockets on. For nginx, add beside proxy_pass:\n\
           proxy_http_version 1.1;\n\
           proxy_set_header Upgrade $http_upgrade;\n\
           proxy_set_header Connection \"upgrade\";\n",
};

pub(super) const NOT_FOUND: Answer = Answer {
    status: StatusCode::NOT_FOUND,
    headers: &[],
    content_type: TEXT,
    body: "There is nothing here. A guest's page is at /, and at /r/ROOM for a room.\n",
};

pub(super) const TIMED_OUT: Answer = Answer {
    status: StatusCode::REQUEST_TIMEOUT,
    headers: &[],
    content_type: TEXT,
    body: "The request did not come in time.\n",
};

pub(super) const FULL: Answer = Answer {
    status: StatusCode::SERVICE_UNAVAILABLE,
    headers: &[("retry-after", "10")],
    content_type: TEXT,
    body: "This server is full. Try again later.\n",
};

/// A response with a body.
pub(super) struct Answer {
    status: StatusCode,
    headers: Headers,
    content_type: &'static str,
    body: &'static str,
}

impl Answer {
    pub(super) fn file(file: File) -> Self {
        Self { status: StatusCode::OK, headers: PAGE_HEADERS, content_type: file.content_type, body: file.body }
    }

    /// For hyper, which adds `Content-Length`, and leaves out the body where HEAD asked.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Full::new(self.body.as_bytes()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if self.status.is_client_error() || self.status.is_server_error() {
            headers.insert(CONNECTION, CLOSE);
        }
        response
    }

    /// The whole response, for a connection that is closed then.
    pub(super) fn text(&self) -> String {
        let Self { status, headers, content_type, body } = self;
        let length = body.len();
        let mut text = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in *headers {
            // Writing to a string does not fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ =
            write!(text, "connection: close\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}");
        text
    }
}

pub(super) const CLOSE: HeaderValue = HeaderValue::from_static("close");
