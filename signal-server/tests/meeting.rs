//! Clients meet, over real sockets.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod common;

use common::{Client, Server, soon};
use maru_protocol::signal::{
    ClientMessage, DescriptionKind, ErrorCode, IceCandidate, IceServer, LeaveReason, ServerMessage, SessionDescription,
    SignalData,
};
use signal_server::Config;

#[tokio::test]
async fn two_clients_meet_signal_rename_and_leave() {
    let ice_servers = vec![IceServer { urls: vec!["stun:localhost".into()], username: None, credential: None }];
    let server = Server::start(Config { ice_servers: ice_servers.clone(), ..Config::default() }).await;
    let mut one = server.client().await;
    one.ask_to_join("방", "하나").await;
    let ServerMessage::Welcome { instance, peers, ice_servers: given, capacity, .. } = one.next().await else {
        panic!()
    };
    assert_eq!((peers.len(), given, capacity), (0, ice_servers, 8));
    assert_eq!(instance, one.key.instance());

    let mut two = server.join("방", "둘").await;
    assert_eq!(two.peers[0].id, one.id);
    assert_eq!(two.peers[0].name.as_str(), "하나");
    assert_eq!(two.peers[0].instance, instance);
    one.expect_joined(&two).await;

    let offer = SignalData::Description(SessionDescription { kind: DescriptionKind::Offer, sdp: "v=0\r\n".into() });
    let candidate = SignalData::Candidate(Some(IceCandidate {
        candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host".into(),
        sdp_mid: Some("0".into()),
        sdp_m_line_index: Some(0),
        username_fragment: None,
    }));
    for data in [offer, candidate, SignalData::Candidate(None)] {
        two.send(&ClientMessage::Signal { to: one.id.clone(), generation: 2, data: data.clone() }).await;
        assert_eq!(one.next().await, ServerMessage::Signal { from: two.id.clone(), generation: 2, data });
    }

    one.send(&ClientMessage::Rename { name: "One".parse().unwrap() }).await;
    assert_eq!(two.next().await, ServerMessage::PeerRenamed { id: one.id.clone(), name: "One".parse().unwrap() });
    one.expect_nothing_but_pong().await;

    one.send(&ClientMessage::Leave).await;
    one.expect_close(1000).await;
    two.expect_left(&one.id, LeaveReason::Left).await;
    server.stop().await;
}

#[tokio::test]
async fn eight_clients_meet_and_a_ninth_learns_that_the_room_is_full() {
    let server = Server::start(Config::default()).await;
    let mut clients: Vec<Client> = Vec::new();
    for n in 0..8 {
        let client = server.join("full house", &format!("n{n}")).await;
        assert_eq!(
            client.peers.iter().map(|p| p.name.to_string()).collect::<Vec<_>>(),
            (0..n).map(|n| format!("n{n}")).collect::<Vec<_>>()
        );
        for earlier in &mut clients {
            earlier.expect_joined(&client).await;
        }
        clients.push(client);
    }
    let mut ninth = server.client().await;
    ninth.ask_to_join("full house", "n8").await;
    let ServerMessage::Error { code, capacity, .. } = ninth.next().await else { panic!() };
    assert_eq!((code, capacity), (ErrorCode::RoomFull, Some(8)));
    ninth.expect_close(1013).await;
    clients[7].expect_nothing_but_pong().await;
    server.stop().await;
}

#[tokio::test]
async fn clients_of_another_room_receive_nothing() {
    let server = Server::start(Config::default()).await;
    let mut inside = server.join("a", "inside").await;
    let mut outside = server.join("b", "outside").await;
    assert!(outside.peers.is_empty());
    let signal = ClientMessage::Signal { to: inside.id.clone(), generation: 1, data: SignalData::Candidate(None) };
    outside.send(&signal).await;
    outside.expect_error(ErrorCode::UnknownPeer).await;
    outside.send(&ClientMessage::Rename { name: "x".parse().unwrap() }).await;
    outside.send(&ClientMessage::Leave).await;
    outside.expect_close(1000).await;
    inside.expect_nothing_but_pong().await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_is_killed_is_lost_at_once() {
    let server = Server::start(Config::default()).await;
    let killed = server.join("a", "killed").await;
    let mut other = server.join("a", "other").await;
    let id = killed.id.clone();
    drop(killed);
    other.expect_left(&id, LeaveReason::Lost).await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_registers_again_replaces_its_earlier_connection() {
    let server = Server::start(Config { room_capacity: 2, ..Config::default() }).await;
    let mut before = server.join("a", "same").await;
    let mut other = server.join("a", "other").await;
    before.expect_joined(&other).await;
    let mut after = server.client().await;
    after.key = before.key.clone();
    after.join("a", "same").await;
    before.expect_error(ErrorCode::Replaced).await;
    before.expect_close(1008).await;
    other.expect_left(&before.id, LeaveReason::Lost).await;
    other.expect_joined(&after).await;
    assert_ne!(after.id, before.id);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_lost() {
    // Long enough that the client that answers does not time out on a busy machine.
    let config = Config { ping_interval: std::time::Duration::from_secs(2), ..Config::default() };
    let server = Server::start(config).await;
    let silent = server.join("a", "silent").await;
    let mut other = server.join("a", "other").await;
    // Reading is what answers pings. Nobody reads the silent client's socket, though it stays open.
    other.expect_left(&silent.id, LeaveReason::Lost).await;
    other.expect_nothing_but_pong().await;
    drop(silent);
    server.stop().await;
}

#[tokio::test]
async fn no_registration_remains_after_a_thousand_joins() {
    let mut server = Server::start(Config::default()).await;
    for round in 0..10 {
        let mut joins = tokio::task::JoinSet::new();
        for n in 0..100 {
            let address = server.address.clone();
            joins.spawn(async move {
                let mut client = Client::connect(&address).await;
                client.join(&format!("room {}", n % 20), &format!("{round}.{n}")).await;
                client
            });
        }
        let clients = soon(async { joins.join_all().await.len() });
        assert_eq!(clients.await, 100);
        server.until_registered(0).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn shutting_down_tells_every_client_and_ends() {
    let server = Server::start(Config::default()).await;
    let mut joined = server.join("a", "joined").await;
    let mut waiting = server.client().await;
    let half_open = server.tcp().await;
    let address = server.address.clone();
    let stopped = server.stop();
    for client in [&mut joined, &mut waiting] {
        client.expect_error(ErrorCode::ShuttingDown).await;
        client.expect_close(1001).await;
    }
    drop((joined, waiting, half_open));
    stopped.await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the listener is closed");
}
