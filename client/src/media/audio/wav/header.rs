//! Finds the samples in a WAV file (RIFF and RF64), as real tools write it: sizes that a tool could not fill in because it
//! wrote to a pipe, odd chunks with and without padding, 24 bits in 32.

use std::io::{self, Read, Seek, SeekFrom};

use super::samples::SampleFormat;

const MAX_RATE_HZ: u32 = 384_000;
const MIN_RATE_HZ: u32 = 4_000;
const MAX_CHANNELS: u16 = 64;
/// Before the samples. More of them are no WAV file of any use, and reading them would take long.
const MAX_CHUNKS: usize = 1000;
/// `WAVE_FORMAT_EXTENSIBLE` has 40 bytes.
const MAX_FMT_BYTES: u32 = 40;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xFFFE;

/// Where the samples are, and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: SampleFormat,
    pub(super) channels: u16,
    pub(super) rate_hz: u32,
    /// Offset of the first sample in bytes.
    pub(super) start: u64,
    /// At least 1.
    pub(super) frames: u64,
}

/// Why a file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderError {
    /// Offset in bytes.
    pub(super) at: u64,
    /// A sentence without a full stop.
    pub(super) reason: String,
}

struct Chunk {
    id: [u8; 4],
    bytes: u32,
    /// Offset of its contents.
    body: u64,
}

impl Header {
    /// Bytes of one sample of each channel.
    pub(super) fn frame_bytes(&self) -> usize {
        self.format.bytes() * usize::from(self.channels)
    }

    /// Reads the chunks up to the samples. Its time and memory do not depend on the length of the file.
    pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Self, HeaderError> {
        let file_bytes = file.seek(SeekFrom::End(0)).map_err(|error| HeaderError::new(0, error.to_string()))?;
        let riff = read_at::<12>(file, 0)?.ok_or_else(|| HeaderError::new(0, "it is not a WAV file"))?;
        match &riff[..4] {
            b"RIFF" | b"RF64" | b"BW64" if &riff[8..] == b"WAVE" => {}
            b"RIFX" => {
                return Err(HeaderError::new(0, "it is a WAV file with big-endian samples, which cannot be played"));
            }
            _ => return Err(HeaderError::new(0, "it is not a WAV file")),
        }
        // Some tools count neither the padding nor the header.
        let riff_bytes = u64::from(number(&riff, 4)) + 8;
        let is_size_known = riff_bytes.abs_diff(file_bytes) <= 8;
        let (mut format, mut long_bytes) = (None, None);
        let mut position = 12;
        for _ in 0..MAX_CHUNKS {
            let Some(chunk) = read_chunk(file, position)? else {
                return Err(HeaderError::new(position, "it has no samples"));
            };
            match &chunk.id {
                b"ds64" => {
                    let sizes = read_at::<16>(file, chunk.body)?;
                    long_bytes = sizes.map(|sizes| u64::from(number(&sizes, 8)) | u64::from(number(&sizes, 12)) << 32);
                }
                b"fmt " => format = Some(read_format(file, &chunk)?),
                b"data" => {
                    let Some((format, channels, rate_hz)) = format else {
                        return Err(HeaderError::new(position, "it does not say what its samples are"));
                    };
                    let left = file_bytes.saturating_sub(chunk.body);
                    let bytes = match chunk.bytes {
                        u32::MAX => long_bytes.unwrap_or(left).min(left),
                        // Not filled in, unless the file is really empty.
                        0 if !is_size_known => left,
                        bytes => u64::from(bytes).min(left),
                    };
                    let mut header = Self { format, channels, rate_hz, start: chunk.body, frames: 0 };
                    header.frames = bytes / header.frame_bytes() as u64;
                    if header.frames == 0 {
                        return Err(HeaderError::new(chunk.body, "it has no samples"));
                    }
                    return Ok(header);
                }
                _ => {}
            }
            position = next_chunk(file, &chunk)?;
        }
        Err(HeaderError::new(position, format!("its samples do not come within {MAX_CHUNKS} chunks")))
    }
}

impl HeaderError {
    fn new(at: u64, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }
}

fn read_chunk(file: &mut (impl Read + Seek), position: u64) -> Result<Option<Chunk>, HeaderError> {
    let Some(head) = read_at::<8>(file, position)? else { return Ok(None) };
    let id = [head[0], head[1], head[2], head[3]];
    Ok(Some(Chunk { id, bytes: number(&head, 4), body: position + 8 }))
}

/// A chunk begins at an even offset. Some tools forget the padding: then a letter, the next id, is in its place.
fn next_chunk(file: &mut (impl Read + Seek), chunk: &Chunk) -> Result<u64, HeaderError> {
    let end = chunk.body + u64::from(chunk.bytes);
    if chunk.bytes.is_multiple_of(2) {
        return Ok(end);
    }
    let is_padded = read_at::<1>(file, end)?.is_none_or(|[byte]| !byte.is_ascii_alphabetic());
    Ok(end + u64::from(is_padded))
}

fn read_format(file: &mut (impl Read + Seek), chunk: &Chunk) -> Result<(SampleFormat, u16, u32), HeaderError> {
    let refused = |reason: String| Err(HeaderError::new(chunk.body, reason));
    let mut fields = Vec::new();
    file.seek(SeekFrom::Start(chunk.body))
        .and_then(|_| file.take(chunk.bytes.min(MAX_FMT_BYTES).into()).read_to_end(&mut fields))
        .map_err(|error| HeaderError::new(chunk.body, error.to_string()))?;
    if fields.len() < 16 {
        return refused("the description of its samples is too short".into());
    }
    let mut tag = short(&fields, 0);
    let is_extensible = tag == EXTENSIBLE && fields.len() >= 26;
    if is_extensible {
        tag = short(&fields, 24);
    }
    let (channels, rate_hz, frame_bytes, bits) =
        (short(&fields, 2), number(&fields, 4), short(&fields, 12), short(&fields, 14));
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return refused(format!("{channels} channels; 1 to {MAX_CHANNELS} can be played"));
    }
    if !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate_hz) {
        return refused(format!("{rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} can be played"));
    }
    // Without a size of a frame that fits, samples are as short as their bits allow.
    let shortest = bits.div_ceil(8);
    let bytes = match frame_bytes / channels {
        bytes if frame_bytes.is_multiple_of(channels) && bytes >= shortest => bytes,
        _ => shortest,
    };
    let format = match (tag, bytes) {
        (PCM, 1..=4) if bits > 0 => SampleFormat::Int { bytes: bytes as u8 },
        (FLOAT, 4) if bits == 32 => SampleFormat::Float32,
        (FLOAT, 8) if bits == 64 => SampleFormat::Float64,
        (PCM | FLOAT, _) => {
            return refused(format!("{bits} bits a sample; up to 32, or 64 with a point, can be played"));
        }
        _ => return refused(format!("it is compressed, or of a kind of WAV that cannot be played (0x{tag:04x})")),
    };
    // `arecord -f S24_LE` says PCM, 24 bits, 4 bytes; by the standard 24 valid bits in 32 are the upper ones.
    let valid_bits = if is_extensible { short(&fields, 18) } else { bits };
    let format = match format {
        SampleFormat::Int { bytes: 4 } if valid_bits == 24 => SampleFormat::Int24In32 { is_extensible },
        format => format,
    };
    Ok((format, channels, rate_hz))
}

/// `None`: the file ends before.
fn read_at<const N: usize>(file: &mut (impl Read + Seek), position: u64) -> Result<Option<[u8; N]>, HeaderError> {
    let mut bytes = [0; N];
    let read = file.seek(SeekFrom::Start(position)).and_then(|_| file.read_exact(&mut bytes));
    match read {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(HeaderError::new(position, error.to_string())),
    }
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
