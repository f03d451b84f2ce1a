//! Finds the server to register at: the configured one, or the best one on the local network.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use maru_core::call::{EndReason, Server};
use tokio::sync::watch;

use super::websocket::WebSocket;
use super::{ServerSocket, Servers};
use crate::server_url;
use crate::session::ServerChoice;
use crate::session::lan::{LanOptions, LanServers};

/// How long the local network is searched before a server is started in this process.
const SEARCH_TIMEOUT: Duration = Duration::from_millis(300);

/// The configured server, or those of the local network.
pub(in crate::session) enum SystemServers {
    Url(String),
    /// The search begins when the first server is asked for.
    Lan {
        loopback_only: bool,
        lan: Option<Lan>,
    },
}

pub(in crate::session) struct Lan {
    servers: LanServers,
    best: watch::Receiver<Option<String>>,
    /// The URL of the server in this process, once there is one.
    own: Option<String>,
}

impl SystemServers {
    /// `addresses`: those of this machine to use; empty: all.
    pub(in crate::session) fn new(server: ServerChoice, addresses: &[IpAddr]) -> Self {
        match server {
            ServerChoice::Url(url) => Self::Url(url),
            ServerChoice::Lan => {
                let loopback_only = !addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback);
                Self::Lan { loopback_only, lan: None }
            }
        }
    }
}

#[async_trait]
impl Servers for SystemServers {
    async fn find(&mut self) -> Result<Server, EndReason> {
        match self {
            Self::Url(url) => check_url(url).map(|url| Server { url, is_own: false }),
            Self::Lan { loopback_only, lan } => lan.get_or_insert_with(|| Lan::start(*loopback_only)).find().await,
        }
    }

    async fn avoid(&mut self, server: &Server) {
        if let Self::Lan { lan: Some(lan), .. } = self {
            lan.servers.refused(&server.url).await;
        }
    }

    async fn connect(&mut self, server: &Server) -> Result<Box<dyn ServerSocket>, EndReason> {
        Ok(Box::new(WebSocket::connect(&server.url).await?))
    }

    async fn better_than(&mut self, server: &Server) {
        // Only who runs a server moves its clients, by ending it. An announcement of someone else does not.
        if let Self::Lan { lan: Some(lan), .. } = self
            && server.is_own
        {
            let better = lan.best.wait_for(|best| best.as_deref().is_some_and(|best| best != server.url)).await;
            if better.is_ok() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Lan {
    fn start(loopback_only: bool) -> Self {
        let servers =
            LanServers::start_with(LanOptions { loopback_only, ..LanOptions::default() }).unwrap_or_else(|error| {
                tracing::warn!(%error, "only this machine is searched");
                LanServers::alone()
            });
        let best = servers.watch();
        Self { servers, best, own: None }
    }

    async fn find(&mut self) -> Result<Server, EndReason> {
        if let Some(url) = self.servers.find(SEARCH_TIMEOUT).await {
            return Ok(Server { is_own: self.own.as_ref() == Some(&url), url });
        }
        let hosted = self.servers.host(signal_server::Config::default()).await;
        let url = hosted.map_err(|error| EndReason::Internal { reason: error.to_string() })?;
        self.own = Some(url.clone());
        Ok(Server { url, is_own: true })
    }
}

fn check_url(text: &str) -> Result<String, EndReason> {
    server_url::parse(text).map_err(|reason| EndReason::BadUrl { url: text.trim().to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_announcement_moves_nobody_from_the_server_of_someone_else() {
        let (announce, best) = watch::channel(None);
        let lan = Lan { servers: LanServers::alone(), best, own: None };
        let mut servers = SystemServers::Lan { loopback_only: true, lan: Some(lan) };
        let server = |is_own| Server { url: "ws://10.0.0.1:1".into(), is_own };
        announce.send_replace(Some("ws://10.0.0.1:1".to_owned()));
        assert_eq!(servers.better_than(&server(true)).now_or_never(), None);
        announce.send_replace(Some("ws://10.0.0.66:1".to_owned()));
        assert_eq!(servers.better_than(&server(false)).now_or_never(), None);
        assert_eq!(servers.better_than(&server(true)).now_or_never(), Some(()), "its own is superseded");
    }
}
