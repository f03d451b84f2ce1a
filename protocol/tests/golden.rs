//! Every message is read from and written to the files in `golden/`, byte for byte. A change of one of these files is a
//! change of the protocol.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::fmt::Debug;
use std::path::Path;

use maru_protocol::peer::{PeerMessage, Source, Stream, Wanted};
use maru_protocol::signal::{
    ClientMessage, DescriptionKind, ErrorCode, IceCandidate, IceServer, LeaveReason, PeerInfo, ServerMessage,
    SessionDescription, SignalData,
};
use maru_protocol::{InstanceId, PeerId, Proof, VERSION, WireError};

const SDP: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const KEY: &str = "049fad84aeae08bbef7f010014d82cef6a09de2b0cf871b5ce0c4f1d13a59a5934\
                   07cb45769f1070e2c2470fe5b1bfe63133c0b0cdc64ea4bf3791a8ec2a07fd4f";
const SIGNATURE: &str = "21163c819257148b51f1fcc6fa8f5fd6876698b6a1235fec75929d06dcd9a9eb\
                         8086714a5c40e8177450068217315bdaad41fb72839af0110b0999a06235e0a3";
const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const CANDIDATE: &str = "candidate:1 1 udp 2130706431 192.168.0.7 49203 typ host";

#[test]
fn client_messages() {
    let signal = |data| ClientMessage::Signal { to: other(), generation: 1, data };
    let join = |proof| ClientMessage::Join {
        version: VERSION,
        room: "한글 방".parse().unwrap(),
        name: "지수 😀".parse().unwrap(),
        proof,
        ext: None,
    };
    let join_with_ext = |proof| {
        let mut message = join(proof);
        if let ClientMessage::Join { ext, .. } = &mut message {
            *ext = Some("00ff".parse().unwrap());
        }
        message
    };
    let messages = [
        ("join", join(Proof::Signature { key: KEY.parse().unwrap(), signature: SIGNATURE.parse().unwrap() })),
        ("join-secret", join(Proof::Secret { secret: SECRET.parse().unwrap() })),
        ("join-ext", join_with_ext(Proof::Secret { secret: SECRET.parse().unwrap() })),
        ("signal-description", signal(description(DescriptionKind::Offer))),
        (
            "signal-candidate",
            signal(SignalData::Candidate(Some(IceCandidate {
                candidate: CANDIDATE.into(),
                sdp_mid: Some("0".into()),
                sdp_m_line_index: Some(0),
                username_fragment: Some("a1b2".into()),
            }))),
        ),
        ("signal-last-candidate", signal(SignalData::Candidate(None))),
        ("rename", ClientMessage::Rename { name: "Jisu".parse().unwrap() }),
        ("leave", ClientMessage::Leave),
        ("ping", ClientMessage::Ping),
    ];
    check_all("client", &messages, ClientMessage::decode, ClientMessage::encode);
}

#[test]
fn server_messages() {
    let messages = [
        ("challenge", ServerMessage::Challenge { id: "00112233445566778899aabbccddeeff".parse().unwrap() }),
        (
            "welcome",
            ServerMessage::Welcome {
                version: VERSION,
                instance: "6101794fd26a8fa7755b7382f8025bb2".parse().unwrap(),
                peers: vec![peer(), PeerInfo { ext: Some("00ff".parse().unwrap()), ..peer() }],
                capacity: 8,
                ice_servers: vec![
                    IceServer { urls: vec!["stun:stun.example.org:3478".into()], username: None, credential: None },
                    IceServer {
                        urls: vec!["turn:turn.example.org:3478?transport=udp".into()],
                        username: Some("1767225600:maru".into()),
                        credential: Some("c2VjcmV0".into()),
                    },
                ],
            },
        ),
        ("peer-joined", ServerMessage::PeerJoined { peer: peer() }),
        ("peer-left", ServerMessage::PeerLeft { id: other(), reason: LeaveReason::Left }),
        ("peer-lost", ServerMessage::PeerLeft { id: other(), reason: LeaveReason::Lost }),
        ("peer-renamed", ServerMessage::PeerRenamed { id: other(), name: "민".parse().unwrap() }),
        (
            "signal-description",
            ServerMessage::Signal { from: other(), generation: 1, data: description(DescriptionKind::Answer) },
        ),
        (
            "signal-candidate",
            ServerMessage::Signal {
                from: other(),
                generation: 1,
                data: SignalData::Candidate(Some(IceCandidate {
                    candidate: CANDIDATE.into(),
                    sdp_mid: None,
                    sdp_m_line_index: None,
                    username_fragment: None,
                })),
            },
        ),
        (
            "error",
            ServerMessage::Error {
                code: ErrorCode::UnknownPeer,
                message: "there is no such peer in this room".into(),
                capacity: None,
            },
        ),
        (
            "error-room-full",
            ServerMessage::Error { code: ErrorCode::RoomFull, message: "this room holds 8".into(), capacity: Some(8) },
        ),
        ("pong", ServerMessage::Pong),
    ];
    check_all("server", &messages, ServerMessage::decode, ServerMessage::encode);
}

#[test]
fn peer_messages() {
    let messages = [
        (
            "hello",
            PeerMessage::Hello {
                version: VERSION,
                name: "지수 😀".parse().unwrap(),
                muted: false,
                camera_on: true,
                hand_raised: true,
                streams: vec![
                    Stream { id: 1, source: Source::Microphone, person: None },
                    Stream { id: 2, source: Source::Camera, person: None },
                    Stream { id: 3, source: Source::Screen, person: Some(instance()) },
                ],
            },
        ),
        (
            "subscribe",
            PeerMessage::Subscribe {
                streams: vec![
                    Wanted { id: 2, max_height: 360, person: None },
                    Wanted { id: 3, max_height: 0, person: Some(instance()) },
                ],
            },
        ),
        (
            "chat",
            PeerMessage::Chat {
                id: 1,
                text: "안녕하세요 👋🏽 \"quoted\"\n다음 줄".into(),
                sent_unix_ms: 1_767_225_600_123,
            },
        ),
        ("delivered", PeerMessage::Delivered { id: 1 }),
        ("next", PeerMessage::Next { generation: 2 }),
        ("bye", PeerMessage::Bye),
    ];
    check_all("peer", &messages, PeerMessage::decode, PeerMessage::encode);
}

/// Checks each message against the file `{direction}-{name}.json`, and that no file is left over.
fn check_all<M: Debug + PartialEq>(
    direction: &str,
    messages: &[(&str, M)],
    decode: fn(&str) -> Result<M, WireError>,
    encode: fn(&M) -> Result<String, WireError>,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, message) in messages {
        let path = folder.join(format!("{direction}-{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = text.trim_end();
        assert_eq!(decode(text).as_ref(), Ok(message), "{name}");
        assert_eq!(encode(message).as_deref(), Ok(text), "{name}");
    }
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let files = files.filter(|name| name.to_string_lossy().starts_with(&format!("{direction}-")));
    assert_eq!(files.count(), messages.len(), "a golden file is not tested");
}

fn other() -> PeerId {
    "ffeeddccbbaa99887766554433221100".parse().unwrap()
}

fn instance() -> InstanceId {
    "0123456789abcdef0123456789abcdef".parse().unwrap()
}

fn peer() -> PeerInfo {
    PeerInfo { id: other(), name: "Min".parse().unwrap(), instance: instance(), ext: None }
}

fn description(kind: DescriptionKind) -> SignalData {
    SignalData::Description(SessionDescription { kind, sdp: SDP.into() })
}
