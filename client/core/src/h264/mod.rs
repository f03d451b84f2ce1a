//! H.264 as it travels over RTP (RFC 6184, packetization mode 1), and as decoders take it (Annex B).
//!
//! Out: [`Packetizer`], access unit to RTP payloads. In: [`Depacketizer`], RTP payloads to access unit. Nothing in here
//! trusts a byte that came from outside.

mod depacketizer;
mod nal;
mod packetizer;
mod sps;

pub(crate) use depacketizer::KeyPart;
pub use depacketizer::{Depacketizer, MAX_UNIT_BYTES, PayloadError, begins_key_frame};
pub use nal::{NalType, START_CODE, annex_b_nals};
pub use packetizer::{DEFAULT_MAX_PAYLOAD, Packetizer};
pub use sps::{Sps, SpsError};
