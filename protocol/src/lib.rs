//! The messages of a Maru call: between client and signal server ([`signal`]), and between two peers ([`peer`]).
//!
//! Everything is JSON text, so that a browser page can speak it. `README.md` beside this crate shows every message.
//! What arrives is read with `decode`, which checks every limit, and what is sent is written with `encode`, which
//! refuses to write what the other side would refuse to read.

mod error;
mod ids;
mod limits;
pub mod peer;
pub mod signal;

pub use error::WireError;
pub use ids::{IdError, InstanceId, Nickname, PeerId, RoomName};
pub use limits::{
    MAX_CANDIDATE_BYTES, MAX_CHAT_CHARS, MAX_FRAME_BYTES, MAX_NAME_CHARS, MAX_PEER_MESSAGE_BYTES, MAX_ROOM_CHARS,
    MAX_SDP_BYTES, MAX_SERVER_FRAME_BYTES,
};

/// The version of both protocols, sent in `join`, `welcome` and `hello`.
pub const VERSION: u32 = 1;
