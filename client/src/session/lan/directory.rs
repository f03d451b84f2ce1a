//! Which of the announced servers is the one to use: pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// More servers than this on one network are not looked at. Whoever announces more is not looking for a call.
const MAX_SERVERS: usize = 32;

/// Addresses that are tried for each server.
const MAX_ADDRESSES: usize = 8;

/// A server that takes no registrations sits out for at most two to the power of this many turns.
const MAX_PENALTY: u32 = 6;

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announcement {
    /// Its name in DNS: what a withdrawal names.
    pub(super) fullname: String,
    /// 128 random bits as 32 lower-case hex digits.
    pub(super) id: String,
    pub(super) addresses: Vec<SocketAddr>,
}

/// A server that is to be connected to, to see whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) fullname: String,
    pub(super) addresses: Vec<SocketAddr>,
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    servers: BTreeMap<String, Server>,
    own: Option<Own>,
}

#[derive(Debug)]
struct Server {
    id: String,
    addresses: Vec<SocketAddr>,
    /// The address that answered. A server that is only announced counts for nothing.
    reached: Option<SocketAddr>,
    /// How often it answered, and then did not take a registration.
    refusals: u32,
    /// It is not tried before so many calls of [`Directory::due`].
    sits_out: u32,
}

#[derive(Debug)]
struct Own {
    id: String,
    url: String,
}

impl Directory {
    /// An announcement came, perhaps a known one. Returns what is to be tried, if anything is new.
    pub(super) fn announced(&mut self, mut announcement: Announcement) -> Option<Candidate> {
        let Announcement { fullname, id, addresses } = &mut announcement;
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(MAX_ADDRESSES);
        if self.is_own(id) {
            return None;
        }
        if let Some(known) = self.servers.get(fullname) {
            if known.id == *id && known.addresses == *addresses {
                return None;
            }
        } else if self.servers.len() >= MAX_SERVERS {
            return None;
        }
        let known = self.servers.remove(fullname);
        let (refusals, sits_out) = known.as_ref().map_or((0, 0), |known| (known.refusals, known.sits_out));
        let reached = known.and_then(|known| known.reached).filter(|a| addresses.contains(a));
        let candidate = Candidate { fullname: fullname.clone(), addresses: addresses.clone() };
        let Announcement { fullname, id, addresses } = announcement;
        self.servers.insert(fullname, Server { id, addresses, reached, refusals, sits_out });
        (sits_out == 0).then_some(candidate)
    }

    pub(super) fn withdrawn(&mut self, fullname: &str) {
        self.servers.remove(fullname);
    }

    /// The outcome of trying a [`Candidate`].
    pub(super) fn tried(&mut self, candidate: &Candidate, reached: Option<SocketAddr>) {
        if let Some(server) = self.servers.get_mut(&candidate.fullname)
            && server.addresses == candidate.addresses
        {
            server.reached = reached;
        }
    }

    /// The server at `url` took no registration: whatever answers there is not one that can be used. It sits out for
    /// longer each time, so that it cannot keep drawing people away from one that works.
    pub(super) fn refused(&mut self, url: &str) {
        for server in self.servers.values_mut().filter(|server| server.reached.is_some_and(|at| url_of(at) == url)) {
            server.reached = None;
            server.refusals += 1;
            server.sits_out = 1 << server.refusals.min(MAX_PENALTY);
        }
    }

    /// Trusts nothing any more: everything is to be tried again.
    pub(super) fn doubt_all(&mut self) -> Vec<Candidate> {
        self.servers.values_mut().for_each(|server| server.reached = None);
        self.unreached()
    }

    /// Called from time to time: what did not answer so far and is to be tried again.
    pub(super) fn due(&mut self) -> Vec<Candidate> {
        self.servers.values_mut().for_each(|server| server.sits_out = server.sits_out.saturating_sub(1));
        self.unreached()
    }

    fn unreached(&self) -> Vec<Candidate> {
        let unreached = self.servers.iter().filter(|(_, server)| server.reached.is_none() && server.sits_out == 0);
        let candidate = |(fullname, server): (&String, &Server)| Candidate {
            fullname: fullname.clone(),
            addresses: server.addresses.clone(),
        };
        unreached.map(candidate).collect()
    }

    pub(super) fn own_started(&mut self, id: String, url: String) {
        self.own = Some(Own { id, url });
    }

    /// The own server is no longer announced.
    pub(super) fn own_withdrawn(&mut self) {
        self.own = None;
    }

    pub(super) fn is_own(&self, id: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.id == id)
    }

    /// The server with the smallest id, of those that can be used.
    pub(super) fn best(&self) -> Option<String> {
        let others = self.servers.values().filter_map(|server| Some((&server.id, server.reached?)));
        let other = others.min();
        match (&self.own, other) {
            (Some(own), Some((id, _))) if own.id < *id => Some(own.url.clone()),
            (_, Some((_, address))) => Some(url_of(address)),
            (Some(own), None) => Some(own.url.clone()),
            (None, None) => None,
        }
    }

    /// Someone else's server is the better one.
    pub(super) fn own_has_lost(&self) -> bool {
        self.own.as_ref().is_some_and(|own| self.best().as_ref() != Some(&own.url))
    }
}

fn url_of(address: SocketAddr) -> String {
    format!("ws://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "ws://127.0.0.1:1";

    fn address(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 168, 0, n], 4000))
    }

    fn announcement(name: &str, id: &str, addresses: &[u8]) -> Announcement {
        Announcement {
            fullname: name.into(),
            id: id.into(),
            addresses: addresses.iter().copied().map(address).collect(),
        }
    }

    /// Announces a server that answers at its first address.
    fn add(directory: &mut Directory, name: &str, id: &str, n: u8) {
        let candidate = directory.announced(announcement(name, id, &[n])).unwrap();
        directory.tried(&candidate, Some(address(n)));
    }

    #[test]
    fn the_smallest_id_wins() {
        let mut directory = Directory::default();
        assert_eq!(directory.best(), None);
        add(&mut directory, "b", "bb", 2);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.2:4000"));
        add(&mut directory, "c", "cc", 3);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.2:4000"));
        add(&mut directory, "a", "aa", 1);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.1:4000"));
        directory.withdrawn("a");
        directory.withdrawn("b");
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.3:4000"));
        directory.withdrawn("c");
        assert_eq!(directory.best(), None);
    }

    #[test]
    fn what_does_not_answer_is_not_used() {
        let mut directory = Directory::default();
        let silent = directory.announced(announcement("a", "aa", &[1, 2])).unwrap();
        assert_eq!(silent.addresses, [address(1), address(2)]);
        assert_eq!(directory.best(), None);
        directory.tried(&silent, None);
        add(&mut directory, "b", "bb", 3);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.3:4000"));
        assert_eq!(directory.due(), std::slice::from_ref(&silent));
        directory.tried(&silent, Some(address(2)));
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.2:4000"));
        assert_eq!(directory.doubt_all().len(), 2);
        assert_eq!(directory.best(), None);
    }

    #[test]
    fn two_that_start_at_the_same_instant_agree() {
        let (mut one, mut two) = (Directory::default(), Directory::default());
        one.own_started("11".into(), OWN.into());
        two.own_started("22".into(), OWN.into());
        assert_eq!(one.best().as_deref(), Some(OWN));
        add(&mut one, "two", "22", 2);
        add(&mut two, "one", "11", 1);
        assert!(!one.own_has_lost());
        assert!(two.own_has_lost());
        assert_eq!(one.best().as_deref(), Some(OWN));
        assert_eq!(two.best().as_deref(), Some("ws://192.168.0.1:4000"));

        two.own_withdrawn();
        one.withdrawn("two");
        assert_eq!(one.best().as_deref(), Some(OWN));
        two.withdrawn("one");
        assert_eq!(two.best(), None);
        assert!(!two.own_has_lost(), "there is none");
    }

    #[test]
    fn the_own_announcement_is_not_another_server() {
        let mut directory = Directory::default();
        directory.own_started("11".into(), OWN.into());
        assert_eq!(directory.announced(announcement("one", "11", &[1])), None);
        assert_eq!(directory.best().as_deref(), Some(OWN));
        assert!(!directory.own_has_lost());
    }

    #[test]
    fn repeated_announcements_are_tried_once_and_changed_ones_again() {
        let mut directory = Directory::default();
        add(&mut directory, "a", "aa", 1);
        assert_eq!(directory.announced(announcement("a", "aa", &[1])), None);
        let more = directory.announced(announcement("a", "aa", &[2, 1, 2])).unwrap();
        assert_eq!(more.addresses, [address(1), address(2)]);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.1:4000"), "in use until it turns out otherwise");
        let moved = directory.announced(announcement("a", "aa", &[3])).unwrap();
        directory.tried(&more, Some(address(2)));
        assert_eq!(directory.best(), None, "an answer about old addresses says nothing");
        directory.tried(&moved, Some(address(3)));
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.3:4000"));
    }

    #[test]
    fn what_takes_no_registrations_sits_out_and_gets_another_chance() {
        let mut directory = Directory::default();
        add(&mut directory, "a", "aa", 1);
        add(&mut directory, "b", "bb", 2);
        for turns in [2, 4, 8] {
            directory.refused("ws://192.168.0.1:4000");
            assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.2:4000"));
            assert_eq!(directory.doubt_all().len(), 1, "a search does not pardon");
            directory.tried(&Candidate { fullname: "b".into(), addresses: vec![address(2)] }, Some(address(2)));
            assert_eq!(directory.announced(announcement("a", "aa", &[1, 9])), None, "nor do other addresses");
            assert!((1..turns).all(|_| directory.due().is_empty()));
            let pardoned = directory.due();
            assert_eq!(pardoned.len(), 1);
            directory.tried(&pardoned[0], Some(address(1)));
            assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.1:4000"));
        }
    }

    #[test]
    fn a_flood_of_announcements_is_bounded() {
        let mut directory = Directory::default();
        let all: Vec<u8> = (0..=255).collect();
        for n in 0..1_000 {
            directory.announced(announcement(&n.to_string(), "aa", &all));
        }
        assert_eq!(directory.servers.len(), MAX_SERVERS);
        assert!(directory.servers.values().all(|server| server.addresses.len() == MAX_ADDRESSES));
    }
}
