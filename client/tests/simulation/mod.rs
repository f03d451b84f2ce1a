//! A world of clients for tests: the session's own code on real WebRTC stacks, in virtual time, over a simulated network
//! and the real signal server's rooms. Only devices and codecs are replaced, so that every byte is known beforehand.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod media;
pub mod server;

use std::cell::RefCell;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use maru::report::Report;
use maru::session::surroundings::Surroundings;
use maru::session::{self, CallCommand, CallConfig, CallEvent, Event, ParticipantId, ServerChoice};
use maru_simnet::{Host, PathConfig, Sim};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::event_log::EventLog;
use media::SyntheticMedia;
use server::SimServer;

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// Clients who meet at one signal server.
pub struct World {
    pub sim: Sim,
    pub server: Arc<SimServer>,
    /// Of everyone to everyone.
    path: RefCell<PathConfig>,
    hosts: RefCell<Vec<Host>>,
}

/// A client in a call. Dropping it leaves.
pub struct Client {
    pub name: String,
    pub host: Host,
    pub media: Arc<SyntheticMedia>,
    commands: mpsc::Sender<CallCommand>,
    log: Arc<Log>,
}

/// Times are since the world began.
type Log = EventLog<Duration, Event>;

impl World {
    /// `seed` decides the fate of every packet. `RUST_LOG=rtc=debug` shows what the stacks do.
    pub fn new(seed: u64, path: PathConfig) -> Self {
        // Fails when another test of this process was first: one is enough.
        let _ = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_test_writer().try_init();
        // The process's clock must not begin later than the world.
        maru::clock::now();
        let sim = Sim::new(seed);
        let server = SimServer::start(&sim);
        Self { sim, server, path: RefCell::new(path), hosts: RefCell::default() }
    }

    /// Runs the world until `future` is done.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        self.sim.run(future)
    }

    /// Starts a client on a machine of its own.
    pub fn join(&self, name: &str) -> Client {
        self.join_on(self.sim.host(), name)
    }

    pub fn join_on(&self, host: Host, name: &str) -> Client {
        for other in self.hosts.borrow().iter() {
            self.sim.connect(&host, other, *self.path.borrow());
        }
        self.hosts.borrow_mut().push(host.clone());
        let media = SyntheticMedia::new(host.runtime(), self.sim.clock());
        let addresses = host.clone();
        let surroundings = Surroundings {
            runtime: host.runtime(),
            servers: self.server.seen_from(&host),
            media: Arc::clone(&media) as Arc<_>,
            addresses: Arc::new(move || addresses.addresses()),
            time_of_day: Arc::new(self.sim.clock()),
        };
        let config = CallConfig {
            room: "family".parse().expect("a room name"),
            name: name.parse().expect("a nickname"),
            server: ServerChoice::Url("sim".into()),
            addresses: Vec::new(),
            muted: false,
            camera_on: true,
        };
        let session::Call { commands, events } = session::start_in(surroundings, config, Report::none());
        let log = Arc::<Log>::default();
        host.runtime().spawn(Box::pin(record(Arc::clone(&log), self.sim.clock(), events))).detach();
        Client { name: name.to_owned(), host, media, commands, log }
    }

    /// Starts clients one after the other and waits until all are connected with all.
    pub async fn room(&self, names: &[&str]) -> Vec<Client> {
        let mut clients = Vec::new();
        for name in names {
            clients.push(self.join(name));
            self.sim.sleep(50 * MS).await;
        }
        for client in &clients {
            self.within(20 * SECOND, client.connected_to(names.len() - 1), "they connect").await;
        }
        clients
    }

    /// What happens to packets between two clients from now on, both ways.
    pub fn connect(&self, one: &Client, other: &Client, path: PathConfig) {
        self.sim.connect(&one.host, &other.host, path);
    }

    /// Whether anything passes between a client and everyone else, the server included.
    pub fn set_online(&self, client: &Client, is_online: bool) {
        let path = if is_online { *self.path.borrow() } else { PathConfig::cut() };
        for other in self.hosts.borrow().iter().filter(|other| other.addresses() != client.host.addresses()) {
            self.sim.connect(&client.host, other, path);
        }
        self.server.set_reachable(&client.host, is_online);
    }

    /// # Panics
    /// If `future` takes longer than `limit` of virtual time.
    pub async fn within<F: Future>(&self, limit: Duration, future: F, what: &str) -> F::Output {
        let done = self.sim.timeout(limit, future).await;
        done.unwrap_or_else(|| panic!("{what}: not within {limit:?}"))
    }
}

async fn record(log: Arc<Log>, clock: impl Fn() -> Duration, mut events: mpsc::Receiver<CallEvent>) {
    while let Some(event) = events.recv().await {
        let CallEvent::Call(event) = event else { continue };
        log.push(clock(), event);
    }
}

impl Client {
    pub fn tell(&self, command: CallCommand) {
        self.commands.try_send(command).expect("the call listens");
    }

    pub fn write(&self, id: u64, text: &str) {
        self.tell(CallCommand::SendChat { id, text: text.into() });
    }

    /// What happened so far, each since the world began.
    pub fn events(&self) -> MutexGuard<'_, Vec<(Duration, Event)>> {
        self.log.events()
    }

    /// Waits for the first event from the `skip`th on that `matches`. Returns when it came.
    pub async fn wait_from(&self, skip: usize, matches: impl Fn(&Event) -> bool) -> Duration {
        self.log.wait_from(skip, matches).await
    }

    pub async fn wait(&self, matches: impl Fn(&Event) -> bool) -> Duration {
        self.wait_from(0, matches).await
    }

    /// How many times something like this has happened.
    pub fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|(_, event)| matches(event)).count()
    }

    /// Waits until so many others have been connected to.
    pub async fn connected_to(&self, others: usize) {
        let mut seen = 0;
        for _ in 0..others {
            self.wait_from(seen, |event| matches!(event, Event::ParticipantConnected { .. })).await;
            let events = self.events();
            let next =
                events.iter().skip(seen).position(|(_, event)| matches!(event, Event::ParticipantConnected { .. }));
            seen += next.expect("it was just waited for") + 1;
        }
    }

    /// The key of the participant with this name.
    pub fn key_of(&self, name: &str) -> ParticipantId {
        let found = self.events().iter().rev().find_map(|(_, event)| match event {
            Event::ParticipantJoined { participant, name: joined } if joined.as_str() == name => Some(*participant),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{} knows no {name}", self.name))
    }

    /// Chat lines with the names of their writers, in order.
    pub fn chat(&self) -> Vec<(String, String)> {
        let events = self.events();
        let mut names = std::collections::HashMap::new();
        let mut lines = Vec::new();
        for (_, event) in events.iter() {
            match event {
                Event::ParticipantJoined { participant, name }
                | Event::ParticipantRenamed { participant, name, .. } => {
                    names.insert(*participant, name.as_str().to_owned());
                }
                Event::Chat { participant, text, .. } => lines.push((names[participant].clone(), text.clone())),
                _ => {}
            }
        }
        lines
    }

    /// The ids of messages that everyone's acknowledgement has come for, in order.
    pub fn delivered(&self) -> Vec<u64> {
        let events = self.events();
        let ids = events.iter().filter_map(|(_, event)| match event {
            Event::ChatDelivered { id, .. } => Some(*id),
            _ => None,
        });
        ids.collect()
    }
}

pub fn joined(event: &Event) -> bool {
    matches!(event, Event::ParticipantJoined { .. })
}

pub fn left(event: &Event) -> bool {
    matches!(event, Event::ParticipantLeft { .. })
}

pub fn interrupted(event: &Event) -> bool {
    matches!(event, Event::ParticipantInterrupted { .. })
}

pub fn connected(event: &Event) -> bool {
    matches!(event, Event::ParticipantConnected { .. })
}

/// Times from `from` on at which `watcher` got frames of `sender`.
pub fn frame_times(watcher: &Client, sender: &str, from: Duration) -> Vec<Duration> {
    watcher.media.of(sender).units().iter().map(|(at, _)| *at).filter(|at| *at >= from).collect()
}

/// The longest time without a frame of `sender` between `from` and `to`.
pub fn longest_freeze(watcher: &Client, sender: &str, from: Duration, to: Duration) -> Duration {
    media::longest_gap(frame_times(watcher, sender, from).into_iter(), from, to)
}
