//! Who is in the room, by what the signal server says. A call stands without the server: a peer whose connection stands is
//! kept when the server forgets it, and known again by its instance when both have registered anew.

use std::collections::BTreeMap;

use maru_protocol::signal::{LeaveReason, PeerInfo};
use maru_protocol::{InstanceId, Nickname, PeerId};

/// Peers kept at most, whatever a server says. Further ones are ignored.
pub const MAX_PEERS: usize = 64;

/// What a message of the server means for the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RosterChange {
    /// Make a connection to it. `offer`: we begin. `polite`: our side in [`crate::negotiation::Negotiation`].
    NewPeer {
        key: u32,
        id: PeerId,
        name: Nickname,
        offer: bool,
        polite: bool,
    },
    /// The same peer under a new address. Its connection stands or is being made: `reconnect` tells that there is none to go on
    /// with; then make a new one, and begin if `offer`.
    Readdressed {
        key: u32,
        id: PeerId,
        reconnect: bool,
        offer: bool,
    },
    Renamed {
        key: u32,
        old: Nickname,
        name: Nickname,
    },
    /// Take its connection down.
    Gone {
        key: u32,
        reason: LeaveReason,
    },
}

/// The peers of one call, by keys that count up from 1 and are never used twice.
#[derive(Debug)]
pub struct Roster {
    own_instance: InstanceId,
    peers: BTreeMap<u32, Peer>,
    last_key: u32,
}

#[derive(Debug)]
struct Peer {
    id: PeerId,
    instance: InstanceId,
    name: Nickname,
    connection: ConnectionState,
    /// Whether the server has it, as far as we know.
    is_registered: bool,
}

/// How the connection to a peer is doing, as its owner tells the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// Being made, or interrupted.
    Connecting,
    Standing,
    /// It failed and will not come back by itself.
    Down,
}

impl Roster {
    pub fn new(own_instance: InstanceId) -> Self {
        Self { own_instance, peers: BTreeMap::new(), last_key: 0 }
    }

    /// We are registered, for the first time or anew; `present` was in the room before. The newcomer offers.
    pub fn welcome(&mut self, present: &[PeerInfo]) -> Vec<RosterChange> {
        for peer in self.peers.values_mut() {
            peer.is_registered = false;
        }
        let mut changes: Vec<_> = present.iter().flat_map(|info| self.register(info, true)).collect();
        let absent: Vec<u32> = self.peers.iter().filter(|(_, peer)| peer.is_lost()).map(|(&key, _)| key).collect();
        changes.extend(absent.into_iter().filter_map(|key| self.remove(key, LeaveReason::Lost)));
        changes
    }

    /// A peer has registered, for the first time or anew. It offers.
    pub fn joined(&mut self, info: &PeerInfo) -> Vec<RosterChange> {
        self.register(info, false)
    }

    /// The server has no such peer any more. One that said goodbye is gone; one that the server only lost sight of stays
    /// while its connection stands.
    pub fn left(&mut self, id: &PeerId, reason: LeaveReason) -> Option<RosterChange> {
        let key = self.key_of(id)?;
        let peer = self.peers.get_mut(&key)?;
        peer.is_registered = false;
        if reason == LeaveReason::Left || peer.is_lost() { self.remove(key, reason) } else { None }
    }

    pub fn renamed(&mut self, id: &PeerId, name: &Nickname) -> Option<RosterChange> {
        self.rename(self.key_of(id)?, name)
    }

    /// The peer itself told its name, over its connection.
    pub fn rename(&mut self, key: u32, name: &Nickname) -> Option<RosterChange> {
        let peer = self.peers.get_mut(&key).filter(|peer| peer.name != *name)?;
        let old = std::mem::replace(&mut peer.name, name.clone());
        Some(RosterChange::Renamed { key, old, name: name.clone() })
    }

    /// The connection to the peer has changed. A peer without a connection that the server does not have either is gone: there is no
    /// way to agree on a new one.
    pub fn set_connection(&mut self, key: u32, connection: ConnectionState) -> Option<RosterChange> {
        let peer = self.peers.get_mut(&key)?;
        peer.connection = connection;
        if peer.is_lost() { self.remove(key, LeaveReason::Lost) } else { None }
    }

    /// The peer said goodbye over its connection.
    pub fn said_goodbye(&mut self, key: u32) -> Option<RosterChange> {
        self.remove(key, LeaveReason::Left)
    }

    pub fn key_of(&self, id: &PeerId) -> Option<u32> {
        self.peers.iter().find(|(_, peer)| peer.id == *id).map(|(&key, _)| key)
    }

    /// Where the signal server delivers messages for the peer.
    pub fn id_of(&self, key: u32) -> Option<&PeerId> {
        self.peers.get(&key).map(|peer| &peer.id)
    }

    pub fn name_of(&self, key: u32) -> Option<&Nickname> {
        self.peers.get(&key).map(|peer| &peer.name)
    }

    pub fn keys(&self) -> impl Iterator<Item = u32> + '_ {
        self.peers.keys().copied()
    }

    pub fn len(&self) -> usize {
        self.peers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    fn register(&mut self, info: &PeerInfo, offer: bool) -> Vec<RosterChange> {
        // The server may not have noticed yet that our own last registration is over.
        if info.instance == self.own_instance {
            return Vec::new();
        }
        let known = self.peers.iter_mut().find(|(_, peer)| peer.instance == info.instance);
        let Some((&key, peer)) = known else { return self.add(info, offer).into_iter().collect() };
        peer.is_registered = true;
        peer.id = info.id.clone();
        let reconnect = peer.connection == ConnectionState::Down;
        if reconnect {
            peer.connection = ConnectionState::Connecting;
        }
        let readdressed = RosterChange::Readdressed { key, id: info.id.clone(), reconnect, offer: reconnect && offer };
        [Some(readdressed), self.rename(key, &info.name)].into_iter().flatten().collect()
    }

    fn add(&mut self, info: &PeerInfo, offer: bool) -> Option<RosterChange> {
        if self.peers.len() >= MAX_PEERS {
            return None;
        }
        self.last_key += 1;
        let key = self.last_key;
        let PeerInfo { id, name, instance } = info.clone();
        // By the instances, not by the addresses: these change, and then one side may know the other already while the
        // other starts afresh. Both have to come to opposite answers even so.
        let polite = self.own_instance < instance;
        let peer = Peer {
            id: id.clone(),
            instance,
            name: name.clone(),
            connection: ConnectionState::Connecting,
            is_registered: true,
        };
        self.peers.insert(key, peer);
        Some(RosterChange::NewPeer { key, id, name, offer, polite })
    }

    fn remove(&mut self, key: u32, reason: LeaveReason) -> Option<RosterChange> {
        self.peers.remove(&key).map(|_| RosterChange::Gone { key, reason })
    }
}

impl Peer {
    fn is_lost(&self) -> bool {
        !self.is_registered && self.connection != ConnectionState::Standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(instance: u128, id: u128, name: &str) -> PeerInfo {
        let (id, instance) = (PeerId::from_bits(id), InstanceId::from_bits(instance));
        PeerInfo { id, name: name.parse().unwrap(), instance }
    }

    fn roster() -> Roster {
        Roster::new(InstanceId::from_bits(5))
    }

    fn new_peer(key: u32, id: u128, name: &str, offer: bool, polite: bool) -> RosterChange {
        RosterChange::NewPeer { key, id: PeerId::from_bits(id), name: name.parse().unwrap(), offer, polite }
    }

    fn readdressed(key: u32, id: u128) -> RosterChange {
        RosterChange::Readdressed { key, id: PeerId::from_bits(id), reconnect: false, offer: false }
    }

    #[test]
    fn the_newcomer_offers_to_all_and_waits_for_those_who_come_later() {
        let mut roster = roster();
        let changes = roster.welcome(&[info(9, 1, "a"), info(2, 2, "b")]);
        assert_eq!(changes, [new_peer(1, 1, "a", true, true), new_peer(2, 2, "b", true, false)]);
        assert_eq!(roster.joined(&info(7, 3, "c")), [new_peer(3, 3, "c", false, true)]);
    }

    #[test]
    fn exactly_one_of_two_is_polite() {
        let politeness = |own: u128, other: u128| {
            let mut roster = Roster::new(InstanceId::from_bits(own));
            match roster.joined(&info(other, other, "x")).remove(0) {
                RosterChange::NewPeer { polite, .. } => polite,
                change => panic!("{change:?}"),
            }
        };
        for (a, b) in [(1, 2), (u128::MAX, 0), (10, 9)] {
            assert_ne!(politeness(a, b), politeness(b, a));
        }
    }

    #[test]
    fn a_standing_connection_outlives_the_server_and_is_readdressed() {
        let mut roster = roster();
        roster.welcome(&[info(1, 10, "a"), info(2, 20, "b"), info(3, 30, "c")]);
        roster.set_connection(1, ConnectionState::Standing);
        roster.set_connection(2, ConnectionState::Standing);
        // The server is back: a is there already under a new address and name, b not yet, c never connected.
        let changes = roster.welcome(&[info(1, 11, "A"), info(4, 40, "d")]);
        let renamed = RosterChange::Renamed { key: 1, old: "a".parse().unwrap(), name: "A".parse().unwrap() };
        let gone = RosterChange::Gone { key: 3, reason: LeaveReason::Lost };
        assert_eq!(changes, [readdressed(1, 11), renamed, new_peer(4, 40, "d", true, false), gone]);
        assert!(!roster.peers[&2].is_registered);
        assert_eq!(roster.joined(&info(2, 21, "b")), [readdressed(2, 21)]);
        assert!(roster.peers[&2].is_registered);
        assert_eq!(roster.key_of(&PeerId::from_bits(21)), Some(2));
        assert_eq!(roster.left(&PeerId::from_bits(20), LeaveReason::Lost), None, "its old registration");
        assert!(roster.peers[&2].is_registered);
    }

    #[test]
    fn our_own_last_registration_is_no_peer() {
        assert!(roster().welcome(&[info(5, 1, "me")]).is_empty());
    }

    #[test]
    fn a_peer_that_left_is_gone_and_one_that_was_lost_stays_with_its_connection() {
        let mut roster = roster();
        roster.welcome(&[info(1, 10, "a"), info(2, 20, "b"), info(3, 30, "c")]);
        for key in 1..=3 {
            roster.set_connection(key, ConnectionState::Standing);
        }
        let gone = |key, reason| Some(RosterChange::Gone { key, reason });
        assert_eq!(roster.left(&PeerId::from_bits(10), LeaveReason::Left), gone(1, LeaveReason::Left));
        assert_eq!(roster.left(&PeerId::from_bits(20), LeaveReason::Lost), None);
        assert_eq!(roster.set_connection(2, ConnectionState::Connecting), gone(2, LeaveReason::Lost));
        assert_eq!(roster.said_goodbye(3), gone(3, LeaveReason::Left));
        assert_eq!(roster.said_goodbye(3), None);
        assert!(roster.is_empty());
    }

    #[test]
    fn a_sleeping_peer_is_gone_when_the_server_gives_it_up_too() {
        let mut roster = roster();
        roster.joined(&info(1, 10, "a"));
        roster.set_connection(1, ConnectionState::Standing);
        assert_eq!(roster.set_connection(1, ConnectionState::Connecting), None, "it may come back");
        let gone = RosterChange::Gone { key: 1, reason: LeaveReason::Lost };
        assert_eq!(roster.left(&PeerId::from_bits(10), LeaveReason::Lost), Some(gone));
    }

    #[test]
    fn a_peer_whose_connection_failed_gets_a_new_one_when_it_registers() {
        let mut roster = roster();
        roster.joined(&info(1, 10, "a"));
        assert_eq!(roster.set_connection(1, ConnectionState::Down), None, "the server still has it");
        let reconnected = |id, offer| {
            let id = PeerId::from_bits(id);
            [RosterChange::Readdressed { key: 1, id, reconnect: true, offer }]
        };
        assert_eq!(roster.joined(&info(1, 11, "a")), reconnected(11, false));
        roster.set_connection(1, ConnectionState::Down);
        assert_eq!(roster.welcome(&[info(1, 12, "a")]), reconnected(12, true));
    }

    #[test]
    fn names_change() {
        let mut roster = roster();
        roster.joined(&info(1, 10, "a"));
        let (old, name): (Nickname, Nickname) = ("a".parse().unwrap(), "하나".parse().unwrap());
        let renamed = RosterChange::Renamed { key: 1, old, name: name.clone() };
        assert_eq!(roster.renamed(&PeerId::from_bits(10), &name), Some(renamed));
        assert_eq!(roster.rename(1, &name), None, "told twice");
        assert_eq!(roster.renamed(&PeerId::from_bits(99), &name), None);
        assert_eq!(roster.name_of(1), Some(&name));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut roster = roster();
        let many: Vec<_> = (100..1_000).map(|n| info(n, n, "x")).collect();
        roster.welcome(&many);
        assert_eq!(roster.len(), MAX_PEERS);
    }
}
