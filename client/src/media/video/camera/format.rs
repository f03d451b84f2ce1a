//! Which of a camera's formats to use.

use crate::media::video::frame_clock::FrameRate;

pub(super) const WANTED_WIDTH: u32 = 1280;
pub(super) const WANTED_HEIGHT: u32 = 720;
pub(super) const WANTED_RATE: FrameRate = FrameRate { numerator: 30, denominator: 1 };
/// In mHz. Below this rate a smaller frame at a higher rate is better.
const MIN_RATE_MHZ: u64 = 20_000;
const USABLE_RATES_MHZ: std::ops::RangeInclusive<u64> = 1_000..=240_000;

/// What a camera can deliver. Sides in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixels: PixelFormat,
    pub(super) rate: FrameRate,
}

/// How a camera encodes pixels: the formats that [`convert`](super::convert) reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelFormat {
    Mjpeg,
    Yuyv,
    Nv12,
    /// 8 bits of luma.
    Grey,
    Rgb,
    Bgr,
}

impl PixelFormat {
    /// Relative CPU time of the conversion to I420.
    fn cost(self) -> u32 {
        match self {
            Self::Nv12 | Self::Grey => 0,
            Self::Yuyv => 1,
            Self::Rgb | Self::Bgr => 2,
            Self::Mjpeg => 3,
        }
    }
}

/// The format nearest to 1280×720 at 30 frames per second. A rate of at least 20 counts most, then colour, size, rate
/// and the cost of conversion. `None`: no format is usable.
pub(super) fn best(formats: &[Format]) -> Option<Format> {
    let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
    formats.iter().copied().filter(is_usable).min_by_key(|format| {
        let rate_mhz = format.rate.millihertz();
        (
            rate_mhz < MIN_RATE_MHZ,
            format.pixels == PixelFormat::Grey,
            area(format.width, format.height).abs_diff(area(WANTED_WIDTH, WANTED_HEIGHT)),
            rate_mhz.abs_diff(WANTED_RATE.millihertz()),
            format.pixels.cost(),
        )
    })
}

/// I420 needs even sides.
fn is_usable(format: &Format) -> bool {
    format.width.is_multiple_of(2)
        && format.height.is_multiple_of(2)
        && USABLE_RATES_MHZ.contains(&format.rate.millihertz())
}

#[cfg(test)]
mod tests {
    use super::PixelFormat::{Grey, Mjpeg, Nv12, Yuyv};
    use super::*;

    const NTSC: FrameRate = FrameRate { numerator: 30_000, denominator: 1001 };

    fn fps(numerator: u32) -> FrameRate {
        FrameRate { numerator, denominator: 1 }
    }

    fn format(width: u32, height: u32, pixels: PixelFormat, rate: FrameRate) -> Format {
        Format { width, height, pixels, rate }
    }

    #[test]
    fn a_usual_webcam_gives_720p30_as_mjpeg() {
        let formats = [
            format(640, 480, Yuyv, fps(30)),
            format(1280, 720, Yuyv, fps(10)),
            format(1280, 720, Mjpeg, fps(60)),
            format(1280, 720, Mjpeg, fps(30)),
            format(1920, 1080, Mjpeg, fps(30)),
        ];
        assert_eq!(best(&formats), Some(formats[3]));
    }

    #[test]
    fn without_720p30_the_nearest_format_is_used() {
        let vga = format(640, 480, Yuyv, fps(30));
        let full = format(1920, 1080, Nv12, fps(30));
        assert_eq!(best(&[format(1280, 720, Yuyv, fps(5)), vga]), Some(vga));
        assert_eq!(best(&[full, vga]), Some(vga));
        assert_eq!(best(&[full]), Some(full));
        assert_eq!(best(&[vga, format(640, 480, Grey, fps(30)), full]), Some(vga));
        assert_eq!(best(&[format(1280, 720, Yuyv, fps(30_000)), format(1281, 720, Yuyv, fps(30))]), None);
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn a_rate_need_not_be_a_whole_number() {
        let ntsc = format(1280, 720, Mjpeg, NTSC);
        let half = format(1280, 720, Mjpeg, FrameRate { numerator: 25, denominator: 2 });
        assert_eq!(best(&[half, ntsc, format(1280, 720, Mjpeg, fps(25))]), Some(ntsc), "29.97 is nearer to 30 than 25");
        assert_eq!(best(&[half]), Some(half));
        assert_eq!(NTSC.millihertz(), 29_970);
    }

    #[test]
    fn of_equal_formats_the_one_that_converts_fastest_is_used() {
        let nv12 = format(1280, 720, Nv12, fps(30));
        let formats = [format(1280, 720, Mjpeg, fps(30)), format(1280, 720, Yuyv, fps(30)), nv12];
        assert_eq!(best(&formats), Some(nv12));
    }
}
