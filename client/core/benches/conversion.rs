//! The cost of converting and scaling camera frames.

use criterion::{Criterion, criterion_group, criterion_main};
use maru_core::convert::{self, Matrix};
use maru_core::frame::I420;
use maru_core::scale::scale;
use maru_core::test_pattern::TestPattern;

fn conversion(c: &mut Criterion) {
    let mut image = I420::black(WIDTH, HEIGHT);
    let packed = vec![90; (WIDTH * HEIGHT * 3) as usize];
    c.bench_function("yuyv_to_i420/720p", |b| b.iter(|| convert::yuyv_to_i420(&packed, WIDTH, HEIGHT, &mut image)));
    c.bench_function("nv12_to_i420/720p", |b| b.iter(|| convert::nv12_to_i420(&packed, WIDTH, HEIGHT, &mut image)));
    c.bench_function("ycbcr_to_i420/720p", |b| b.iter(|| convert::ycbcr_to_i420(&packed, WIDTH, HEIGHT, &mut image)));
    c.bench_function("rgb_to_i420/720p", |b| b.iter(|| convert::rgb_to_i420(&packed, WIDTH, HEIGHT, &mut image)));
    c.bench_function("i420_to_rgb/720p", |b| b.iter(|| convert::i420_to_rgb(&image)));
    c.bench_function("change_matrix/720p", |b| {
        b.iter(|| convert::change_matrix(&mut image, Matrix::Bt601, Matrix::Bt709));
    });
}

fn scaling(c: &mut Criterion) {
    let mut frame = I420::black(0, 0);
    let test = TestPattern::new(WIDTH, HEIGHT);
    test.draw(1234, &mut frame);
    c.bench_function("test_pattern/720p", |b| b.iter(|| test.draw(1234, &mut frame)));
    for (width, height) in [(960, 540), (640, 360), (320, 180)] {
        let mut small = I420::black(width, height);
        c.bench_function(&format!("scale/720p to {height}p"), |b| b.iter(|| scale(&frame, &mut small)));
    }
}

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

criterion_group!(benches, conversion, scaling);
criterion_main!(benches);
