//! Messages between client and signal server: one JSON object per text message of a WebSocket (RFC 6455).

use serde::{Deserialize, Serialize};

use crate::wire::{self, Wire, check_size};
use crate::{
    Ext, InstanceId, MAX_CANDIDATE_BYTES, MAX_FRAME_BYTES, MAX_SDP_BYTES, MAX_SERVER_FRAME_BYTES, Nickname, PeerId,
    Proof, RoomName, WireError,
};

/// A message from a client to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ClientMessage {
    /// The first message, after [`ServerMessage::Challenge`]. Answered by [`ServerMessage::Welcome`] or an error. The
    /// others get `ext` unread, in [`PeerInfo`].
    Join {
        version: u32,
        room: RoomName,
        name: Nickname,
        proof: Proof,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ext: Option<Ext>,
    },
    /// Is sent on to the peer `to` of the same room, as [`ServerMessage::Signal`]. `generation` counts the connections
    /// between the two from 1: `data` is about that one.
    Signal { to: PeerId, generation: u32, data: SignalData },
    /// A new nickname. The others in the room receive [`ServerMessage::PeerRenamed`].
    Rename { name: Nickname },
    /// The last message: the server closes the connection.
    Leave,
    /// Answered by [`ServerMessage::Pong`], so that a client notices a dead server.
    Ping,
}

impl ClientMessage {
    /// Reads one text message, on the server.
    ///
    /// # Errors
    /// Any [`WireError`]. A `join` of another version is [`WireError::UnsupportedVersion`], whatever its other fields
    /// hold.
    pub fn decode(text: &str) -> Result<Self, WireError> {
        wire::read(text)
    }

    /// Writes one text message, on the client.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] if a description or candidate is too large.
    pub fn encode(&self) -> Result<String, WireError> {
        wire::write(self)
    }
}

impl Wire for ClientMessage {
    const MAX_BYTES: usize = MAX_FRAME_BYTES;
    const VERSIONED: &str = "join";

    fn check(&self) -> Result<(), WireError> {
        if let Self::Signal { data, .. } = self { data.check() } else { Ok(()) }
    }
}

/// A message from the server to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    /// The first message. `id` is the client's address at this server. The client signs it in `join`.
    Challenge { id: PeerId },
    /// The answer to `join`. `instance` is what the client has proved. `peers` were in the room before; the newcomer
    /// sends each of them an offer. `capacity` is the largest number of peers in the room.
    Welcome { version: u32, instance: InstanceId, peers: Vec<PeerInfo>, capacity: usize, ice_servers: Vec<IceServer> },
    /// A peer joined the room. It will send an offer.
    PeerJoined { peer: PeerInfo },
    /// A peer is no longer registered in the room.
    PeerLeft { id: PeerId, reason: LeaveReason },
    /// A peer has a new nickname.
    PeerRenamed { id: PeerId, name: Nickname },
    /// What the peer `from` sent to this client.
    Signal { from: PeerId, generation: u32, data: SignalData },
    /// A request failed. `message` is English, for developers. `capacity` comes with [`ErrorCode::RoomFull`] only.
    Error {
        code: ErrorCode,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capacity: Option<usize>,
    },
    /// The answer to `ping`.
    Pong,
    /// A type that this version does not know. It is read so that it can be ignored; it cannot be written.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl ServerMessage {
    /// Reads one text message, on the client.
    ///
    /// # Errors
    /// Any [`WireError`].
    pub fn decode(text: &str) -> Result<Self, WireError> {
        wire::read(text)
    }

    /// Writes one text message, on the server.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] if a description or candidate is too large, [`WireError::BadMessage`] for
    /// [`Self::Unknown`] and [`ErrorCode::Unknown`].
    pub fn encode(&self) -> Result<String, WireError> {
        wire::write(self)
    }
}

impl Wire for ServerMessage {
    const MAX_BYTES: usize = MAX_SERVER_FRAME_BYTES;
    const VERSIONED: &str = "welcome";

    fn check(&self) -> Result<(), WireError> {
        if let Self::Signal { data, .. } = self { data.check() } else { Ok(()) }
    }
}

/// A peer as the others in the room see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInfo {
    pub id: PeerId,
    pub name: Nickname,
    pub instance: InstanceId,
    /// From its `join`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ext: Option<Ext>,
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

/// Why a peer is no longer registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaveReason {
    /// It sent `leave`.
    Left,
    /// Its connection ended, it timed out, or it registered again and follows as a new peer. Reasons that this version
    /// does not know are read as this one.
    #[serde(other)]
    Lost,
}

/// Why a request failed. `README.md` says what a client should do about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Not JSON, not text, an unknown type, or a field that is missing or wrong.
    BadMessage,
    /// The room name is empty, too long, or has a control character.
    BadRoom,
    /// The nickname is empty, too long, or has a control character.
    BadName,
    /// The message, a description or a candidate exceeds its limit.
    TooLarge,
    /// The client exceeded the rate limit.
    TooFast,
    /// The server speaks another version of the protocol.
    UnsupportedVersion,
    /// The first message was not `join`, or `join` did not come in time.
    NotJoined,
    /// A second `join` on the same connection.
    AlreadyJoined,
    /// The proof in `join` is not valid for this connection.
    BadProof,
    /// The room has as many peers as it may have.
    RoomFull,
    /// The server has as many rooms as it may have.
    ServerFull,
    /// No such peer is in the room.
    UnknownPeer,
    /// The same instance joined the room through another connection.
    Replaced,
    /// The server is shutting down.
    ShuttingDown,
    /// A code that this version does not know. It cannot be written.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Every code that a server of this version sends.
    pub const ALL: [Self; 14] = [
        Self::BadMessage,
        Self::BadRoom,
        Self::BadName,
        Self::TooLarge,
        Self::TooFast,
        Self::UnsupportedVersion,
        Self::NotJoined,
        Self::AlreadyJoined,
        Self::BadProof,
        Self::RoomFull,
        Self::ServerFull,
        Self::UnknownPeer,
        Self::Replaced,
        Self::ShuttingDown,
    ];
}

/// What one peer sends another through the server: `{"description": …}` or `{"candidate": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "SignalFields")]
pub enum SignalData {
    /// An offer or an answer (RFC 3264), of at most [`MAX_SDP_BYTES`].
    Description(SessionDescription),
    /// An ICE candidate (RFC 8838). `None`, in JSON `null`: there are no more.
    Candidate(Option<IceCandidate>),
}

impl SignalData {
    fn check(&self) -> Result<(), WireError> {
        match self {
            Self::Description(description) => {
                check_size("the session description", description.sdp.len(), MAX_SDP_BYTES)
            }
            Self::Candidate(Some(candidate)) => candidate.check(),
            Self::Candidate(None) => Ok(()),
        }
    }
}

/// [`SignalData`] as it is read. Other fields beside the two are ignored.
#[derive(Deserialize)]
#[expect(clippy::option_option, reason = "a field that is missing and one that is null are two things")]
struct SignalFields {
    description: Option<SessionDescription>,
    /// `None`: the field is missing. `Some(None)`: it is `null`, which serde alone would read as missing.
    #[serde(default, deserialize_with = "present")]
    candidate: Option<Option<IceCandidate>>,
}

#[expect(clippy::option_option, reason = "see `SignalFields`")]
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<IceCandidate>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl TryFrom<SignalFields> for SignalData {
    type Error = &'static str;

    fn try_from(fields: SignalFields) -> Result<Self, Self::Error> {
        match (fields.description, fields.candidate) {
            (Some(description), None) => Ok(Self::Description(description)),
            (None, Some(candidate)) => Ok(Self::Candidate(candidate)),
            _ => Err("`data` must have either `description` or `candidate`"),
        }
    }
}

/// A session description, in the shape of the browser's `RTCSessionDescriptionInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDescription {
    /// `type` in JSON.
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    /// RFC 8866. Empty for a rollback.
    #[serde(default)]
    pub sdp: String,
}

/// The kind of a session description, in the shape of the browser's `RTCSdpType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DescriptionKind {
    Offer,
    Pranswer,
    Answer,
    Rollback,
}

/// An ICE candidate, in the shape of the browser's `RTCIceCandidateInit`. Each text has at most
/// [`MAX_CANDIDATE_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    /// `candidate:…` (RFC 8839, 5.1). Empty: there are no more candidates.
    #[serde(default)]
    pub candidate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "sdpMLineIndex")]
    pub sdp_m_line_index: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

impl IceCandidate {
    fn check(&self) -> Result<(), WireError> {
        let texts = [Some(&self.candidate), self.sdp_mid.as_ref(), self.username_fragment.as_ref()];
        for text in texts.into_iter().flatten() {
            check_size("the candidate", text.len(), MAX_CANDIDATE_BYTES)?;
        }
        Ok(())
    }
}
