//! Reads frames by index.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use maru_core::frame::I420;

use super::header::{self, Header};
use crate::media::SourceError;
use crate::media::video::frame_clock::FrameRate;

const MARKER: &[u8] = b"FRAME";
const MARKER_LINE: &[u8; 6] = b"FRAME\n";
const MARKER_WITH_WORDS: &[u8] = b"FRAME ";
/// Bytes.
const MAX_LINE: u64 = 1024;
/// So many markers are looked at when a file is opened. A film of two hours has 200,000.
const SAMPLED: u64 = 64;

/// An open file. What is not checked when it is opened is checked when it is read.
#[derive(Debug)]
pub(in crate::media::video) struct Y4mReader {
    path: PathBuf,
    file: BufReader<File>,
    header: Header,
    frames: Frames,
}

/// Where the frames are. Offsets in bytes.
#[derive(Debug)]
enum Frames {
    /// One after the other, each with the plain marker.
    Regular { start: u64, stride: u64, count: u64 },
    /// The pixels of each; all markers have been checked.
    Listed(Vec<u64>),
}

impl Y4mReader {
    /// Opens the file and checks its header and the markers of frames: a few if all are alike, otherwise each. Pixels are
    /// not read.
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
        let (start, file_bytes) = (line.len() as u64 + 1, metadata.len());
        let regular = find_regular(&mut file, start, file_bytes, header.frame_bytes());
        let frames = match regular.map_err(|error| at("reading", error.to_string()))? {
            Some(regular) => regular,
            None => Frames::Listed(find_frames(path, &mut file, start, file_bytes, header.frame_bytes())?),
        };
        Ok(Self { path: path.to_owned(), file, header, frames })
    }

    /// The number of frames, at least 1.
    pub(in crate::media::video) fn frames(&self) -> u64 {
        match &self.frames {
            Frames::Regular { count, .. } => *count,
            Frames::Listed(frames) => frames.len() as u64,
        }
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
        let no_such_frame = || std::io::Error::other("there is no such frame");
        let read = match &self.frames {
            Frames::Regular { count, .. } if index >= *count => Err(no_such_frame()),
            Frames::Regular { start, stride, .. } => {
                let position = start + index * stride;
                read_marker(&mut self.file, position)
                    .and_then(|()| read_planes(&mut self.file, position + MARKER_LINE.len() as u64, image))
            }
            Frames::Listed(frames) => {
                let position = usize::try_from(index).ok().and_then(|index| frames.get(index).copied());
                position.ok_or_else(no_such_frame).and_then(|position| read_planes(&mut self.file, position, image))
            }
        };
        read.map_err(|error| SourceError::new(&self.path, format!("frame {index}"), error.to_string()))
    }
}

fn read_marker(file: &mut BufReader<File>, position: u64) -> std::io::Result<()> {
    let mut marker = [0; MARKER_LINE.len()];
    seek(file, position)?;
    file.read_exact(&mut marker)?;
    if &marker == MARKER_LINE { Ok(()) } else { Err(std::io::Error::other("the frame does not begin with FRAME")) }
}

/// Relative, because that keeps the buffer when frames are read in order.
fn seek(file: &mut BufReader<File>, position: u64) -> std::io::Result<()> {
    let here = file.stream_position()?;
    file.seek_relative(position as i64 - here as i64)
}

fn read_planes(file: &mut BufReader<File>, position: u64, image: &mut I420) -> std::io::Result<()> {
    seek(file, position)?;
    file.read_exact(&mut image.y)?;
    file.read_exact(&mut image.u)?;
    file.read_exact(&mut image.v)
}

/// `None`: the frames are not all alike, or one of those looked at is broken.
fn find_regular(
    file: &mut BufReader<File>,
    start: u64,
    file_bytes: u64,
    frame_bytes: u64,
) -> std::io::Result<Option<Frames>> {
    let stride = MARKER_LINE.len() as u64 + frame_bytes;
    let bytes = file_bytes.saturating_sub(start);
    let count = bytes / stride;
    if count == 0 || !bytes.is_multiple_of(stride) {
        return Ok(None);
    }
    let mut marker = [0; MARKER_LINE.len()];
    let samples = count.min(SAMPLED);
    for sample in 0..samples {
        // From the first to the last one.
        let index = sample * (count - 1) / (samples - 1).max(1);
        file.seek(SeekFrom::Start(start + index * stride))?;
        file.read_exact(&mut marker)?;
        if &marker != MARKER_LINE {
            return Ok(None);
        }
    }
    Ok(Some(Frames::Regular { start, stride, count }))
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
