//! Decides which of the announced servers to use. No I/O.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Most servers that are remembered. Further announcements are ignored.
const MAX_SERVERS: usize = 32;

/// Most addresses that are tried for each server.
const MAX_ADDRESSES: usize = 8;

/// A server that does not register clients is skipped in at most 2 to the power of this many retries.
const MAX_BACKOFF_EXPONENT: u32 = 6;

/// The announcement of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announcement {
    /// The name of its DNS records. A withdrawal has only this name.
    pub(super) fullname: String,
    /// 128 random bits as 32 lower-case hex digits.
    pub(super) id: String,
    pub(super) addresses: Vec<SocketAddr>,
    /// Several clients have been registered there for a while.
    pub(super) is_settled: bool,
}

/// A server to connect to, to find out whether it runs.
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
    is_settled: bool,
    addresses: Vec<SocketAddr>,
    /// The address that accepted a connection. Without one, the server is not used.
    reached: Option<SocketAddr>,
    /// How often it accepted a connection, but did not register us.
    refusals: u32,
    /// It is skipped in this many calls of [`Directory::retry`].
    skip_retries: u32,
}

#[derive(Debug)]
struct Own {
    id: String,
    url: String,
    is_settled: bool,
}

impl Directory {
    /// An announcement was received. Returns the server if it is to be tried: it is new, or has other addresses.
    pub(super) fn announced(&mut self, mut announcement: Announcement) -> Option<Candidate> {
        let Announcement { fullname, id, addresses, is_settled } = &mut announcement;
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(MAX_ADDRESSES);
        if self.is_own(id) {
            return None;
        }
        if let Some(known) = self.servers.get_mut(fullname) {
            known.is_settled = *is_settled;
            if known.id == *id && known.addresses == *addresses {
                return None;
            }
        } else if self.servers.len() >= MAX_SERVERS {
            return None;
        }
        let known = self.servers.remove(fullname);
        let (refusals, skip_retries) = known.as_ref().map_or((0, 0), |known| (known.refusals, known.skip_retries));
        let reached = known.and_then(|known| known.reached).filter(|a| addresses.contains(a));
        let candidate = Candidate { fullname: fullname.clone(), addresses: addresses.clone() };
        let Announcement { fullname, id, addresses, is_settled } = announcement;
        self.servers.insert(fullname, Server { id, is_settled, addresses, reached, refusals, skip_retries });
        (skip_retries == 0).then_some(candidate)
    }

    pub(super) fn withdrawn(&mut self, fullname: &str) {
        self.servers.remove(fullname);
    }

    /// The result of connecting to a [`Candidate`]: the address that accepted the connection, if one did.
    pub(super) fn tried(&mut self, candidate: &Candidate, reached: Option<SocketAddr>) {
        if let Some(server) = self.servers.get_mut(&candidate.fullname)
            && server.addresses == candidate.addresses
        {
            server.reached = reached;
        }
    }

    /// The server at `url` did not register us. It is skipped for twice as long each time, so that it does not keep
    /// clients from a server that works.
    pub(super) fn refused(&mut self, url: &str) {
        for server in self.servers.values_mut().filter(|server| server.reached.is_some_and(|at| url_of(at) == url)) {
            server.reached = None;
            server.refusals += 1;
            server.skip_retries = 1 << server.refusals.min(MAX_BACKOFF_EXPONENT);
        }
    }

    /// Marks every server as not reached. Returns those to try again.
    pub(super) fn mark_all_unreached(&mut self) -> Vec<Candidate> {
        self.servers.values_mut().for_each(|server| server.reached = None);
        self.unreached()
    }

    /// Called at regular intervals. Returns the servers that are not reached and that are to be tried again.
    pub(super) fn retry(&mut self) -> Vec<Candidate> {
        self.servers.values_mut().for_each(|server| server.skip_retries = server.skip_retries.saturating_sub(1));
        self.unreached()
    }

    fn unreached(&self) -> Vec<Candidate> {
        let unreached = self.servers.iter().filter(|(_, server)| server.reached.is_none() && server.skip_retries == 0);
        let candidate = |(fullname, server): (&String, &Server)| Candidate {
            fullname: fullname.clone(),
            addresses: server.addresses.clone(),
        };
        unreached.map(candidate).collect()
    }

    pub(super) fn own_started(&mut self, id: String, url: String) {
        self.own = Some(Own { id, url, is_settled: false });
    }

    pub(super) fn own_settled(&mut self, is_settled: bool) {
        if let Some(own) = &mut self.own {
            own.is_settled = is_settled;
        }
    }

    /// The own server is not announced any more.
    pub(super) fn own_withdrawn(&mut self) {
        self.own = None;
    }

    pub(super) fn is_own(&self, id: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.id == id)
    }

    /// The URL of the server to use, among the own one and those that are reached: the own one if it is settled, so that
    /// no announcement moves a call. Otherwise a settled one, and among equals the one with the smallest id.
    pub(super) fn best(&self) -> Option<String> {
        let others = self.servers.values().filter_map(|server| {
            let address = server.reached?;
            Some((!server.is_settled, &server.id, url_of(address)))
        });
        match &self.own {
            Some(own) if own.is_settled => Some(own.url.clone()),
            own => {
                let own = own.iter().map(|own| (true, &own.id, own.url.clone()));
                others.chain(own).min().map(|(.., url)| url)
            }
        }
    }

    /// Whether there is an own server, and another one is to be used.
    pub(super) fn own_is_superseded(&self) -> bool {
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
            is_settled: false,
        }
    }

    /// Announces a server that accepts connections at its only address.
    fn add(directory: &mut Directory, name: &str, id: &str, n: u8) {
        let candidate = directory.announced(announcement(name, id, &[n])).unwrap();
        directory.tried(&candidate, Some(address(n)));
    }

    #[test]
    fn the_server_with_the_smallest_id_is_used() {
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
    fn a_server_that_accepts_no_connection_is_not_used() {
        let mut directory = Directory::default();
        let silent = directory.announced(announcement("a", "aa", &[1, 2])).unwrap();
        assert_eq!(silent.addresses, [address(1), address(2)]);
        assert_eq!(directory.best(), None);
        directory.tried(&silent, None);
        add(&mut directory, "b", "bb", 3);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.3:4000"));
        assert_eq!(directory.retry(), std::slice::from_ref(&silent));
        directory.tried(&silent, Some(address(2)));
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.2:4000"));
        assert_eq!(directory.mark_all_unreached().len(), 2);
        assert_eq!(directory.best(), None);
    }

    #[test]
    fn two_servers_that_start_at_the_same_time_agree_on_one() {
        let (mut one, mut two) = (Directory::default(), Directory::default());
        one.own_started("11".into(), OWN.into());
        two.own_started("22".into(), OWN.into());
        assert_eq!(one.best().as_deref(), Some(OWN));
        add(&mut one, "two", "22", 2);
        add(&mut two, "one", "11", 1);
        assert!(!one.own_is_superseded());
        assert!(two.own_is_superseded());
        assert_eq!(one.best().as_deref(), Some(OWN));
        assert_eq!(two.best().as_deref(), Some("ws://192.168.0.1:4000"));

        two.own_withdrawn();
        one.withdrawn("two");
        assert_eq!(one.best().as_deref(), Some(OWN));
        two.withdrawn("one");
        assert_eq!(two.best(), None);
        assert!(!two.own_is_superseded(), "there is no own server");
    }

    #[test]
    fn no_announcement_moves_a_call_from_its_settled_server() {
        let mut directory = Directory::default();
        directory.own_started("77".into(), OWN.into());
        directory.own_settled(true);
        add(&mut directory, "stranger", "00", 1);
        directory.announced(Announcement { is_settled: true, ..announcement("stranger", "00", &[1]) });
        assert_eq!(directory.best().as_deref(), Some(OWN));
        assert!(!directory.own_is_superseded());

        // Alone again, it moves to the others.
        directory.own_settled(false);
        assert!(directory.own_is_superseded());
    }

    #[test]
    fn who_is_alone_moves_to_those_who_are_together_whatever_the_ids() {
        let mut directory = Directory::default();
        directory.own_started("11".into(), OWN.into());
        add(&mut directory, "a", "22", 2);
        add(&mut directory, "b", "33", 3);
        assert_eq!(directory.best().as_deref(), Some(OWN));
        let settled = Announcement { is_settled: true, ..announcement("b", "33", &[3]) };
        assert_eq!(directory.announced(settled), None, "it is reached already");
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.3:4000"));
        assert!(directory.own_is_superseded());
        directory.announced(announcement("b", "33", &[3]));
        assert_eq!(directory.best().as_deref(), Some(OWN), "they have left");
    }

    #[test]
    fn the_own_announcement_is_ignored() {
        let mut directory = Directory::default();
        directory.own_started("11".into(), OWN.into());
        assert_eq!(directory.announced(announcement("one", "11", &[1])), None);
        assert_eq!(directory.best().as_deref(), Some(OWN));
        assert!(!directory.own_is_superseded());
    }

    #[test]
    fn a_server_is_tried_again_only_if_its_announcement_changes() {
        let mut directory = Directory::default();
        add(&mut directory, "a", "aa", 1);
        assert_eq!(directory.announced(announcement("a", "aa", &[1])), None);
        let more = directory.announced(announcement("a", "aa", &[2, 1, 2])).unwrap();
        assert_eq!(more.addresses, [address(1), address(2)]);
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.1:4000"), "it stays in use meanwhile");
        let moved = directory.announced(announcement("a", "aa", &[3])).unwrap();
        directory.tried(&more, Some(address(2)));
        assert_eq!(directory.best(), None, "a result for the old addresses is ignored");
        directory.tried(&moved, Some(address(3)));
        assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.3:4000"));
    }

    #[test]
    fn a_server_that_registers_nobody_is_skipped_for_longer_each_time() {
        let mut directory = Directory::default();
        add(&mut directory, "a", "aa", 1);
        add(&mut directory, "b", "bb", 2);
        for retries in [2, 4, 8] {
            directory.refused("ws://192.168.0.1:4000");
            assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.2:4000"));
            assert_eq!(directory.mark_all_unreached().len(), 1, "a search skips it too");
            directory.tried(&Candidate { fullname: "b".into(), addresses: vec![address(2)] }, Some(address(2)));
            assert_eq!(directory.announced(announcement("a", "aa", &[1, 9])), None, "even with other addresses");
            assert!((1..retries).all(|_| directory.retry().is_empty()));
            let due = directory.retry();
            assert_eq!(due.len(), 1);
            directory.tried(&due[0], Some(address(1)));
            assert_eq!(directory.best().as_deref(), Some("ws://192.168.0.1:4000"));
        }
    }

    #[test]
    fn servers_and_addresses_are_bounded() {
        let mut directory = Directory::default();
        let all: Vec<u8> = (0..=255).collect();
        for n in 0..1_000 {
            directory.announced(announcement(&n.to_string(), "aa", &all));
        }
        assert_eq!(directory.servers.len(), MAX_SERVERS);
        assert!(directory.servers.values().all(|server| server.addresses.len() == MAX_ADDRESSES));
    }
}
