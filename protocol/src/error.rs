//! Why a message is refused.

use crate::signal::ErrorCode;
use crate::{IdError, VERSION};

/// Why a message is refused, by the side that reads it or by the side that is about to send it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message or one of its fields (`what`) exceeds its limit. `size` and `limit` are in bytes.
    #[error("{what} has {size} bytes, at most {limit} are allowed")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    /// The sender speaks another version of the protocol; `theirs` is its `version` as JSON, shortened.
    #[error("protocol version {theirs} is not supported, only version {VERSION}")]
    UnsupportedVersion { theirs: String },
    /// The field `room` is not a [`RoomName`](crate::RoomName).
    #[error("this room name cannot be used: {0}")]
    BadRoom(IdError),
    /// The field `name` is not a [`Nickname`](crate::Nickname).
    #[error("this nickname cannot be used: {0}")]
    BadName(IdError),
    /// Not a JSON object, an unknown `type`, or a field that is missing or has a wrong value. The text says which, and
    /// is at most a few hundred bytes long.
    #[error("this message cannot be read: {0}")]
    BadMessage(String),
}

impl WireError {
    /// The code with which a server answers such a message.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::UnsupportedVersion { .. } => ErrorCode::UnsupportedVersion,
            Self::BadRoom(_) => ErrorCode::BadRoom,
            Self::BadName(_) => ErrorCode::BadName,
            Self::BadMessage(_) => ErrorCode::BadMessage,
        }
    }
}
