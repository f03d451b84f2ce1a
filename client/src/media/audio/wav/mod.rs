//! Plays a WAV file in a loop.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use maru_core::downmix::Downmix;
use maru_core::media::AUDIO_CLOCK_HZ;

use super::resample::RateConverter;
use crate::media::SourceError;

mod header;
mod samples;

use header::{Header, HeaderError};

const BLOCK_FRAMES: usize = 480;
/// What is read from the file at once, and looked at to find out which of 32 bits are 24.
const BUFFER_BYTES: usize = 1 << 16;

/// Checks that `path` can be played, by its header: a file of any length is checked at once.
///
/// # Errors
/// The place of the error and the reason.
pub fn check_file(path: &Path) -> Result<(), SourceError> {
    open(path).map(drop)
}

/// Plays a file in a loop, mono at 48 kHz. The audio worker reads it from disk through a buffer of 64 KiB.
pub(super) struct WavLoop<R = File> {
    wav: Wav<R>,
    converter: RateConverter,
    block: Vec<f32>,
    ready: Vec<f32>,
    has_failed: bool,
}

impl WavLoop {
    /// # Errors
    /// As [`check_file`], or the file's sample rate cannot be converted.
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        let wav = open(path)?;
        Self::new(wav).map_err(|reason| SourceError::new(path, "header", reason))
    }
}

impl<R: Read + Seek> WavLoop<R> {
    fn new(wav: Wav<R>) -> Result<Self, String> {
        let converter = RateConverter::new(wav.header.rate_hz, AUDIO_CLOCK_HZ)?;
        Ok(Self { wav, converter, block: Vec::new(), ready: Vec::new(), has_failed: false })
    }

    /// Fills `out` with the next samples, or with silence if the file can no longer be read.
    pub(super) fn fill(&mut self, out: &mut [f32]) {
        while self.ready.len() < out.len() && !self.has_failed {
            if let Err(error) = self.read_block() {
                tracing::warn!(%error, "the file can no longer be read");
                self.has_failed = true;
            }
        }
        let count = self.ready.len().min(out.len());
        out[..count].copy_from_slice(&self.ready[..count]);
        out[count..].fill(0.0);
        self.ready.drain(..count);
    }

    fn read_block(&mut self) -> io::Result<()> {
        self.block.clear();
        self.wav.read(&mut self.block)?;
        if self.block.is_empty() {
            self.wav.rewind()?;
            self.wav.read(&mut self.block)?;
            if self.block.is_empty() {
                return Err(io::Error::other("it has no samples any more"));
            }
        }
        self.converter.convert(&self.block, &mut self.ready);
        Ok(())
    }
}

fn open(path: &Path) -> Result<Wav<File>, SourceError> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.is_file(), file)));
    let (is_file, file) = opened.map_err(|error| SourceError::new(path, "opening", error.to_string()))?;
    if !is_file {
        return Err(SourceError::new(path, "opening", "it is not a file"));
    }
    Wav::open(file).map_err(|error| SourceError::new(path, format!("header (byte {})", error.at), error.reason))
}

/// An open file, read from its first sample to its last.
struct Wav<R> {
    file: BufReader<R>,
    header: Header,
    frames_left: u64,
    bytes: Vec<u8>,
    downmix: Downmix,
}

impl<R: Read + Seek> Wav<R> {
    fn open(file: R) -> Result<Self, HeaderError> {
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut header = Header::read(&mut file)?;
        let mut first = Vec::new();
        let seek = file.seek(SeekFrom::Start(header.start));
        seek.and_then(|_| file.by_ref().take(BUFFER_BYTES as u64).read_to_end(&mut first))
            .and_then(|_| file.seek(SeekFrom::Start(header.start)))
            .map_err(|error| HeaderError { at: header.start, reason: error.to_string() })?;
        header.format = header.format.examine(&first);
        let downmix = Downmix::new(header.channels.into(), header.rate_hz);
        Ok(Self { file, header, frames_left: header.frames, bytes: Vec::new(), downmix })
    }

    /// Appends up to [`BLOCK_FRAMES`] frames, mixed to mono. Appends none at the end of the file.
    fn read(&mut self, out: &mut Vec<f32>) -> io::Result<()> {
        let frame_bytes = self.header.frame_bytes();
        let frames = self.frames_left.min(BLOCK_FRAMES as u64);
        self.bytes.clear();
        self.file.by_ref().take(frames * frame_bytes as u64).read_to_end(&mut self.bytes)?;
        self.frames_left -= frames;
        let format = self.header.format;
        let frames = self.bytes.chunks_exact(frame_bytes);
        self.downmix.measure(frames.clone().map(|frame| format.values(frame)));
        out.extend(frames.map(|frame| self.downmix.mix(format.values(frame))));
        Ok(())
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.frames_left = self.header.frames;
        self.file.seek(SeekFrom::Start(self.header.start)).map(drop)
    }
}

#[cfg(test)]
mod tests;
