//! What `nokhwa` leaves out on Linux.

use nokhwa::utils::CameraIndex;
use v4l::capability::Flags;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, FourCC};

/// Whether the node is a camera, and not its metadata, an output or a radio.
pub(super) fn delivers_pictures(index: &CameraIndex) -> bool {
    let capabilities = open(index).and_then(|device| device.query_caps().ok());
    let needed = Flags::VIDEO_CAPTURE | Flags::STREAMING;
    capabilities.is_some_and(|capabilities| capabilities.capabilities.contains(needed))
}

/// `nokhwa` opens no camera that is set to a format outside its own or to a broken rate, whatever else the camera can:
/// chooses one that it knows. Without success its own error follows.
pub(super) fn prepare(index: &CameraIndex) {
    let Some(device) = open(index) else { return };
    let Ok(mut format) = device.format() else { return };
    if !KNOWN.contains(&&format.fourcc.repr) {
        let offered = device.enum_formats().unwrap_or_default();
        let known = offered.iter().find(|description| KNOWN.contains(&&description.fourcc.repr));
        if let Some(known) = known {
            format.fourcc = FourCC::new(&known.fourcc.repr);
            let _ = device.set_format(&format);
        }
    }
    if device.params().is_ok_and(|params| params.interval.numerator != 1) {
        let _ = device.set_params(&Parameters::with_fps(30));
    }
}

fn open(index: &CameraIndex) -> Option<Device> {
    Device::new(index.as_index().ok()? as usize).ok()
}

const KNOWN: [&[u8; 4]; 6] = [b"MJPG", b"YUYV", b"NV12", b"GRAY", b"RGB3", b"BGR3"];
