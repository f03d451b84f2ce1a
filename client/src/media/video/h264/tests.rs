use maru_core::barcode;
use maru_core::frame::I420;
use maru_core::quality::psnr;
use maru_core::test_pattern::TestPattern;

use super::*;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

struct Sender {
    frame: TestPattern,
    encoder: H264Encoder,
    number: u64,
    image: I420,
}

impl Sender {
    fn new(bitrate_bps: u32) -> Self {
        let encoder = H264Encoder::new(WIDTH, HEIGHT, bitrate_bps, 30).expect("an encoder");
        Self { frame: TestPattern::new(WIDTH, HEIGHT), encoder, number: 0, image: I420::black(0, 0) }
    }

    /// The next frame; `None`: the codec dropped it.
    fn next(&mut self) -> Option<EncodedFrame> {
        self.frame.draw(self.number, &mut self.image);
        self.number += 1;
        self.encoder.encode(&self.image, self.number * 1000 / 30).expect("encoded")
    }

    /// Bytes of the next `frames` frames.
    fn bytes(&mut self, frames: usize) -> usize {
        (0..frames).filter_map(|_| self.next()).map(|unit| unit.data.len()).sum()
    }
}

fn nal_types(unit: &[u8]) -> Vec<u8> {
    let starts = unit.windows(5).filter(|bytes| bytes[..4] == [0, 0, 0, 1]);
    starts.map(|bytes| bytes[4] & 0x1f).collect()
}

#[test]
fn the_test_pattern_can_be_read_after_decoding() {
    let mut sender = Sender::new(1_200_000);
    let mut decoder = H264Decoder::new().expect("a decoder");
    let mut seen = 0;
    for _ in 0..60 {
        let Some(unit) = sender.next() else { continue };
        let mut image = I420::black(0, 0);
        assert!(decoder.decode(&unit.data, &mut image).expect("decoded"));
        assert_eq!(barcode::read(&image), Some((sender.number - 1) as u16));
        let quality = psnr(&image, &sender.image).expect("the same size");
        assert!(quality > 33.0, "frame {}: {quality} dB", sender.number);
        seen += 1;
    }
    assert!(seen >= 55, "{seen} of 60 frames");
}

#[test]
fn the_first_frame_and_each_requested_one_is_a_key_frame() {
    let mut sender = Sender::new(1_000_000);
    let first = sender.next().expect("a key frame");
    assert!(first.is_key);
    assert_eq!(nal_types(&first.data), [7, 8, 5], "SPS, PPS, IDR");
    let sps = first.data.windows(5).position(|bytes| bytes == [0, 0, 0, 1, 0x67]).expect("an SPS") + 5;
    assert_eq!(first.data[sps..sps + 2], [0x42, 0xC0], "constrained baseline");
    let mut others = (0..90).filter_map(|_| sender.next());
    assert!(others.all(|unit| !unit.is_key && nal_types(&unit.data) == [1]));
    sender.encoder.request_key_frame();
    let asked = sender.next().expect("a key frame");
    assert!(asked.is_key);
    assert_eq!(nal_types(&asked.data), [7, 8, 5]);
    assert!(!sender.next().expect("a frame").is_key);
}

#[test]
fn the_bitrate_follows_within_two_seconds() {
    let mut sender = Sender::new(300_000);
    sender.bytes(60);
    let low = sender.bytes(60);
    sender.encoder.set_bitrate(900_000).expect("more");
    sender.bytes(60);
    let high = sender.bytes(60);
    sender.encoder.set_bitrate(200_000).expect("less");
    sender.bytes(60);
    let lowest = sender.bytes(60);
    let kbps = |bytes: usize| bytes * 8 / 2 / 1000;
    println!("{} {} {} kbit/s", kbps(low), kbps(high), kbps(lowest));
    assert!(kbps(low) <= 330 && kbps(lowest) <= 230, "{} {} kbit/s", kbps(low), kbps(lowest));
    assert!(high > 2 * low && low > lowest, "{} {} {} kbit/s", kbps(low), kbps(high), kbps(lowest));
}

#[test]
fn settings_before_the_first_frame_take_effect() {
    let mut sender = Sender::new(2_000_000);
    sender.encoder.set_bitrate(200_000).expect("less");
    sender.encoder.set_max_fps(15).expect("fewer");
    assert!(sender.next().expect("a key frame").is_key);
    sender.encoder.set_max_fps(30).expect("more");
    sender.bytes(60);
    assert!(sender.bytes(60) * 8 / 2 < 240_000);
}

#[test]
fn wrong_sizes_are_refused() {
    for (width, height) in [(0, 0), (15, 16), (17, 18), (4000, 100), (640, 361)] {
        assert!(H264Encoder::new(width, height, 1_000_000, 30).is_err(), "{width}x{height}");
    }
    let mut encoder = H264Encoder::new(640, 360, 1_000_000, 30).expect("an encoder");
    assert!(encoder.encode(&I420::black(320, 180), 0).is_err());
    let mut broken = I420::black(640, 360);
    broken.u.truncate(10);
    assert!(encoder.encode(&broken, 0).is_err());
}

/// Without nasm the crate silently builds without assembly, and encoding takes three times as long.
#[test]
#[cfg(target_arch = "x86_64")]
fn the_assembly_is_in_use() {
    unsafe extern "C" {
        /// `codec/common/src/cpu.cpp`: zero if built without assembly.
        fn WelsCPUFeatureDetect(cores: *mut i32) -> u32;
    }
    let mut cores = 0;
    // SAFETY: takes a pointer to an int and writes to nothing else (codec/common/inc/cpu.h).
    let features = unsafe { WelsCPUFeatureDetect(&raw mut cores) };
    const SSE2: u32 = 0x0000_0008;
    assert_ne!(features & SSE2, 0, "{features:x}");
}

/// A still scene with much detail; each `seed` gives another.
fn scene(seed: u32) -> I420 {
    let mut image = I420::black(WIDTH, HEIGHT);
    let mut state = seed;
    for (index, luma) in image.y.iter_mut().enumerate() {
        if index % 3 == 0 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        }
        *luma = 60 + (state >> 26) as u8 + (index as u32 % WIDTH / 8) as u8;
    }
    image
}

#[test]
fn a_new_scene_fits_its_budget_and_becomes_sharp() {
    const MAX_BYTES: usize = 20_000;
    let mut encoder = H264Encoder::new(WIDTH, HEIGHT, 500_000, 30).expect("an encoder");
    let mut decoder = H264Decoder::new().expect("a decoder");
    let mut image = I420::black(0, 0);
    let black = encoder.encode(&I420::black(WIDTH, HEIGHT), 0).expect("encoded").expect("the first frame");
    decoder.decode(&black.data, &mut image).expect("decoded");
    encoder.set_bitrate(1_200_000).expect("a bitrate");
    encoder.encode(&I420::black(WIDTH, HEIGHT), 33).expect("encoded");
    let mut time_ms = 33;
    let mut next = |scene: &I420| {
        time_ms += 33;
        let unit = encoder.encode_within(scene, time_ms, MAX_BYTES).expect("encoded").expect("no frame is dropped");
        assert!(decoder.decode(&unit.data, &mut image).expect("decoded"));
        (unit, psnr(&image, scene).expect("the same size"))
    };
    for seed in 0..4 {
        let scene = scene(seed);
        let (first, quality) = next(&scene);
        assert!(first.is_key);
        assert!(first.data.len() < MAX_BYTES * 5 / 4, "scene {seed}: {} bytes", first.data.len());
        assert!(quality > 20.0, "scene {seed}: {quality} dB");
        let later: Vec<_> = (0..60).map(|_| next(&scene)).collect();
        assert!(later.iter().all(|(unit, _)| !unit.is_key));
        let (_, settled) = later.last().expect("the last");
        assert!(*settled > quality + 3.0, "scene {seed}: from {quality} to {settled} dB");
        let bytes: usize = later.iter().map(|(unit, _)| unit.data.len()).sum();
        assert!(bytes < 2 * 1_200_000 / 8 * 11 / 10, "scene {seed}: {bytes} bytes in two seconds");
    }
}

#[test]
fn upper_frames_can_be_left_out_and_the_rest_is_decoded() {
    let mut sender = Sender::new(1_000_000);
    sender.bytes(5);
    sender.encoder.set_temporal_layers(2).expect("two layers");
    let mut decoder = H264Decoder::new().expect("a decoder");
    let (mut discardable, mut kept) = (0, 0);
    for number in 0..60 {
        let unit = sender.next().expect("a frame");
        assert_eq!(unit.is_key, number == 0, "frame {number}");
        if unit.is_discardable {
            discardable += 1;
            continue;
        }
        let mut decoded = I420::black(0, 0);
        assert!(decoder.decode(&unit.data, &mut decoded).expect("decoded"), "frame {number}");
        let quality = psnr(&decoded, &sender.image).expect("a size");
        assert!(quality > 30.0, "frame {number}: {quality}");
        kept += 1;
    }
    assert_eq!((discardable, kept), (30, 30));
    // The bitrate is kept, and one layer is back from the next key frame on.
    let bps = sender.bytes(90) * 8 / 3;
    assert!((700_000..1_200_000).contains(&bps), "{bps}");
    sender.encoder.set_temporal_layers(1).expect("one layer");
    assert!(sender.next().is_some_and(|unit| unit.is_key));
    assert!((0..30).all(|_| sender.next().is_some_and(|unit| !unit.is_discardable && !unit.is_key)));
}

#[test]
fn an_encoder_can_begin_with_two_temporal_layers() {
    let mut sender = Sender::new(1_000_000);
    sender.encoder.set_temporal_layers(2).expect("two layers");
    let units: Vec<_> = (0..10).map(|_| sender.next().expect("a frame")).collect();
    assert_eq!(units.iter().filter(|unit| unit.is_key).count(), 1);
    assert!(units[0].is_key && units.iter().filter(|unit| unit.is_discardable).count() >= 4);
}
