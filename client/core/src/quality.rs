//! How similar two frames are.

use crate::frame::I420;

const MAX_DB: f64 = 100.0;

/// The peak signal-to-noise ratio of the luma planes in dB, at most 100 (equal planes). `None` for frames of different
/// size or without pixels.
pub fn psnr(one: &I420, other: &I420) -> Option<f64> {
    if (one.width, one.height) != (other.width, other.height) || one.y.is_empty() || one.y.len() != other.y.len() {
        return None;
    }
    let squares: u64 = one.y.iter().zip(&other.y).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    if squares == 0 {
        return Some(MAX_DB);
    }
    let mean = squares as f64 / one.y.len() as f64;
    Some((10.0 * (255.0 * 255.0 / mean).log10()).min(MAX_DB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_its_definition() {
        let one = I420::black(16, 16);
        let mut other = one.clone();
        assert_eq!(psnr(&one, &other), Some(100.0));
        other.y.iter_mut().for_each(|y| *y += 5);
        let expected = 20.0 * (255.0_f64 / 5.0).log10();
        assert!((psnr(&one, &other).expect("same size") - expected).abs() < 1e-9);
        assert_eq!(psnr(&one, &I420::black(16, 18)), None);
        assert_eq!(psnr(&I420::black(0, 0), &I420::black(0, 0)), None);
    }
}
