//! Downscaling by area averaging: no aliasing at any ratio.

use crate::convert::{Matrix, change_matrix};
use crate::frame::I420;

/// The largest even size with the aspect ratio of `width` by `height` that fits into `max_width` by `max_height`. Never
/// larger than the original, at least 2 by 2.
pub fn fit(width: u32, height: u32, max_width: u32, max_height: u32) -> (u32, u32) {
    let (w, h) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (max_w, max_h) = (u64::from(max_width).min(w), u64::from(max_height).min(h));
    let (fitted_w, fitted_h) =
        if w * max_h <= max_w * h { ((w * max_h + h / 2) / h, max_h) } else { (max_w, (h * max_w + w / 2) / w) };
    let even = |size: u64| ((size / 2 * 2) as u32).max(2);
    (even(fitted_w), even(fitted_h))
}

/// Scales `from` to the size of `to`, and to the colour matrix that goes with that size.
pub fn scale(from: &I420, to: &mut I420) {
    let (from_width, from_height) = (from.width as usize, from.height as usize);
    let (to_width, to_height) = (to.width as usize, to.height as usize);
    let mut luma = PlaneScaler::new((from_width, from_height), (to_width, to_height));
    luma.scale(&from.y, &mut to.y);
    let from_chroma = (from.chroma_width() as usize, from.chroma_height() as usize);
    let to_chroma = (to.chroma_width() as usize, to.chroma_height() as usize);
    let mut chroma = PlaneScaler::new(from_chroma, to_chroma);
    chroma.scale(&from.u, &mut to.u);
    chroma.scale(&from.v, &mut to.v);
    change_matrix(to, Matrix::of_height(from.height), Matrix::of_height(to.height));
}

/// The source pixels under one pixel of the result: their first index, and a weight for each; the sum is [`ONE`].
struct Cover {
    first: usize,
    weights: Vec<u32>,
}

struct PlaneScaler {
    from: (usize, usize),
    to: (usize, usize),
    columns: Vec<Cover>,
    rows: Vec<Cover>,
    /// One source row, averaged over the height of a row of the result, times [`ONE`].
    mixed: Vec<u32>,
}

impl PlaneScaler {
    fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self { from, to, columns: covers(from.0, to.0), rows: covers(from.1, to.1), mixed: vec![0; from.0] }
    }

    fn scale(&mut self, from: &[u8], to: &mut [u8]) {
        if self.from.0 == 0 || self.from.1 == 0 || self.to.0 == 0 {
            return;
        }
        if self.from == self.to {
            to.copy_from_slice(from);
            return;
        }
        let (width, height) = self.to;
        if self.from == (2 * width, 2 * height) {
            return halve(from, to, width);
        }
        if self.from == (4 * width, 4 * height) {
            let mut half = vec![0; 4 * width * height];
            halve(from, &mut half, 2 * width);
            return halve(&half, to, width);
        }
        for (row, to_row) in self.rows.iter().zip(to.chunks_exact_mut(self.to.0)) {
            self.mixed.fill(0);
            for (offset, weight) in row.weights.iter().enumerate() {
                let start = (row.first + offset) * self.from.0;
                for (sum, value) in self.mixed.iter_mut().zip(&from[start..start + self.from.0]) {
                    *sum += weight * u32::from(*value);
                }
            }
            for (pixel, column) in to_row.iter_mut().zip(&self.columns) {
                let covered = &self.mixed[column.first..column.first + column.weights.len()];
                let sum: u32 = covered.iter().zip(&column.weights).map(|(value, weight)| value * weight).sum();
                *pixel = ((sum + ONE * ONE / 2) / (ONE * ONE)) as u8;
            }
        }
    }
}

/// Each pixel is the mean of four: simulcast layers are made so, three times as fast as with weights. `width`: of `to`.
fn halve(from: &[u8], to: &mut [u8], width: usize) {
    for (rows, to_row) in from.chunks_exact(4 * width).zip(to.chunks_exact_mut(width)) {
        let (upper, lower) = rows.split_at(2 * width);
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for (pixel, (above, below)) in to_row.iter_mut().zip(pairs) {
            let sum = u16::from(above[0]) + u16::from(above[1]) + u16::from(below[0]) + u16::from(below[1]);
            *pixel = ((sum + 2) / 4) as u8;
        }
    }
}

fn covers(from: usize, to: usize) -> Vec<Cover> {
    (0..to).map(|index| cover(index, from, to)).collect()
}

/// Lengths here are in units of a `to`-th of a source pixel, so that all borders are whole numbers.
fn cover(index: usize, from: usize, to: usize) -> Cover {
    let (start, end) = (index * from, (index + 1) * from);
    let first = start / to;
    let last = (end - 1) / to;
    let covered = |pixel: usize| ((pixel + 1) * to).min(end) - (pixel * to).max(start);
    let mut weights: Vec<u32> = (first..=last).map(|pixel| (covered(pixel) * ONE as usize / from) as u32).collect();
    // The pixel in the middle gets the rounding error.
    let missing = ONE - weights.iter().sum::<u32>();
    let middle = weights.len() / 2;
    weights[middle] += missing;
    Cover { first, weights }
}

/// 8 bits of value and twice 12 bits of weight fit into 32 bits.
const ONE: u32 = 1 << 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_quarters_are_the_means_of_their_pixels() {
        let mut random = fastrand::Rng::with_seed(3);
        let (width, height) = (64, 32);
        let from: Vec<u8> = (0..width * height).map(|_| random.u8(..)).collect();
        for factor in [2, 4] {
            let size = (width / factor, height / factor);
            let mut to = vec![0; size.0 * size.1];
            PlaneScaler::new((width, height), size).scale(&from, &mut to);
            for (index, pixel) in to.iter().enumerate() {
                let (x, y) = (index % size.0 * factor, index / size.0 * factor);
                let covered = (0..factor * factor).map(|n| from[(y + n / factor) * width + x + n % factor]);
                let mean = covered.map(f64::from).sum::<f64>() / (factor * factor) as f64;
                assert!((f64::from(*pixel) - mean).abs() <= 1.0, "{pixel} {mean}");
            }
        }
    }

    #[test]
    fn fits_keep_the_shape_and_are_even() {
        assert_eq!(fit(1280, 720, 1280, 720), (1280, 720));
        assert_eq!(fit(1280, 720, 640, 640), (640, 360));
        assert_eq!(fit(1920, 1080, 1280, 720), (1280, 720));
        assert_eq!(fit(640, 480, 1280, 720), (640, 480));
        assert_eq!(fit(720, 1280, 1280, 720), (404, 720));
        assert_eq!(fit(641, 479, 4000, 4000), (640, 478));
        assert_eq!(fit(3, 3, 0, 0), (2, 2));
        assert_eq!(fit(0, 0, 10, 10), (2, 2));
        assert_eq!(fit(u32::MAX, u32::MAX, 1280, 720), (720, 720));
    }

    #[test]
    fn halves_by_the_mean_of_four() {
        let mut from = I420::black(4, 2);
        from.y.copy_from_slice(&[10, 20, 100, 100, 30, 40, 200, 200]);
        let mut to = I420::black(2, 1);
        scale(&from, &mut to);
        assert_eq!(to.y, [25, 150]);
    }

    #[test]
    fn an_even_colour_stays_at_any_ratio() {
        let mut from = I420::black(1280, 718);
        from.y.fill(235);
        from.u.fill(16);
        from.v.fill(240);
        for (width, height) in [(1278, 716), (851, 479), (426, 240), (2, 2), (1, 1), (1300, 719)] {
            let mut to = I420::black(width, height);
            scale(&from, &mut to);
            assert!(to.y.iter().all(|v| *v == 235), "{width}x{height}");
            assert!(to.u.iter().all(|v| *v == 16) && to.v.iter().all(|v| *v == 240), "{width}x{height}");
        }
    }

    #[test]
    fn the_matrix_follows_the_height() {
        let mut from = I420::black(1280, 720);
        from.y.fill(120);
        from.u.fill(90);
        from.v.fill(180);
        let mut to = I420::black(640, 360);
        scale(&from, &mut to);
        let (mut expected, wanted) = (from.clone(), Matrix::Bt601);
        change_matrix(&mut expected, Matrix::Bt709, wanted);
        assert_eq!((to.y[0], to.u[0], to.v[0]), (expected.y[0], expected.u[0], expected.v[0]));
        assert_ne!(to.y[0], 120);
    }
}
