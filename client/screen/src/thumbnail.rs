//! Small pictures, to choose by.

use crate::picture::{PIXEL_BYTES, Picture};

/// RGBA without padding, opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    pub rgba: Vec<u8>,
}

impl Thumbnail {
    /// Each of its pixels is the mean of those it stands for.
    pub(crate) fn of(picture: &Picture, max_width: u32) -> Self {
        let width = max_width.clamp(1, picture.width().max(1));
        let scaled = u64::from(picture.height()) * u64::from(width) / u64::from(picture.width().max(1));
        let height = (scaled as u32).clamp(1, picture.height().max(1));
        let mut rgba = Vec::with_capacity(width as usize * height as usize * PIXEL_BYTES);
        for y in 0..height {
            let rows = span(y, height, picture.height());
            for x in 0..width {
                let columns = span(x, width, picture.width());
                let [blue, green, red] = mean(picture, &rows, &columns);
                rgba.extend_from_slice(&[red, green, blue, 255]);
            }
        }
        Self { width, height, rgba }
    }
}

/// Which of `all` pixels the one at `index` of `few` stands for.
fn span(index: u32, few: u32, all: u32) -> std::ops::Range<usize> {
    let edge = |index: u32| (u64::from(index) * u64::from(all) / u64::from(few)) as usize;
    edge(index)..edge(index + 1)
}

fn mean(picture: &Picture, rows: &std::ops::Range<usize>, columns: &std::ops::Range<usize>) -> [u8; 3] {
    let mut sums = [0u64; 3];
    for row in picture.pixels.chunks_exact(picture.stride().max(1)).take(rows.end).skip(rows.start) {
        for pixel in row[columns.start * PIXEL_BYTES..columns.end * PIXEL_BYTES].chunks_exact(PIXEL_BYTES) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*value);
            }
        }
    }
    let count = (rows.len() * columns.len()).max(1) as u64;
    sums.map(|sum| ((sum + count / 2) / count) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_means_and_nothing_is_enlarged() {
        let mut picture = Picture::default();
        picture.fit(6, 4).expect("small");
        // Left half blue, right half red and twice as bright.
        for row in picture.pixels.chunks_exact_mut(24) {
            row.copy_from_slice(&[[100, 0, 0, 0].repeat(3), [0, 0, 200, 0].repeat(3)].concat());
        }
        let thumbnail = Thumbnail::of(&picture, 2);
        assert_eq!((thumbnail.width, thumbnail.height), (2, 1));
        assert_eq!(thumbnail.rgba, [0, 0, 100, 255, 200, 0, 0, 255]);
        let one = Thumbnail::of(&picture, 0);
        assert_eq!((one.width, one.height, one.rgba), (1, 1, vec![100, 0, 50, 255]));
        let whole = Thumbnail::of(&picture, 1000);
        assert_eq!((whole.width, whole.height), (6, 4));
    }
}
