//! Converts what a camera delivers to I420.

use maru_core::convert::{self, ConvertError, Matrix};
use maru_core::frame::I420;
use thiserror::Error;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::format::{Format, PixelFormat};

/// Of a JPEG, in pixels.
const MAX_SIDE: usize = 8192;

/// Why a frame cannot be converted.
#[derive(Debug, Error)]
pub(super) enum FrameError {
    #[error("broken frame: {0}")]
    Convert(#[from] ConvertError),
    #[error("broken JPEG: {0}")]
    Jpeg(#[from] DecodeErrors),
    #[error("a JPEG of {0}x{1}")]
    JpegSize(usize, usize),
}

/// Keeps the buffer of decoded JPEGs.
#[derive(Default)]
pub(super) struct Converter {
    pixels: Vec<u8>,
}

impl Converter {
    /// Converts `frame` into `image`, which is resized. Luma and chroma get the matrix for their size.
    ///
    /// # Errors
    /// The frame is too short or its JPEG is broken.
    pub(super) fn convert(&mut self, format: Format, frame: &[u8], image: &mut I420) -> Result<(), FrameError> {
        let (width, height) = (format.width, format.height);
        match format.pixels {
            PixelFormat::Mjpeg => self.jpeg(frame, image)?,
            PixelFormat::Yuyv => convert::yuyv_to_i420(frame, width, height, image)?,
            PixelFormat::Nv12 => convert::nv12_to_i420(frame, width, height, image)?,
            PixelFormat::Grey => convert::gray_to_i420(frame, width, height, image)?,
            PixelFormat::Rgb => return Ok(convert::rgb_to_i420(frame, width, height, image)?),
            PixelFormat::Bgr => return Ok(convert::bgr_to_i420(frame, width, height, image)?),
        }
        // Webcams and JPEG always use BT.601.
        convert::change_matrix(image, Matrix::Bt601, Matrix::of_height(image.height));
        Ok(())
    }

    fn jpeg(&mut self, frame: &[u8], image: &mut I420) -> Result<(), FrameError> {
        // YCbCr as in the file: a conversion to RGB and back would cost time and quality.
        let options = DecoderOptions::new_fast()
            .jpeg_set_out_colorspace(ColorSpace::YCbCr)
            .set_max_width(MAX_SIDE)
            .set_max_height(MAX_SIDE);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(frame), options);
        decoder.decode_headers()?;
        let (width, height) = decoder.info().map_or((0, 0), |info| (usize::from(info.width), usize::from(info.height)));
        if width < 2 || height < 2 {
            return Err(FrameError::JpegSize(width, height));
        }
        self.pixels.resize(width * height * 3, 0);
        decoder.decode_into(&mut self.pixels)?;
        Ok(convert::ycbcr_to_i420(&self.pixels, width as u32, height as u32, image)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::video::frame_clock::FrameRate;

    /// 16 by 16, red above, grey below; made with ImageMagick, 4:2:0, quality 95.
    const JPEG: &[u8] = include_bytes!("red-over-grey.jpg");

    fn format(pixels: PixelFormat, width: u32, height: u32) -> Format {
        Format { width, height, pixels, rate: FrameRate { numerator: 30, denominator: 1 } }
    }

    #[test]
    fn a_jpeg_keeps_its_colours() {
        let mut image = I420::black(0, 0);
        // Some drivers return a whole buffer, with zeros after the image.
        let frame = [JPEG, &[0; 3000]].concat();
        Converter::default().convert(format(PixelFormat::Mjpeg, 16, 16), &frame, &mut image).expect("a good frame");
        assert_eq!((image.width, image.height), (16, 16));
        // BT.601: red is 81, 90, 240; a grey of 128 is 126, 128, 128.
        let near = |value: u8, wanted: u8| assert!(value.abs_diff(wanted) <= 3, "{value} for {wanted}");
        near(image.y[0], 81);
        near(image.u[0], 90);
        near(image.v[0], 240);
        near(image.y[255], 126);
        near(image.u[63], 128);
        near(image.v[63], 128);
    }

    #[test]
    fn broken_frames_are_errors() {
        let mut converter = Converter::default();
        let mut image = I420::black(0, 0);
        let mjpeg = format(PixelFormat::Mjpeg, 16, 16);
        assert!(converter.convert(mjpeg, &[], &mut image).is_err());
        assert!(converter.convert(mjpeg, &[0xff; 300], &mut image).is_err());
        for end in 0..JPEG.len() {
            // An error or a frame, but no panic.
            let _ = converter.convert(mjpeg, &JPEG[..end], &mut image);
        }
        assert!(converter.convert(format(PixelFormat::Yuyv, 16, 16), &[0; 511], &mut image).is_err());
    }

    #[test]
    fn high_definition_is_converted_to_bt_709() {
        let mut image = I420::black(0, 0);
        // YUYV of red in BT.601.
        let frame = [81, 90, 81, 240].repeat(640 * 720);
        Converter::default().convert(format(PixelFormat::Yuyv, 1280, 720), &frame, &mut image).expect("a good frame");
        assert!(image.y[0].abs_diff(63) <= 2 && image.u[0].abs_diff(102) <= 2 && image.v[0] >= 238);
    }
}
