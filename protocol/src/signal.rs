//! Between client and signal server, over a WebSocket, one JSON object per text frame.

use serde::{Deserialize, Serialize};

use crate::{
    InstanceId, MAX_CANDIDATE_BYTES, MAX_FRAME_BYTES, MAX_SDP_BYTES, MAX_SERVER_FRAME_BYTES, Nickname, PeerId,
    RoomName, WireError, error,
};

/// From a client to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ClientMessage {
    /// The first message. Answered by [`ServerMessage::Welcome`] or an error.
    Join { version: u32, room: RoomName, name: Nickname, instance: InstanceId },
    /// Passed on to the peer `to` of the same room, as [`ServerMessage::Signal`].
    Signal { to: PeerId, data: SignalData },
    /// Told to the others as [`ServerMessage::PeerRenamed`].
    Rename { name: Nickname },
    /// The last message: the server closes the connection.
    Leave,
    /// Answered by [`ServerMessage::Pong`]: how a client notices a dead server.
    Ping,
}

impl ClientMessage {
    /// Reads one text frame, on the server. A `join` of another version is [`WireError::UnsupportedVersion`] whatever
    /// its other fields look like.
    pub fn decode(text: &str) -> Result<Self, WireError> {
        let message: Self = error::read(text, MAX_FRAME_BYTES, "join")?;
        message.check()?;
        Ok(message)
    }

    /// Writes one text frame, on the client.
    pub fn encode(&self) -> Result<String, WireError> {
        self.check()?;
        error::write(self, MAX_FRAME_BYTES)
    }

    fn check(&self) -> Result<(), WireError> {
        if let Self::Signal { data, .. } = self { data.check() } else { Ok(()) }
    }
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
    /// `message` is English, for a developer. `capacity` comes with [`ErrorCode::RoomFull`].
    Error {
        code: ErrorCode,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capacity: Option<usize>,
    },
    Pong,
    /// A message of a newer server: ignored, never written.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl ServerMessage {
    /// Reads one text frame, on the client.
    pub fn decode(text: &str) -> Result<Self, WireError> {
        let message: Self = error::read(text, MAX_SERVER_FRAME_BYTES, "welcome")?;
        message.check()?;
        Ok(message)
    }

    /// Writes one text frame, on the server. An error is a mistake of the caller, such as [`Self::Unknown`].
    pub fn encode(&self) -> Result<String, WireError> {
        self.check()?;
        error::write(self, MAX_SERVER_FRAME_BYTES)
    }

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
    /// It said goodbye.
    Left,
    /// Its connection ended, it stopped answering, or it registered again and follows as a new peer. Also stands for
    /// any reason of a newer server.
    #[serde(other)]
    Lost,
}

/// What went wrong. `README.md` says for each what a client should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// Not JSON, not text, an unknown type, or a field that is missing or wrong.
    BadMessage,
    /// The room name is empty, too long, or cannot be shown.
    BadRoom,
    /// The nickname is empty, too long, or cannot be shown.
    BadName,
    TooLarge,
    TooFast,
    UnsupportedVersion,
    /// Something other than `join` came first, or nothing came in time.
    NotJoined,
    AlreadyJoined,
    RoomFull,
    ServerFull,
    UnknownPeer,
    /// The same instance joined the room through another connection.
    Replaced,
    ShuttingDown,
    /// A code of a newer server.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Every code that a server of this version sends.
    pub const ALL: [Self; 13] = [
        Self::BadMessage,
        Self::BadRoom,
        Self::BadName,
        Self::TooLarge,
        Self::TooFast,
        Self::UnsupportedVersion,
        Self::NotJoined,
        Self::AlreadyJoined,
        Self::RoomFull,
        Self::ServerFull,
        Self::UnknownPeer,
        Self::Replaced,
        Self::ShuttingDown,
    ];
}

/// What one peer tells another through the server: `{"description": …}` or `{"candidate": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "SignalFields")]
pub enum SignalData {
    Description(SessionDescription),
    /// `null`: no more candidates.
    Candidate(Option<IceCandidate>),
}

impl SignalData {
    fn check(&self) -> Result<(), WireError> {
        match self {
            Self::Description(description) => {
                error::within("the session description", description.sdp.len(), MAX_SDP_BYTES)
            }
            Self::Candidate(Some(candidate)) => candidate.check(),
            Self::Candidate(None) => Ok(()),
        }
    }
}

/// [`SignalData`] as it is read: whatever else a newer version puts beside the two fields is ignored.
#[derive(Deserialize)]
struct SignalFields {
    description: Option<SessionDescription>,
    /// The outer `None`: there is no such field. The inner one: it is `null`.
    #[serde(default, deserialize_with = "some")]
    candidate: Option<Option<IceCandidate>>,
}

fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<IceCandidate>>, D::Error> {
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

/// The browser's `RTCSessionDescriptionInit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDescription {
    #[serde(rename = "type")]
    pub kind: DescriptionKind,
    #[serde(default)]
    pub sdp: String,
}

/// The browser's `RTCSdpType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DescriptionKind {
    Offer,
    Pranswer,
    Answer,
    Rollback,
}

/// The browser's `RTCIceCandidateInit`. An empty `candidate` also means: no more candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
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
        let beside = [self.sdp_mid.as_deref(), self.username_fragment.as_deref()];
        for text in beside.into_iter().flatten().chain([self.candidate.as_str()]) {
            error::within("the candidate", text.len(), MAX_CANDIDATE_BYTES)?;
        }
        Ok(())
    }
}
