//! What frames are captured from: a camera, a file or the test pattern.

use std::path::Path;

use maru_core::frame::I420;
use maru_core::test_pattern::TestPattern;
use maru_core::time::Timestamp;

use super::camera;
use super::frame_clock::{FrameClock, FrameRate};
use super::y4m::Y4mReader;
use crate::clock;
use crate::media::thread::StopFlag;
use crate::media::{DeviceChoice, DeviceProblem, SourceError};

/// Delivers one frame after the other at its own rate. Owned by the capture thread.
pub(super) trait FrameSource {
    /// Its name for people.
    fn name(&self) -> String;

    /// Waits for the next frame and writes it into `image`. `None`: the stop flag was set during the wait.
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

/// Opens the source that `choice` names. `None`: the choice is [`DeviceChoice::None`].
///
/// # Errors
/// The device is missing, busy or unusable.
pub(super) fn open(choice: &DeviceChoice, stop: &StopFlag) -> Result<Option<Box<dyn FrameSource>>, DeviceProblem> {
    Ok(Some(match choice {
        DeviceChoice::None => return Ok(None),
        DeviceChoice::Test => Box::new(TestSource::new(stop.clone())),
        DeviceChoice::File(path) => Box::new(FileSource::open(path, stop.clone())?),
        DeviceChoice::Auto => Box::new(camera::open_any(stop)?),
        DeviceChoice::Named(name) => Box::new(camera::open_named(name, stop)?),
    }))
}

/// The test pattern, 1280×720 at 30 frames per second.
struct TestSource {
    pattern: TestPattern,
    clock: FrameClock,
    stop: StopFlag,
}

impl TestSource {
    fn new(stop: StopFlag) -> Self {
        let rate = FrameRate { numerator: 30, denominator: 1 };
        Self { pattern: TestPattern::new(1280, 720), clock: FrameClock::new(clock::now(), rate), stop }
    }
}

impl FrameSource for TestSource {
    fn name(&self) -> String {
        "test pattern".into()
    }

    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem> {
        let Some((number, at)) = wait_for_frame(&mut self.clock, &self.stop) else { return Ok(None) };
        self.pattern.draw(number, image);
        Ok(Some(Captured { at, source_frame: Some(number) }))
    }
}

/// A Y4M file, played in a loop.
struct FileSource {
    name: String,
    file: Y4mReader,
    clock: FrameClock,
    stop: StopFlag,
}

impl FileSource {
    fn open(path: &Path, stop: StopFlag) -> Result<Self, DeviceProblem> {
        let name = path.display().to_string();
        let file = Y4mReader::open(path).map_err(|error| unusable(&name, &error))?;
        let clock = FrameClock::new(clock::now(), file.rate());
        Ok(Self { name, file, clock, stop })
    }
}

impl FrameSource for FileSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn next(&mut self, image: &mut I420) -> Result<Option<Captured>, DeviceProblem> {
        let Some((number, at)) = wait_for_frame(&mut self.clock, &self.stop) else { return Ok(None) };
        let index = number % self.file.frames();
        self.file.read(index, image).map_err(|error| unusable(&self.name, &error))?;
        Ok(Some(Captured { at, source_frame: Some(index) }))
    }
}

fn unusable(name: &str, error: &SourceError) -> DeviceProblem {
    DeviceProblem::Unusable { name: name.into(), reason: format!("{}: {}", error.place, error.reason) }
}

/// Waits until the next frame is due. Returns its number and the time.
fn wait_for_frame(frame_clock: &mut FrameClock, stop: &StopFlag) -> Option<(u64, Timestamp)> {
    let now = clock::now();
    let (number, due) = frame_clock.next(now);
    let stopped = stop.wait(due.since(now));
    (!stopped).then(|| (number, clock::now()))
}
