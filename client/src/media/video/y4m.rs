//! YUV4MPEG2 files with 8 bits, 4:2:0, as `ffmpeg` and Chromium read and write them.

mod header;
mod reader;
mod writer;

pub(super) use reader::Y4mReader;
pub(super) use writer::Y4mWriter;
