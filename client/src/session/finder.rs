//! Which server to register at: the one that was named, or the best one on the local network.

use tokio_tungstenite::tungstenite::http::Uri;

use super::ServerChoice;
use super::lan::LanServers;

#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    #[error("{url}: {reason}")]
    BadUrl { url: String, reason: String },
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
    Lan(Box<LanServers>),
}

impl Finder {
    pub(super) fn new(server: &ServerChoice) -> Result<Self, FindError> {
        match server {
            ServerChoice::Url(url) => check_url(url).map(Self::Url),
            ServerChoice::Lan => match LanServers::start() {
                Ok(servers) => Ok(Self::Lan(Box::new(servers))),
                Err(error) => Err(FindError::Lan(error.to_string())),
            },
        }
    }

    /// Whether finding takes a search, which a person is told of.
    pub(super) fn searches(&self) -> bool {
        matches!(self, Self::Lan(_))
    }

    pub(super) async fn find(&mut self) -> Result<Found, FindError> {
        match self {
            Self::Url(url) => Ok(Found { url: url.clone(), own: false }),
            Self::Lan(_) => Err(FindError::Lan("not built yet".into())),
        }
    }

    /// Ends when there is a better server than the one at `url`.
    pub(super) async fn better_than(&mut self, url: &str) {
        let _ = url;
        std::future::pending().await
    }
}

/// What a person typed as a server's address, made into a URL: `wss://host/path`, `ws://host:port`.
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
    fn only_websocket_urls_are_taken() {
        assert_eq!(check_url(" ws://10.0.0.1:9000 ").unwrap(), "ws://10.0.0.1:9000");
        assert!(check_url("wss://call.example.org/signal").is_ok());
        for wrong in ["", "example.org", "http://example.org", "ws://", "ws:// x", "wss:/example.org"] {
            assert!(check_url(wrong).is_err(), "{wrong} was taken");
        }
    }
}
