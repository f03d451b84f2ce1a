//! The pointer, drawn into a picture.

use crate::picture::{PIXEL_BYTES, Picture};

/// The pointer's image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Which of its pixels points, from the left.
    pub(crate) hot_x: u32,
    /// Which of its pixels points, from above.
    pub(crate) hot_y: u32,
    /// ARGB, premultiplied; `width * height`.
    pub(crate) pixels: Vec<u32>,
}

/// What the pointer hides, to be put back.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// Where in the picture's bytes, and how many of the saved ones belong there.
    rows: Vec<(usize, usize)>,
    bytes: Vec<u8>,
}

impl Cursor {
    /// Draws it so that it points at (`x`, `y`), and keeps what was there in `hidden`.
    pub(crate) fn draw(&self, picture: &mut Picture, x: i32, y: i32, hidden: &mut Hidden) {
        hidden.rows.clear();
        hidden.bytes.clear();
        let left = i64::from(x) - i64::from(self.hot_x);
        let top = i64::from(y) - i64::from(self.hot_y);
        // The visible columns, within the cursor.
        let first = (-left).clamp(0, i64::from(self.width)) as usize;
        let end = (i64::from(picture.width()) - left).clamp(0, i64::from(self.width)) as usize;
        if first >= end {
            return;
        }
        let stride = picture.stride();
        for (row, pixels) in self.pixels.chunks_exact(self.width as usize).enumerate() {
            let Ok(y) = usize::try_from(top + row as i64) else { continue };
            if y >= picture.height() as usize {
                break;
            }
            // Not negative: the first visible column lies within the picture.
            let start = y * stride + (left + first as i64) as usize * PIXEL_BYTES;
            let bytes = (end - first) * PIXEL_BYTES;
            let under = &mut picture.pixels[start..start + bytes];
            hidden.rows.push((start, bytes));
            hidden.bytes.extend_from_slice(under);
            for (pixel, over) in under.chunks_exact_mut(PIXEL_BYTES).zip(&pixels[first..end]) {
                blend(pixel, *over);
            }
        }
    }
}

impl Hidden {
    pub(crate) fn put_back(&self, picture: &mut Picture) {
        let mut saved = &self.bytes[..];
        for &(start, bytes) in &self.rows {
            let (row, rest) = saved.split_at(bytes);
            picture.pixels[start..start + bytes].copy_from_slice(row);
            saved = rest;
        }
    }
}

fn blend(pixel: &mut [u8], over: u32) {
    let [blue, green, red, alpha] = over.to_le_bytes();
    let rest = 255 - u32::from(alpha);
    for (under, over) in pixel.iter_mut().zip([blue, green, red]) {
        let sum = u32::from(over) + (u32::from(*under) * rest + 127) / 255;
        *under = sum.min(255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(side: u32) -> Picture {
        let mut picture = Picture::default();
        picture.fit(side, side).expect("small");
        picture.pixels.fill(100);
        picture
    }

    fn cursor(pixel: u32) -> Cursor {
        Cursor { width: 3, height: 3, hot_x: 1, hot_y: 1, pixels: vec![pixel; 9] }
    }

    #[test]
    fn it_is_blended_and_taken_away_again() {
        let mut picture = grey(8);
        let mut hidden = Hidden::default();
        // Half red, premultiplied.
        cursor(0x8080_0000).draw(&mut picture, 3, 3, &mut hidden);
        let at = |picture: &Picture, x: usize, y: usize| picture.pixels[(y * 8 + x) * 4..][..3].to_vec();
        assert_eq!(at(&picture, 3, 3), [50, 50, 178]);
        assert_eq!(at(&picture, 2, 2), [50, 50, 178]);
        assert_eq!(at(&picture, 1, 3), [100, 100, 100]);
        assert_eq!(at(&picture, 5, 3), [100, 100, 100]);
        hidden.put_back(&mut picture);
        assert!(picture.pixels.iter().all(|byte| *byte == 100));
    }

    #[test]
    fn it_is_cut_at_every_edge() {
        let mut hidden = Hidden::default();
        let points = [-4, -2, -1, 0, 7, 8, 9, i32::MIN, i32::MAX];
        for (x, y) in points.iter().flat_map(|x| points.iter().map(move |y| (*x, *y))) {
            let mut picture = grey(8);
            cursor(0xffff_ffff).draw(&mut picture, x, y, &mut hidden);
            let drawn = picture.pixels.iter().filter(|byte| **byte == 255).count() / 3;
            let visible = |at: i32| (0..8).filter(|pixel: &i32| pixel.abs_diff(at) <= 1).count();
            assert_eq!(drawn, visible(x) * visible(y), "{x} {y}");
            hidden.put_back(&mut picture);
            assert!(picture.pixels.iter().all(|byte| *byte == 100), "{x} {y}");
        }
    }
}
