//! A home router: many hosts behind one address (RFC 4787).

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

/// How a NAT maps and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatKind {
    /// One outside port for each socket; only those who were sent something get in. Two such hosts can meet.
    PortRestricted,
    /// Another outside port for each destination. Two such hosts cannot meet without a relay.
    Symmetric,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NatId(pub(crate) usize);

pub(crate) struct Nat {
    kind: NatKind,
    address: IpAddr,
    /// The destination is part of the key with [`NatKind::Symmetric`].
    ports: HashMap<(SocketAddr, Option<SocketAddr>), u16>,
    mappings: HashMap<u16, Mapping>,
    last_port: u16,
}

struct Mapping {
    inside: SocketAddr,
    /// Who may send to it.
    admitted: HashSet<SocketAddr>,
}

impl Nat {
    pub(crate) fn new(kind: NatKind, address: IpAddr) -> Self {
        Self { kind, address, ports: HashMap::new(), mappings: HashMap::new(), last_port: 40_000 }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// As after a restart of the router.
    pub(crate) fn forget_mappings(&mut self) {
        self.ports.clear();
        self.mappings.clear();
    }

    /// The outside address of `inside` for packets to `to`.
    pub(crate) fn outbound(&mut self, inside: SocketAddr, to: SocketAddr) -> SocketAddr {
        let key = (inside, (self.kind == NatKind::Symmetric).then_some(to));
        let port = *self.ports.entry(key).or_insert_with(|| {
            self.last_port += 1;
            self.last_port
        });
        let mapping = self.mappings.entry(port).or_insert_with(|| Mapping { inside, admitted: HashSet::new() });
        mapping.admitted.insert(to);
        SocketAddr::new(self.address, port)
    }

    /// The socket that a packet to `to` reaches. `None`: it is not let in.
    pub(crate) fn inbound(&self, from: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        self.mappings.get(&to.port()).filter(|mapping| mapping.admitted.contains(&from)).map(|mapping| mapping.inside)
    }
}
