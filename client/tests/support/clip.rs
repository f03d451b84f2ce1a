//! Footage and sound for the `file:` sources, and reading back what was saved of them.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use maru_core::barcode;
use maru_core::frame::I420;
use maru_core::test_pattern::TestPattern;

pub const WIDTH: u32 = 640;
pub const HEIGHT: u32 = 360;
pub const FRAMES: u16 = 60;
/// The sound steps through these pitches, half a second each.
pub const PITCHES_HZ: [f32; 3] = [500.0, 1000.0, 1500.0];
pub const STEP_SAMPLES: usize = 24_000;

/// Frame `number` of the clip.
pub fn frame(number: u16) -> I420 {
    let mut image = I420::black(WIDTH, HEIGHT);
    TestPattern::new(WIDTH, HEIGHT).draw(u64::from(number), &mut image);
    barcode::write(&mut image, number);
    image
}

/// Two seconds of footage whose frames carry their number.
pub fn write_y4m(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg").unwrap();
    for number in 0..FRAMES {
        let image = frame(number);
        file.write_all(b"FRAME\n").unwrap();
        for plane in [&image.y, &image.u, &image.v] {
            file.write_all(plane).unwrap();
        }
    }
    file.flush().unwrap();
}

/// Reads a saved Y4M file, frame by frame.
pub fn read_y4m(path: &Path, mut each: impl FnMut(I420)) {
    let mut file = BufReader::new(File::open(path).unwrap());
    let header = line(&mut file).expect("a header");
    let number = |key: char| -> u32 {
        let field = header.split(' ').find_map(|field| field.strip_prefix(key)).expect("width and height");
        field.parse().unwrap()
    };
    let (width, height) = (number('W'), number('H'));
    while let Some(marker) = line(&mut file) {
        assert!(marker.starts_with("FRAME"), "{marker:?}");
        let mut image = I420::black(width, height);
        // A client that was ended by force may leave half a frame.
        let whole = [&mut image.y, &mut image.u, &mut image.v].into_iter().all(|plane| file.read_exact(plane).is_ok());
        if whole {
            each(image);
        }
    }
}

fn line(file: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while file.read_exact(&mut byte).is_ok() {
        if byte[0] == b'\n' {
            return Some(String::from_utf8(bytes).unwrap());
        }
        bytes.push(byte[0]);
    }
    None
}

/// Six seconds of tones, 48 kHz mono.
pub fn write_wav(path: &Path) {
    let format = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, format).unwrap();
    let mut phase = 0.0f32;
    for n in 0..STEP_SAMPLES * 12 {
        phase += PITCHES_HZ[n / STEP_SAMPLES % PITCHES_HZ.len()] / 48_000.0;
        file.write_sample(((phase.fract() * std::f32::consts::TAU).sin() * 9_000.0) as i16).unwrap();
    }
    file.finalize().unwrap();
}

/// A saved WAV file as samples from -1 to 1.
pub fn read_wav(path: &Path) -> Vec<f32> {
    let mut file = hound::WavReader::open(path).unwrap();
    assert_eq!((file.spec().sample_rate, file.spec().channels), (48_000, 1));
    file.samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / 32_768.0).collect()
}

/// Power of `pitch_hz` in `samples` (48 kHz), relative to all of their power: 1 for a pure tone. (Goertzel 1958.)
pub fn share_of_pitch(samples: &[f32], pitch_hz: f32) -> f32 {
    let turn = std::f32::consts::TAU * pitch_hz / 48_000.0;
    let (mut last, mut before) = (0.0f32, 0.0f32);
    for sample in samples {
        (last, before) = (sample + 2.0 * turn.cos() * last - before, last);
    }
    let power = last * last + before * before - 2.0 * turn.cos() * last * before;
    let all: f32 = samples.iter().map(|sample| sample * sample).sum();
    if all == 0.0 { 0.0 } else { 2.0 * power / (all * samples.len() as f32) }
}

pub fn loudness(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32).sqrt()
}
