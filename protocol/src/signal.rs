//! Between client and signal server, over a WebSocket, one JSON object per text frame.

use serde::{Deserialize, Serialize};

use crate::{InstanceId, Nickname, PeerId, RoomName};

/// From a client to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ClientMessage {
    /// The first message. Answered by [`ServerMessage::Welcome`] or an error.
    Join {
        version: u32,
        room: RoomName,
        name: Nickname,
        instance: InstanceId,
    },
    /// Passed on to the peer `to` of the same room, as [`ServerMessage::Signal`].
    Signal {
        to: PeerId,
        data: SignalData,
    },
    Rename {
        name: Nickname,
    },
    Leave,
    /// Answered by [`ServerMessage::Pong`]: how a client notices a dead server.
    Ping,
}

/// From the server to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// `peers`: who was in the room before. The newcomer sends each of them an offer.
    Welcome {
        version: u32,
        id: PeerId,
        peers: Vec<PeerInfo>,
        capacity: usize,
        ice_servers: Vec<IceServer>,
    },
    PeerJoined {
        peer: PeerInfo,
    },
    PeerLeft {
        id: PeerId,
        reason: LeaveReason,
    },
    PeerRenamed {
        id: PeerId,
        name: Nickname,
    },
    Signal {
        from: PeerId,
        data: SignalData,
    },
    Error {
        code: ErrorCode,
        message: String,
    },
    Pong,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    pub id: PeerId,
    pub name: Nickname,
    pub instance: InstanceId,
}

/// A STUN or TURN server, in the shape of the browser's `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaveReason {
    /// It said goodbye.
    Left,
    /// Its connection ended or it stopped answering.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    BadMessage,
    TooLarge,
    TooFast,
    UnsupportedVersion,
    NotJoined,
    AlreadyJoined,
    RoomFull,
    ServerFull,
    UnknownPeer,
    ShuttingDown,
    /// A code of a newer server.
    #[serde(other)]
    Unknown,
}

/// What one peer tells another through the server: `{"description": …}` or `{"candidate": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignalData {
    Description(SessionDescription),
    /// `null`: no more candidates.
    Candidate(Option<IceCandidate>),
}

/// The browser's `RTCSessionDescriptionInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDescription {
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    #[serde(default)]
    pub sdp: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DescriptionKind {
    Offer,
    Pranswer,
    Answer,
    Rollback,
}

/// The browser's `RTCIceCandidateInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    pub candidate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "sdpMLineIndex")]
    pub sdp_m_line_index: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}
