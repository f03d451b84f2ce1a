//! What frames can be captured from.

use std::path::Path;

use maru_core::frame::I420;
use maru_core::test_pattern::TestPattern;
use maru_core::time::Timestamp;

use super::camera;
use super::pacer::{FrameRate, Pacer};
use super::y4m::Y4mReader;
use crate::clock;
use crate::media::thread::StopFlag;
use crate::media::{DeviceChoice, DeviceProblem};

/// Gives one frame after the other, at its own rhythm. Owned by the capture thread.
pub(super) trait FrameSource {
    /// What it is called where people read it.
    fn name(&self) -> String;

    /// Waits for the next frame and writes it into `image`. `None`: it was asked to stop while it waited.
    ///
    /// # Errors
    /// The source is lost and has to be opened again.
    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) at: Timestamp,
    /// Index in the file or test pattern; `None` for a camera.
    pub(super) source_frame: Option<u64>,
}

/// Opens what `choice` names; `None` for [`DeviceChoice::None`].
///
/// # Errors
/// There is none, it is busy, or it cannot be used.
pub(super) fn open(choice: &DeviceChoice, stop: &StopFlag) -> Result<Option<Box<dyn FrameSource>>, DeviceProblem> {
    Ok(Some(match choice {
        DeviceChoice::None => return Ok(None),
        DeviceChoice::Test => Box::new(TestSource::new(stop.clone())),
        DeviceChoice::File(path) => Box::new(FileSource::open(path, stop.clone())?),
        DeviceChoice::Auto => Box::new(camera::open_any()?),
        DeviceChoice::Named(name) => Box::new(camera::open_named(name)?),
    }))
}

struct TestSource {
    frame: TestPattern,
    pacer: Pacer,
    stop: StopFlag,
}

impl TestSource {
    fn new(stop: StopFlag) -> Self {
        let rate = FrameRate { numerator: 30, denominator: 1 };
        Self { frame: TestPattern::new(1280, 720), pacer: Pacer::new(clock::now(), rate), stop }
    }
}

impl FrameSource for TestSource {
    fn name(&self) -> String {
        "test pattern".into()
    }

    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem> {
        let Some((number, at)) = wait_for_frame(&mut self.pacer, &self.stop) else { return Ok(None) };
        self.frame.draw(number, image);
        Ok(Some(Captured { at, source_frame: Some(number) }))
    }
}

/// A Y4M file, played again and again.
struct FileSource {
    name: String,
    file: Y4mReader,
    pacer: Pacer,
    stop: StopFlag,
}

impl FileSource {
    fn open(path: &Path, stop: StopFlag) -> Result<Self, DeviceProblem> {
        let name = path.display().to_string();
        let file = Y4mReader::open(path).map_err(|e| unusable(&name, format!("{}: {}", e.place, e.reason)))?;
        let pacer = Pacer::new(clock::now(), file.rate());
        Ok(Self { name, file, pacer, stop })
    }
}

impl FrameSource for FileSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem> {
        let Some((number, at)) = wait_for_frame(&mut self.pacer, &self.stop) else { return Ok(None) };
        let index = number % self.file.frames();
        self.file.read(index, image).map_err(|e| unusable(&self.name, format!("{}: {}", e.place, e.reason)))?;
        Ok(Some(Captured { at, source_frame: Some(index) }))
    }
}

fn unusable(name: &str, reason: String) -> DeviceProblem {
    DeviceProblem::Unusable { name: name.into(), reason }
}

/// The next frame's number, and the time now that it is due.
fn wait_for_frame(pacer: &mut Pacer, stop: &StopFlag) -> Option<(u64, Timestamp)> {
    let now = clock::now();
    let (number, due) = pacer.next(now);
    let stopped = stop.wait(due.since(now));
    (!stopped).then(|| (number, clock::now()))
}
