//! Hosts, their sockets, and the paths between them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use maru_link::{Path, PathConfig, PathStats, Verdict};

use crate::agenda::Agenda;

/// Datagrams waiting at one socket; more are dropped, as a kernel does.
const INBOX_DATAGRAMS: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostId(u32);

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// When it arrives, since the world began.
    Arrives(Duration),
    Lost,
    /// The queue before a slow path was full.
    Overflowed,
    /// Nobody is bound to its destination.
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
    hosts: u32,
    sockets: HashMap<SocketAddr, Socket>,
    /// Counts bindings, so that a datagram does not reach a later socket with the same address.
    bindings: u64,
    paths: HashMap<(HostId, HostId), Path>,
    trace: Option<Vec<TraceEntry>>,
}

struct Socket {
    host: HostId,
    binding: u64,
    inbox: VecDeque<Datagram>,
    reader: Option<Waker>,
}

impl Network {
    pub(crate) fn new(agenda: Arc<Agenda>, seed: u64) -> Self {
        let state = State { seed, hosts: 0, sockets: HashMap::new(), bindings: 0, paths: HashMap::new(), trace: None };
        Self { agenda, state: Mutex::new(state) }
    }

    pub(crate) fn add_host(&self) -> HostId {
        let mut state = self.lock();
        let id = HostId(state.hosts);
        state.hosts += 1;
        id
    }

    pub(crate) fn set_path(&self, from: HostId, to: HostId, config: PathConfig) {
        self.lock().path(from, to).set_config(config);
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
        let destination = state.sockets.get(&to).map(|socket| (socket.host, socket.binding));
        let fate = match destination {
            None => Fate::Nobody,
            Some((to_host, _)) => match state.path(host, to_host).send(now, payload.len()) {
                Verdict::ArrivesAt(at) => Fate::Arrives(at),
                Verdict::Lost => Fate::Lost,
                Verdict::Overflowed => Fate::Overflowed,
            },
        };
        if let Some(trace) = &mut state.trace {
            let to = destination.map(|(host, _)| host.0);
            trace.push(TraceEntry { sent: now, from: host.0, to, payload_bytes: payload.len(), fate });
        }
        drop(state);
        if let (Fate::Arrives(at), Some((_, binding))) = (fate, destination) {
            let network = Arc::downgrade(self);
            let datagram = Datagram { from, payload: payload.to_vec() };
            self.agenda.schedule(at, Box::new(move || deliver(&network, to, binding, datagram)));
        }
    }

    pub(crate) fn poll_receive(&self, address: SocketAddr, cx: &mut Context<'_>) -> Poll<io::Result<Datagram>> {
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
    fn path(&mut self, from: HostId, to: HostId) -> &mut Path {
        let seed = self.seed;
        self.paths.entry((from, to)).or_insert_with(|| {
            let direction = u64::from(from.0) << 32 | u64::from(to.0);
            Path::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ direction.wrapping_mul(0xd6e8_feb8_6659_fd93))
        })
    }
}

fn deliver(network: &Weak<Network>, to: SocketAddr, binding: u64, datagram: Datagram) {
    let Some(network) = network.upgrade() else { return };
    let reader = {
        let mut state = network.lock();
        let Some(socket) = state.sockets.get_mut(&to).filter(|socket| socket.binding == binding) else { return };
        if socket.inbox.len() >= INBOX_DATAGRAMS {
            return;
        }
        socket.inbox.push_back(datagram);
        socket.reader.take()
    };
    if let Some(reader) = reader {
        reader.wake();
    }
}
