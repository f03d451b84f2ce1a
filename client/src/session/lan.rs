//! A signal server without set-up: one is searched for on the local network by DNS-SD (`_maru._tcp`, RFC 6763) over
//! multicast DNS (RFC 6762). If there is none, one runs in this process and is announced.
//!
//! Two processes that start at the same time both find nothing, and both run a server. Each then finds the other's, and
//! both use the one with the smaller id (`directory`). The other server withdraws its announcement at once, and ends two
//! seconds later: clients that are still registered there are told, and find the first one.
//!
//! An announcement is not proof of anything. So a server is settled, and says so, when several clients have been
//! registered there for some seconds (`own`), and no announcement moves them from there. A client that is alone moves to
//! a settled server. Two settled ones stay apart.
//!
//! One tokio task (`task`) owns all of this. The daemon thread of `mdns-sd` does the multicast; commands to it are
//! queued and do not wait. Without multicast, [`LanServers::host`] still works, and [`LanServers::trouble`] says why
//! others do not find this server. IPv4 only.

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

/// Longest time for [`LanServers::close`] to withdraw the announcement and to disconnect the clients of an own server.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the local network cannot be used. A person reads the messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LanError {
    /// Nothing can be found or announced.
    #[error("the local network cannot be searched for calls: {0}")]
    Discovery(String),
    /// The own server runs, but its announcement does not come back to this machine: a firewall, or a network without
    /// multicast.
    #[error("others on the local network cannot find this call; name a server in the settings")]
    Unheard,
    /// An own server cannot be started.
    #[error("a server cannot be started on this machine: {0}")]
    Server(String),
}

/// Where to search and announce.
#[derive(Debug, Clone, Copy)]
pub struct LanOptions {
    /// UDP port of multicast DNS. Processes with another port than 5353 find only each other, for tests.
    pub port: u16,
    /// Use only the loopback interface.
    pub loopback_only: bool,
}

impl Default for LanOptions {
    fn default() -> Self {
        Self { port: 5353, loopback_only: false }
    }
}

/// The servers of the local network, and an own one if needed. Dropping it ends the own one.
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
    /// [`LanError::Discovery`] if the system does not allow multicast. [`Self::alone`] still works.
    pub fn start() -> Result<Self, LanError> {
        Self::start_with(LanOptions::default())
    }

    /// As [`Self::start`], with other options.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(options: LanOptions) -> Result<Self, LanError> {
        let discovery = discovery::Discovery::start(options)?;
        Ok(Self::spawn(Some(discovery), options))
    }

    /// Without the network: finds nothing, and does not announce the server that it hosts.
    pub fn alone() -> Self {
        Self::spawn(None, LanOptions::default())
    }

    fn spawn(discovery: Option<discovery::Discovery>, options: LanOptions) -> Self {
        // Requests are answered at once. If the channel is full, the caller waits.
        let (requests, received) = mpsc::channel(4);
        let (best_sender, best) = watch::channel(None);
        let (trouble_sender, trouble) = watch::channel(None);
        let task = LanTask::new(discovery, options, best_sender, trouble_sender);
        Self { requests, best, trouble, task: tokio::spawn(task.run(received)) }
    }

    /// Searches for a server that accepts connections, for at most `limit`. 300 ms are plenty on a LAN. Known servers
    /// are tried again, so this also finds the next server after one has died.
    pub async fn find(&self, limit: Duration) -> Option<String> {
        let found = async {
            let (reply, started) = oneshot::channel();
            self.requests.send(Request::Find { reply }).await.ok()?;
            started.await.ok()?;
            self.best.clone().wait_for(Option::is_some).await.ok()?.clone()
        };
        timeout(limit, found).await.ok().flatten()
    }

    /// The server at `url`, which [`Self::find`] returned, did not register us. The next search skips it.
    pub async fn refused(&self, url: &str) {
        // Fails only if the task has ended, and then nothing is found any more.
        let _ = self.requests.send(Request::Refused { url: url.to_owned() }).await;
    }

    /// Runs a server in this process, announces it, and returns its URL for this process. If one runs already and is
    /// still announced, returns the URL of that one.
    ///
    /// # Errors
    /// [`LanError::Server`] if the server cannot listen on any port.
    pub async fn host(&self, config: Config) -> Result<String, LanError> {
        let (reply, hosted) = oneshot::channel();
        let gone = |_| LanError::Server("the task has ended".into());
        self.requests.send(Request::Host { config, reply }).await.map_err(|_| gone(()))?;
        hosted.await.map_err(|_| gone(()))?
    }

    /// The URL of the server to use now. `None`: there is none (any more); call [`Self::find`], then [`Self::host`].
    pub fn watch(&self) -> watch::Receiver<Option<String>> {
        self.best.clone()
    }

    /// Why others may not find this server. `None`: no trouble is known.
    pub fn trouble(&self) -> watch::Receiver<Option<LanError>> {
        self.trouble.clone()
    }

    /// Withdraws the announcement and ends the own server, within a second.
    pub async fn close(mut self) {
        drop(self.requests);
        if timeout(CLOSE_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}
