//! Camera formats to [`I420`], and [`I420`] to RGB.
//!
//! YUYV, NV12 and grey never pass through RGB. Their limited range is kept; JPEG's full range is narrowed.

use thiserror::Error;
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange,
    YuvStandardMatrix,
};

use crate::frame::I420;

/// Larger than any camera's, and small enough that no product of sides overflows.
const MAX_SIDE: u32 = 16_384;
const FRACTION_BITS: u32 = 14;
const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// Why a frame was not converted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// The data has fewer bytes than a frame of this size.
    #[error("{have} bytes instead of {needed} for a frame of {width}x{height}")]
    TooShort { width: u32, height: u32, needed: usize, have: usize },
    /// Zero, or larger than any camera's.
    #[error("{width}x{height} is no size of a frame")]
    Size { width: u32, height: u32 },
}

/// The weights of red and blue in the luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// Standard definition; JPEG and webcams at any size.
    Bt601,
    /// High definition.
    Bt709,
}

impl Matrix {
    /// The matrix of frames of this height inside Maru.
    pub const fn of_height(height: u32) -> Self {
        if height < 720 { Self::Bt601 } else { Self::Bt709 }
    }
}

/// YUYV (4:2:2 packed, 2 bytes a pixel, rows of an even number of pixels), limited range.
pub fn yuyv_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    let data = checked(data, width, height, |width, height| width.div_ceil(2) * 4 * height)?;
    image.reshape(width, height);
    let packed = YuvPackedImage { yuy: data, yuy_stride: width.div_ceil(2) * 4, width, height };
    yuv::yuyv422_to_yuv420(&mut planes(image), &packed).map_err(|_| ConvertError::Size { width, height })
}

/// NV12 (4:2:0, chroma interleaved), limited range.
pub fn nv12_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    let chroma = |width: usize, height: usize| width.div_ceil(2) * height.div_ceil(2) * 2;
    let data = checked(data, width, height, |width, height| width * height + chroma(width, height))?;
    image.reshape(width, height);
    let (luma, chroma) = data.split_at(image.y.len());
    image.y.copy_from_slice(luma);
    for ((pair, u), v) in chroma.chunks_exact(2).zip(&mut image.u).zip(&mut image.v) {
        *u = pair[0];
        *v = pair[1];
    }
    Ok(())
}

/// Grey of 8 bits in full range, as infrared cameras give it.
pub fn gray_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    let data = checked(data, width, height, |width, height| width * height)?;
    image.reshape(width, height);
    for (y, gray) in image.y.iter_mut().zip(data) {
        *y = narrow_luma(*gray);
    }
    image.u.fill(128);
    image.v.fill(128);
    Ok(())
}

/// RGB, 3 bytes a pixel, to the matrix of the frame's height.
pub fn rgb_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    colours_to_i420(data, 3, (width, height), image, yuv::rgb_to_yuv420)
}

/// BGR, 3 bytes a pixel, to the matrix of the frame's height.
pub fn bgr_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    colours_to_i420(data, 3, (width, height), image, yuv::bgr_to_yuv420)
}

/// BGRA, 4 bytes a pixel, to the matrix of the frame's height. Alpha is ignored.
pub fn bgra_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    colours_to_i420(data, 4, (width, height), image, yuv::bgra_to_yuv420)
}

/// `pixel_bytes` for each pixel, converted by a function of `yuv`.
fn colours_to_i420(
    data: &[u8],
    pixel_bytes: u32,
    (width, height): (u32, u32),
    image: &mut I420,
    convert: impl FnOnce(
        &mut YuvPlanarImageMut<'_, u8>,
        &[u8],
        u32,
        YuvRange,
        YuvStandardMatrix,
        YuvConversionMode,
    ) -> Result<(), YuvError>,
) -> Result<(), ConvertError> {
    let data = checked(data, width, height, |width, height| width * height * pixel_bytes as usize)?;
    image.reshape(width, height);
    let matrix = standard(Matrix::of_height(height));
    convert(&mut planes(image), data, width * pixel_bytes, YuvRange::Limited, matrix, YuvConversionMode::Balanced)
        .map_err(|_| ConvertError::Size { width, height })
}

/// A decoded JPEG that was left in its own colours: Y, Cb and Cr interleaved, a byte each for every pixel, full range.
pub fn ycbcr_to_i420(data: &[u8], width: u32, height: u32, image: &mut I420) -> Result<(), ConvertError> {
    let data = checked(data, width, height, |width, height| width * height * 3)?;
    image.reshape(width, height);
    let width = width as usize;
    let chroma_width = image.chroma_width() as usize;
    for (row, luma) in data.chunks_exact(width * 3).zip(image.y.chunks_exact_mut(width)) {
        for (pixel, y) in row.chunks_exact(3).zip(luma) {
            *y = narrow_luma(pixel[0]);
        }
    }
    let chroma = image.u.chunks_exact_mut(chroma_width).zip(image.v.chunks_exact_mut(chroma_width));
    for (pair, (u_row, v_row)) in data.chunks(width * 6).zip(chroma) {
        let upper = &pair[..width * 3];
        // The last row of an odd number stands for both.
        let lower = pair.get(width * 3..width * 6).unwrap_or(upper);
        let columns = upper.chunks(6).zip(lower.chunks(6)).zip(u_row.iter_mut().zip(v_row));
        for ((above, below), (u, v)) in columns {
            let right = above.len() - 3;
            let mean = |at: usize| {
                let sum = [above[at], above[right + at], below[at], below[right + at]].map(u32::from);
                (sum.iter().sum::<u32>() + 2) / 4
            };
            *u = narrow_chroma(mean(1));
            *v = narrow_chroma(mean(2));
        }
    }
    Ok(())
}

/// RGB, 3 bytes a pixel, from the matrix of the frame's height.
pub fn i420_to_rgb(image: &I420) -> Result<Vec<u8>, ConvertError> {
    let (width, height) = (image.width, image.height);
    let size = ConvertError::Size { width, height };
    let mut rgb = vec![0; width as usize * height as usize * 3];
    let planar = YuvPlanarImage {
        y_plane: &image.y,
        y_stride: width,
        u_plane: &image.u,
        u_stride: image.chroma_width(),
        v_plane: &image.v,
        v_stride: image.chroma_width(),
        width,
        height,
    };
    let matrix = standard(Matrix::of_height(height));
    yuv::yuv420_to_rgb(&planar, &mut rgb, width * 3, YuvRange::Limited, matrix).map_err(|_| size)?;
    Ok(rgb)
}

/// Rewrites a limited-range frame from one matrix to the other; nothing to do if they are the same.
pub fn change_matrix(image: &mut I420, from: Matrix, to: Matrix) {
    if from == to {
        return;
    }
    let change = Change::new(from, to);
    let (width, chroma_width) = (image.width as usize, image.chroma_width() as usize);
    if image.y.is_empty() {
        return;
    }
    let chroma_rows = image.u.chunks_exact_mut(chroma_width).zip(image.v.chunks_exact_mut(chroma_width));
    let mut luma_shift = vec![0_i16; chroma_width * 2];
    for (luma_rows, (u_row, v_row)) in image.y.chunks_mut(width * 2).zip(chroma_rows) {
        for ((u, v), shift) in u_row.iter_mut().zip(v_row).zip(luma_shift.chunks_exact_mut(2)) {
            let (cb, cr) = (i32::from(*u) - 128, i32::from(*v) - 128);
            let turned = |weights: [i32; 2]| (cb * weights[0] + cr * weights[1] + HALF) >> FRACTION_BITS;
            shift.fill(turned(change.luma) as i16);
            *u = (turned(change.cb) + 128).clamp(16, 240) as u8;
            *v = (turned(change.cr) + 128).clamp(16, 240) as u8;
        }
        for row in luma_rows.chunks_exact_mut(width) {
            for (y, shift) in row.iter_mut().zip(&luma_shift) {
                *y = (i16::from(*y) + shift).clamp(16, 235) as u8;
            }
        }
    }
}

/// Weights of Cb and Cr, as fixed-point numbers, in what is added to the luma and in the new Cb and Cr.
struct Change {
    luma: [i32; 2],
    cb: [i32; 2],
    cr: [i32; 2],
}

impl Change {
    fn new(from: Matrix, to: Matrix) -> Self {
        // The colours of pure Cb and of pure Cr under the old weights, seen with the new ones (BT.601, BT.709: 3).
        let ((old_red, old_blue), (red, blue)) = (luma_weights(from), luma_weights(to));
        let old_green = 1.0 - old_red - old_blue;
        let seen = |cb: f64, cr: f64| {
            let r = 2.0 * (1.0 - old_red) * cr;
            let b = 2.0 * (1.0 - old_blue) * cb;
            let g = -(old_red * r + old_blue * b) / old_green;
            let y = red * r + (1.0 - red - blue) * g + blue * b;
            (y, (b - y) / (2.0 * (1.0 - blue)), (r - y) / (2.0 * (1.0 - red)))
        };
        let fixed = |value: f64| (value * f64::from(1 << FRACTION_BITS)).round() as i32;
        // 219 steps of luma and 224 of chroma for the same span.
        let luma = |y: f64| fixed(y * 219.0 / 224.0);
        let (of_cb, of_cr) = (seen(1.0, 0.0), seen(0.0, 1.0));
        Self {
            luma: [luma(of_cb.0), luma(of_cr.0)],
            cb: [fixed(of_cb.1), fixed(of_cr.1)],
            cr: [fixed(of_cb.2), fixed(of_cr.2)],
        }
    }
}

/// Of red and of blue.
const fn luma_weights(matrix: Matrix) -> (f64, f64) {
    match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    }
}

const fn standard(matrix: Matrix) -> YuvStandardMatrix {
    match matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
    }
}

/// 0 to 255 into 16 to 235.
const fn narrow_luma(value: u8) -> u8 {
    (16 + (value as u32 * 219 + 127) / 255) as u8
}

/// 0 to 255 into 16 to 240, 128 staying.
const fn narrow_chroma(value: u32) -> u8 {
    (((value as i32 - 128) * 224 + 128 * 255 + 127) / 255) as u8
}

/// The first `bytes(width, height)` bytes of `data`.
fn checked(data: &[u8], width: u32, height: u32, bytes: impl Fn(usize, usize) -> usize) -> Result<&[u8], ConvertError> {
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
        return Err(ConvertError::Size { width, height });
    }
    let needed = bytes(width as usize, height as usize);
    data.get(..needed).ok_or(ConvertError::TooShort { width, height, needed, have: data.len() })
}

fn planes(image: &mut I420) -> YuvPlanarImageMut<'_, u8> {
    let chroma_width = image.chroma_width();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(&mut image.y),
        y_stride: image.width,
        u_plane: BufferStoreMut::Borrowed(&mut image.u),
        u_stride: chroma_width,
        v_plane: BufferStoreMut::Borrowed(&mut image.v),
        v_stride: chroma_width,
        width: image.width,
        height: image.height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Converter = fn(&[u8], u32, u32, &mut I420) -> Result<(), ConvertError>;

    #[test]
    fn every_format_takes_every_size_and_refuses_a_short_buffer() {
        let formats: [(&str, Converter, fn(usize, usize) -> usize); 7] = [
            ("yuyv", yuyv_to_i420, |w, h| w.div_ceil(2) * 4 * h),
            ("nv12", nv12_to_i420, |w, h| w * h + 2 * w.div_ceil(2) * h.div_ceil(2)),
            ("gray", gray_to_i420, |w, h| w * h),
            ("rgb", rgb_to_i420, |w, h| w * h * 3),
            ("bgr", bgr_to_i420, |w, h| w * h * 3),
            ("bgra", bgra_to_i420, |w, h| w * h * 4),
            ("ycbcr", ycbcr_to_i420, |w, h| w * h * 3),
        ];
        for (name, convert, bytes) in formats {
            for (width, height) in [(1, 1), (2, 2), (3, 5), (64, 48), (65, 47), (641, 361), (1280, 720)] {
                let needed = bytes(width, height);
                let mut image = I420::black(0, 0);
                let (width, height) = (width as u32, height as u32);
                convert(&vec![128; needed], width, height, &mut image).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert_eq!((image.width, image.height, image.y.len()), (width, height, (width * height) as usize));
                assert!(image.u.iter().chain(&image.v).all(|c| c.abs_diff(128) <= 1), "{name} {width}x{height}");
                let short = convert(&vec![128; needed - 1], width, height, &mut image);
                assert_eq!(short, Err(ConvertError::TooShort { width, height, needed, have: needed - 1 }), "{name}");
            }
            let nothing = convert(&[], 0, 4, &mut I420::black(0, 0));
            assert_eq!(nothing, Err(ConvertError::Size { width: 0, height: 4 }), "{name}");
            let huge = convert(&[], u32::MAX, u32::MAX, &mut I420::black(0, 0));
            assert!(matches!(huge, Err(ConvertError::Size { .. })), "{name}");
        }
    }

    #[test]
    fn yuyv_keeps_luma_and_chroma() {
        let mut image = I420::black(0, 0);
        let rows = [[50, 105, 60, 205, 70, 20, 80, 30], [51, 105, 61, 205, 71, 20, 81, 30]].concat();
        yuyv_to_i420(&rows, 4, 2, &mut image).expect("a whole frame");
        assert_eq!(image.y, [50, 60, 70, 80, 51, 61, 71, 81]);
        assert_eq!((image.u, image.v), (vec![105, 20], vec![205, 30]));
    }

    #[test]
    fn nv12_is_split() {
        let mut image = I420::black(0, 0);
        nv12_to_i420(&[1, 2, 3, 4, 5, 6], 2, 2, &mut image).expect("a whole frame");
        assert_eq!((image.y, image.u, image.v), (vec![1, 2, 3, 4], vec![5], vec![6]));
    }

    #[test]
    fn full_range_is_narrowed() {
        let mut image = I420::black(0, 0);
        ycbcr_to_i420(&[0, 0, 255, 255, 0, 255, 0, 0, 255, 255, 0, 255], 2, 2, &mut image).expect("a whole frame");
        assert_eq!((image.y, image.u, image.v), (vec![16, 235, 16, 235], vec![16], vec![240]));
        let mut gray = I420::black(0, 0);
        gray_to_i420(&[0, 255], 2, 1, &mut gray).expect("a whole frame");
        assert_eq!((gray.y, gray.u), (vec![16, 235], vec![128]));
    }

    #[test]
    fn rgb_and_back_is_the_same_colour() {
        for (red, green, blue) in [(255, 255, 255), (0, 0, 0), (200, 30, 40), (20, 180, 60), (10, 50, 220)] {
            for height in [360, 720] {
                let pixels = [red, green, blue].repeat(16 * height as usize);
                let mut image = I420::black(0, 0);
                rgb_to_i420(&pixels, 16, height, &mut image).expect("a whole frame");
                let back = i420_to_rgb(&image).expect("a whole frame");
                let worst = back.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(4), "{red} {green} {blue}: {worst:?}");
            }
        }
    }

    /// The same colour through either matrix is the same frame after [`change_matrix`].
    #[test]
    fn change_of_matrix_agrees_with_conversion_from_rgb() {
        for (red, green, blue) in
            [(255, 255, 255), (0, 0, 0), (200, 30, 40), (20, 180, 60), (10, 50, 220), (120, 90, 70)]
        {
            let pixels = [red, green, blue].repeat(4);
            let converted = |matrix| {
                let mut image = I420::black(2, 2);
                let mode = YuvConversionMode::Balanced;
                yuv::rgb_to_yuv420(&mut planes(&mut image), &pixels, 6, YuvRange::Limited, standard(matrix), mode)
                    .expect("a whole frame");
                image
            };
            for (from, to) in [(Matrix::Bt601, Matrix::Bt709), (Matrix::Bt709, Matrix::Bt601)] {
                let mut image = converted(from);
                change_matrix(&mut image, from, to);
                let expected = converted(to);
                let near = |a: u8, b: u8| a.abs_diff(b) <= 2;
                assert!(near(image.y[0], expected.y[0]), "{red} {green} {blue}: {image:?} {expected:?}");
                assert!(near(image.u[0], expected.u[0]) && near(image.v[0], expected.v[0]), "{image:?} {expected:?}");
            }
        }
    }
}
