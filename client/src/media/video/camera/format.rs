//! Which of a camera's formats to take.

use nokhwa::utils::{CameraFormat, FrameFormat};

/// 1280×720 at 30 frames a second if there is, the nearest otherwise. Motion counts before size, size before the cost
/// of conversion.
pub(super) fn best(formats: &[CameraFormat]) -> Option<CameraFormat> {
    formats.iter().copied().filter(is_usable).min_by_key(|format| {
        let slow = format.frame_rate() < MIN_FPS;
        let area = i64::from(format.width()) * i64::from(format.height());
        let fps_distance = format.frame_rate().abs_diff(WANTED_FPS);
        (slow, grey(format), area.abs_diff(WANTED_AREA), fps_distance, conversion_cost(format.format()))
    })
}

/// `nokhwa` lists the denominators of odd rates such as 1001/30000 as rates.
fn is_usable(format: &CameraFormat) -> bool {
    format.width().is_multiple_of(2)
        && format.height().is_multiple_of(2)
        && (1..=MAX_FPS).contains(&format.frame_rate())
}

fn grey(format: &CameraFormat) -> bool {
    format.format() == FrameFormat::GRAY
}

fn conversion_cost(format: FrameFormat) -> u32 {
    match format {
        FrameFormat::NV12 | FrameFormat::GRAY => 0,
        FrameFormat::YUYV => 1,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => 2,
        FrameFormat::MJPEG => 3,
    }
}

const WANTED_AREA: i64 = 1280 * 720;
const WANTED_FPS: u32 = 30;
/// Below this, a smaller frame is better.
const MIN_FPS: u32 = 20;
const MAX_FPS: u32 = 240;

#[cfg(test)]
mod tests {
    use super::*;

    fn format(width: u32, height: u32, format: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new_from(width, height, format, fps)
    }

    #[test]
    fn a_usual_webcam_gives_720p30_as_mjpeg() {
        let formats = [
            format(640, 480, FrameFormat::YUYV, 30),
            format(1280, 720, FrameFormat::YUYV, 10),
            format(1280, 720, FrameFormat::MJPEG, 60),
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(1920, 1080, FrameFormat::MJPEG, 30),
        ];
        assert_eq!(best(&formats), Some(formats[3]));
    }

    #[test]
    fn without_720p_the_nearest_is_taken() {
        let vga = format(640, 480, FrameFormat::YUYV, 30);
        let full = format(1920, 1080, FrameFormat::NV12, 30);
        assert_eq!(best(&[format(1280, 720, FrameFormat::YUYV, 5), vga]), Some(vga));
        assert_eq!(best(&[full, vga]), Some(vga));
        assert_eq!(best(&[full]), Some(full));
        assert_eq!(best(&[vga, format(640, 480, FrameFormat::GRAY, 30), full]), Some(vga));
        assert_eq!(best(&[format(1280, 720, FrameFormat::YUYV, 30_000)]), None);
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn the_cheapest_of_equals_is_taken() {
        let cheap = format(1280, 720, FrameFormat::NV12, 30);
        let formats = [format(1280, 720, FrameFormat::MJPEG, 30), format(1280, 720, FrameFormat::YUYV, 30), cheap];
        assert_eq!(best(&formats), Some(cheap));
    }
}
