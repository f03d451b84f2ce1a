//! Each rule by itself, and in `simulation` all of them together.

use maru_protocol::{Hex, OwnKey, Proof};

use super::*;

mod simulation;

fn rooms(config: Config) -> Rooms {
    Rooms::new(Arc::new(config))
}

fn id(n: u128) -> PeerId {
    PeerId::from_bits(n)
}

fn at(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn join_text(n: u128, room: &str) -> String {
    join_with(&proof(n), n, room)
}

fn join_with(proof: &Proof, n: u128, room: &str) -> String {
    let proof = serde_json::to_string(proof).unwrap();
    format!(r#"{{"type":"join","version":2,"room":"{room}","name":"n{n}","proof":{proof}}}"#)
}

/// By a secret: it is the same each time.
fn proof(n: u128) -> Proof {
    let mut secret = [0; 32];
    secret[16..].copy_from_slice(&n.to_be_bytes());
    Proof::Secret { secret: Hex(secret) }
}

fn instance(n: u128) -> InstanceId {
    proof(n).verify(&id(n)).unwrap()
}

/// What a client with this id receives first.
fn challenge(n: u128) -> Output {
    Output::Send(vec![id(n)], ServerMessage::Challenge { id: id(n) })
}

/// Peers 1 to `peers` have joined room `a`.
fn rooms_with(peers: u128, config: Config) -> Rooms {
    let mut rooms = rooms(config);
    for n in 1..=peers {
        join(&mut rooms, n, "a");
    }
    rooms
}

/// Peer `n` with instance `n` connects and joins `room`.
fn join(rooms: &mut Rooms, n: u128, room: &str) -> Vec<Output> {
    assert_eq!(rooms.handle(at(0), Input::Connected(id(n))), [challenge(n)]);
    rooms.handle(at(0), Input::Text(&id(n), &join_text(n, room)))
}

fn text(rooms: &mut Rooms, n: u128, text: &str) -> Vec<Output> {
    rooms.handle(at(0), Input::Text(&id(n), text))
}

fn info(n: u128) -> PeerInfo {
    PeerInfo { id: id(n), name: format!("n{n}").parse().unwrap(), instance: instance(n), ext: None }
}

fn welcome(n: u128, peers: &[u128], capacity: usize) -> Output {
    let peers = peers.iter().map(|n| info(*n)).collect();
    Output::Send(
        vec![id(n)],
        ServerMessage::Welcome { version: VERSION, instance: instance(n), peers, capacity, ice_servers: Vec::new() },
    )
}

fn left(to: &[u128], n: u128, reason: LeaveReason) -> Output {
    Output::Send(to.iter().map(|n| id(*n)).collect(), ServerMessage::PeerLeft { id: id(n), reason })
}

#[track_caller]
fn assert_error(output: &Output, n: u128, expected: ErrorCode) {
    let Output::Send(to, ServerMessage::Error { code, .. }) = output else { panic!("{output:?}") };
    assert_eq!((to.as_slice(), *code), ([id(n)].as_slice(), expected));
}

#[test]
fn joining_is_announced_to_both_sides() {
    let mut rooms = rooms(Config::default());
    assert_eq!(join(&mut rooms, 1, "a"), [welcome(1, &[], 8)]);
    let joined =
        |to: &[u128], n| Output::Send(to.iter().map(|n| id(*n)).collect(), ServerMessage::PeerJoined { peer: info(n) });
    assert_eq!(join(&mut rooms, 2, "a"), [welcome(2, &[1], 8), joined(&[1], 2)]);
    assert_eq!(join(&mut rooms, 3, "a"), [welcome(3, &[1, 2], 8), joined(&[1, 2], 3)]);
    assert_eq!(join(&mut rooms, 4, "b"), [welcome(4, &[], 8)], "rooms are separate");
    assert_eq!(rooms.registrations(), 4);
}

#[test]
fn room_names_that_look_the_same_are_the_same_room() {
    let mut rooms = rooms(Config::default());
    join(&mut rooms, 1, "한글");
    let [Output::Send(_, ServerMessage::Welcome { peers, .. }), _] =
        &join(&mut rooms, 2, " \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}")[..]
    else {
        panic!()
    };
    assert_eq!(peers.len(), 1);
}

#[test]
fn capital_letters_make_no_other_room_and_an_invisible_name_is_refused() {
    let mut rooms = rooms_with(2, Config::default());
    join(&mut rooms, 1, "Family");
    let told = format!("{:?}", join(&mut rooms, 2, "ｆａｍｉｌｙ"));
    assert!(told.contains("PeerJoined"), "{told}");
    let mut rooms = rooms_with(1, Config::default());
    let told = format!("{:?}", join(&mut rooms, 1, "\u{2800}\u{fe0f}"));
    assert!(told.contains("BadRoom"), "{told}");
}

#[test]
fn a_full_room_accepts_nobody_until_a_peer_leaves() {
    let mut rooms = rooms_with(8, Config::default());
    let outputs = join(&mut rooms, 9, "a");
    let [Output::Send(to, ServerMessage::Error { code, capacity, .. }), close] = &outputs[..] else { panic!() };
    assert_eq!((to.as_slice(), *code, *capacity), ([id(9)].as_slice(), ErrorCode::RoomFull, Some(8)));
    assert_eq!(*close, Output::Close(id(9), Goodbye::TRY_AGAIN_LATER));
    text(&mut rooms, 1, r#"{"type":"leave"}"#);
    assert!(matches!(join(&mut rooms, 10, "a")[0], Output::Send(_, ServerMessage::Welcome { .. })));
}

#[test]
fn a_server_with_all_its_rooms_in_use_opens_no_other() {
    let mut rooms = rooms(Config { max_rooms: 2, ..Config::default() });
    join(&mut rooms, 1, "a");
    join(&mut rooms, 2, "b");
    assert_error(&join(&mut rooms, 3, "c")[0], 3, ErrorCode::ServerFull);
    assert_eq!(join(&mut rooms, 4, "b").len(), 2, "an existing room can be joined");
    rooms.handle(at(0), Input::Disconnected(&id(1)));
    assert_eq!(join(&mut rooms, 5, "c"), [welcome(5, &[], 8)], "an empty room gives its place to another");
}

#[test]
fn a_signal_goes_to_one_peer_of_the_same_room() {
    let mut rooms = rooms(Config::default());
    for (n, room) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] {
        join(&mut rooms, n, room);
    }
    let signal = |to| format!(r#"{{"type":"signal","to":"{}","generation":4,"data":{{"candidate":null}}}}"#, id(to));
    let expected = ServerMessage::Signal { from: id(1), generation: 4, data: SignalData::Candidate(None) };
    assert_eq!(text(&mut rooms, 1, &signal(3)), [Output::Send(vec![id(3)], expected)]);
    for to in [1, 4, 99] {
        let outputs = text(&mut rooms, 1, &signal(to));
        assert_eq!(outputs.len(), 1);
        assert_error(&outputs[0], 1, ErrorCode::UnknownPeer);
    }
}

#[test]
fn a_new_name_is_announced_to_the_others() {
    let mut rooms = rooms_with(2, Config::default());
    let name: Nickname = "새 이름".parse().unwrap();
    let renamed = ServerMessage::PeerRenamed { id: id(2), name: name.clone() };
    assert_eq!(text(&mut rooms, 2, r#"{"type":"rename","name":"새 이름"}"#), [Output::Send(vec![id(1)], renamed)]);
    let [Output::Send(_, ServerMessage::Welcome { peers, .. }), _] = &join(&mut rooms, 3, "a")[..] else { panic!() };
    assert_eq!(peers[1].name, name);
}

#[test]
fn leaving_and_losing_the_connection_have_different_reasons() {
    let mut rooms = rooms_with(3, Config::default());
    let outputs = text(&mut rooms, 1, r#"{"type":"leave"}"#);
    assert_eq!(outputs, [Output::Close(id(1), Goodbye::NORMAL), left(&[2, 3], 1, LeaveReason::Left)]);
    let outputs = rooms.handle(at(0), Input::Disconnected(&id(2)));
    assert_eq!(outputs, [Output::Close(id(2), Goodbye::Cut), left(&[3], 2, LeaveReason::Lost)]);
    assert_eq!(rooms.handle(at(0), Input::Disconnected(&id(2))), [], "a peer leaves once");
    assert_eq!(text(&mut rooms, 2, r#"{"type":"ping"}"#), [], "inputs of a closed connection are ignored");
    rooms.handle(at(0), Input::Overflowed(&id(3)));
    assert_eq!(rooms.registrations(), 0);
    assert!(rooms.rooms.is_empty());
}

#[test]
fn an_ext_reaches_the_others_unread() {
    let mut rooms = rooms_with(1, Config::default());
    rooms.handle(at(0), Input::Connected(id(2)));
    let join = join_text(2, "a").replace("\"proof\"", "\"ext\":\"00ff\",\"proof\"");
    let outputs = text(&mut rooms, 2, &join);
    let peer = PeerInfo { ext: Some("00ff".parse().unwrap()), ..info(2) };
    assert_eq!(outputs[1], Output::Send(vec![id(1)], ServerMessage::PeerJoined { peer: peer.clone() }));

    rooms.handle(at(0), Input::Connected(id(3)));
    let outputs = text(&mut rooms, 3, &join_text(3, "a"));
    let Output::Send(_, ServerMessage::Welcome { peers, .. }) = &outputs[0] else { panic!("{outputs:?}") };
    assert_eq!(*peers, [info(1), peer]);
}

#[test]
fn a_welcome_to_the_largest_room_fits_into_a_frame() {
    let capacity = 64;
    let mut rooms = Rooms::new(Config { room_capacity: capacity, ..Config::default() }.into());
    for n in 1..=capacity as u128 {
        assert_eq!(rooms.handle(at(0), Input::Connected(id(n))), [challenge(n)]);
        let ext = format!("\"ext\":\"{}\",\"proof\"", "ab".repeat(maru_protocol::MAX_EXT_BYTES));
        let outputs = text(&mut rooms, n, &join_text(n, "a").replace("\"proof\"", &ext));
        let Output::Send(_, welcome @ ServerMessage::Welcome { .. }) = &outputs[0] else { panic!("{outputs:?}") };
        welcome.encode().unwrap();
    }
}

#[test]
fn an_instance_that_joins_again_replaces_its_earlier_connection() {
    let mut rooms = rooms_with(2, Config { room_capacity: 2, ..Config::default() });
    rooms.handle(at(0), Input::Connected(id(3)));
    let outputs = text(&mut rooms, 3, &join_text(1, "a"));
    assert_error(&outputs[0], 1, ErrorCode::Replaced);
    assert_eq!(outputs[1..3], [Output::Close(id(1), Goodbye::POLICY_VIOLATION), left(&[2], 1, LeaveReason::Lost)]);
    let Output::Send(_, ServerMessage::Welcome { instance: proved, .. }) = &outputs[3] else { panic!() };
    assert_eq!(*proved, instance(1));
    let peer = PeerInfo { id: id(3), ..info(1) };
    assert_eq!(outputs[4], Output::Send(vec![id(2)], ServerMessage::PeerJoined { peer }));
    assert_eq!(rooms.registrations(), 2);

    rooms.handle(at(0), Input::Connected(id(4)));
    let outputs = text(&mut rooms, 4, &join_text(1, "b"));
    assert_eq!(outputs.len(), 1, "the same instance may be in another room: {outputs:?}");
}

#[test]
fn nobody_takes_the_place_of_a_peer_without_its_key() {
    let mut rooms = rooms_with(1, Config::default());
    let key = OwnKey::generate().unwrap();
    rooms.handle(at(0), Input::Connected(id(2)));
    let outputs = text(&mut rooms, 2, &join_with(&key.prove(&id(2)).unwrap(), 2, "a"));
    let Output::Send(_, ServerMessage::Welcome { instance, .. }) = &outputs[0] else { panic!() };
    assert_eq!(*instance, key.instance());

    // A hostile peer knows the public key, and even a signature that was made for another connection.
    let (Proof::Signature { key: public, .. }, Proof::Signature { signature: own, .. }) =
        (key.prove(&id(2)).unwrap(), OwnKey::generate().unwrap().prove(&id(3)).unwrap())
    else {
        panic!()
    };
    for (n, proof) in [(3, Proof::Signature { key: public, signature: own }), (4, key.prove(&id(2)).unwrap())] {
        rooms.handle(at(0), Input::Connected(id(n)));
        let outputs = text(&mut rooms, n, &join_with(&proof, n, "a"));
        assert_error(&outputs[0], n, ErrorCode::BadProof);
        assert_eq!(outputs[1..], [Output::Close(id(n), Goodbye::POLICY_VIOLATION)], "nobody else is told");
    }
    assert_eq!(rooms.registrations(), 2);

    // A server that remembers nothing lets the owner of the key return.
    let mut restarted = rooms_with(1, Config::default());
    restarted.handle(at(0), Input::Connected(id(5)));
    let outputs = text(&mut restarted, 5, &join_with(&key.prove(&id(5)).unwrap(), 5, "a"));
    let Output::Send(_, ServerMessage::PeerJoined { peer }) = &outputs[1] else { panic!() };
    assert_eq!(peer.instance, key.instance());
}

#[test]
fn join_must_come_first_and_only_once() {
    let mut rooms = rooms(Config::default());
    rooms.handle(at(0), Input::Connected(id(1)));
    assert_eq!(text(&mut rooms, 1, r#"{"type":"ping"}"#), [Output::Send(vec![id(1)], ServerMessage::Pong)]);
    assert_error(&text(&mut rooms, 1, r#"{"type":"rename","name":"x"}"#)[0], 1, ErrorCode::NotJoined);
    assert_eq!(text(&mut rooms, 1, &join_text(1, "a")), [welcome(1, &[], 8)]);
    let again = text(&mut rooms, 1, &join_text(1, "b"));
    assert_eq!(again.len(), 1);
    assert_error(&again[0], 1, ErrorCode::AlreadyJoined);
}

#[test]
fn a_message_that_cannot_be_read_is_answered_with_an_error_code() {
    let mut rooms = rooms(Config::default());
    rooms.handle(at(0), Input::Connected(id(1)));
    for (message, code) in [
        ("not json", ErrorCode::BadMessage),
        (r#"{"type":"fly"}"#, ErrorCode::BadMessage),
        (&join_text(1, " "), ErrorCode::BadRoom),
        (&join_text(1, "a").replace("n1", ""), ErrorCode::BadName),
    ] {
        let outputs = text(&mut rooms, 1, message);
        assert_eq!(outputs.len(), 1, "the connection stays open: {outputs:?}");
        assert_error(&outputs[0], 1, code);
    }
    let outputs = text(&mut rooms, 1, r#"{"type":"join","version":1}"#);
    assert_error(&outputs[0], 1, ErrorCode::UnsupportedVersion);
    assert_eq!(outputs[1], Output::Close(id(1), Goodbye::POLICY_VIOLATION));
}

#[test]
fn a_breach_of_the_protocol_closes_the_connection() {
    for (breach, code, goodbye) in [
        (Breach::Binary, Some(ErrorCode::BadMessage), Goodbye::UNSUPPORTED_DATA),
        (Breach::Oversized, Some(ErrorCode::TooLarge), Goodbye::TOO_BIG),
        (Breach::NotUtf8, None, Goodbye::INVALID_DATA),
        (Breach::Framing, None, Goodbye::PROTOCOL_ERROR),
    ] {
        let mut rooms = rooms_with(2, Config::default());
        let outputs = rooms.handle(at(0), Input::Broken(&id(1), breach));
        if let Some(code) = code {
            assert_error(&outputs[0], 1, code);
        }
        let rest = &outputs[usize::from(code.is_some())..];
        assert_eq!(rest, [Output::Close(id(1), goodbye), left(&[2], 1, LeaveReason::Lost)]);
        assert_eq!(rooms.handle(at(0), Input::Broken(&id(1), breach)), []);
    }
}

#[test]
fn exceeding_the_rate_limit_closes_the_connection() {
    let mut rooms = rooms_with(1, Config { burst_frames: 3, ..Config::default() });
    assert_eq!(text(&mut rooms, 1, r#"{"type":"ping"}"#).len(), 1);
    assert_eq!(rooms.handle(at(0), Input::Control(&id(1))), []);
    let outputs = rooms.handle(at(0), Input::Control(&id(1)));
    assert_error(&outputs[0], 1, ErrorCode::TooFast);
    assert_eq!(outputs[1], Output::Close(id(1), Goodbye::POLICY_VIOLATION));
}

#[test]
fn a_silent_client_is_pinged_and_then_disconnected() {
    let mut rooms = rooms_with(2, Config::default());
    let mut timed_out_at = None;
    for half_secs in 0..80 {
        let now = Duration::from_millis(half_secs * 500);
        for output in rooms.handle(now, Input::Tick) {
            match output {
                // Only peer 2 answers.
                Output::Ping(peer) if peer == id(2) => assert_eq!(rooms.handle(now, Input::Control(&peer)), []),
                Output::Ping(_) => {}
                Output::Close(peer, goodbye) => assert_eq!((peer, goodbye), (id(1), Goodbye::Cut)),
                output @ Output::Send(..) => {
                    assert_eq!(output, left(&[2], 1, LeaveReason::Lost));
                    timed_out_at = Some(now);
                }
            }
        }
    }
    assert_eq!(timed_out_at, Some(at(18)));
    assert_eq!(rooms.registrations(), 1);
}

#[test]
fn a_client_that_does_not_join_in_time_is_closed() {
    let mut rooms = rooms(Config::default());
    rooms.handle(at(5), Input::Connected(id(1)));
    assert_eq!(rooms.handle(at(14), Input::Tick), []);
    let outputs = rooms.handle(at(15), Input::Tick);
    assert_error(&outputs[0], 1, ErrorCode::NotJoined);
    assert_eq!(outputs[1], Output::Close(id(1), Goodbye::POLICY_VIOLATION));
    assert!(rooms.connections.is_empty());
}

#[test]
fn shutting_down_closes_all_connections_and_refuses_new_ones() {
    let mut rooms = rooms_with(1, Config::default());
    rooms.handle(at(0), Input::Connected(id(2)));
    let outputs = rooms.handle(at(0), Input::ShutDown);
    assert_error(&outputs[0], 1, ErrorCode::ShuttingDown);
    assert_eq!(outputs[1], Output::Close(id(1), Goodbye::GOING_AWAY));
    assert_error(&outputs[2], 2, ErrorCode::ShuttingDown);
    assert_eq!(outputs[3], Output::Close(id(2), Goodbye::GOING_AWAY));
    let outputs = rooms.handle(at(0), Input::Connected(id(3)));
    assert_eq!(outputs[1], Output::Close(id(3), Goodbye::GOING_AWAY));
    assert_eq!(rooms.registrations(), 0);
}
