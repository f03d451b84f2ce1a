//! Which of this machine's addresses a connection uses.

use std::net::IpAddr;

use rtc::shared::ifaces::ifaces;

/// Each address is a socket, a candidate, and a pair with each of the peer's: more cost time and win nothing.
const MAX_ADDRESSES: usize = 8;

/// The addresses that a peer might reach: IPv4 before IPv6, without loopback and connection-local ones. On a machine without
/// a network, the loopback address, so that peers on the same machine still meet.
pub fn local_addresses() -> Vec<IpAddr> {
    let interfaces = ifaces().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    choose(interfaces.into_iter().filter_map(|interface| interface.addr.map(|address| address.ip())))
}

fn choose(all: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut chosen: Vec<IpAddr> = Vec::new();
    for address in all {
        if is_usable(address) && !chosen.contains(&address) {
            chosen.push(address);
        }
    }
    chosen.sort_by_key(IpAddr::is_ipv6);
    chosen.truncate(MAX_ADDRESSES);
    if chosen.is_empty() {
        chosen.push(IpAddr::from([127, 0, 0, 1]));
    }
    chosen
}

fn is_usable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || link_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(all: &[&str]) -> Vec<String> {
        let all = all.iter().map(|address| address.parse().expect("an address"));
        choose(all).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ipv4_comes_first_and_what_no_peer_reaches_is_left_out() {
        let all = ["127.0.0.1", "::1", "fe80::1", "2001:db8::5", "169.254.3.4", "192.168.1.7", "192.168.1.7"];
        assert_eq!(chosen(&all), ["192.168.1.7", "2001:db8::5"]);
    }

    #[test]
    fn a_machine_without_a_network_still_has_itself() {
        assert_eq!(chosen(&["127.0.0.1", "::1"]), ["127.0.0.1"]);
    }

    #[test]
    fn a_machine_with_many_networks_uses_a_few() {
        let all: Vec<String> = (0..40).map(|i| format!("10.0.{i}.1")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(chosen(&all).len(), MAX_ADDRESSES);
    }
}
