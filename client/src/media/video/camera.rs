//! Cameras through `nokhwa`, in the raw formats they deliver.

mod convert;
mod format;
#[cfg(target_os = "linux")]
mod v4l2;

use maru_core::frame::I420;
use nokhwa::Camera;
use nokhwa::utils::{ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};

use super::source::{Captured, FrameSource};
use crate::clock;
use crate::media::DeviceProblem;
use crate::media::thread::catch_panic;
use convert::Converter;

/// The cameras there are now, by names that differ.
pub(super) fn list() -> Vec<String> {
    // The library below panics at a driver whose name is not UTF-8.
    catch_panic(devices).unwrap_or_default().into_iter().map(|device| device.name).collect()
}

/// The first camera that can be opened.
///
/// # Errors
/// There is none, or what is wrong with the first one.
pub(super) fn open_any() -> Result<CameraSource, DeviceProblem> {
    let mut first = None;
    for device in devices() {
        match CameraSource::open(&device) {
            Ok(camera) => return Ok(camera),
            Err(problem) => {
                first.get_or_insert(problem);
            }
        }
    }
    Err(first.unwrap_or(DeviceProblem::NoDevice))
}

/// The camera that [`list`] calls `name`.
///
/// # Errors
/// There is none of that name, it is busy, or it cannot be used.
pub(super) fn open_named(name: &str) -> Result<CameraSource, DeviceProblem> {
    let device = devices().into_iter().find(|device| device.name == name);
    CameraSource::open(&device.ok_or_else(|| DeviceProblem::NotFound { name: name.into() })?)
}

struct Device {
    name: String,
    index: CameraIndex,
}

fn devices() -> Vec<Device> {
    let found = nokhwa::query(ApiBackend::Auto).unwrap_or_else(|error| {
        tracing::warn!(%error, "the cameras cannot be listed");
        Vec::new()
    });
    let mut devices: Vec<Device> = Vec::new();
    // A webcam has a second node for metadata, which is no camera.
    for info in found.iter().filter(|info| delivers_frames(info.index())) {
        let mut name = info.human_name();
        let mut copy = 1;
        while devices.iter().any(|device| device.name == name) {
            copy += 1;
            name = format!("{} #{copy}", info.human_name());
        }
        devices.push(Device { name, index: info.index().clone() });
    }
    devices
}

/// An open camera. Reads block until a frame comes, without a time-out.
pub(super) struct CameraSource {
    name: String,
    camera: Camera,
    format: CameraFormat,
    converter: Converter,
}

impl CameraSource {
    fn open(device: &Device) -> Result<Self, DeviceProblem> {
        let problem = |error: nokhwa::NokhwaError| open_problem(&device.name, &error.to_string());
        prepare(&device.index);
        let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
        let mut camera = Camera::new(device.index.clone(), any).map_err(problem)?;
        let mut formats = formats(&device.index);
        if formats.is_empty() {
            formats = camera.compatible_camera_formats().map_err(problem)?;
        }
        if let Some(best) = format::best(&formats) {
            let exactly = RequestedFormat::with_formats(RequestedFormatType::Exact(best), &FORMATS);
            if let Err(error) = camera.set_camera_requset(exactly) {
                tracing::info!(camera = %device.name, %error, "keeps its own format");
            }
        }
        // What the driver made of it: the format of the frames to come.
        let format = camera.refresh_camera_format().map_err(problem)?;
        camera.open_stream().map_err(problem)?;
        tracing::info!(camera = %device.name, %format, "opened");
        Ok(Self { name: device.name.clone(), camera, format, converter: Converter::default() })
    }
}

impl FrameSource for CameraSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem> {
        // Cameras begin with a few broken frames now and then.
        let mut last = String::new();
        for _ in 0..MAX_BROKEN_FRAMES {
            let frame = self.camera.frame_raw().map_err(|error| {
                tracing::warn!(camera = %self.name, %error, "is lost");
                DeviceProblem::Unplugged { name: self.name.clone() }
            })?;
            let at = clock::now();
            match self.converter.convert(self.format, &frame, image) {
                Ok(()) => return Ok(Some(Captured { at, source_frame: None })),
                Err(error) => last = error.to_string(),
            }
        }
        Err(DeviceProblem::Unusable { name: self.name.clone(), reason: last })
    }
}

/// `nokhwa` tells the reason in words only.
fn open_problem(name: &str, error: &str) -> DeviceProblem {
    let name = name.to_owned();
    let says = |texts: &[&str]| texts.iter().any(|text| error.contains(text));
    if says(&["busy", "os error 16", "in use"]) {
        DeviceProblem::Busy { name }
    } else if says(&["os error 2)", "os error 6)", "os error 19)", "No such"]) {
        DeviceProblem::Unplugged { name }
    } else {
        DeviceProblem::Unusable { name, reason: error.into() }
    }
}

#[cfg(target_os = "linux")]
use v4l2::{delivers_frames, formats, prepare};

#[cfg(not(target_os = "linux"))]
fn delivers_frames(_: &CameraIndex) -> bool {
    true
}

#[cfg(not(target_os = "linux"))]
fn prepare(_: &CameraIndex) {}

/// Nothing: what `nokhwa` lists is taken.
#[cfg(not(target_os = "linux"))]
fn formats(_: &CameraIndex) -> Vec<CameraFormat> {
    Vec::new()
}

const FORMATS: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];
/// One second.
const MAX_BROKEN_FRAMES: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_understood() {
        let name = || "Cam".to_owned();
        let busy = "Could not set device property FrameFormat with value: Device or resource busy (os error 16)";
        assert_eq!(open_problem("Cam", busy), DeviceProblem::Busy { name: name() });
        let gone = "Could not open device 0: V4L2 Error: No such file or directory (os error 2)";
        assert_eq!(open_problem("Cam", gone), DeviceProblem::Unplugged { name: name() });
        let other = "Could not get device property FrameFormat: unsupported";
        assert_eq!(open_problem("Cam", other), DeviceProblem::Unusable { name: name(), reason: other.into() });
    }

    #[test]
    fn no_camera_of_that_name() {
        let name = "no camera is called like this".to_owned();
        assert_eq!(open_named(&name).err(), Some(DeviceProblem::NotFound { name }));
    }
}
