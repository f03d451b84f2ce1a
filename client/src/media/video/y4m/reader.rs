//! Reads frames by index.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use maru_core::frame::I420;

use super::header::{self, Header};
use crate::media::SourceError;
use crate::media::video::frame_clock::FrameRate;

const MARKER: &[u8] = b"FRAME";
const MARKER_WITH_WORDS: &[u8] = b"FRAME ";
/// Bytes.
const MAX_LINE: u64 = 1024;

/// An open file whose frame markers have all been checked.
#[derive(Debug)]
pub(in crate::media::video) struct Y4mReader {
    path: PathBuf,
    file: BufReader<File>,
    header: Header,
    /// Offset in bytes of each frame's pixels.
    frames: Vec<u64>,
}

impl Y4mReader {
    /// Opens the file and checks its header and each frame's marker. Pixels are not read.
    ///
    /// # Errors
    /// The file is missing, is no Y4M file, has no frame or a broken marker, or is cut off.
    pub(in crate::media::video) fn open(path: &Path) -> Result<Self, SourceError> {
        let at = |place: &str, reason: String| SourceError::new(path, place, reason);
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| at("opening", error.to_string()))?;
        if !metadata.is_file() {
            return Err(at("opening", "this is no file".into()));
        }
        let mut file = BufReader::new(file);
        let line = read_line(&mut file).map_err(|error| at("header", error.to_string()))?;
        // A missing line is refused in the same way as an empty one.
        let line = line.unwrap_or_default();
        let header = header::parse(&line).map_err(|reason| at("header", reason))?;
        let frames = find_frames(path, &mut file, line.len() as u64 + 1, metadata.len(), header.frame_bytes())?;
        Ok(Self { path: path.to_owned(), file, header, frames })
    }

    /// The number of frames, at least 1.
    pub(in crate::media::video) fn frames(&self) -> u64 {
        self.frames.len() as u64
    }

    pub(in crate::media::video) fn rate(&self) -> FrameRate {
        self.header.rate
    }

    /// Reads frame `index` into `image`, which takes the file's size.
    ///
    /// # Errors
    /// There is no such frame, or the file changed since it was opened.
    pub(in crate::media::video) fn read(&mut self, index: u64, image: &mut I420) -> Result<(), SourceError> {
        image.reshape(self.header.width, self.header.height);
        let position = usize::try_from(index).ok().and_then(|index| self.frames.get(index).copied());
        let read = match position {
            None => Err(std::io::Error::other("there is no such frame")),
            Some(position) => read_planes(&mut self.file, position, image),
        };
        read.map_err(|error| SourceError::new(&self.path, format!("frame {index}"), error.to_string()))
    }
}

fn read_planes(file: &mut BufReader<File>, position: u64, image: &mut I420) -> std::io::Result<()> {
    let here = file.stream_position()?;
    // Relative, because that keeps the buffer when frames are read in order.
    file.seek_relative(position as i64 - here as i64)?;
    file.read_exact(&mut image.y)?;
    file.read_exact(&mut image.u)?;
    file.read_exact(&mut image.v)
}

fn find_frames(
    path: &Path,
    file: &mut BufReader<File>,
    header_bytes: u64,
    file_bytes: u64,
    frame_bytes: u64,
) -> Result<Vec<u64>, SourceError> {
    let mut frames = Vec::new();
    let mut position = header_bytes;
    while position < file_bytes {
        let at = |reason: String| SourceError::new(path, format!("frame {} (byte {position})", frames.len()), reason);
        file.seek(SeekFrom::Start(position)).map_err(|error| at(error.to_string()))?;
        let line = read_line(file).map_err(|error| at(error.to_string()))?;
        let marker = line.filter(|line| line == MARKER || line.starts_with(MARKER_WITH_WORDS));
        let marker = marker.ok_or_else(|| at("the frame does not begin with FRAME".into()))?;
        let pixels = position + marker.len() as u64 + 1;
        let left = file_bytes.saturating_sub(pixels);
        if left < frame_bytes {
            return Err(at(format!("the file ends after {left} of the {frame_bytes} bytes of this frame")));
        }
        frames.push(pixels);
        position = pixels + frame_bytes;
    }
    if frames.is_empty() {
        return Err(SourceError::new(path, format!("byte {header_bytes}"), "the file has no frame"));
    }
    Ok(frames)
}

/// A line without its line feed. `None`: there is no line feed within [`MAX_LINE`].
fn read_line(file: &mut BufReader<File>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

#[cfg(test)]
mod tests;
