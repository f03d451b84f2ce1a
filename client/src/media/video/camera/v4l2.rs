//! What `nokhwa` leaves out on Linux.

use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat};
use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, FourCC};

use super::format::best;

/// Whether the node is a camera, and not its metadata, an output or a radio.
pub(super) fn delivers_frames(index: &CameraIndex) -> bool {
    let capabilities = open(index).and_then(|device| device.query_caps().ok());
    let needed = Flags::VIDEO_CAPTURE | Flags::STREAMING;
    capabilities.is_some_and(|capabilities| capabilities.capabilities.contains(needed))
}

/// `nokhwa` opens no camera that is set to a format outside its own or to a broken rate, whatever else the camera can:
/// chooses one that it knows. Without success its own error follows.
pub(super) fn prepare(index: &CameraIndex) {
    let Some(device) = open(index) else { return };
    let Ok(mut format) = device.format() else { return };
    if !is_known(format.fourcc) {
        let offered = device.enum_formats().unwrap_or_default();
        let known = offered.iter().find(|description| is_known(description.fourcc));
        if let Some(known) = known {
            format.fourcc = FourCC::new(&known.fourcc.repr);
            let _ = device.set_format(&format);
        }
    }
    if is_rate_broken(&device) {
        let _ = device.set_params(&Parameters::with_fps(30));
    }
    // At this size there may be no whole rate near that one.
    if is_rate_broken(&device)
        && let Some(best) = best(&formats(index))
    {
        (format.width, format.height) = (best.width(), best.height());
        let _ = device.set_format(&format);
        let _ = device.set_params(&Parameters::with_fps(best.frame_rate()));
    }
}

fn is_rate_broken(device: &Device) -> bool {
    device.params().is_ok_and(|params| params.interval.numerator != 1)
}

/// The formats that the camera really offers and `nokhwa` can open: those with a whole number of frames a second. (Its own
/// list takes 25 from an interval of 2/25 s, and then fails to open that.) Ranges of sizes or rates, which webcams do not
/// have, are left out.
pub(super) fn formats(index: &CameraIndex) -> Vec<CameraFormat> {
    let Some(device) = open(index) else { return Vec::new() };
    let mut formats = Vec::new();
    for (code, format) in KNOWN {
        let code = FourCC::new(code);
        for size in device.enum_framesizes(code).unwrap_or_default() {
            let FrameSizeEnum::Discrete(size) = size.size else { continue };
            for rate in device.enum_frameintervals(code, size.width, size.height).unwrap_or_default() {
                let FrameIntervalEnum::Discrete(interval) = rate.interval else { continue };
                if interval.numerator == 1 {
                    formats.push(CameraFormat::new_from(size.width, size.height, format, interval.denominator));
                }
            }
        }
    }
    formats
}

fn open(index: &CameraIndex) -> Option<Device> {
    Device::new(index.as_index().ok()? as usize).ok()
}

fn is_known(code: FourCC) -> bool {
    KNOWN.iter().any(|(known, _)| **known == code.repr)
}

const KNOWN: [(&[u8; 4], FrameFormat); 6] = [
    (b"MJPG", FrameFormat::MJPEG),
    (b"YUYV", FrameFormat::YUYV),
    (b"NV12", FrameFormat::NV12),
    (b"GRAY", FrameFormat::GRAY),
    (b"RGB3", FrameFormat::RAWRGB),
    (b"BGR3", FrameFormat::RAWBGR),
];
