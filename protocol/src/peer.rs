//! Between two peers, over the DataChannel `maru` (negotiated by both sides with id 0; reliable, ordered), one JSON
//! object per text message.

use serde::{Deserialize, Serialize};

use crate::Nickname;

/// Longest chat text, in characters.
pub const MAX_CHAT_CHARS: usize = 4_000;

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
    /// A message of a newer peer: ignored.
    #[serde(other)]
    Unknown,
}
