//! Which formats a V4L2 driver offers, and setting the best one.

use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, FourCC, Fraction};

use super::super::error::CameraError;
use super::super::format::{Format, PixelFormat, Size, WANTED_RATE, best, wanted_size};
use super::open_error;
use crate::media::video::frame_clock::FrameRate;

const PIXEL_FORMATS: [PixelFormat; 6] =
    [PixelFormat::Mjpeg, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Grey, PixelFormat::Rgb, PixelFormat::Bgr];

/// Of brightness, infrared light or depth: what `videodev2.h` begins so.
const COLOURLESS: [&[u8]; 6] = [b"GREY", b"Y8", b"Y1", b"Z16", b"INZI", b"INVZ"];

/// Whether all formats of the driver have one channel only.
pub(super) fn is_colourless(device: &Device) -> bool {
    let listed = device.enum_formats().unwrap_or_default();
    !listed.is_empty() && listed.iter().all(|format| is_colourless_code(format.fourcc))
}

fn is_colourless_code(code: FourCC) -> bool {
    COLOURLESS.iter().any(|begin| code.repr.starts_with(begin))
}

/// Sets the best format. Returns the one that the driver made of it.
///
/// # Errors
/// The camera is busy or gone, or its frames cannot be read.
pub(super) fn set_best(device: &Device) -> Result<Format, CameraError> {
    let wanted_size = wanted_size();
    if let Some(wanted) = best(&offered(device, wanted_size), wanted_size) {
        let request = v4l::Format::new(wanted.width, wanted.height, code(wanted.pixels));
        if let Err(error) = device.set_format(&request) {
            match open_error(&error) {
                error @ (CameraError::Busy | CameraError::Gone) => return Err(error),
                _ => tracing::info!(%error, "a camera keeps its own format"),
            }
        }
        let interval = Fraction::new(wanted.rate.denominator, wanted.rate.numerator);
        if let Err(error) = device.set_params(&Parameters::new(interval)) {
            tracing::info!(%error, "a camera keeps its own rate");
        }
    }
    let set = device.format().map_err(|error| open_error(&error))?;
    let known = PIXEL_FORMATS.into_iter().find(|pixels| code(*pixels) == set.fourcc);
    let unknown = || CameraError::Unusable(format!("its format {} is not supported", set.fourcc));
    let pixels = known.ok_or_else(unknown)?;
    let is_padded = |bytes: u32| set.stride != 0 && set.stride != bytes;
    if line_bytes(pixels, set.width).is_some_and(is_padded) {
        return Err(CameraError::Unusable(format!("its lines are padded to {} bytes", set.stride)));
    }
    let rate = device.params().ok().and_then(|parameters| rate(parameters.interval));
    Ok(Format { width: set.width, height: set.height, pixels, rate: rate.unwrap_or(WANTED_RATE) })
}

/// The formats that the driver lists and we can read. Where it lists no sizes or rates it is asked for what we want, which
/// it changes to what it has.
fn offered(device: &Device, wanted: Size) -> Vec<Format> {
    let listed = device.enum_formats().unwrap_or_default();
    let mut formats = Vec::new();
    for pixels in PIXEL_FORMATS.into_iter().filter(|pixels| listed.iter().any(|format| format.fourcc == code(*pixels)))
    {
        for (width, height) in sizes(device, pixels, wanted) {
            let rates = rates(device, pixels, width, height);
            formats.extend(rates.into_iter().map(|rate| Format { width, height, pixels, rate }));
        }
    }
    formats
}

/// Of a range of sizes, the one nearest to what is wanted.
fn sizes(device: &Device, pixels: PixelFormat, wanted: Size) -> Vec<(u32, u32)> {
    let Ok(listed) = device.enum_framesizes(code(pixels)) else { return vec![(wanted.width, wanted.height)] };
    let sizes = listed.into_iter().map(|size| match size.size {
        FrameSizeEnum::Discrete(size) => (size.width, size.height),
        FrameSizeEnum::Stepwise(range) => nearest_size(
            wanted,
            (range.min_width, range.max_width, range.step_width),
            (range.min_height, range.max_height, range.step_height),
        ),
    });
    sizes.collect()
}

/// Of a range of rates, the one nearest to 30 frames per second.
fn rates(device: &Device, pixels: PixelFormat, width: u32, height: u32) -> Vec<FrameRate> {
    let Ok(listed) = device.enum_frameintervals(code(pixels), width, height) else { return vec![WANTED_RATE] };
    let rates = listed.into_iter().filter_map(|interval| match interval.interval {
        FrameIntervalEnum::Discrete(interval) => rate(interval),
        // The longest interval is the slowest rate.
        FrameIntervalEnum::Stepwise(range) => Some(nearest_rate(rate(range.max)?, rate(range.min)?)),
    });
    rates.collect()
}

/// `videodev2.h`.
fn code(pixels: PixelFormat) -> FourCC {
    FourCC::new(match pixels {
        PixelFormat::Mjpeg => b"MJPG",
        PixelFormat::Yuyv => b"YUYV",
        PixelFormat::Nv12 => b"NV12",
        PixelFormat::Grey => b"GREY",
        PixelFormat::Rgb => b"RGB3",
        PixelFormat::Bgr => b"BGR3",
    })
}

/// Bytes in one line of `width` pixels, of the first plane. `None`: compressed.
fn line_bytes(pixels: PixelFormat, width: u32) -> Option<u32> {
    match pixels {
        PixelFormat::Mjpeg => None,
        PixelFormat::Yuyv => Some(width * 2),
        PixelFormat::Nv12 | PixelFormat::Grey => Some(width),
        PixelFormat::Rgb | PixelFormat::Bgr => Some(width * 3),
    }
}

/// Of a range of sizes, the one nearest to what is wanted. Each range is minimum, maximum and step in pixels.
fn nearest_size(wanted: Size, widths: (u32, u32, u32), heights: (u32, u32, u32)) -> (u32, u32) {
    let nearest = |side: u32, (min, max, step): (u32, u32, u32)| {
        min + (side.clamp(min, max.max(min)) - min) / step.max(1) * step.max(1)
    };
    (nearest(wanted.width, widths), nearest(wanted.height, heights))
}

/// Of a range of rates, the one nearest to 30 frames per second.
fn nearest_rate(slowest: FrameRate, fastest: FrameRate) -> FrameRate {
    let wanted_mhz = WANTED_RATE.millihertz();
    if fastest.millihertz() < wanted_mhz {
        fastest
    } else if slowest.millihertz() > wanted_mhz {
        slowest
    } else {
        WANTED_RATE
    }
}

/// `None`: the driver gives no interval.
fn rate(interval: Fraction) -> Option<FrameRate> {
    let is_valid = interval.numerator > 0 && interval.denominator > 0;
    is_valid.then_some(FrameRate { numerator: interval.denominator, denominator: interval.numerator })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTSC: FrameRate = FrameRate { numerator: 30_000, denominator: 1001 };

    #[test]
    fn an_interval_becomes_a_rate() {
        assert_eq!(rate(Fraction::new(1001, 30_000)), Some(NTSC));
        assert_eq!([rate(Fraction::new(0, 30)), rate(Fraction::new(1, 0))], [None, None]);
    }

    #[test]
    fn formats_of_infrared_cameras_have_no_colour() {
        let colourless = [b"GREY", b"Y8  ", b"Y10 ", b"Y12I", b"Y16 ", b"Z16 "];
        assert!(colourless.into_iter().all(|code| is_colourless_code(FourCC::new(code))));
        let colour = [b"YUYV", b"YU12", b"YV12", b"YVYU", b"MJPG", b"NV12", b"H264"];
        assert!(!colour.into_iter().any(|code| is_colourless_code(FourCC::new(code))));
    }

    fn fps(numerator: u32) -> FrameRate {
        FrameRate { numerator, denominator: 1 }
    }

    #[test]
    fn ranges_give_the_nearest_size_and_rate() {
        let hd = Size { width: 1280, height: 720 };
        assert_eq!(nearest_size(hd, (32, 2592, 2), (32, 1944, 2)), (1280, 720));
        assert_eq!(nearest_size(hd, (160, 640, 16), (120, 480, 16)), (640, 472));
        assert_eq!(nearest_size(hd, (1920, 1920, 0), (1080, 1080, 0)), (1920, 1080));
        assert_eq!(nearest_size(hd, (10, 5, 1), (10, 5, 1)), (10, 10), "a broken range is no panic");
        assert_eq!(nearest_rate(fps(1), fps(90)), fps(30));
        assert_eq!(nearest_rate(fps(1), NTSC), NTSC);
        assert_eq!(nearest_rate(fps(50), fps(60)), fps(50));
    }
}
