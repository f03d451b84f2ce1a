//! A signal server without set-up: one is looked for on the local network by DNS-SD (`_maru._tcp`, RFC 6763), and if
//! there is none, one runs in this process and is announced.
//!
//! Two processes that start at the same instant both find nothing and both become a server. Both then see both, and
//! both use the one whose id is the smaller (`directory` decides); the other one withdraws its announcement at once and
//! runs on until nobody is registered there.
//!
//! One tokio task (`task`) owns all of it. Multicast is done by the daemon thread of `mdns-sd`; commands to it are
//! queued and never wait. Where multicast does not work, [`LanServers::host`] still does, and [`LanServers::trouble`]
//! says why nobody else finds this server. IPv4 only.

use std::time::Duration;

use signal_server::Config;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use task::{LanTask, Request};

mod directory;
mod discovery;
mod own;
mod task;
#[cfg(test)]
mod tests;

/// How long [`LanServers::close`] may take: for the goodbye to the network, and for the clients of an own server.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LanError {
    /// Nothing can be found or announced.
    #[error("the local network cannot be searched for calls: {0}")]
    Discovery(String),
    /// The server runs, but its announcement does not even come back to this machine. A firewall, or a network without
    /// multicast.
    #[error("others on the local network cannot find this call; name a server in the settings")]
    Unheard,
    /// No own server either.
    #[error("a server cannot be started on this machine: {0}")]
    Server(String),
}

/// Where to look and announce.
#[derive(Debug, Clone, Copy)]
pub struct LanOptions {
    /// UDP port of multicast DNS. Another one than 5353 makes a world of its own, for tests.
    pub port: u16,
    /// Stay within this machine.
    pub loopback_only: bool,
}

impl Default for LanOptions {
    fn default() -> Self {
        Self { port: 5353, loopback_only: false }
    }
}

/// The servers of the local network, and an own one if need be. Dropping it ends the own one.
pub struct LanServers {
    requests: mpsc::Sender<Request>,
    best: watch::Receiver<Option<String>>,
    trouble: watch::Receiver<Option<LanError>>,
    task: JoinHandle<()>,
}

impl LanServers {
    /// Starts on the current tokio runtime. Sends nothing before [`Self::find`] or [`Self::host`].
    ///
    /// # Errors
    /// [`LanError::Discovery`] if the system refuses what multicast needs. [`Self::alone`] still works then.
    pub fn start() -> Result<Self, LanError> {
        Self::start_with(LanOptions::default())
    }

    pub fn start_with(options: LanOptions) -> Result<Self, LanError> {
        let discovery = discovery::Discovery::start(options)?;
        Ok(Self::spawn(Some(discovery), options))
    }

    /// Without the network: finds nothing, and hosts a server that nobody is told of.
    pub fn alone() -> Self {
        Self::spawn(None, LanOptions::default())
    }

    fn spawn(discovery: Option<discovery::Discovery>, options: LanOptions) -> Self {
        // Requests are answered at once; a caller waits for a place if several are under way.
        let (requests, received) = mpsc::channel(4);
        let (best_sender, best) = watch::channel(None);
        let (trouble_sender, trouble) = watch::channel(None);
        let task = LanTask::new(discovery, options, best_sender, trouble_sender);
        Self { requests, best, trouble, task: tokio::spawn(task.run(received)) }
    }

    /// Looks for a server that answers now, for at most `limit`; 300 ms are plenty on a LAN. What was known before is
    /// tried again, so that this is also the way on when a server has gone without a word.
    pub async fn find(&self, limit: Duration) -> Option<String> {
        let found = async {
            let (reply, started) = oneshot::channel();
            self.requests.send(Request::Find { reply }).await.ok()?;
            started.await.ok()?;
            self.best.clone().wait_for(Option::is_some).await.ok()?.clone()
        };
        timeout(limit, found).await.ok().flatten()
    }

    /// The server at `url`, found here, took no registration: another one is to be found.
    pub async fn refused(&self, url: &str) {
        // An error: the task has ended, and nothing is found any more.
        let _ = self.requests.send(Request::Refused { url: url.to_owned() }).await;
    }

    /// Runs a server in this process, announces it, and returns the URL for use within this process. If one runs
    /// already and has not lost to another, that is the one.
    ///
    /// # Errors
    /// [`LanError::Server`] if no port can be listened on.
    pub async fn host(&self, config: Config) -> Result<String, LanError> {
        let (reply, hosted) = oneshot::channel();
        let gone = |_| LanError::Server("the task has ended".into());
        self.requests.send(Request::Host { config, reply }).await.map_err(|_| gone(()))?;
        hosted.await.map_err(|_| gone(()))?
    }

    /// The URL of the server that everyone on this network uses now. It changes when two have met and one has lost;
    /// `None`: there is none any more, so [`Self::find`] and [`Self::host`] again.
    pub fn watch(&self) -> watch::Receiver<Option<String>> {
        self.best.clone()
    }

    /// Why others may not find us, if so.
    pub fn trouble(&self) -> watch::Receiver<Option<LanError>> {
        self.trouble.clone()
    }

    /// Withdraws the announcement and ends an own server, within a second.
    pub async fn close(mut self) {
        drop(self.requests);
        if timeout(CLOSE_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}
