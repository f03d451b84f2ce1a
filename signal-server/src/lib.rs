//! Introduces Maru callers to each other, sees nothing else and keeps nothing.
//!
//! [`run`] accepts connections until it is told to stop. What the server does is decided in [`rooms`], which is pure:
//! inputs and the time go in, messages come out. Around it: `hub` (one lock around the rooms, one bounded queue for
//! each connection), `connection` (one task for each socket), `http` (answers to those who speak no WebSocket).
//!
//! Every queue is bounded: see [`Config`] for the numbers. The worst case of memory for each connection is its queue
//! (512 KiB by default), one frame being read (64 KiB), and small buffers; kernel socket buffers come on top.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

mod config;
mod connection;
mod http;
mod hub;
mod ice;
mod outbox;
mod pages;
mod rate_limit;
pub mod rooms;
mod timeouts;

pub use config::Config;
pub use ice::{IceUrlError, parse_ice_url};

use hub::Hub;
use rooms::Input;

/// How many connections over the cap are told so at the same time. More are closed without a word.
const MAX_REFUSALS: usize = 32;

/// How often accepting may fail in a row, 100 ms apart, before the server gives up.
const MAX_ACCEPT_FAILURES: u32 = 300;

/// Serves `listener` until `shutdown` is ready, then says goodbye to everyone and waits until they are gone, for at
/// most [`Config::close_timeout`] and a little.
///
/// # Errors
/// Only if the listener cannot accept connections any more.
pub async fn run(listener: TcpListener, config: Config, shutdown: impl Future) -> io::Result<()> {
    run_counted(listener, config, watch::Sender::new(0), shutdown).await
}

/// As [`run`], and keeps the number of clients who are in a room in `registrations`.
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

    hub.handle(Input::ShutDown);
    let drained = timeout(config.close_timeout * 2 + Duration::from_millis(500), async {
        while let Some(ended) = connections.join_next().await {
            log_end(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(connections = connections.len(), "some connections had to be cut");
    }
    accepted
}

/// The listener is closed when this returns.
async fn accept_until(
    listener: TcpListener,
    config: &Arc<Config>,
    hub: &Arc<Hub>,
    connections: &mut JoinSet<()>,
    shutdown: impl Future,
) -> io::Result<()> {
    let mut refusals = JoinSet::new();
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
                    if connections.len() < config.max_connections {
                        admit(tcp, config, hub, connections);
                    } else if refusals.len() < MAX_REFUSALS {
                        tracing::warn!("at the limit of connections");
                        refusals.spawn(http::refuse(tcp, http::FULL, config.close_timeout));
                    }
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "cannot accept a connection");
                    if failures > MAX_ACCEPT_FAILURES {
                        return Err(error);
                    }
                    // Most likely out of file descriptors: wait until some are closed.
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

fn admit(tcp: TcpStream, config: &Arc<Config>, hub: &Arc<Hub>, connections: &mut JoinSet<()>) {
    match hub.connect() {
        Ok((id, outbox)) => {
            connections.spawn(connection::serve(tcp, id, outbox, hub.clone(), config.clone()));
        }
        Err(error) => tracing::error!(%error, "no random numbers: a connection is refused"),
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn log_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}
