use super::*;

type Converter = fn(&[u8], u32, u32, &mut I420) -> Result<(), ConvertError>;

#[test]
fn every_format_takes_every_size_and_refuses_a_short_buffer() {
    let formats: [(&str, Converter, fn(usize, usize) -> usize); 6] = [
        ("yuyv", yuyv_to_i420, |w, h| w.div_ceil(2) * 4 * h),
        ("nv12", nv12_to_i420, |w, h| w * h + 2 * w.div_ceil(2) * h.div_ceil(2)),
        ("gray", gray_to_i420, |w, h| w * h),
        ("rgb", rgb_to_i420, |w, h| w * h * 3),
        ("bgr", bgr_to_i420, |w, h| w * h * 3),
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
    for (red, green, blue) in [(255, 255, 255), (0, 0, 0), (200, 30, 40), (20, 180, 60), (10, 50, 220), (120, 90, 70)] {
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
