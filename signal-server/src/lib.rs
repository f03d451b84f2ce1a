//! Introduces Maru callers to each other. It sees no media and no chat, and stores nothing.
//!
//! [`run`] accepts connections until it is told to stop. [`rooms`] makes all decisions, without I/O: inputs and the time
//! go in, messages come out. Around it are `hub` (one lock around the rooms, one send queue for each client),
//! `connection` (one task for each socket) and `http` (requests, by hyper, up to the one that asks for a WebSocket).
//!
//! Every queue is bounded ([`Config`]). A connection takes at most its send queue (512 KiB by default), one message that
//! is being read (64 KiB) and small buffers, besides the kernel's socket buffers.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

mod config;
mod connection;
mod guest_page;
mod http;
mod hub;
mod ice;
mod rate_limit;
pub mod rooms;
mod send_queue;
mod timeouts;

pub use config::Config;
pub use ice::{IceUrlError, parse_ice_url};

use hub::Hub;
use rooms::Input;

/// Open sockets for each of [`Config::max_connections`]. Half of them are for handshakes, for the guest page, and for
/// connections that are being closed: none of these holds the place of a caller.
const SOCKETS_PER_CALLER: usize = 2;

/// Connections over the limit that are answered at the same time. Further ones are closed without an answer.
const MAX_REFUSALS: usize = 32;

/// The server ends when accepting fails this often in a row.
const MAX_ACCEPT_FAILURES: u32 = 300;

/// Pause after accepting has failed. Most likely the process is out of file descriptors until a connection closes.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// When shutting down, connections may take twice [`Config::close_timeout`] and this much longer.
const SHUTDOWN_MARGIN: Duration = Duration::from_millis(500);

/// Serves `listener` until `shutdown` completes. Then tells every client, and waits until all connections are closed,
/// for at most twice [`Config::close_timeout`] and half a second.
///
/// # Errors
/// The listener cannot accept connections any more.
pub async fn run(listener: TcpListener, config: Config, shutdown: impl Future) -> io::Result<()> {
    run_counted(listener, config, watch::Sender::new(0), shutdown).await
}

/// As [`run`]. `registrations` always holds the number of clients that are in a room.
///
/// # Errors
/// As [`run`].
pub async fn run_counted(
    listener: TcpListener,
    config: Config,
    registrations: watch::Sender<usize>,
    shutdown: impl Future,
) -> io::Result<()> {
    let config = Arc::new(config);
    let hub = Arc::new(Hub::new(config.clone(), registrations));
    let mut connections = JoinSet::new();
    let accepted = accept_until(listener, &config, &hub, &mut connections, shutdown).await;

    hub.shut_down();
    let drained = timeout(config.close_timeout * 2 + SHUTDOWN_MARGIN, async {
        while let Some(ended) = connections.join_next().await {
            log_end(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(connections = connections.len(), "some connections did not close in time");
    }
    accepted
}

/// Closes the listener when it returns.
async fn accept_until(
    listener: TcpListener,
    config: &Arc<Config>,
    hub: &Arc<Hub>,
    connections: &mut JoinSet<()>,
    shutdown: impl Future,
) -> io::Result<()> {
    let mut refusals = JoinSet::new();
    let most_sockets = config.max_connections.saturating_mul(SOCKETS_PER_CALLER);
    let mut ticks = interval(config.tick_interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    let mut failures = 0;
    loop {
        tokio::select! {
            _ = &mut shutdown => return Ok(()),
            _ = ticks.tick() => hub.handle(Input::Tick),
            Some(ended) = connections.join_next() => log_end(ended),
            Some(ended) = refusals.join_next() => log_end(ended),
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    failures = 0;
                    if connections.len() < most_sockets {
                        // Otherwise a small message waits for the acknowledgement of the previous one. Fails only on a
                        // dead socket.
                        let _ = tcp.set_nodelay(true);
                        connections.spawn(connection::serve(tcp, hub.clone(), config.clone()));
                    } else if refusals.len() < MAX_REFUSALS {
                        tracing::warn!("too many connections: one is refused");
                        refusals.spawn(http::refuse(tcp, config.close_timeout));
                    }
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "cannot accept a connection");
                    if failures > MAX_ACCEPT_FAILURES {
                        return Err(error);
                    }
                    sleep(ACCEPT_RETRY_INTERVAL).await;
                }
            },
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn log_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}
