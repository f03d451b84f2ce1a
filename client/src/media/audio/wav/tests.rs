use std::io::Cursor;

use maru_core::spectrum::{loudest_hz, tone};

use super::*;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const UNKNOWN: u32 = u32::MAX;

/// A file to write, with everything that tools write wrongly.
#[derive(Clone)]
struct Recipe {
    tag: u16,
    /// Of the samples within their `bytes`.
    bits: u16,
    bytes: u16,
    channels: u16,
    rate_hz: u32,
    is_extensible: bool,
    riff_bytes: Option<u32>,
    data_bytes: Option<u32>,
    before_data: Vec<u8>,
    after_data: Vec<u8>,
}

fn recipe(tag: u16, bits: u16, bytes: u16) -> Recipe {
    Recipe {
        tag,
        bits,
        bytes,
        channels: 1,
        rate_hz: 48_000,
        is_extensible: false,
        riff_bytes: None,
        data_bytes: None,
        before_data: Vec::new(),
        after_data: Vec::new(),
    }
}

impl Recipe {
    fn file(&self, data: &[u8]) -> Vec<u8> {
        let frame_bytes = self.bytes * self.channels;
        let mut format = Vec::new();
        let tag = if self.is_extensible { 0xFFFE } else { self.tag };
        let bits = if self.is_extensible { self.bytes * 8 } else { self.bits };
        format.extend([tag, self.channels].map(u16::to_le_bytes).concat());
        format.extend([self.rate_hz, self.rate_hz * u32::from(frame_bytes)].map(u32::to_le_bytes).concat());
        format.extend([frame_bytes, bits].map(u16::to_le_bytes).concat());
        if self.is_extensible {
            format.extend([22, self.bits, 0, 0, self.tag].map(u16::to_le_bytes).concat());
            format.extend(b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
        }
        let chunk = |id: &[u8; 4], size: u32, body: &[u8]| [&id[..], &size.to_le_bytes(), body].concat();
        let data_bytes = self.data_bytes.unwrap_or(data.len() as u32);
        let rest = [
            b"WAVE".to_vec(),
            chunk(b"fmt ", format.len() as u32, &format),
            self.before_data.clone(),
            chunk(b"data", data_bytes, data),
            self.after_data.clone(),
        ]
        .concat();
        chunk(b"RIFF", self.riff_bytes.unwrap_or(rest.len() as u32), &rest)
    }

    /// Half a second of 1 kHz on every channel.
    fn tone(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for sample in tone(1000.0, self.rate_hz, self.rate_hz as usize / 2) {
            for _ in 0..self.channels {
                match (self.tag, self.bytes) {
                    (FLOAT, 8) => data.extend(f64::from(sample).to_le_bytes()),
                    (FLOAT, _) => data.extend(sample.to_le_bytes()),
                    (_, 1) => data.push((sample * 127.0 + 128.0) as u8),
                    (_, bytes) => {
                        // The upper bits count.
                        let word = (f64::from(sample) * 2_147_483_647.0) as i32 & (-1 << (32 - self.bits));
                        data.extend(&word.to_le_bytes()[4 - usize::from(bytes)..]);
                    }
                }
            }
        }
        data
    }
}

/// The next samples at 48 kHz.
fn played(file: Vec<u8>, count: usize) -> Vec<f32> {
    let wav = Wav::open(Cursor::new(file)).unwrap_or_else(|error| panic!("{error:?}"));
    let mut source = WavLoop::new(wav).unwrap();
    let mut audio = vec![0.0; count];
    for part in audio.chunks_mut(333) {
        source.fill(part);
    }
    audio
}

fn assert_is_tone(file: Vec<u8>, what: &str) {
    // Two seconds of a file of half a second: it loops.
    let audio = played(file, 96_000);
    let last = &audio[72_000..];
    assert_eq!(loudest_hz(last, 48_000, 400..3000, 20), 1000, "{what}");
    let rms = (last.iter().map(|sample| sample * sample).sum::<f32>() / last.len() as f32).sqrt();
    assert!((0.33..0.37).contains(&rms), "{what}: {rms}");
}

fn reason(file: Vec<u8>) -> String {
    Wav::open(Cursor::new(file)).err().expect("it is refused").reason
}

#[test]
fn each_sample_format_rate_and_number_of_channels_is_played() {
    for (tag, bits, bytes, rate_hz, channels) in [
        (PCM, 8, 1, 8_000, 1),
        (PCM, 16, 2, 44_100, 2),
        (PCM, 24, 3, 48_000, 6),
        (PCM, 20, 3, 48_000, 1),
        (PCM, 32, 4, 96_000, 1),
        (FLOAT, 32, 4, 22_050, 2),
        (FLOAT, 64, 8, 48_000, 1),
    ] {
        for is_extensible in [false, true] {
            let recipe = Recipe { channels, rate_hz, is_extensible, ..recipe(tag, bits, bytes) };
            assert_is_tone(recipe.file(&recipe.tone()), &format!("{bits} bits, extensible: {is_extensible}"));
        }
    }
}

#[test]
fn twenty_four_bits_in_32_are_found_where_they_are() {
    let upper = recipe(PCM, 24, 4).tone();
    let lower = |top: fn(u8) -> u8| -> Vec<u8> {
        upper.as_chunks::<4>().0.iter().flat_map(|word| [word[1], word[2], word[3], top(word[3])]).collect()
    };
    let sign: fn(u8) -> u8 = |top| if top < 0x80 { 0 } else { 0xFF };
    for is_extensible in [false, true] {
        let recipe = Recipe { is_extensible, ..recipe(PCM, 24, 4) };
        assert_is_tone(recipe.file(&upper), "upper bits, as the standard says");
        assert_is_tone(recipe.file(&lower(sign)), "lower bits, as arecord writes them");
    }
    assert_is_tone(recipe(PCM, 24, 4).file(&lower(|_| 0)), "lower bits below zeros");
    assert_is_tone(recipe(PCM, 24, 4).file(&lower(|top| top ^ 0x5A)), "lower bits below anything");
    // 16 bits of sound in the lower 24: the lowest byte is zero, too.
    let from_16 = |top: fn(u8) -> u8| -> Vec<u8> {
        upper.as_chunks::<4>().0.iter().flat_map(|word| [0, word[2], word[3], top(word[3])]).collect()
    };
    assert_is_tone(recipe(PCM, 24, 4).file(&from_16(sign)), "lower bits that were 16 once");
}

#[test]
fn sizes_that_a_tool_left_open_in_a_pipe_mean_the_rest_of_the_file() {
    let whole = recipe(PCM, 16, 2);
    // In this order: ffmpeg; arecord; sox; a tool that fills nothing in; one that knows only the samples.
    for (riff_bytes, data_bytes) in
        [(UNKNOWN, UNKNOWN), (0x8000_0024, 0x8000_0000), (0x7FFF_F024, 0x7FFF_F000), (0, 0), (0, 48_000)]
    {
        let recipe = Recipe { riff_bytes: Some(riff_bytes), data_bytes: Some(data_bytes), ..whole.clone() };
        assert_is_tone(recipe.file(&whole.tone()), &format!("{data_bytes:#x}"));
    }
}

#[test]
fn a_file_that_was_cut_off_plays_up_to_its_end() {
    let recipe = recipe(PCM, 16, 2);
    let mut file = recipe.file(&recipe.tone());
    file.truncate(44 + 2 * 4800 + 1);
    assert_is_tone(file, "100 ms and half a sample");
}

#[test]
fn odd_chunks_and_a_byte_too_many_are_no_error() {
    let whole = recipe(PCM, 16, 2);
    let padded = b"LIST\x03\0\0\0abc\0".to_vec();
    let unpadded = b"LIST\x03\0\0\0abc".to_vec();
    for before_data in [padded.clone(), unpadded, [padded, b"junk\0\0\0\0".to_vec()].concat()] {
        assert_is_tone(Recipe { before_data, ..whole.clone() }.file(&whole.tone()), "an odd chunk before the samples");
    }
    let mut data = whole.tone();
    data.push(7);
    assert_is_tone(whole.file(&data), "a byte too many in the samples");
    let after_data = b"LIST\x04\0\0\0\xff\x7f\xff\x7f!".to_vec();
    let recipe = Recipe { after_data, ..whole.clone() };
    let audio = played(recipe.file(&[0; 960]), 4800);
    assert!(audio.iter().all(|sample| *sample == 0.0), "what follows the samples is not played");
}

#[test]
fn rf64_has_its_size_in_a_chunk_of_its_own() {
    let whole = recipe(PCM, 16, 2);
    let data = whole.tone();
    let mut file = Recipe { riff_bytes: Some(UNKNOWN), data_bytes: Some(UNKNOWN), ..whole }.file(&data);
    file[..4].copy_from_slice(b"RF64");
    let size = (data.len() as u64).to_le_bytes();
    let ds64 = [&b"ds64\x1c\0\0\0"[..], &[0; 8], &size, &[0; 12]].concat();
    file.splice(12..12, ds64);
    file.extend(b"LIST\x04\0\0\0\xff\x7f\xff\x7f");
    let wav = Wav::open(Cursor::new(file.clone())).unwrap();
    assert_eq!(wav.header.frames, 24_000);
    assert_is_tone(file, "RF64");
}

#[test]
fn a_file_that_cannot_be_played_is_refused_with_a_reason() {
    assert!(reason(b"not a wave file at all, just some words".to_vec()).contains("not a WAV"));
    assert!(reason(Vec::new()).contains("not a WAV"));
    let file = |recipe: Recipe| recipe.file(&[0; 64]);
    assert!(reason(recipe(PCM, 16, 2).file(&[])).contains("no samples"));
    assert!(reason(file(Recipe { channels: 0, ..recipe(PCM, 16, 2) })).contains("0 channels"));
    assert!(reason(file(Recipe { rate_hz: 1, ..recipe(PCM, 16, 2) })).contains("1 Hz"));
    assert!(reason(file(recipe(PCM, 0, 2))).contains("0 bits"));
    assert!(reason(file(recipe(PCM, 64, 8))).contains("64 bits"));
    assert!(reason(file(recipe(2, 4, 1))).contains("compressed"));
    let mut without_format = recipe(PCM, 16, 2).file(&[0; 64]);
    without_format[12..16].copy_from_slice(b"junk");
    assert!(reason(without_format).contains("does not say"));
    let many = b"junk\0\0\0\0".repeat(2000);
    assert!(reason(Recipe { before_data: many, ..recipe(PCM, 16, 2) }.file(&[0; 64])).contains("chunks"));
}

#[test]
fn the_error_for_a_file_names_it_and_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.wav");
    assert_eq!(check_file(&missing).unwrap_err().place, "opening");
    assert_eq!(check_file(folder.path()).unwrap_err().place, "opening");
    let text = folder.path().join("text.wav");
    std::fs::write(&text, "just some words").unwrap();
    let error = check_file(&text).unwrap_err();
    assert_eq!(error.place, "header (byte 0)");
    assert!(error.to_string().contains("text.wav"), "{error}");
}

#[test]
fn what_is_not_a_number_is_silent() {
    let data = [f32::NAN, f32::INFINITY, 0.5, -7.0].map(f32::to_le_bytes).concat();
    assert_eq!(played(recipe(FLOAT, 32, 4).file(&data), 4), [0.0, 0.0, 0.5, -1.0]);
}

/// A file of two hours whose contents are made when they are read.
struct Long {
    header: Vec<u8>,
    bytes: u64,
    position: u64,
    read: u64,
}

impl Read for Long {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min((self.bytes - self.position) as usize);
        for (at, byte) in (self.position..).zip(&mut buffer[..count]) {
            *byte = self.header.get(at as usize).copied().unwrap_or_default();
        }
        self.position += count as u64;
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Long {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => self.bytes.saturating_add_signed(offset),
            SeekFrom::Current(offset) => self.position.saturating_add_signed(offset),
        };
        Ok(self.position)
    }
}

#[test]
fn a_file_of_two_hours_opens_without_being_read() {
    let data_bytes = 2 * 3600 * 48_000 * 4;
    let recipe = Recipe { channels: 2, data_bytes: Some(data_bytes), ..recipe(PCM, 16, 2) };
    let header = recipe.file(&[]);
    let bytes = header.len() as u64 + u64::from(data_bytes);
    let mut wav = Wav::open(Long { header, bytes, position: 0, read: 0 }).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(wav.header.frames, 2 * 3600 * 48_000);
    let mut block = Vec::new();
    wav.read(&mut block).unwrap();
    assert_eq!(block.len(), BLOCK_FRAMES);
    let read = wav.file.get_ref().read;
    assert!(read <= 8 * BUFFER_BYTES as u64, "{read} bytes were read");
}

/// Xorshift: pseudo-random, the same in each run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn no_file_breaks_the_reader() {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut played = 0;
    for round in 0..20_000 {
        let (tag, bits, bytes) = [(PCM, 16, 2), (PCM, 24, 4), (PCM, 8, 1), (FLOAT, 32, 4), (FLOAT, 64, 8)][round % 5];
        let channels = 1 + noise.below(3) as u16;
        let recipe = Recipe { channels, is_extensible: round % 2 == 0, ..recipe(tag, bits, bytes) };
        let data: Vec<u8> = (0..noise.below(200)).map(|_| noise.below(256) as u8).collect();
        let mut file = recipe.file(&data);
        for _ in 0..noise.below(4) {
            let at = noise.below(file.len().min(90));
            file[at] = [0, 1, 0xFF, noise.below(256) as u8][noise.below(4)];
        }
        file.truncate(file.len() - noise.below(file.len()) * usize::from(round % 3 == 0));
        let Ok(mut wav) = Wav::open(Cursor::new(file)) else { continue };
        let mut out = Vec::new();
        wav.read(&mut out).unwrap();
        wav.rewind().unwrap();
        wav.read(&mut out).unwrap();
        assert!(out.len() <= 2 * BLOCK_FRAMES && out.iter().all(|sample| sample.abs() <= 1.0), "round {round}");
        played += usize::from(!out.is_empty());
    }
    assert!(played > 1000, "only {played} of the files could be played");
}
