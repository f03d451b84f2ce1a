//! Time to encode and decode a frame of 720p, and to encode it in several layers. `BENCH_CLIP=FILE.y4m` (1280×720) replaces the test pattern.

use std::io::{BufRead, BufReader};

use criterion::{Criterion, criterion_group, criterion_main};
use maru::media::video::h264::{H264Decoder, H264Encoder};
use maru_core::frame::I420;
use maru_core::quality::psnr;
use maru_core::scale::scale;
use maru_core::test_pattern::TestPattern;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;
/// Five seconds.
const FRAMES: usize = 150;

fn codec(c: &mut Criterion) {
    let frames = frames();
    let mut group = c.benchmark_group("h264/720p30, 2.5 Mbit/s");
    group.sample_size(60);
    let mut encoder = H264Encoder::new(WIDTH, HEIGHT, 2_500_000, 30).expect("an encoder");
    let mut number = 0;
    group.bench_function("encode", |b| {
        b.iter(|| {
            number += 1;
            encoder.encode(&frames[number % frames.len()], number as u64 * 1000 / 30)
        });
    });

    let mut decoder = H264Decoder::new().expect("a decoder");
    let mut image = I420::black(0, 0);
    let mut units = Vec::new();
    for temporal_layers in [2, 1] {
        let mut encoder = H264Encoder::new(WIDTH, HEIGHT, 2_500_000, 30).expect("an encoder");
        encoder.set_temporal_layers(temporal_layers).expect("temporal layers");
        units.clear();
        let (mut quality, mut bytes) = (0.0, 0);
        for (number, frame) in frames.iter().enumerate() {
            let Some(unit) = encoder.encode(frame, number as u64 * 1000 / 30).expect("encoded") else { continue };
            decoder.decode(&unit.data, &mut image).expect("decoded");
            quality += psnr(&image, frame).unwrap_or_default();
            bytes += unit.data.len();
            units.push(unit);
        }
        println!(
            "{temporal_layers} temporal layers: {} of {} frames, {:.1} dB, {} kbit/s",
            units.len(),
            frames.len(),
            quality / units.len() as f64,
            bytes * 8 * 30 / frames.len() / 1000
        );
    }
    let mut next = 0;
    group.bench_function("decode", |b| {
        b.iter(|| {
            next = (next + 1) % units.len();
            decoder.decode(&units[next].data, &mut image).is_ok()
        });
    });
    group.finish();
}

fn frames() -> Vec<I420> {
    if let Ok(path) = std::env::var("BENCH_CLIP") {
        let mut file = BufReader::new(std::fs::File::open(path).expect("the clip"));
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line).expect("a header");
        return (0..FRAMES).map(|_| frame(&mut file)).collect();
    }
    let test = TestPattern::new(WIDTH, HEIGHT);
    let draw = |number| {
        let mut image = I420::black(0, 0);
        test.draw(number, &mut image);
        image
    };
    (0..FRAMES as u64).map(draw).collect()
}

fn frame(file: &mut impl BufRead) -> I420 {
    let mut image = I420::black(WIDTH, HEIGHT);
    file.read_until(b'\n', &mut Vec::new()).expect("a marker");
    for plane in [&mut image.y, &mut image.u, &mut image.v] {
        file.read_exact(plane).expect("pixels");
    }
    image
}

/// A frame in one, two and three simulcast layers, each scaled from the whole frame.
fn layers(c: &mut Criterion) {
    const LAYERS: [(u32, u32, u32); 3] = [(1280, 720, 1_600_000), (640, 360, 600_000), (320, 180, 200_000)];
    let frames = frames();
    let mut group = c.benchmark_group("simulcast of 720p30");
    group.sample_size(60);
    for count in 1..=LAYERS.len() {
        let mut encoders: Vec<_> = LAYERS[..count]
            .iter()
            .map(|&(width, height, bps)| H264Encoder::new(width, height, bps, 30).expect("an encoder"))
            .collect();
        let mut scaled = I420::black(0, 0);
        let mut number = 0;
        group.bench_function(format!("{count} layers"), |b| {
            b.iter(|| {
                number += 1;
                let frame = &frames[number % frames.len()];
                for encoder in &mut encoders {
                    let (width, height) = encoder.size();
                    let image = if width == WIDTH {
                        frame
                    } else {
                        scaled.reshape(width, height);
                        scale(frame, &mut scaled);
                        &scaled
                    };
                    encoder.encode(image, number as u64 * 1000 / 30).expect("encoded");
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, codec, layers);
criterion_main!(benches);
