//! Uncompressed frames.

use crate::rtp::RtpTime;
use crate::time::Timestamp;

/// An 8-bit 4:2:0 frame in limited range (BT.601 below 720 lines, BT.709 from there), planes without padding:
/// `y` is `width * height` bytes; `u` and `v` are `width.div_ceil(2) * height.div_ceil(2)` bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct I420 {
    pub width: u32,
    pub height: u32,
    pub y: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
}

impl I420 {
    /// A black frame.
    pub fn black(width: u32, height: u32) -> Self {
        let luma = width as usize * height as usize;
        let chroma = Self::chroma_width_of(width) as usize * height.div_ceil(2) as usize;
        Self { width, height, y: vec![16; luma], u: vec![128; chroma], v: vec![128; chroma] }
    }

    /// Resizes the planes for a frame of `width` by `height`, and keeps their memory. Their content is unspecified.
    pub fn reshape(&mut self, width: u32, height: u32) {
        let luma = width as usize * height as usize;
        let chroma = Self::chroma_width_of(width) as usize * height.div_ceil(2) as usize;
        self.width = width;
        self.height = height;
        self.y.resize(luma, 16);
        self.u.resize(chroma, 128);
        self.v.resize(chroma, 128);
    }

    /// Width of the planes `u` and `v`.
    pub fn chroma_width(&self) -> u32 {
        Self::chroma_width_of(self.width)
    }

    /// Height of the planes `u` and `v`.
    pub fn chroma_height(&self) -> u32 {
        self.height.div_ceil(2)
    }

    fn chroma_width_of(width: u32) -> u32 {
        width.div_ceil(2)
    }
}

/// A frame with its time and source.
#[derive(Debug, Clone)]
pub struct VideoFrame {
    pub image: I420,
    /// When it was captured (own frames) or decoded (a peer's).
    pub at: Timestamp,
    /// At 90 kHz.
    pub rtp_time: RtpTime,
    /// Index in the file or test pattern; `None` for a camera's and for a peer's.
    pub source_frame: Option<u64>,
}
