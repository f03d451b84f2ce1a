//! What can be wrong with a message, and with which code the server says so.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::signal::ErrorCode;
use crate::{IdError, Nickname, RoomName, VERSION};

/// Why a message was refused, by the one who reads it or already by the one who writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("{what} has {size} bytes, at most {limit} are allowed")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    #[error("protocol version {theirs} is not spoken here, only version {VERSION}")]
    UnsupportedVersion { theirs: String },
    #[error("this room name cannot be used: {0}")]
    BadRoom(IdError),
    #[error("this nickname cannot be used: {0}")]
    BadName(IdError),
    #[error("this message is not understood: {0}")]
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

/// The fields that decide how the rest is read. Anything may be in them: a newer version may have changed their types.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Value,
    version: Option<Value>,
    room: Option<Value>,
    name: Option<Value>,
}

/// Reads one message, at most `limit` bytes long, whose `versioned` type carries the protocol version.
pub(crate) fn read<M: DeserializeOwned>(text: &str, limit: usize, versioned: &str) -> Result<M, WireError> {
    within("the message", text.len(), limit)?;
    if !text.trim_start().starts_with('{') {
        return Err(WireError::BadMessage("it is not a JSON object".into()));
    }
    let head: Head = serde_json::from_str(text).map_err(not_understood)?;
    if head.kind == versioned {
        check_version(head.version.as_ref())?;
    }
    serde_json::from_str(text).map_err(|error| bad_field(&head).unwrap_or_else(|| not_understood(error)))
}

/// Writes one message, at most `limit` bytes long.
pub(crate) fn write<M: Serialize>(message: &M, limit: usize) -> Result<String, WireError> {
    let text = serde_json::to_string(message).map_err(not_understood)?;
    within("the message", text.len(), limit)?;
    Ok(text)
}

pub(crate) fn within(what: &'static str, size: usize, limit: usize) -> Result<(), WireError> {
    if size > limit { Err(WireError::TooLarge { what, size, limit }) } else { Ok(()) }
}

fn check_version(version: Option<&Value>) -> Result<(), WireError> {
    match version {
        Some(version) if *version == VERSION => Ok(()),
        Some(other) => Err(WireError::UnsupportedVersion { theirs: shortened(&other.to_string(), 20) }),
        None => Err(WireError::BadMessage("the field `version` is missing".into())),
    }
}

/// The name that made a message unreadable, if one did: what a person typed deserves a better answer than "line 1
/// column 31".
fn bad_field(head: &Head) -> Option<WireError> {
    let text = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    if let Some(Err(error)) = text(&head.room).map(|room| room.parse::<RoomName>()) {
        return Some(WireError::BadRoom(error));
    }
    if let Some(Err(error)) = text(&head.name).map(|name| name.parse::<Nickname>()) {
        return Some(WireError::BadName(error));
    }
    None
}

fn not_understood(error: serde_json::Error) -> WireError {
    WireError::BadMessage(shortened(&error.to_string(), 200))
}

/// The parser quotes what it could not read, which may be as long as the message.
fn shortened(text: &str, limit_chars: usize) -> String {
    match text.char_indices().nth(limit_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
