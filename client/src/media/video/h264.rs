//! H.264 by OpenH264. Only this folder knows `openh264`.

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::H264Decoder;
pub use encoder::{EncodedFrame, H264Encoder};

use thiserror::Error;

/// An error of the codec.
#[derive(Debug, Error)]
pub enum CodecError {
    #[error("OpenH264: {0}")]
    OpenH264(#[from] openh264::Error),
    #[error("OpenH264 refuses {what}: error {code}")]
    Option { what: &'static str, code: i32 },
    #[error("a frame of {width}x{height}; both sides have to be even, from 16 to 3840")]
    Size { width: u32, height: u32 },
}
