//! Names and ids that parse, so that a value that exists is a value that is allowed.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Why a name or id was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("it is empty")]
    Empty,
    #[error("it has {length} characters, at most {limit} are allowed")]
    TooLong { length: usize, limit: usize },
    #[error("it has a character that cannot be shown")]
    ControlCharacter,
    #[error("it is not an id")]
    NotAnId,
}

fn parse_name(text: &str, limit: usize) -> Result<String, IdError> {
    let name: String = text.trim().nfc().collect();
    if name.is_empty() {
        return Err(IdError::Empty);
    }
    let length = name.chars().count();
    if length > limit {
        return Err(IdError::TooLong { length, limit });
    }
    if name.chars().any(char::is_control) {
        return Err(IdError::ControlCharacter);
    }
    Ok(name)
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                $parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn parse_hex_id(text: &str) -> Result<String, IdError> {
    let fits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if fits { Ok(text.to_owned()) } else { Err(IdError::NotAnId) }
}

text_id!(
    /// What callers type to meet: 1 to 64 characters after Unicode NFC and trimming, none of them a control character.
    RoomName,
    |text| parse_name(text, 64)
);
text_id!(
    /// What a caller is shown as: 1 to 32 characters after Unicode NFC and trimming. Need not be unique.
    Nickname,
    |text| parse_name(text, 32)
);
text_id!(
    /// The address of a peer, given by the server for one registration: 128 random bits as 32 lower-case hex digits.
    PeerId,
    parse_hex_id
);
text_id!(
    /// One run of a client, chosen by the client: 128 random bits as 32 lower-case hex digits. It stays the same when
    /// the client registers again, so that peers know a standing call for what it is.
    InstanceId,
    parse_hex_id
);

impl PeerId {
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }
}

impl InstanceId {
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }
}
