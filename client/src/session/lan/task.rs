//! The task that owns the search, the own server and the directory of the others.

use std::net::SocketAddr;
use std::time::Duration;

use signal_server::Config;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::directory::{Candidate, Directory};
use super::discovery::{Discovery, Found};
use super::own::OwnServer;
use super::{LanError, LanOptions};

/// Longest time to connect to an address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Most servers that are tried at the same time.
const MAX_TRIES: usize = 64;

/// How often announced servers that are not reached are tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Longest time for the own announcement to come back. With working multicast it takes milliseconds.
const ECHO_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) enum Request {
    /// Search, and try all known servers again. The reply comes once this has started.
    Find { reply: oneshot::Sender<()> },
    /// The server at this URL did not register us.
    Refused { url: String },
    /// Run an own server. The reply is its URL.
    Host { config: Config, reply: oneshot::Sender<Result<String, LanError>> },
}

pub(super) struct LanTask {
    discovery: Option<Discovery>,
    options: LanOptions,
    directory: Directory,
    best: watch::Sender<Option<String>>,
    trouble: watch::Sender<Option<LanError>>,
    /// The own server, while it is announced.
    own: Option<OwnServer>,
    /// When the own announcement must have come back. `None`: it has, or there is none.
    echo_due: Option<Instant>,
    tries: JoinSet<(Candidate, Option<SocketAddr>)>,
    /// Own servers that are not announced any more and end soon.
    retired: JoinSet<()>,
}

impl LanTask {
    pub(super) fn new(
        discovery: Option<Discovery>,
        options: LanOptions,
        best: watch::Sender<Option<String>>,
        trouble: watch::Sender<Option<LanError>>,
    ) -> Self {
        Self {
            discovery,
            options,
            directory: Directory::default(),
            best,
            trouble,
            own: None,
            echo_due: None,
            tries: JoinSet::new(),
            retired: JoinSet::new(),
        }
    }

    /// Runs until all senders of requests are dropped.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut retries = interval(RETRY_INTERVAL);
        retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(Request::Find { reply }) => {
                        self.find();
                        self.update();
                        // Fails if the caller has stopped waiting, here and below.
                        let _ = reply.send(());
                    }
                    Some(Request::Refused { url }) => self.directory.refused(&url),
                    Some(Request::Host { config, reply }) => {
                        let hosted = self.host(config).await;
                        self.update();
                        let _ = reply.send(hosted);
                    }
                    None => break,
                },
                found = next_found(&mut self.discovery) => self.handle_found(found),
                Some(tried) = self.tries.join_next() => {
                    // An error: `find` has aborted the attempt.
                    if let Ok((candidate, reached)) = tried {
                        self.directory.tried(&candidate, reached);
                    }
                }
                Some(_) = self.retired.join_next() => {}
                () = settlement_changed(&mut self.own) => self.tell_settlement(),
                _ = retries.tick() => {
                    let candidates = self.directory.retry();
                    self.try_all(candidates);
                },
                () = until(self.echo_due) => {
                    self.echo_due = None;
                    self.report(LanError::Unheard);
                }
            }
            self.update();
        }
        self.close().await;
    }

    fn find(&mut self) {
        if let Some(Err(error)) = self.discovery.as_mut().map(Discovery::search) {
            self.report(error);
        }
        let candidates = self.directory.mark_all_unreached();
        // Attempts from before the search would otherwise count as its results.
        self.tries.abort_all();
        self.try_all(candidates);
    }

    async fn host(&mut self, config: Config) -> Result<String, LanError> {
        if let Some(own) = &self.own {
            return Ok(own.url());
        }
        let own = OwnServer::start(config, self.options.loopback_only).await?;
        let url = own.url();
        self.directory.own_started(own.id.clone(), url.clone());
        if let Some(discovery) = &mut self.discovery {
            let announced = discovery.announce(&own.id, own.port, own.is_settled());
            // The search finds servers that start at the same time, and the own announcement.
            match announced.and_then(|()| discovery.search()) {
                Ok(()) => self.echo_due = Some(Instant::now() + ECHO_TIMEOUT),
                Err(error) => self.report(error),
            }
        }
        self.own = Some(own);
        Ok(url)
    }

    fn tell_settlement(&mut self) {
        let Some(own) = &self.own else { return };
        self.directory.own_settled(own.is_settled());
        if let Some(discovery) = &self.discovery
            && let Err(error) = discovery.announce(&own.id, own.port, own.is_settled())
        {
            self.report(error);
        }
    }

    fn handle_found(&mut self, found: Found) {
        match found {
            Found::Announced(announcement) => {
                if self.directory.is_own(&announcement.id) {
                    self.echo_due = None;
                    self.trouble.send_replace(None);
                } else if let Some(candidate) = self.directory.announced(announcement) {
                    self.try_all(vec![candidate]);
                }
            }
            Found::Withdrawn { fullname } => self.directory.withdrawn(&fullname),
            Found::Ended => self.report(LanError::Discovery("the search has ended".into())),
        }
    }

    fn try_all(&mut self, candidates: Vec<Candidate>) {
        for candidate in candidates {
            if self.tries.len() >= MAX_TRIES {
                // The next retry tries the rest.
                return;
            }
            self.tries.spawn(async move {
                let reached = reach(&candidate.addresses).await;
                (candidate, reached)
            });
        }
    }

    /// Retires the own server if another one is to be used, and publishes the URL of the server to use.
    fn update(&mut self) {
        if self.directory.own_is_superseded()
            && let Some(own) = self.own.take()
        {
            if let Some(discovery) = &self.discovery {
                discovery.withdraw(&own.id);
            }
            self.directory.own_withdrawn();
            self.echo_due = None;
            self.retired.spawn(own.retire());
        }
        let best = self.directory.best();
        self.best.send_if_modified(|known| {
            let changed = *known != best;
            *known = best;
            changed
        });
    }

    fn report(&self, error: LanError) {
        tracing::warn!(%error, "local network");
        self.trouble.send_replace(Some(error));
    }

    async fn close(self) {
        let Self { own, discovery, .. } = self;
        let clients = async {
            if let Some(own) = own {
                own.close().await;
            }
        };
        let withdrawal = async {
            if let Some(discovery) = discovery {
                discovery.close().await;
            }
        };
        tokio::join!(clients, withdrawal);
    }
}

async fn settlement_changed(own: &mut Option<OwnServer>) {
    match own {
        Some(own) => own.settlement_changed().await,
        None => std::future::pending().await,
    }
}

async fn next_found(discovery: &mut Option<Discovery>) -> Found {
    match discovery {
        Some(discovery) => discovery.next().await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The first address that accepts a connection.
async fn reach(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let mut attempts = JoinSet::new();
    for &address in addresses {
        attempts.spawn(async move {
            let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
            matches!(connected, Ok(Ok(_))).then_some(address)
        });
    }
    while let Some(attempt) = attempts.join_next().await {
        if let Ok(Some(address)) = attempt {
            return Some(address);
        }
    }
    None
}
