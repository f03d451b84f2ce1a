//! Writes frames of one size.

use std::fs::File;
use std::io::{BufWriter, Write};

use maru_core::frame::I420;

/// An open file of frames of one size.
#[derive(Debug)]
pub(in crate::media::video) struct Y4mWriter {
    file: BufWriter<File>,
    width: u32,
    height: u32,
}

impl Y4mWriter {
    /// Begins `file`. Its header always says 30 frames per second: the real rate is not known.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(in crate::media::video) fn new(file: File, width: u32, height: u32) -> std::io::Result<Self> {
        let mut file = BufWriter::new(file);
        writeln!(file, "YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg")?;
        Ok(Self { file, width, height })
    }

    /// Whether `image` has the size of this file's frames.
    pub(in crate::media::video) fn fits(&self, image: &I420) -> bool {
        (self.width, self.height) == (image.width, image.height)
    }

    /// # Errors
    /// The disk is full or gone.
    pub(in crate::media::video) fn write(&mut self, image: &I420) -> std::io::Result<()> {
        self.file.write_all(b"FRAME\n")?;
        self.file.write_all(&image.y)?;
        self.file.write_all(&image.u)?;
        self.file.write_all(&image.v)?;
        self.file.flush()
    }
}
