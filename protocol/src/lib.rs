//! The messages of a Maru call: between client and signal server ([`signal`]), and between two peers ([`peer`]).
//!
//! Everything is JSON text, so that a browser page can speak it. `README.md` beside this crate shows every message.

mod ids;
pub mod peer;
pub mod signal;

pub use ids::{IdError, InstanceId, Nickname, PeerId, RoomName};

/// The version of both protocols, sent in `join` and in `hello`.
pub const VERSION: u32 = 1;
