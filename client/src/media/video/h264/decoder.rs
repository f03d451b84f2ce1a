//! Decodes H.264.

use maru_core::frame::I420;
use openh264::OpenH264API;
use openh264::decoder::{Decoder, DecoderConfig};
use openh264::formats::YUVSource;

use super::CodecError;

/// Decodes one stream of access units.
pub struct H264Decoder {
    decoder: Decoder,
}

impl H264Decoder {
    /// # Errors
    /// Out of memory.
    pub fn new() -> Result<Self, CodecError> {
        // The default is no threads of its own: the codec's threads are unsound.
        Ok(Self { decoder: Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new())? })
    }

    /// Decodes an access unit (H.264, annex B) into `image`, which is resized. `false`: the unit contains no frame.
    ///
    /// # Errors
    /// The unit is broken, or its reference is missing. Continue with a new decoder and a key frame.
    pub fn decode(&mut self, unit: &[u8], image: &mut I420) -> Result<bool, CodecError> {
        let Some(frame) = self.decoder.decode(unit)? else { return Ok(false) };
        let (width, height) = frame.dimensions();
        let size = CodecError::Size { width: width as u32, height: height as u32 };
        if width == 0 || height == 0 || width % 2 != 0 || height % 2 != 0 {
            return Err(size);
        }
        image.reshape(width as u32, height as u32);
        let strides = frame.strides();
        let copied = copy_plane(frame.y(), strides.0, &mut image.y, width)
            .and_then(|()| copy_plane(frame.u(), strides.1, &mut image.u, width / 2))
            .and_then(|()| copy_plane(frame.v(), strides.2, &mut image.v, width / 2));
        copied.ok_or(size).map(|()| true)
    }
}

/// `None`: `from` is shorter than the plane.
fn copy_plane(from: &[u8], stride: usize, to: &mut [u8], width: usize) -> Option<()> {
    for (row, to) in to.chunks_exact_mut(width).enumerate() {
        to.copy_from_slice(from.get(row * stride..row * stride + width)?);
    }
    Some(())
}
