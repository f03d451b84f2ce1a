//! Between two peers, over the DataChannel `maru` (negotiated by both sides with id 0; reliable, ordered), one JSON
//! object per text message.

use serde::{Deserialize, Serialize};

pub use crate::MAX_CHAT_CHARS;
use crate::{MAX_PEER_MESSAGE_BYTES, Nickname, WireError, error};

/// Label of the DataChannel.
pub const CHANNEL_LABEL: &str = "maru";

/// Id of the DataChannel, agreed on by both sides beforehand.
pub const CHANNEL_ID: u16 = 0;

/// From one peer to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum PeerMessage {
    /// The first message, and again whenever one of its values changes.
    Hello { version: u32, name: Nickname, muted: bool, camera_on: bool },
    /// `id` counts up from 1 for each sender; `sent_unix_ms` is the sender's clock.
    Chat { id: u64, text: String, sent_unix_ms: u64 },
    /// The chat message `id` has been shown.
    Delivered { id: u64 },
    /// The sender is leaving now.
    Bye,
    /// A message of a newer peer: ignored, never written.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl PeerMessage {
    /// Reads one text message from the DataChannel.
    pub fn decode(text: &str) -> Result<Self, WireError> {
        let message: Self = error::read(text, MAX_PEER_MESSAGE_BYTES, "hello")?;
        message.check()?;
        Ok(message)
    }

    /// Writes one text message for the DataChannel. An error is a mistake of the caller: text that is too long, or
    /// [`Self::Unknown`].
    pub fn encode(&self) -> Result<String, WireError> {
        self.check()?;
        error::write(self, MAX_PEER_MESSAGE_BYTES)
    }

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
