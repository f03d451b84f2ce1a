//! The built-in test pattern, a function of the frame number: the number as a barcode and as digits, scrolling texture,
//! colour bars and a moving disc.

use crate::barcode;
use crate::frame::I420;

/// Y, U and V of white, yellow, cyan, green, magenta, red, blue and black at 75 % (BT.709).
const BARS: [[u8; 3]; 8] = [
    [180, 128, 128],
    [168, 44, 136],
    [145, 147, 44],
    [133, 63, 52],
    [63, 193, 204],
    [51, 109, 212],
    [28, 212, 120],
    [16, 128, 128],
];

/// Five dots by seven, the most significant bit at the left.
const DIGITS: [[u8; 7]; 10] = [
    [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
    [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110],
    [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
];

/// Draws the test pattern. Keeps what does not change from frame to frame.
pub struct TestPattern {
    background: I420,
}

impl TestPattern {
    /// Sizes should be even.
    pub fn new(width: u32, height: u32) -> Self {
        Self { background: background(width, height) }
    }

    /// Draws frame `number` into `image`, which takes the size.
    pub fn draw(&self, number: u64, image: &mut I420) {
        let (width, height) = (self.background.width, self.background.height);
        image.reshape(width, height);
        // Two pixels a frame, so that chroma moves by whole pixels.
        let shift = (number % u64::from((width / 2).max(1))) as usize;
        scroll(&self.background.y, &mut image.y, width as usize, shift * 2);
        scroll(&self.background.u, &mut image.u, image.width.div_ceil(2) as usize, shift);
        scroll(&self.background.v, &mut image.v, image.width.div_ceil(2) as usize, shift);
        colour_bars(image);
        disc(image, number);
        digits(image, number);
        barcode::write(image, number as u16);
    }
}

fn scroll(from: &[u8], to: &mut [u8], width: usize, shift: usize) {
    for (from, to) in from.chunks_exact(width.max(1)).zip(to.chunks_exact_mut(width.max(1))) {
        let split = width - shift % width;
        to[..split].copy_from_slice(&from[width - split..]);
        to[split..].copy_from_slice(&from[..width - split]);
    }
}

/// Soft hills, checked texture and a little grain, seamless from right to left.
fn background(width: u32, height: u32) -> I420 {
    let mut image = I420::black(width, height);
    let turn = std::f32::consts::TAU / width.max(1) as f32;
    for y in 0..height {
        for x in 0..width {
            let hills = (x as f32 * turn * 3.0).sin() * 30.0 + (y as f32 * 0.02).cos() * 25.0;
            let checks = if (x / 8 + y / 8) % 2 == 0 { 12.0 } else { -12.0 };
            let grain = f32::from((hash(x, y) % 9) as u8) - 4.0;
            image.y[(y * width + x) as usize] = (118.0 + hills + checks + grain) as u8;
        }
    }
    let chroma_width = image.chroma_width();
    for y in 0..image.chroma_height() {
        for x in 0..chroma_width {
            let at = (y * chroma_width + x) as usize;
            image.u[at] = (128.0 + (x as f32 * turn * 2.0).sin() * 24.0) as u8;
            image.v[at] = (128.0 + (y as f32 * 0.03).sin() * 24.0) as u8;
        }
    }
    image
}

/// Eight bars in the lowest eighth.
fn colour_bars(image: &mut I420) {
    let (width, height) = (image.width, image.height);
    let top = height / 8 * 7 / 2 * 2;
    for (index, colour) in BARS.iter().enumerate() {
        let left = index as u32 * width / 8 / 2 * 2;
        let right = if index == 7 { width } else { (index as u32 + 1) * width / 8 / 2 * 2 };
        fill(image, (left, top), (right, height), *colour);
    }
}

/// A disc on a path that repeats after 300 frames.
fn disc(image: &mut I420, number: u64) {
    let turn = (number % 300) as f32 / 300.0 * std::f32::consts::TAU;
    let radius = (image.height / 10) as i32;
    let centre_x = image.width as f32 * (0.5 + 0.4 * (turn * 2.0).sin());
    let centre_y = image.height as f32 * (0.65 + 0.1 * (turn * 3.0).cos());
    let (centre_x, centre_y) = (centre_x as i32 / 2 * 2, centre_y as i32 / 2 * 2);
    for dy in (-radius..radius).step_by(2) {
        let half = ((radius * radius - dy * dy) as f32).sqrt() as i32 / 2 * 2;
        let clamp = |value: i32, limit: u32| value.clamp(0, limit as i32) as u32;
        let from = (clamp(centre_x - half, image.width), clamp(centre_y + dy, image.height));
        let to = (clamp(centre_x + half, image.width), clamp(centre_y + dy + 2, image.height));
        fill(image, from, to, [210, 60, 170]);
    }
}

/// The last six digits of the number on a dark plate, in the upper half.
fn digits(image: &mut I420, number: u64) {
    let dot = image.width / 80 / 2 * 2;
    let (left, top) = (image.width / 2 / 2 * 2 - dot * 18, image.height / 5 / 2 * 2);
    fill(image, (left - dot, top - dot), (left + dot * 36, top + dot * 8), [30, 128, 128]);
    for place in 0..6 {
        let digit = (number / 10_u64.pow(5 - place) % 10) as usize;
        for (row, pattern) in DIGITS[digit].iter().enumerate() {
            for column in (0..5).filter(|column| pattern >> (4 - column) & 1 == 1) {
                let from = (left + (place * 6 + column) * dot, top + row as u32 * dot);
                fill(image, from, (from.0 + dot, from.1 + dot), [225, 128, 128]);
            }
        }
    }
}

/// Fills from `from` up to `to` (x, y; even numbers) with Y, U and V.
fn fill(image: &mut I420, from: (u32, u32), to: (u32, u32), colour: [u8; 3]) {
    let (width, chroma_width) = (image.width as usize, image.chroma_width() as usize);
    let plane = |plane: &mut [u8], width: usize, divisor: u32, value: u8| {
        for y in from.1.div_ceil(divisor)..to.1.div_ceil(divisor) {
            let start = y as usize * width;
            let (left, right) = (from.0.div_ceil(divisor) as usize, to.0.div_ceil(divisor) as usize);
            if let Some(span) = plane.get_mut(start + left..start + right.min(width)) {
                span.fill(value);
            }
        }
    };
    plane(&mut image.y, width, 1, colour[0]);
    plane(&mut image.u, chroma_width, 2, colour[1]);
    plane(&mut image.v, chroma_width, 2, colour[2]);
}

fn hash(x: u32, y: u32) -> u32 {
    let mixed = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
    mixed ^ mixed >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_a_function_of_the_number_in_its_barcode() {
        let frame = TestPattern::new(1280, 720);
        let (mut one, mut other) = (I420::black(0, 0), I420::black(0, 0));
        for number in [0, 1, 299, 65_535, 65_536, 4_000_000_000] {
            frame.draw(number, &mut one);
            TestPattern::new(1280, 720).draw(number, &mut other);
            assert_eq!(one, other);
            assert_eq!(barcode::read(&one), Some(number as u16));
            frame.draw(number + 1, &mut other);
            assert_ne!(one, other);
        }
    }

    #[test]
    fn any_even_size_works() {
        let mut image = I420::black(0, 0);
        for (width, height) in [(640, 360), (320, 180), (160, 120), (480, 854), (100, 80)] {
            TestPattern::new(width, height).draw(123_456, &mut image);
            assert_eq!((image.width, image.height), (width, height));
            assert_eq!(barcode::read(&image), Some(123_456_u64 as u16), "{width}x{height}");
        }
    }
}
