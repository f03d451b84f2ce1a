//! The messages of a Maru call: between client and signal server ([`signal`]), and between two peers ([`peer`]).
//!
//! Every message is a JSON object, so that a web page can take part. `README.md` beside this crate shows each of them.
//! `decode` reads a message and checks every limit. `encode` checks the same limits and writes it.

mod error;
mod ids;
mod limits;
pub mod peer;
mod proof;
pub mod signal;
mod text;
mod wire;

pub use error::WireError;
pub use ids::{Ext, IdError, InstanceId, Nickname, PeerId, RoomKey, RoomName};
pub use limits::{
    MAX_CANDIDATE_BYTES, MAX_CHAT_CHARS, MAX_EXT_BYTES, MAX_FRAME_BYTES, MAX_NAME_CHARS, MAX_PEER_MESSAGE_BYTES,
    MAX_ROOM_CHARS, MAX_SDP_BYTES, MAX_SERVER_FRAME_BYTES, MAX_STREAMS,
};
pub use proof::{Hex, InvalidProof, NoRandomNumbers, OwnKey, Proof};

/// The version of both protocols, sent in `join`, `welcome` and `hello`.
pub const VERSION: u32 = 2;
