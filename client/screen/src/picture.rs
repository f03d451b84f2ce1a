//! Pixels as the window system gives them.

use maru_core::convert;
use maru_core::frame::I420;

use crate::error::ScreenError;

/// A longer side is an error. Small enough that the bytes of a picture fit into 31 bits.
pub(crate) const MAX_SIDE: u32 = 16_384;
pub(crate) const PIXEL_BYTES: usize = 4;

/// BGRA without padding, both sides even and up to [`MAX_SIDE`].
#[derive(Debug, Default)]
pub(crate) struct Picture {
    width: u32,
    height: u32,
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    /// Resizes it for a target of this size, of which an odd last row or column is left out. Returns whether that changes
    /// its size; then the content is unspecified.
    ///
    /// # Errors
    /// [`ScreenError::TooLarge`].
    pub(crate) fn fit(&mut self, width: u32, height: u32) -> Result<bool, ScreenError> {
        if width > MAX_SIDE || height > MAX_SIDE {
            return Err(ScreenError::TooLarge { width, height });
        }
        let (width, height) = (width & !1, height & !1);
        if (width, height) == (self.width, self.height) {
            return Ok(false);
        }
        (self.width, self.height) = (width, height);
        self.pixels.resize(self.stride() * height as usize, 0);
        Ok(true)
    }

    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// Bytes of a row.
    pub(crate) fn stride(&self) -> usize {
        self.width as usize * PIXEL_BYTES
    }

    /// For the encoder.
    ///
    /// # Errors
    /// The picture is empty, which callers exclude.
    pub(crate) fn write_to(&self, image: &mut I420) -> Result<(), ScreenError> {
        convert::bgra_to_i420(&self.pixels, self.width, self.height, image)
            .map_err(|error| ScreenError::Refused { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sides_lose_their_last_pixel_and_huge_ones_are_refused() {
        let mut picture = Picture::default();
        assert_eq!(picture.fit(5, 3), Ok(true));
        assert_eq!((picture.width(), picture.height(), picture.pixels.len()), (4, 2, 32));
        assert_eq!(picture.fit(4, 2), Ok(false));
        assert_eq!(picture.fit(16_385, 2), Err(ScreenError::TooLarge { width: 16_385, height: 2 }));
        assert_eq!(picture.fit(2, u32::MAX), Err(ScreenError::TooLarge { width: 2, height: u32::MAX }));
    }
}
