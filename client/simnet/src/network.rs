//! Hosts, their addresses and sockets, and the paths between them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use maru_link::{Path, PathConfig, PathStats, Verdict};

use crate::agenda::Agenda;
use crate::host_clock::HostClock;
use crate::nat::{Nat, NatId, NatKind};
use crate::stun;

/// Datagrams waiting at one socket; more are dropped, as a kernel does.
const INBOX_DATAGRAMS: usize = 4096;
/// The second byte of addresses: of hosts, of the outside of NATs, and of the STUN server. All of 127/8 is this machine's,
/// so that the operating system lets sockets be bound to them. (Linux; macOS has 127.0.0.1 only.)
const HOSTS: u8 = 1;
const NATS: u8 = 2;
const STUN_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 3, 0, 1)), 3478);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostId(u32);

/// The other end of a link that leads to all other hosts.
const EVERYBODY: HostId = HostId(u32::MAX);

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// When it arrives, since the world began.
    Arrives(Duration),
    Lost,
    /// The queue before a slow path was full.
    Overflowed,
    /// Its source or destination is no address (any more), or a NAT lets it not through.
    Nobody,
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceEntry {
    /// Since the world began.
    pub sent: Duration,
    /// Hosts count from 0.
    pub from: u32,
    /// The destination's host, where there is one.
    pub to: Option<u32>,
    pub payload_bytes: usize,
    pub fate: Fate,
}

#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Network {
    agenda: Arc<Agenda>,
    state: Mutex<State>,
}

struct State {
    seed: u64,
    hosts: Vec<HostState>,
    nats: Vec<Nat>,
    sockets: HashMap<SocketAddr, Socket>,
    /// Counts bindings, so that a datagram does not reach a later socket with the same address.
    bindings: u64,
    addresses: u8,
    paths: HashMap<(HostId, HostId), Path>,
    /// Hosts whose packets to and from everybody else share one path each way.
    behind_one_link: HashSet<HostId>,
    trace: Option<Vec<TraceEntry>>,
}

struct HostState {
    clock: Arc<HostClock>,
    addresses: Vec<IpAddr>,
    nat: Option<NatId>,
}

struct Socket {
    host: HostId,
    binding: u64,
    inbox: VecDeque<Datagram>,
    reader: Option<Waker>,
}

/// Where a packet goes.
#[derive(Clone, Copy)]
struct Route {
    /// As the receiver sees it.
    source: SocketAddr,
    socket: SocketAddr,
    host: HostId,
    binding: u64,
}

impl Network {
    pub(crate) fn new(agenda: Arc<Agenda>, seed: u64) -> Self {
        let state = State {
            seed,
            hosts: Vec::new(),
            nats: Vec::new(),
            sockets: HashMap::new(),
            bindings: 0,
            addresses: 0,
            paths: HashMap::new(),
            behind_one_link: HashSet::new(),
            trace: None,
        };
        Self { agenda, state: Mutex::new(state) }
    }

    pub(crate) fn add_host(&self, clock: Arc<HostClock>, nat: Option<NatId>) -> HostId {
        let mut state = self.lock();
        let id = HostId(state.hosts.len() as u32);
        state.hosts.push(HostState { clock, addresses: Vec::new(), nat });
        state.add_address(id);
        id
    }

    pub(crate) fn add_nat(&self, kind: NatKind) -> NatId {
        let mut state = self.lock();
        let address = state.new_address(NATS);
        state.nats.push(Nat::new(kind, address));
        NatId(state.nats.len() - 1)
    }

    pub(crate) fn forget_mappings(&self, nat: NatId) {
        self.lock().nats[nat.0].forget_mappings();
    }

    pub(crate) fn stun_server() -> SocketAddr {
        STUN_SERVER
    }

    pub(crate) fn addresses(&self, host: HostId) -> Vec<IpAddr> {
        self.lock().host(host).addresses.clone()
    }

    pub(crate) fn add_address(&self, host: HostId) -> IpAddr {
        self.lock().add_address(host)
    }

    pub(crate) fn prefer_address(&self, host: HostId, address: IpAddr) {
        let mut state = self.lock();
        let addresses = &mut state.hosts[host.0 as usize].addresses;
        addresses.retain(|one| *one != address);
        addresses.insert(0, address);
    }

    pub(crate) fn remove_address(&self, host: HostId, address: IpAddr) {
        self.lock().hosts[host.0 as usize].addresses.retain(|one| *one != address);
    }

    pub(crate) fn set_path(&self, from: HostId, to: HostId, config: PathConfig) {
        self.lock().path(from, to).set_config(config);
    }

    pub(crate) fn set_link(&self, host: HostId, config: PathConfig) {
        let mut state = self.lock();
        state.behind_one_link.insert(host);
        state.path(host, EVERYBODY).set_config(config);
        state.path(EVERYBODY, host).set_config(config);
    }

    pub(crate) fn path_stats(&self, from: HostId, to: HostId) -> PathStats {
        self.lock().path(from, to).stats()
    }

    pub(crate) fn record_trace(&self) {
        self.lock().trace.get_or_insert_default();
    }

    pub(crate) fn trace(&self) -> Vec<TraceEntry> {
        self.lock().trace.clone().unwrap_or_default()
    }

    pub(crate) fn bind(&self, host: HostId, address: SocketAddr) -> io::Result<()> {
        let mut state = self.lock();
        if !state.host(host).addresses.contains(&address.ip()) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if state.sockets.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.bindings += 1;
        let binding = state.bindings;
        state.sockets.insert(address, Socket { host, binding, inbox: VecDeque::new(), reader: None });
        Ok(())
    }

    pub(crate) fn unbind(&self, address: SocketAddr) {
        let socket = self.lock().sockets.remove(&address);
        drop(socket);
    }

    /// `payload` sets out now.
    pub(crate) fn send(self: &Arc<Self>, host: HostId, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let now = self.agenda.elapsed();
        let mut state = self.lock();
        if to == STUN_SERVER {
            state.answer_stun(host, from, payload);
            return;
        }
        let route = state.route(host, from, to);
        let fate = match route {
            None => Fate::Nobody,
            Some(route) => match state.path(host, route.host).send(now, payload.len()) {
                Verdict::ArrivesAt(at) => Fate::Arrives(at),
                Verdict::Lost => Fate::Lost,
                Verdict::Overflowed => Fate::Overflowed,
            },
        };
        if let Some(trace) = &mut state.trace {
            let to = route.map(|route| route.host.0);
            trace.push(TraceEntry { sent: now, from: host.0, to, payload_bytes: payload.len(), fate });
        }
        drop(state);
        if let (Fate::Arrives(at), Some(route)) = (fate, route) {
            let network = Arc::downgrade(self);
            let datagram = Datagram { from: route.source, payload: payload.to_vec() };
            self.agenda.schedule(at, Box::new(move || deliver(&network, route.socket, route.binding, datagram)));
        }
    }

    pub(crate) fn poll_receive(&self, address: SocketAddr, cx: &Context<'_>) -> Poll<io::Result<Datagram>> {
        let mut state = self.lock();
        let Some(socket) = state.sockets.get_mut(&address) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if let Some(datagram) = socket.inbox.pop_front() {
            return Poll::Ready(Ok(datagram));
        }
        socket.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn host(&self, id: HostId) -> &HostState {
        &self.hosts[id.0 as usize]
    }

    fn new_address(&mut self, of: u8) -> IpAddr {
        self.addresses += 1;
        IpAddr::V4(Ipv4Addr::new(127, of, 0, self.addresses))
    }

    fn add_address(&mut self, host: HostId) -> IpAddr {
        let address = self.new_address(HOSTS);
        self.hosts[host.0 as usize].addresses.push(address);
        address
    }

    /// Through the NATs on the way. `None`: there is no way.
    fn route(&mut self, host: HostId, from: SocketAddr, to: SocketAddr) -> Option<Route> {
        if !self.host(host).addresses.contains(&from.ip()) {
            return None;
        }
        let nat = self.host(host).nat;
        let is_neighbour = self.owner(to.ip()).is_some_and(|owner| self.host(owner).nat == nat);
        let source = match nat {
            Some(nat) if !is_neighbour => self.nats[nat.0].outbound(from, to),
            _ => from,
        };
        let behind = self.nats.iter().position(|nat| nat.address() == to.ip());
        let socket = match behind {
            Some(nat) => self.nats[nat].inbound(source, to)?,
            // An address behind another NAT means nothing out here.
            None if is_neighbour || self.owner(to.ip()).is_some_and(|owner| self.host(owner).nat.is_none()) => to,
            None => return None,
        };
        let (host, binding) = self.sockets.get(&socket).map(|socket| (socket.host, socket.binding))?;
        self.host(host).addresses.contains(&socket.ip()).then_some(Route { source, socket, host, binding })
    }

    fn owner(&self, address: IpAddr) -> Option<HostId> {
        let position = self.hosts.iter().position(|host| host.addresses.contains(&address));
        position.map(|index| HostId(index as u32))
    }

    /// The STUN server is near everyone.
    fn answer_stun(&mut self, host: HostId, from: SocketAddr, request: &[u8]) {
        if !self.host(host).addresses.contains(&from.ip()) {
            return;
        }
        let source = match self.host(host).nat {
            Some(nat) => self.nats[nat.0].outbound(from, STUN_SERVER),
            None => from,
        };
        let Some(payload) = stun::answer(request, source) else { return };
        let Some(socket) = self.sockets.get_mut(&from) else { return };
        socket.inbox.push_back(Datagram { from: STUN_SERVER, payload });
        if let Some(reader) = socket.reader.take() {
            reader.wake();
        }
    }

    fn path(&mut self, from: HostId, to: HostId) -> &mut Path {
        let seed = self.seed;
        let from = if self.behind_one_link.contains(&to) { EVERYBODY } else { from };
        let to = if self.behind_one_link.contains(&from) { EVERYBODY } else { to };
        self.paths.entry((from, to)).or_insert_with(|| {
            let direction = u64::from(from.0) << 32 | u64::from(to.0);
            Path::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ direction.wrapping_mul(0xd6e8_feb8_6659_fd93))
        })
    }
}

fn deliver(network: &Weak<Network>, to: SocketAddr, binding: u64, datagram: Datagram) {
    let Some(network) = network.upgrade() else { return };
    let reader = {
        let mut guard = network.lock();
        let state = &mut *guard;
        let Some(socket) = state.sockets.get_mut(&to).filter(|socket| socket.binding == binding) else { return };
        if state.hosts[socket.host.0 as usize].clock.is_asleep() || socket.inbox.len() >= INBOX_DATAGRAMS {
            return;
        }
        socket.inbox.push_back(datagram);
        socket.reader.take()
    };
    if let Some(reader) = reader {
        reader.wake();
    }
}
