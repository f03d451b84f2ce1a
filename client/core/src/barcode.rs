//! The frame number inside a frame, readable after scaling and lossy coding.
//!
//! The top 32 of 720 rows (as many in proportion at other heights) hold 19 cells, each a twentieth of the width: white,
//! black, the 16 bits of the number with the least significant first, and their parity (sum of the bits modulo 2).

use crate::frame::I420;

const COLUMNS: usize = 20;
const CELLS: usize = 19;
const ROWS_OF_720: usize = 32;
const WHITE: u8 = 235;
const BLACK: u8 = 16;
const MIN_CONTRAST: f32 = 60.0;

/// Writes `number` into the top rows of `image`.
pub fn write(image: &mut I420, number: u16) {
    let (width, rows) = (image.width as usize, rows(image.height));
    let start = |cell: usize| cell * width / COLUMNS;
    for row in image.y.chunks_exact_mut(width.max(1)).take(rows) {
        row.fill(BLACK);
        for (cell, _) in cells(number).iter().enumerate().filter(|(_, white)| **white) {
            row[start(cell)..start(cell + 1)].fill(WHITE);
        }
    }
    let neutral = image.chroma_width() as usize * rows.div_ceil(2);
    image.u[..neutral].fill(128);
    image.v[..neutral].fill(128);
}

/// The number in the top rows of `image`; `None` if there is none, or none that can be trusted.
pub fn read(image: &I420) -> Option<u16> {
    let levels: Option<Vec<f32>> = (0..CELLS).map(|cell| level(image, cell)).collect();
    let levels = levels?;
    let (white, black) = (levels[0], levels[1]);
    if white - black < MIN_CONTRAST {
        return None;
    }
    let bit = |cell: usize| {
        let share = (levels[cell] - black) / (white - black);
        // A level in the middle is of a picture, not of a barcode.
        if (0.35..=0.65).contains(&share) { None } else { Some(share > 0.5) }
    };
    let mut number = 0;
    for position in 0..16 {
        number |= u16::from(bit(position + 2)?) << position;
    }
    (bit(CELLS - 1)? == parity(number)).then_some(number)
}

/// White, black, 16 bits, parity.
fn cells(number: u16) -> [bool; CELLS] {
    let mut cells = [false; CELLS];
    cells[0] = true;
    for position in 0..16 {
        cells[position + 2] = number >> position & 1 == 1;
    }
    cells[CELLS - 1] = parity(number);
    cells
}

fn parity(number: u16) -> bool {
    number.count_ones() % 2 == 1
}

fn rows(height: u32) -> usize {
    (height as usize * ROWS_OF_720 / 720).max(2).min(height as usize)
}

/// The mean of the inner half of a cell; `None` where the frame is too small for cells.
fn level(image: &I420, cell: usize) -> Option<f32> {
    let (width, rows) = (image.width as usize, rows(image.height));
    let quarters = |quarter: usize| (4 * cell + quarter) * width / (4 * COLUMNS);
    let (left, right) = (quarters(1), quarters(3).max(quarters(1) + 1));
    let (top, bottom) = (rows / 4, (rows * 3 / 4).max(rows / 4 + 1));
    let mut sum = 0;
    for y in top..bottom {
        sum += image.y.get(y * width + left..y * width + right)?.iter().map(|v| u32::from(*v)).sum::<u32>();
    }
    Some(sum as f32 / ((bottom - top) * (right - left)) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::scale;

    #[test]
    fn every_number_comes_back() {
        let mut image = I420::black(320, 180);
        for number in 0..=u16::MAX {
            write(&mut image, number);
            assert_eq!(read(&image), Some(number));
        }
    }

    #[test]
    fn widths_that_are_no_multiple_of_twenty_work() {
        for (width, height) in [(64, 48), (854, 480), (426, 240), (1366, 768), (1080, 1920)] {
            let mut image = I420::black(width, height);
            for number in [0, 1, 0x5555, 0xAAAA, 0x8001, u16::MAX] {
                write(&mut image, number);
                assert_eq!(read(&image), Some(number), "{width}x{height}");
            }
        }
    }

    #[test]
    fn survives_scaling_to_any_size() {
        let mut image = I420::black(1280, 720);
        write(&mut image, 0b1010_0110_0101_1001);
        for (width, height) in [(960, 540), (640, 360), (854, 480), (320, 180), (160, 90), (1278, 718), (100, 100)] {
            let mut small = I420::black(width, height);
            scale(&image, &mut small);
            assert_eq!(read(&small), Some(0b1010_0110_0101_1001), "{width}x{height}");
        }
    }

    #[test]
    fn is_the_format_of_the_reference_clips() {
        // Number 5 by hand: cells 0 (white), 2 and 4 (bits 0 and 2) are white, parity is even.
        let mut image = I420::black(1280, 720);
        write(&mut image, 5);
        let row: Vec<u8> = (0..20).map(|cell| image.y[31 * 1280 + cell * 64 + 32]).collect();
        let white: Vec<usize> = (0..20).filter(|cell| row[*cell] == 235).collect();
        assert_eq!(white, [0, 2, 4]);
        assert!(image.y[32 * 1280..].iter().all(|y| *y == 16), "row 33 is the frame's");
    }

    #[test]
    fn a_wrong_parity_a_plain_and_a_tiny_frame_have_no_number() {
        let mut image = I420::black(640, 360);
        assert_eq!(read(&image), None);
        write(&mut image, 1);
        for row in 0..16 {
            image.y[row * 640 + 3 * 32..row * 640 + 4 * 32].fill(235);
        }
        assert_eq!(read(&image), None);
        assert_eq!(read(&I420::black(0, 0)), None);
        assert_eq!(read(&I420::black(2, 2)), None);
        write(&mut I420::black(2, 2), 7);
        write(&mut I420::black(0, 0), 7);
    }
}
