//! Names and ids. Each type can only be made by parsing, so that every value is valid.

use crate::text::{comparable, shown};
use crate::{MAX_EXT_BYTES, MAX_NAME_CHARS, MAX_ROOM_CHARS};
use serde::{Deserialize, Serialize};

/// Why a text is not a valid name or id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing of it can be seen.
    #[error("it is empty")]
    Empty,
    /// `length` and `limit` in Unicode scalar values, after NFC and trimming.
    #[error("it has {length} characters, at most {limit} are allowed")]
    TooLong { length: usize, limit: usize },
    /// It contains a character of Unicode's category Cc, such as a line break.
    #[error("it has a character that cannot be shown")]
    ControlCharacter,
    /// Not lower-case hex digits, or not as many as there must be.
    #[error("it is not an id")]
    NotAnId,
}

fn parse_name(text: &str, limit: usize) -> Result<String, IdError> {
    let name = shown(text);
    if name.is_empty() {
        return Err(IdError::Empty);
    }
    let length = name.chars().count();
    if length > limit {
        return Err(IdError::TooLong { length, limit });
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
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
            /// The text.
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

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_hex_id(text: &str) -> Result<String, IdError> {
    if text.len() == 32 && is_hex(text) { Ok(text.to_owned()) } else { Err(IdError::NotAnId) }
}

fn parse_ext(text: &str) -> Result<String, IdError> {
    let (length, limit) = (text.len(), 2 * MAX_EXT_BYTES);
    if length > limit {
        return Err(IdError::TooLong { length, limit });
    }
    if length.is_multiple_of(2) && is_hex(text) { Ok(text.to_owned()) } else { Err(IdError::NotAnId) }
}

text_id!(
    /// The name of a room: 1 to [`MAX_ROOM_CHARS`] characters after Unicode NFC and trimming, without control characters
    /// and invisible ones. Callers whose names have the same [`RoomName::key`] meet.
    RoomName,
    |text| parse_name(text, MAX_ROOM_CHARS)
);
text_id!(
    /// The name under which others see a caller: 1 to [`MAX_NAME_CHARS`] characters after Unicode NFC and trimming,
    /// without control characters and invisible ones. Not unique.
    Nickname,
    |text| parse_name(text, MAX_NAME_CHARS)
);
text_id!(
    /// The address of a peer, chosen by the server for each connection: 128 random bits as 32 lower-case hex digits.
    PeerId,
    parse_hex_id
);
text_id!(
    /// One run of a client, and the hash of what proves it ([`Proof`](crate::Proof)): 32 lower-case hex digits. It stays
    /// the same when the client registers again, so that its peers keep the connections that they have.
    InstanceId,
    parse_hex_id
);

text_id!(
    /// What a client tells those in its room through the server, which does not read it: at most [`MAX_EXT_BYTES`] bytes,
    /// as lower-case hex digits. For later versions.
    Ext,
    parse_ext
);

/// What two spellings of a room's name have in common: capital letters, wide forms and spaces make no difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey(String);

impl RoomName {
    /// The room that the name means.
    pub fn key(&self) -> RoomKey {
        RoomKey(comparable(&self.0))
    }
}

impl PeerId {
    /// `bits` must be unpredictable: the id is the challenge that the client signs.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }
}

impl InstanceId {
    /// `bits` are the beginning of the hash.
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_composed() {
        let decomposed: RoomName = " \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af} ".parse().unwrap();
        assert_eq!(decomposed.as_str(), "한글");
        assert_eq!("e\u{301}".parse::<Nickname>().unwrap().as_str(), "é");
    }

    #[test]
    fn names_are_limited_in_characters() {
        assert_eq!("".parse::<RoomName>(), Err(IdError::Empty));
        assert_eq!("\u{3000} \t".parse::<RoomName>(), Err(IdError::Empty));
        assert!("글".repeat(64).parse::<RoomName>().is_ok());
        assert_eq!("글".repeat(65).parse::<RoomName>(), Err(IdError::TooLong { length: 65, limit: 64 }));
        assert!("😀".repeat(32).parse::<Nickname>().is_ok());
        assert_eq!("😀".repeat(33).parse::<Nickname>(), Err(IdError::TooLong { length: 33, limit: 32 }));
    }

    #[test]
    fn names_have_no_control_characters() {
        assert_eq!("a\nb".parse::<Nickname>(), Err(IdError::ControlCharacter));
        assert_eq!("a\u{0}".parse::<RoomName>(), Err(IdError::ControlCharacter));
        assert!("👨\u{200d}👩\u{200d}👧".parse::<Nickname>().is_ok(), "emoji are joined by an invisible character");
    }

    #[test]
    fn a_name_of_which_nothing_can_be_seen_is_empty() {
        for text in ["\u{200b}", "\u{3164}", "\u{2800}", "\u{202e}", "\u{200d}\u{fe0f} \u{ad}"] {
            assert_eq!(text.parse::<Nickname>(), Err(IdError::Empty), "{text:?}");
        }
        assert_eq!("a\u{2028}b".parse::<Nickname>(), Err(IdError::ControlCharacter));
    }

    #[test]
    fn an_ext_is_up_to_512_bytes_in_hex() {
        for text in ["", "00ff", &"ab".repeat(512)] {
            assert_eq!(text.parse::<Ext>().unwrap().as_str(), text);
        }
        assert_eq!("ab".repeat(513).parse::<Ext>(), Err(IdError::TooLong { length: 1_026, limit: 1_024 }));
        for text in ["0", "FF", "{}", "é1"] {
            assert_eq!(text.parse::<Ext>(), Err(IdError::NotAnId), "{text}");
        }
    }

    #[test]
    fn ids_are_32_lower_case_hex_digits() {
        assert_eq!(PeerId::from_bits(0xab).as_str(), "000000000000000000000000000000ab");
        assert!("0123456789abcdef0123456789abcdef".parse::<PeerId>().is_ok());
        for text in [
            "",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcde",
            "é123456789abcdef0123456789abcde",
        ] {
            assert_eq!(text.parse::<InstanceId>(), Err(IdError::NotAnId), "{text}");
        }
    }
}
