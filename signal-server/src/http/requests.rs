//! What each request of a connection is answered with.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::service::Service;
use hyper::{Method, Request, Response, Version};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::MAX_REQUESTS;
use super::answer::{Answer, Body, CLOSE, FULL, NOT_A_HANDSHAKE, NOT_FOUND, UPGRADE_REMOVED};
use crate::guest_page;
use crate::hub::{Caller, Hub};

/// Answers the requests of one connection.
pub(super) struct Requests<'a> {
    hub: &'a Hub,
    /// From then on each answer closes the connection.
    last_answer_at: Instant,
    answered: AtomicUsize,
    /// Whom an upgrade has let in.
    caller: Mutex<Option<Caller>>,
}

impl<'a> Requests<'a> {
    /// Answers keep the connection open for `keep_for`.
    pub(super) fn new(hub: &'a Hub, keep_for: Duration) -> Self {
        let last_answer_at = Instant::now() + keep_for;
        Self { hub, last_answer_at, answered: AtomicUsize::new(0), caller: Mutex::new(None) }
    }

    /// How many requests have an answer, written or not.
    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn take_caller(&self) -> Option<Caller> {
        self.caller().take()
    }

    /// No call under this lock panics.
    fn caller(&self) -> MutexGuard<'_, Option<Caller>> {
        self.caller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_in(&self, switching: Response<Body>) -> Response<Body> {
        match self.hub.connect() {
            Ok(caller) => {
                *self.caller() = Some(caller);
                switching
            }
            Err(refused) => {
                tracing::warn!("a caller is refused: {refused}");
                FULL.response()
            }
        }
    }
}

impl Service<Request<Incoming>> for Requests<'_> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let earlier = self.answered.fetch_add(1, Ordering::Relaxed);
        let mut response = match handshake(&request) {
            Ok(switching) => return ready(Ok(self.let_in(switching))),
            Err(answer) => answer.response(),
        };
        // Without a version hyper would keep a connection of HTTP/1.0 that asks for it.
        *response.version_mut() = request.version();
        let is_last = earlier + 1 >= MAX_REQUESTS || Instant::now() >= self.last_answer_at;
        if is_last || request.version() < Version::HTTP_11 {
            response.headers_mut().insert(CONNECTION, CLOSE);
        }
        ready(Ok(response))
    }
}

/// The response that makes the connection a WebSocket (RFC 6455, 4.2.2), or the answer to a request that does not ask
/// for one.
fn handshake<T>(request: &Request<T>) -> Result<Response<Body>, Answer> {
    let mistake = match create_response_with_body(request, Body::default) {
        Ok(response) => return Ok(response),
        Err(mistake) => mistake,
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(NOT_A_HANDSHAKE);
    }
    // Proxies speak HTTP/1.0, and take these headers out, unless they are told otherwise. They leave the key.
    let hop_by_hop = matches!(
        mistake,
        Error::Protocol(
            ProtocolError::WrongHttpVersion
                | ProtocolError::MissingConnectionUpgradeHeader
                | ProtocolError::MissingUpgradeWebSocketHeader
        )
    );
    if hop_by_hop && request.headers().contains_key(SEC_WEBSOCKET_KEY) {
        return Err(UPGRADE_REMOVED);
    }
    // An upgrade was asked for, but not a correct one: a page would not help.
    if request.headers().contains_key(UPGRADE) {
        return Err(NOT_A_HANDSHAKE);
    }
    Err(guest_page::find(request.uri().path()).map_or(NOT_FOUND, Answer::file))
}
