//! Reads and writes messages as JSON text, and checks their limits both ways.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Nickname, RoomName, VERSION, WireError};

/// How much of the parser's error is kept: it quotes what it could not read, which may be as long as the message.
const MAX_REASON_CHARS: usize = 200;

/// How much of an unknown version is kept.
const MAX_VERSION_CHARS: usize = 20;

/// The messages of one direction.
pub(crate) trait Wire: Serialize + DeserializeOwned {
    /// Longest text.
    const MAX_BYTES: usize;

    /// The `type` of the message that carries the protocol version.
    const VERSIONED: &str;

    /// Checks the limits that the types of the fields leave open.
    fn check(&self) -> Result<(), WireError>;
}

/// Reads one message. Another version is [`WireError::UnsupportedVersion`], whatever its other fields hold.
pub(crate) fn read<M: Wire>(text: &str) -> Result<M, WireError> {
    check_size("the message", text.len(), M::MAX_BYTES)?;
    if !text.trim_start().starts_with('{') {
        return Err(WireError::BadMessage("it is not a JSON object".into()));
    }
    let head: Head = serde_json::from_str(text).map_err(bad_message)?;
    if head.kind == M::VERSIONED {
        check_version(head.version.as_ref())?;
    }
    let message: M =
        serde_json::from_str(text).map_err(|error| bad_name(&head).unwrap_or_else(|| bad_message(error)))?;
    message.check()?;
    Ok(message)
}

/// Writes one message.
pub(crate) fn write<M: Wire>(message: &M) -> Result<String, WireError> {
    message.check()?;
    let text = serde_json::to_string(message).map_err(bad_message)?;
    check_size("the message", text.len(), M::MAX_BYTES)?;
    Ok(text)
}

/// `size` and `limit` are in bytes.
pub(crate) fn check_size(what: &'static str, size: usize, limit: usize) -> Result<(), WireError> {
    if size > limit { Err(WireError::TooLarge { what, size, limit }) } else { Ok(()) }
}

/// The fields that decide how the rest is read. Another version may have changed their types, so any value is accepted.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Value,
    version: Option<Value>,
    room: Option<Value>,
    name: Option<Value>,
}

fn check_version(version: Option<&Value>) -> Result<(), WireError> {
    match version {
        Some(version) if *version == VERSION => Ok(()),
        Some(other) => Err(WireError::UnsupportedVersion { theirs: shortened(&other.to_string(), MAX_VERSION_CHARS) }),
        None => Err(WireError::BadMessage("the field `version` is missing".into())),
    }
}

/// The error about `room` or `name`, if one of them is why the message cannot be read. A person typed it and needs a
/// better answer than "line 1 column 31".
fn bad_name(head: &Head) -> Option<WireError> {
    let room = head.room.as_ref().and_then(Value::as_str).and_then(|room| room.parse::<RoomName>().err());
    let name = || head.name.as_ref().and_then(Value::as_str)?.parse::<Nickname>().err();
    room.map(WireError::BadRoom).or_else(|| name().map(WireError::BadName))
}

fn bad_message(error: serde_json::Error) -> WireError {
    WireError::BadMessage(shortened(&error.to_string(), MAX_REASON_CHARS))
}

fn shortened(text: &str, limit_chars: usize) -> String {
    match text.char_indices().nth(limit_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
