//! Which of this machine's addresses a connection uses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use rtc::shared::ifaces::ifaces;

/// Each address is a socket, a candidate, and a pair with each of the peer's: more cost time and win nothing.
const MAX_ADDRESSES: usize = 8;

/// Documentation addresses (RFC 5737, RFC 3849): only the default route leads there.
const FAR_AWAY: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// The addresses that a peer might reach, without loopback and link-local ones: those of the default route first, then
/// IPv4 before IPv6. On a machine without a network, the loopback address, so that peers on the same machine still meet.
pub fn local_addresses() -> Vec<IpAddr> {
    let interfaces = ifaces().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces cannot be listed");
        Vec::new()
    });
    let default_route: Vec<IpAddr> = FAR_AWAY.into_iter().filter_map(source_address).collect();
    choose(interfaces.into_iter().filter_map(|interface| interface.addr.map(|address| address.ip())), &default_route)
}

/// The address from which the system would send to `destination`. Nothing is sent. `None`: there is no route.
fn source_address(destination: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match destination {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(destination, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn choose(all: impl Iterator<Item = IpAddr>, default_route: &[IpAddr]) -> Vec<IpAddr> {
    let mut chosen: Vec<IpAddr> = Vec::new();
    for address in all {
        if is_usable(address) && !chosen.contains(&address) {
            chosen.push(address);
        }
    }
    chosen.sort_by_key(|address| (!default_route.contains(address), address.is_ipv6()));
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
        chosen_with_default_route(all, &[])
    }

    fn chosen_with_default_route(all: &[&str], default_route: &[&str]) -> Vec<String> {
        let parse = |address: &&str| address.parse().expect("an address");
        let default_route: Vec<IpAddr> = default_route.iter().map(parse).collect();
        choose(all.iter().map(parse), &default_route).iter().map(ToString::to_string).collect()
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

    #[test]
    fn the_addresses_of_the_default_route_come_before_any_number_of_bridges() {
        let mut all: Vec<String> = (0..40).map(|i| format!("172.17.{i}.1")).collect();
        all.extend(["192.168.1.7".into(), "2001:db8::5".into()]);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let chosen = chosen_with_default_route(&all, &["192.168.1.7", "2001:db8::5"]);
        assert_eq!(chosen[..3], ["192.168.1.7", "2001:db8::5", "172.17.0.1"]);
        assert_eq!(chosen.len(), MAX_ADDRESSES);
    }

    #[test]
    fn a_default_route_over_an_unusable_address_adds_nothing() {
        assert_eq!(chosen_with_default_route(&["169.254.3.4", "10.0.0.1"], &["169.254.3.4"]), ["10.0.0.1"]);
    }

    #[test]
    fn the_system_names_the_source_address_of_a_route() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(source_address(loopback), Some(loopback));
    }
}
