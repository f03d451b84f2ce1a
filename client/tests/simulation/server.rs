//! A signal server in virtual time: the real server's rooms, with delay and trouble between them and the clients.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use maru::session::EndReason;
use maru::session::server::{Received, ServerSocket, Servers};
use maru_core::call::Server;
use maru_protocol::PeerId;
use maru_protocol::signal::IceServer;
use maru_simnet::{Host, Sim};
use signal_server::Config;
use signal_server::rooms::{Input, Output, Rooms};
use tokio::sync::mpsc;
use webrtc::runtime::Runtime;

/// From a client to the server, and back.
const DELAY: Duration = Duration::from_millis(10);
/// Messages under way to a client.
const INBOX: usize = 1024;

pub struct SimServer {
    runtime: Arc<dyn Runtime>,
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    config: Arc<Config>,
    state: Mutex<State>,
}

struct State {
    /// `None`: the server is down.
    rooms: Option<Rooms>,
    inboxes: HashMap<PeerId, (Arc<Wire>, mpsc::Sender<Received>)>,
    last_id: u128,
    unreachable: HashSet<IpAddr>,
    /// On top of [`DELAY`], for what this address sends.
    extra_delay: HashMap<IpAddr, Duration>,
}

/// The TCP connection: from an address that the host may have lost since.
struct Wire {
    host: Host,
    address: Option<IpAddr>,
}

impl SimServer {
    pub fn start(sim: &Sim) -> Arc<Self> {
        let urls = vec![format!("stun:{}", sim.stun_server())];
        let ice_servers = vec![IceServer { urls, username: None, credential: None }];
        let config = Arc::new(Config { ice_servers, ..Config::default() });
        let state = State {
            rooms: Some(Rooms::new(Arc::clone(&config))),
            inboxes: HashMap::new(),
            last_id: 0,
            unreachable: HashSet::new(),
            extra_delay: HashMap::new(),
        };
        let runtime = sim.host().runtime();
        let server = Arc::new(Self {
            runtime: Arc::clone(&runtime),
            clock: Box::new(sim.clock()),
            config,
            state: Mutex::new(state),
        });
        runtime.spawn(Box::pin(tick(Arc::clone(&server)))).detach();
        server
    }

    /// The server as `host` finds it.
    pub fn seen_from(self: &Arc<Self>, host: &Host) -> Box<dyn Servers> {
        Box::new(View { server: Arc::clone(self), host: host.clone() })
    }

    /// Every connection ends, and nobody can connect.
    pub fn crash(&self) {
        let mut state = self.lock();
        state.rooms = None;
        for (_, (_, inbox)) in state.inboxes.drain() {
            let _ = inbox.try_send(Received::Closed { reason: "it crashed".into() });
        }
    }

    /// After [`Self::crash`], without any memory.
    pub fn restart(&self) {
        self.lock().rooms = Some(Rooms::new(Arc::clone(&self.config)));
    }

    /// Whether anything passes between the server and `host`. Nobody tells them.
    pub fn set_reachable(&self, host: &Host, is_reachable: bool) {
        let mut state = self.lock();
        for address in host.addresses() {
            if is_reachable {
                state.unreachable.remove(&address);
            } else {
                state.unreachable.insert(address);
            }
        }
    }

    /// What `host` sends takes so much longer.
    pub fn delay_from(&self, host: &Host, extra: Duration) {
        let mut state = self.lock();
        for address in host.addresses() {
            state.extra_delay.insert(address, extra);
        }
    }

    pub fn registrations(&self) -> usize {
        self.lock().rooms.as_ref().map_or(0, Rooms::registrations)
    }

    /// The id of a new connection; `None` while the server is down.
    fn accept(&self, wire: &Arc<Wire>, inbox: mpsc::Sender<Received>) -> Option<PeerId> {
        let mut state = self.lock();
        state.rooms.as_ref()?;
        state.last_id += 1;
        let id = PeerId::from_bits(state.last_id);
        state.inboxes.insert(id.clone(), (Arc::clone(wire), inbox));
        Some(id)
    }

    fn handle(&self, input: Input<'_>) {
        let now = (self.clock)();
        let mut state = self.lock();
        let Some(rooms) = &mut state.rooms else { return };
        for output in rooms.handle(now, input) {
            match output {
                Output::Send(to, message) => {
                    let text = message.encode().expect("a message of the server");
                    for id in to {
                        state.send(&self.runtime, &id, Received::Text(text.clone()));
                    }
                }
                Output::Ping(id) => state.send(&self.runtime, &id, Received::Alive),
                Output::Close(id, _) => {
                    state.send(&self.runtime, &id, Received::Closed { reason: "the server closed it".into() });
                    state.inboxes.remove(&id);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn passes(&self, wire: &Wire) -> bool {
        if wire.host.is_asleep() {
            return false;
        }
        let address = wire.address.filter(|address| wire.host.addresses().contains(address));
        address.is_some_and(|address| !self.unreachable.contains(&address))
    }

    fn send(&self, runtime: &Arc<dyn Runtime>, to: &PeerId, what: Received) {
        let Some((_, inbox)) = self.inboxes.get(to).filter(|(wire, _)| self.passes(wire)) else { return };
        let (delay, inbox) = (runtime.sleep(DELAY), inbox.clone());
        let arrive = async move {
            delay.await;
            // Nobody reads only when the client has gone.
            let _ = inbox.try_send(what);
        };
        runtime.spawn(Box::pin(arrive)).detach();
    }
}

async fn tick(server: Arc<SimServer>) {
    loop {
        server.runtime.sleep(Duration::from_millis(500)).await;
        server.handle(Input::Tick);
    }
}

struct View {
    server: Arc<SimServer>,
    host: Host,
}

#[async_trait]
impl Servers for View {
    async fn find(&mut self) -> Result<Server, EndReason> {
        Ok(Server { url: "ws://sim".into(), is_own: false })
    }

    async fn avoid(&mut self, _server: &Server) {}

    async fn connect(&mut self, server: &Server) -> Result<Box<dyn ServerSocket>, EndReason> {
        self.host.runtime().sleep(DELAY).await;
        let wire = Arc::new(Wire { address: self.host.addresses().first().copied(), host: self.host.clone() });
        let (inbox, received) = mpsc::channel(INBOX);
        if !self.server.lock().passes(&wire) {
            return std::future::pending().await;
        }
        let id = self.server.accept(&wire, inbox);
        if let Some(id) = id.clone() {
            // The challenge travels with the answer to the handshake.
            self.server.handle(Input::Connected(id));
        }
        self.host.runtime().sleep(DELAY).await;
        let Some(id) = id else {
            return Err(EndReason::NoServer { url: server.url.clone(), reason: "nobody listens".into() });
        };
        Ok(Box::new(SimSocket { server: Arc::clone(&self.server), wire, id, received }))
    }

    async fn better_than(&mut self, _server: &Server) {
        std::future::pending::<()>().await;
    }
}

struct SimSocket {
    server: Arc<SimServer>,
    wire: Arc<Wire>,
    id: PeerId,
    received: mpsc::Receiver<Received>,
}

#[async_trait]
impl ServerSocket for SimSocket {
    async fn send(&mut self, text: String) -> bool {
        let delay = {
            let state = self.server.lock();
            if !state.passes(&self.wire) {
                // TCP takes it, and it never arrives.
                return true;
            }
            let extra = self.wire.address.and_then(|address| state.extra_delay.get(&address).copied());
            DELAY + extra.unwrap_or_default()
        };
        let text: Arc<str> = text.into();
        self.after(delay, move |server, id| server.handle(Input::Text(id, &text)));
        true
    }

    async fn receive(&mut self) -> Received {
        self.received.recv().await.unwrap_or_else(|| Received::Closed { reason: "it is gone".into() })
    }

    async fn close(&mut self) {
        let passes = self.server.lock().passes(&self.wire);
        if passes {
            self.after(DELAY, |server, id| server.handle(Input::Disconnected(id)));
        }
    }
}

impl SimSocket {
    fn after(&self, delay: Duration, what: impl FnOnce(&SimServer, &PeerId) + Send + 'static) {
        let (server, id) = (Arc::clone(&self.server), self.id.clone());
        let sleep = server.runtime.sleep(delay);
        let runtime = Arc::clone(&server.runtime);
        let arrive = async move {
            sleep.await;
            what(&server, &id);
        };
        runtime.spawn(Box::pin(arrive)).detach();
    }
}
