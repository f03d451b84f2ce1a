//! Messages between two peers: one JSON object per text message of a DataChannel (RFC 8831) that is reliable, ordered
//! and negotiated out of band ([`CHANNEL_LABEL`], [`CHANNEL_ID`]).

use serde::{Deserialize, Serialize};

pub use crate::MAX_CHAT_CHARS;
use crate::wire::{self, Wire};
use crate::{InstanceId, MAX_PEER_MESSAGE_BYTES, MAX_STREAMS, Nickname, WireError};

/// Label of the DataChannel.
pub const CHANNEL_LABEL: &str = "maru";

/// Id of the DataChannel.
pub const CHANNEL_ID: u16 = 0;

/// The [`Stream::id`] of the sender's own microphone, as Maru numbers them.
pub const MICROPHONE: u32 = 1;

/// The [`Stream::id`] of the sender's own camera, as Maru numbers them.
pub const CAMERA: u32 = 2;

/// A message from one peer to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum PeerMessage {
    /// The state of the sender: the first message, and sent again whenever a value changes.
    Hello {
        version: u32,
        name: Nickname,
        muted: bool,
        camera_on: bool,
        /// The sender wants to speak.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hand_raised: bool,
        /// What the sender offers, at most [`MAX_STREAMS`]. Empty: a microphone and a camera.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        streams: Vec<Stream>,
    },
    /// How large the sender shows each stream: all that it wants from now on, at most [`MAX_STREAMS`]. Of a stream that is
    /// not named it takes the largest picture.
    Subscribe { streams: Vec<Wanted> },
    /// A chat message. `id` counts up for each sender, from any number. `text` has at most [`MAX_CHAT_CHARS`] characters.
    /// `sent_unix_ms` is the sender's clock, in milliseconds since 1970.
    Chat { id: u64, text: String, sent_unix_ms: u64 },
    /// The chat message `id` has been shown.
    Delivered { id: u64 },
    /// The sender builds the connection of this generation beside this one, and offers it through the server.
    Next { generation: u32 },
    /// The sender is leaving now.
    Bye,
    /// A type that this version does not know. It is read so that it can be ignored; it cannot be written.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// A stream that its sender offers. It is told apart by person and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// Chosen by the person, for as long as its instance lives.
    pub id: u32,
    pub source: Source,
    /// Whose stream it is, if the sender forwards another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<InstanceId>,
}

/// Where a stream comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    Microphone,
    Camera,
    Screen,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// How a viewer shows a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// Of [`Stream`].
    pub id: u32,
    /// Pixels in which it is shown; a larger picture is of no use. 0: it is not shown.
    pub max_height: u32,
    /// Of [`Stream`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<InstanceId>,
}

impl PeerMessage {
    /// Reads one text message from the DataChannel.
    ///
    /// # Errors
    /// Any [`WireError`].
    pub fn decode(text: &str) -> Result<Self, WireError> {
        wire::read(text)
    }

    /// Writes one text message for the DataChannel.
    ///
    /// # Errors
    /// [`WireError::BadMessage`] if a chat text is too long, or for [`Self::Unknown`].
    pub fn encode(&self) -> Result<String, WireError> {
        wire::write(self)
    }
}

impl Wire for PeerMessage {
    const MAX_BYTES: usize = MAX_PEER_MESSAGE_BYTES;
    const VERSIONED: &str = "hello";

    fn check(&self) -> Result<(), WireError> {
        match self {
            Self::Chat { text, .. } => check_count("characters", text.chars().count(), MAX_CHAT_CHARS),
            Self::Hello { streams, .. } => check_count("streams", streams.len(), MAX_STREAMS),
            Self::Subscribe { streams } => check_count("streams", streams.len(), MAX_STREAMS),
            Self::Delivered { .. } | Self::Next { .. } | Self::Bye | Self::Unknown => Ok(()),
        }
    }
}

fn check_count(what: &str, count: usize, limit: usize) -> Result<(), WireError> {
    if count <= limit {
        Ok(())
    } else {
        Err(WireError::BadMessage(format!("it has {count} {what}, at most {limit} are allowed")))
    }
}
