//! Real clients on a network that changes under them, in a namespace of its own.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::client::Client;
use support::namespace::{LAN, LAN_IPV6, PLUG_IN, UNPLUG_LAN, runs_elsewhere, sh};
use support::one_call_at_a_time;
use support::server::Server;

const OTHER_ADDRESS: &str = "ip addr del 10.98.0.1/24 dev cable0 && ip addr add 10.97.0.1/24 dev cable0 && \
                             ip route replace default dev cable0";

const VPN_UP: &str = "ip link add vpn0 type veth peer name vpn1 && ip addr add 10.200.0.1/24 dev vpn0 && \
                      ip link set vpn0 up && ip link set vpn1 up && ip route replace default dev vpn0";
const VPN_DOWN: &str = "ip link del vpn0 && ip route add default dev lan0";

/// Each of two presents 60 frames more. Gives the longest gap, in ms.
fn go_on(clients: &[Client; 2], from: [usize; 2], what: &str) -> f64 {
    let mut longest = 0.0;
    for (client, from) in clients.iter().zip(from) {
        client.count_from(from, "presented", 60, |_| true);
        let gap = client.longest_gap(from);
        println!("{what}: no frame for {gap:.0} ms at most");
        longest = gap.max(longest);
    }
    longest
}

fn two_see_each_other(folder: &Path, server: &Server) -> [Client; 2] {
    let clients = ["one", "other"].map(|name| {
        let arguments = ["--camera", "test", "--microphone", "test", "--speaker", "none"];
        Client::start_on_all_addresses(folder, "room", name, &server.url, &arguments)
    });
    for client in &clients {
        client.count_from(0, "presented", 30, |_| true);
    }
    clients
}

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == kind
}

#[test]
fn a_call_follows_from_one_network_to_another_and_to_another_address() {
    if runs_elsewhere(LAN, "a_call_follows_from_one_network_to_another_and_to_another_address") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let clients = two_see_each_other(folder.path(), &server);
    let so_far = || clients.each_ref().map(|client| client.events_so_far().len());
    let connections = |client: &Client| client.events_so_far().iter().filter(|event| is("connected")(event)).count();

    let from = so_far();
    sh(PLUG_IN);
    for client in &clients {
        client.count_from(0, "connected", 2, |_| true);
    }
    sh(UNPLUG_LAN);
    let gap = go_on(&clients, from, "a cable beside wireless");
    assert!(gap < 300.0, "{gap} ms");
    for client in &clients {
        assert!(!client.events_so_far().iter().any(is("peer-interrupted")), "it was built beside the old one");
    }

    let from = so_far();
    let before = clients.each_ref().map(connections);
    sh(OTHER_ADDRESS);
    for (client, before) in clients.iter().zip(before) {
        client.count_from(0, "connected", before + 1, |_| true);
    }
    let gap = go_on(&clients, from, "another address");
    assert!(gap < 2_000.0, "{gap} ms");
    for client in &clients {
        assert!(!client.events_so_far().iter().any(is("peer-left")));
    }
}

#[test]
fn two_meet_on_a_network_without_ipv4() {
    if runs_elsewhere(LAN_IPV6, "two_meet_on_a_network_without_ipv4") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    two_see_each_other(folder.path(), &server);
}

#[test]
fn a_vpn_that_comes_and_goes_ends_no_call() {
    if runs_elsewhere(LAN, "a_vpn_that_comes_and_goes_ends_no_call") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let clients = two_see_each_other(folder.path(), &server);
    for (script, what, limit_ms) in [(VPN_UP, "the VPN is up", 300.0), (VPN_DOWN, "the VPN is down", 2_000.0)] {
        let from = clients.each_ref().map(|client| client.events_so_far().len());
        sh(script);
        for (client, from) in clients.iter().zip(from) {
            client.count_from(from, "connected", 1, |_| true);
        }
        let gap = go_on(&clients, from, what);
        assert!(gap < limit_ms, "{what}: {gap} ms");
    }
    assert!(clients.iter().all(|client| !client.events_so_far().iter().any(is("peer-left"))));
}
