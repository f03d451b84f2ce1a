//! Decides which server to register at: the configured one, or the best one on the local network.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio_tungstenite::tungstenite::http::Uri;

use super::ServerChoice;
use super::lan::{LanOptions, LanServers};

/// How long the local network is searched before a server is started in this process.
const SEARCH_TIMEOUT: Duration = Duration::from_millis(300);

/// Why there is no server. A person reads the messages.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    /// The configured URL cannot be one of a server.
    #[error("{url}: {reason}")]
    BadUrl { url: String, reason: String },
    /// No server was found, and none can be started.
    #[error("{0}")]
    Lan(String),
}

/// A server to try.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) url: String,
    /// It runs in this process.
    pub(super) own: bool,
}

pub(super) enum Finder {
    Url(String),
    Lan(Lan),
}

pub(super) struct Lan {
    servers: LanServers,
    best: watch::Receiver<Option<String>>,
    /// The URL of the server in this process, once there is one.
    own: Option<String>,
}

impl Finder {
    /// `addresses`: the addresses of this machine to use. Empty: all.
    ///
    /// # Errors
    /// [`FindError::BadUrl`] if `server` is not a WebSocket URL.
    pub(super) fn new(server: &ServerChoice, addresses: &[IpAddr]) -> Result<Self, FindError> {
        if let ServerChoice::Url(url) = server {
            return check_url(url).map(Self::Url);
        }
        let loopback_only = !addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback);
        let servers =
            LanServers::start_with(LanOptions { loopback_only, ..LanOptions::default() }).unwrap_or_else(|error| {
                tracing::warn!(%error, "only this machine is searched");
                LanServers::alone()
            });
        let best = servers.watch();
        Ok(Self::Lan(Lan { servers, best, own: None }))
    }

    /// Whether [`Self::find`] searches, so that a person can be told.
    pub(super) fn searches(&self) -> bool {
        matches!(self, Self::Lan(_))
    }

    /// The server to register at. Starts one in this process if the local network has none.
    ///
    /// # Errors
    /// [`FindError::Lan`] if it cannot be started.
    pub(super) async fn find(&mut self) -> Result<Found, FindError> {
        let lan = match self {
            Self::Url(url) => return Ok(Found { url: url.clone(), own: false }),
            Self::Lan(lan) => lan,
        };
        if let Some(url) = lan.servers.find(SEARCH_TIMEOUT).await {
            return Ok(Found { own: lan.own.as_ref() == Some(&url), url });
        }
        let hosted = lan.servers.host(signal_server::Config::default()).await;
        let url = hosted.map_err(|error| FindError::Lan(error.to_string()))?;
        lan.own = Some(url.clone());
        Ok(Found { url, own: true })
    }

    /// The server `found` did not register us. Returns whether another search may find another one.
    pub(super) async fn refused(&mut self, found: &Found) -> bool {
        let Self::Lan(lan) = self else { return false };
        lan.servers.refused(&found.url).await;
        true
    }

    /// Completes when a better server than the one at `url` is known. Never completes for a configured server.
    pub(super) async fn better_than(&mut self, url: &str) {
        if let Self::Lan(lan) = self {
            let better = lan.best.wait_for(|best| best.as_deref().is_some_and(|best| best != url)).await;
            if better.is_ok() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Checks the URL of a server that a person typed, such as `wss://host/path` or `ws://host:port`, and trims it.
fn check_url(text: &str) -> Result<String, FindError> {
    let text = text.trim();
    let bad = |reason: &str| FindError::BadUrl { url: text.to_owned(), reason: reason.to_owned() };
    let uri: Uri = text.parse().map_err(|error| bad(&format!("{error}")))?;
    match uri.scheme_str() {
        Some("ws" | "wss") => {}
        _ => return Err(bad("it does not begin with ws:// or wss://")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(bad("it names no host"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_websocket_urls_are_accepted() {
        assert_eq!(check_url(" ws://10.0.0.1:9000 ").unwrap(), "ws://10.0.0.1:9000");
        assert!(check_url("wss://call.example.org/signal").is_ok());
        for wrong in ["", "example.org", "http://example.org", "ws://", "ws:// x", "wss:/example.org"] {
            assert!(check_url(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
