//! Cameras, in the raw formats they deliver. The backend is V4L2 on Linux and `nokhwa` elsewhere; both have the same
//! functions.

mod automatic;
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

use self::automatic::{Traits, candidates};
use self::convert::Converter;
#[cfg(not(target_os = "linux"))]
use self::nokhwa as backend;
#[cfg(target_os = "linux")]
use self::v4l2 as backend;
use self::watch::FrameWatch;
use super::source::{Captured, FrameSource};
use crate::clock;
use crate::media::DeviceProblem;
use crate::media::device_names::{self, Listed};
use crate::media::thread::{StopFlag, catch_panic};

/// How often a wait for a frame looks at the stop flag.
const POLL: Duration = Duration::from_millis(100);

/// The names of the cameras that are there now. No name occurs twice.
pub(super) fn list() -> Vec<String> {
    catch_panic(devices).unwrap_or_default().into_iter().map(|device| device.name).collect()
}

/// Opens the first camera that can be opened, of those that [`automatic`] allows.
///
/// # Errors
/// There is no camera, or the problem of the first one.
pub(super) fn open_any(stop: &StopFlag) -> Result<CameraSource, DeviceProblem> {
    let mut first = None;
    for device in candidates(devices(), |device| &device.node.traits) {
        match CameraSource::open(device, stop) {
            Ok(camera) => return Ok(camera),
            Err(problem) => {
                first.get_or_insert(problem);
            }
        }
    }
    Err(first.unwrap_or(DeviceProblem::NoDevice))
}

/// Opens the camera that [`list`] calls `name`, or called so when it was chosen.
///
/// # Errors
/// No camera has this name, it is busy, delivers no frames, or cannot be used.
pub(super) fn open_named(name: &str, stop: &StopFlag) -> Result<CameraSource, DeviceProblem> {
    let mut devices = devices();
    let listed: Vec<Listed<'_>> = devices.iter().map(|device| device.node.listed()).collect();
    let found = device_names::find(&listed, name, None);
    let found = found.ok_or_else(|| DeviceProblem::NotFound { name: name.into() })?;
    CameraSource::open(devices.swap_remove(found), stop)
}

/// A camera that the backend lists.
struct Node<A> {
    name: String,
    /// Where it is connected.
    id: String,
    traits: Traits,
    /// For the backend.
    address: A,
}

impl<A> Node<A> {
    fn listed(&self) -> Listed<'_> {
        Listed { name: &self.name, id: &self.id }
    }
}

struct Device {
    /// Unique.
    name: String,
    node: Node<backend::Address>,
}

fn devices() -> Vec<Device> {
    let nodes = backend::nodes();
    let names = device_names::unique_names(&nodes.iter().map(Node::listed).collect::<Vec<_>>());
    names.into_iter().zip(nodes).map(|(name, node)| Device { name, node }).collect()
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
        let camera = backend::Camera::open(&device.node.address).map_err(|error| error.problem(&device.name))?;
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
