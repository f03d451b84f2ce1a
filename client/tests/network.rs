//! Real clients on a network that changes under them, in a namespace of its own.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::client::Client;
use support::namespace::{LAN, runs_elsewhere};
use support::one_call_at_a_time;
use support::server::Server;

/// A cable beside [`LAN`], which is the way out from then on.
const PLUG_IN: &str = "ip link add cable0 type veth peer name cable1 && ip addr add 10.98.0.1/24 dev cable0 && \
                       ip link set cable0 up && ip link set cable1 up && ip route replace default dev cable0";
const UNPLUG_LAN: &str = "ip link del lan0";
const OTHER_ADDRESS: &str = "ip addr del 10.98.0.1/24 dev cable0 && ip addr add 10.97.0.1/24 dev cable0 && \
                             ip route replace default dev cable0";

fn sh(script: &str) {
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success(), "{script}");
}

/// Each of two presents 60 frames more. Prints the longest gap.
fn go_on(clients: &[Client; 2], from: [usize; 2], what: &str) {
    for (client, from) in clients.iter().zip(from) {
        client.count_from(from, "presented", 60, |_| true);
        let events = client.events_so_far();
        let times: Vec<f64> = events[from.saturating_sub(20)..]
            .iter()
            .filter(|event| event["event"] == "presented")
            .filter_map(|event| event["t_ms"].as_f64())
            .collect();
        let gap = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        println!("{what}: no frame for {gap:.0} ms at most");
    }
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
    let join = |name: &str| {
        let arguments = ["--camera", "test", "--microphone", "test", "--speaker", "none"];
        Client::start_on_all_addresses(folder.path(), "room", name, &server.url, &arguments)
    };
    let clients = ["one", "other"].map(join);
    for client in &clients {
        client.count_from(0, "presented", 30, |_| true);
    }
    let so_far = || clients.each_ref().map(|client| client.events_so_far().len());
    let connections = |client: &Client| client.events_so_far().iter().filter(|event| is("connected")(event)).count();

    let from = so_far();
    sh(PLUG_IN);
    for client in &clients {
        client.count_from(0, "connected", 2, |_| true);
    }
    sh(UNPLUG_LAN);
    go_on(&clients, from, "a cable beside wireless");
    for client in &clients {
        assert!(!client.events_so_far().iter().any(is("peer-interrupted")), "it was built beside the old one");
    }

    let from = so_far();
    let before = clients.each_ref().map(connections);
    sh(OTHER_ADDRESS);
    for (client, before) in clients.iter().zip(before) {
        client.count_from(0, "connected", before + 1, |_| true);
    }
    go_on(&clients, from, "another address");
    for client in &clients {
        assert!(!client.events_so_far().iter().any(is("peer-left")));
    }
}
