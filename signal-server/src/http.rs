//! HTTP on one connection, by hyper: requests are answered until one of them asks for a WebSocket.
//!
//! Limits: [`MAX_HEAD_BYTES`], [`Config::join_timeout`] for each head, [`MAX_REQUESTS`], [`LIFETIME`].
//! No request has a body that is read: hyper discards what has arrived of it, or closes the connection.

use std::future::poll_fn;
use std::time::Duration;

use hyper::Error;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

mod answer;
mod requests;
#[cfg(test)]
mod tests;

use answer::{Answer, FULL, TIMED_OUT};
use requests::Requests;

use crate::Config;
use crate::hub::{Caller, Hub};

/// Longest head of a request. Browsers send a tenth of this. A longer one is answered with status 431.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// A connection of requests ends after this many [`Config::join_timeout`]s. In the first one answers keep it open, and
/// then it may be idle for one. So each answer may take one to be written.
const LIFETIME: u32 = 3;

/// Requests on one connection. The page has twelve files.
const MAX_REQUESTS: usize = 100;

/// A connection's transport.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// The request that ended HTTP on a connection: from here on it is a WebSocket.
pub(crate) struct Upgraded {
    pub(crate) caller: Caller,
    /// What the client has sent right behind its request.
    pub(crate) rest: Vec<u8>,
}

/// Answers requests until one is upgraded, or until there is nothing more to answer. Returns the open socket.
pub(crate) async fn serve<S: Socket>(socket: S, hub: &Hub, config: &Config) -> (S, Option<Upgraded>) {
    let requests = Requests::new(hub, config.join_timeout);
    let mut connection = Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        // Begins with the connection, and again behind each answer.
        .header_read_timeout(config.join_timeout)
        .timer(TokioTimer::new())
        // A client may close its direction when it has sent its request.
        .half_close(true)
        .serve_connection(TokioIo::new(socket), &requests);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        () = sleep(config.join_timeout * LIFETIME) => None,
        () = hub.shut_down_begins() => None,
    };
    let timed_out = ended.as_ref().is_none_or(|ended| ended.as_ref().is_err_and(Error::is_timeout));
    // The socket, where hyper would close it: see `linger`.
    let parts = connection.into_parts();
    let mut socket = parts.io.into_inner();
    if timed_out && requests.answered() == 0 {
        respond(&mut socket, &TIMED_OUT, config.close_timeout).await;
    }
    let upgraded = match (requests.take_caller(), ended) {
        (Some(caller), Some(Ok(()))) => Some(Upgraded { caller, rest: parts.read_buf.to_vec() }),
        (Some(caller), _) => {
            // The response was not written to its end.
            hub.disconnect(&caller.id);
            None
        }
        (None, _) => None,
    };
    (socket, upgraded)
}

/// Says that the server is full, without reading the request, and closes.
pub(crate) async fn refuse(mut socket: impl Socket, limit: Duration) {
    respond(&mut socket, &FULL, limit).await;
    linger(socket, limit).await;
}

/// Closes our direction, then discards what still arrives, for at most `limit`. Closing a socket with unread bytes would
/// reset the connection, and the client could lose our last message.
pub(crate) async fn linger(mut socket: impl Socket, limit: Duration) {
    let drained = async {
        socket.shutdown().await?;
        let mut unread = [0; 2048];
        while socket.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // The socket is closed afterwards in any case.
    let _ = timeout(limit, drained).await;
}

/// Writes an answer where there is no request that hyper could answer. A client that cannot accept it within `limit` is
/// disconnected, as every client is afterwards.
async fn respond(socket: &mut impl Socket, answer: &Answer, limit: Duration) {
    let _ = timeout(limit, socket.write_all(answer.text().as_bytes())).await;
}
