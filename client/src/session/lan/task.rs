//! The task that owns the search, the own server, and what is known of the others.

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

/// How long connecting to an address may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);

/// Servers that are being tried at the same time.
const MAX_TRIES: usize = 64;

/// How often servers that are announced and do not answer are tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// How soon an own announcement must have come back. It takes milliseconds where multicast works.
const ECHO_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) enum Request {
    /// Answered when everything that is known is doubted and being tried again.
    Find {
        reply: oneshot::Sender<()>,
    },
    /// The server at this URL took no registration.
    Refused {
        url: String,
    },
    Host {
        config: Config,
        reply: oneshot::Sender<Result<String, LanError>>,
    },
}

pub(super) struct LanTask {
    discovery: Option<Discovery>,
    options: LanOptions,
    directory: Directory,
    best: watch::Sender<Option<String>>,
    trouble: watch::Sender<Option<LanError>>,
    /// The server that is announced.
    own: Option<OwnServer>,
    /// When the own announcement must have been heard.
    echo_due: Option<Instant>,
    tries: JoinSet<(Candidate, Option<SocketAddr>)>,
    /// Own servers that have lost and still have clients.
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

    /// Until all senders of requests are gone.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut retries = interval(RETRY_INTERVAL);
        retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(Request::Find { reply }) => {
                        self.find();
                        self.conclude();
                        // Whoever asked may have stopped waiting.
                        let _ = reply.send(());
                    }
                    Some(Request::Refused { url }) => self.directory.refused(&url),
                    Some(Request::Host { config, reply }) => {
                        let hosted = self.host(config).await;
                        self.conclude();
                        let _ = reply.send(hosted);
                    }
                    None => break,
                },
                found = next_found(&mut self.discovery) => self.learn(found),
                Some(tried) = self.tries.join_next() => {
                    // An error: it was given up for a newer one.
                    if let Ok((candidate, reached)) = tried {
                        self.directory.tried(&candidate, reached);
                    }
                }
                Some(_) = self.retired.join_next() => {}
                _ = retries.tick() => {
                    let due = self.directory.due();
                    self.try_all(due);
                },
                () = until(self.echo_due) => {
                    self.echo_due = None;
                    self.complain(LanError::Unheard);
                }
            }
            self.conclude();
        }
        self.close().await;
    }

    fn find(&mut self) {
        if let Some(Err(error)) = self.discovery.as_mut().map(Discovery::search) {
            self.complain(error);
        }
        let doubted = self.directory.doubt_all();
        // What is under way was asked before.
        self.tries.abort_all();
        self.try_all(doubted);
    }

    async fn host(&mut self, config: Config) -> Result<String, LanError> {
        if let Some(own) = &self.own {
            return Ok(own.url());
        }
        let own = OwnServer::start(config, self.options.loopback_only).await?;
        let url = own.url();
        self.directory.own_started(own.id.clone(), url.clone());
        if let Some(discovery) = &mut self.discovery {
            let announced = discovery.announce(&own.id, own.port);
            // To hear of others who start now, and the own echo.
            match announced.and_then(|()| discovery.search()) {
                Ok(()) => self.echo_due = Some(Instant::now() + ECHO_TIMEOUT),
                Err(error) => self.complain(error),
            }
        }
        self.own = Some(own);
        Ok(url)
    }

    fn learn(&mut self, found: Found) {
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
            Found::Ended => self.complain(LanError::Discovery("the search ended by itself".into())),
        }
    }

    fn try_all(&mut self, candidates: Vec<Candidate>) {
        for candidate in candidates {
            if self.tries.len() >= MAX_TRIES {
                // Its turn comes with the next retry.
                return;
            }
            self.tries.spawn(async move {
                let reached = reach(&candidate.addresses).await;
                (candidate, reached)
            });
        }
    }

    /// Acts on what is known now.
    fn conclude(&mut self) {
        if self.directory.own_has_lost()
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

    fn complain(&self, error: LanError) {
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
        let goodbye = async {
            if let Some(discovery) = discovery {
                discovery.close().await;
            }
        };
        tokio::join!(clients, goodbye);
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

/// The address that answers first.
async fn reach(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let mut attempts = JoinSet::new();
    for &address in addresses {
        attempts.spawn(async move {
            let connected = timeout(TRY_TIMEOUT, TcpStream::connect(address)).await;
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
