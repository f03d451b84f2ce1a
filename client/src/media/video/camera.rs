//! Cameras, in the raw formats they deliver. The backend is V4L2 on Linux and `nokhwa` elsewhere; both have the same
//! functions.

mod convert;
mod error;
mod format;
#[cfg(not(target_os = "linux"))]
mod nokhwa;
#[cfg(target_os = "linux")]
mod v4l2;
mod watch;

use std::time::Duration;

use maru_core::frame::I420;

use self::convert::Converter;
#[cfg(not(target_os = "linux"))]
use self::nokhwa as backend;
#[cfg(target_os = "linux")]
use self::v4l2 as backend;
use self::watch::FrameWatch;
use super::source::{Captured, FrameSource};
use crate::clock;
use crate::media::DeviceProblem;
use crate::media::thread::{StopFlag, catch_panic};

/// How often a wait for a frame looks at the stop flag.
const POLL: Duration = Duration::from_millis(100);

/// The names of the cameras that are there now. No name occurs twice.
pub(super) fn list() -> Vec<String> {
    catch_panic(devices).unwrap_or_default().into_iter().map(|device| device.name).collect()
}

/// Opens the first camera that can be opened.
///
/// # Errors
/// There is no camera, or the problem of the first one.
pub(super) fn open_any(stop: &StopFlag) -> Result<CameraSource, DeviceProblem> {
    let mut first = None;
    for device in devices() {
        match CameraSource::open(device, stop) {
            Ok(camera) => return Ok(camera),
            Err(problem) => {
                first.get_or_insert(problem);
            }
        }
    }
    Err(first.unwrap_or(DeviceProblem::NoDevice))
}

/// Opens the camera that [`list`] calls `name`.
///
/// # Errors
/// No camera has this name, it is busy, delivers no frames, or cannot be used.
pub(super) fn open_named(name: &str, stop: &StopFlag) -> Result<CameraSource, DeviceProblem> {
    let device = devices().into_iter().find(|device| device.name == name);
    CameraSource::open(device.ok_or_else(|| DeviceProblem::NotFound { name: name.into() })?, stop)
}

struct Device {
    name: String,
    node: backend::Node,
}

fn devices() -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for node in backend::nodes() {
        let mut name = node.name.clone();
        let mut copy = 1;
        while devices.iter().any(|device| device.name == name) {
            copy += 1;
            name = format!("{} #{copy}", node.name);
        }
        devices.push(Device { name, node });
    }
    devices
}

/// An open camera.
pub(super) struct CameraSource {
    name: String,
    camera: backend::Camera,
    converter: Converter,
    stop: StopFlag,
}

impl CameraSource {
    fn open(device: Device, stop: &StopFlag) -> Result<Self, DeviceProblem> {
        let camera = backend::Camera::open(&device.node).map_err(|error| error.problem(&device.name))?;
        tracing::info!(camera = %device.name, format = ?camera.format(), "opened");
        Ok(Self { name: device.name, camera, converter: Converter::default(), stop: stop.clone() })
    }
}

impl FrameSource for CameraSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem> {
        let format = self.camera.format();
        let mut watch = FrameWatch::new(clock::now());
        while !self.stop.is_set() {
            let frame = self.camera.frame(POLL).map_err(|error| error.problem(&self.name))?;
            let now = clock::now();
            if let Some(frame) = frame {
                match self.converter.convert(format, &frame, image) {
                    Ok(()) => return Ok(Some(Captured { at: now, source_frame: None })),
                    Err(error) => watch.broken_frame(error.to_string()),
                }
            }
            watch.check(now).map_err(|error| error.problem(&self.name))?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_of_an_unknown_name_is_not_found() {
        let name = "no camera is called like this".to_owned();
        assert_eq!(open_named(&name, &StopFlag::default()).err(), Some(DeviceProblem::NotFound { name }));
    }
}
