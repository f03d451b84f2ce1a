//! Received H.264: RTP payloads (RFC 6184, packetization mode 1) to access units in Annex B form. Nothing in here
//! trusts a byte that came from outside.

mod depacketizer;
mod nal;

pub(crate) use depacketizer::KeyPart;
pub use depacketizer::{Depacketizer, MAX_UNIT_BYTES, PayloadError, begins_key_frame};
pub use nal::{NalType, START_CODE};
