//! Messages between two peers: one JSON object per text message of a DataChannel (RFC 8831) that is reliable, ordered
//! and negotiated out of band ([`CHANNEL_LABEL`], [`CHANNEL_ID`]).

use serde::{Deserialize, Serialize};

pub use crate::MAX_CHAT_CHARS;
use crate::wire::{self, Wire};
use crate::{MAX_PEER_MESSAGE_BYTES, Nickname, WireError};

/// Label of the DataChannel.
pub const CHANNEL_LABEL: &str = "maru";

/// Id of the DataChannel.
pub const CHANNEL_ID: u16 = 0;

/// A message from one peer to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum PeerMessage {
    /// The state of the sender: the first message, and sent again whenever a value changes.
    Hello { version: u32, name: Nickname, muted: bool, camera_on: bool },
    /// A chat message. `id` counts up from 1 for each sender. `text` has at most [`MAX_CHAT_CHARS`] characters.
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
        let Self::Chat { text, .. } = self else { return Ok(()) };
        let chars = text.chars().count();
        if chars > MAX_CHAT_CHARS {
            let reason = format!("the text has {chars} characters, at most {MAX_CHAT_CHARS} are allowed");
            return Err(WireError::BadMessage(reason));
        }
        Ok(())
    }
}
