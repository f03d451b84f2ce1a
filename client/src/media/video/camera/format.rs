//! Which of a camera's formats to use.

use crate::media::video::frame_clock::FrameRate;

pub(super) const WANTED_RATE: FrameRate = FrameRate { numerator: 30, denominator: 1 };
/// In mHz. Below this rate a smaller frame at a higher rate is better.
const MIN_RATE_MHZ: u64 = 20_000;
const USABLE_RATES_MHZ: std::ops::RangeInclusive<u64> = 1_000..=240_000;

/// In pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

const HD: Size = Size { width: 1280, height: 720 };
const FULL_HD: Size = Size { width: 1920, height: 1080 };
/// With fewer cores, reading 1080p as JPEG and scaling it would take what sound and the others' video need, whatever size
/// is sent in the end.
const FULL_HD_CORES: usize = 4;

/// The size to ask a camera for on this machine.
pub(super) fn wanted_size() -> Size {
    size_for(std::thread::available_parallelism().map_or(1, usize::from))
}

fn size_for(cores: usize) -> Size {
    if cores >= FULL_HD_CORES { FULL_HD } else { HD }
}

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

/// The format nearest to `wanted` at 30 frames per second. A rate of at least 20 counts most, then colour, size, rate
/// and the cost of conversion. `None`: no format is usable.
pub(super) fn best(formats: &[Format], wanted: Size) -> Option<Format> {
    let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
    formats.iter().copied().filter(is_usable).min_by_key(|format| {
        let rate_mhz = format.rate.millihertz();
        (
            rate_mhz < MIN_RATE_MHZ,
            format.pixels == PixelFormat::Grey,
            area(format.width, format.height).abs_diff(area(wanted.width, wanted.height)),
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
        assert_eq!(best(&formats, HD), Some(formats[3]));
    }

    #[test]
    fn without_720p30_the_nearest_format_is_used() {
        let vga = format(640, 480, Yuyv, fps(30));
        let full = format(1920, 1080, Nv12, fps(30));
        assert_eq!(best(&[format(1280, 720, Yuyv, fps(5)), vga], HD), Some(vga));
        assert_eq!(best(&[full, vga], HD), Some(vga));
        assert_eq!(best(&[full], HD), Some(full));
        assert_eq!(best(&[vga, format(640, 480, Grey, fps(30)), full], HD), Some(vga));
        assert_eq!(best(&[format(1280, 720, Yuyv, fps(30_000)), format(1281, 720, Yuyv, fps(30))], HD), None);
        assert_eq!(best(&[], HD), None);
    }

    #[test]
    fn a_machine_with_four_cores_asks_for_1080p() {
        let [hd, full] = [HD, FULL_HD].map(|size| format(size.width, size.height, Mjpeg, fps(30)));
        let slow = format(1920, 1080, Yuyv, fps(5));
        let best_on = |cores, formats: &[Format]| best(formats, size_for(cores));
        assert_eq!((best_on(2, &[hd, full]), best_on(4, &[hd, full])), (Some(hd), Some(full)));
        assert_eq!(best_on(4, &[hd, slow]), Some(hd), "a rate counts more than a size");
    }

    #[test]
    fn a_rate_need_not_be_a_whole_number() {
        let ntsc = format(1280, 720, Mjpeg, NTSC);
        let half = format(1280, 720, Mjpeg, FrameRate { numerator: 25, denominator: 2 });
        assert_eq!(
            best(&[half, ntsc, format(1280, 720, Mjpeg, fps(25))], HD),
            Some(ntsc),
            "29.97 is nearer to 30 than 25"
        );
        assert_eq!(best(&[half], HD), Some(half));
        assert_eq!(NTSC.millihertz(), 29_970);
    }

    #[test]
    fn of_equal_formats_the_one_that_converts_fastest_is_used() {
        let nv12 = format(1280, 720, Nv12, fps(30));
        let formats = [format(1280, 720, Mjpeg, fps(30)), format(1280, 720, Yuyv, fps(30)), nv12];
        assert_eq!(best(&formats, HD), Some(nv12));
    }
}
