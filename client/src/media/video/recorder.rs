//! `--save-remote`: saves a peer's frames as they are presented.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use maru_core::frame::VideoFrame;

use super::y4m::Y4mWriter;
use crate::media::SaveRemote;
use crate::media::saved_file::{self, SaveReporter};

/// Frames: half a second.
const QUEUE: usize = 16;

/// Writes frames on a thread of its own. Dropping it writes the frames that wait and closes the file.
pub(super) struct Recorder {
    queue: Option<SyncSender<Arc<VideoFrame>>>,
    thread: Option<JoinHandle<()>>,
    file_stem: String,
    /// Frames so far; one of `every` is written.
    seen: u32,
    every: NonZeroU32,
    reporter: SaveReporter,
}

impl Recorder {
    /// # Errors
    /// The system cannot start another thread.
    pub(super) fn start(save: SaveRemote, file_stem: &str, reporter: SaveReporter) -> std::io::Result<Self> {
        let (queue, frames) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("y4m-saver".into()).spawn({
            let (file_stem, reporter) = (file_stem.to_owned(), reporter.clone());
            move || write_all(&save.folder, &file_stem, &frames, &reporter)
        })?;
        let file_stem = file_stem.to_owned();
        Ok(Self { queue: Some(queue), thread: Some(thread), file_stem, seen: 0, every: save.every, reporter })
    }

    /// Never waits. While the queue is full, because the disk is slow, frames are dropped and reported.
    pub(super) fn write(&mut self, frame: Arc<VideoFrame>) {
        self.seen = self.seen.wrapping_add(1);
        if !self.seen.is_multiple_of(self.every.get()) {
            return;
        }
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(frame)) = queue.try_send(frame) {
            self.reporter.has_gap(&format!("{}.y4m", self.file_stem), Some(frame.rtp_time));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queue.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(folder: &Path, stem: &str, frames: &Receiver<Arc<VideoFrame>>, reporter: &SaveReporter) {
    let mut file: Option<Y4mWriter> = None;
    let mut files = 0;
    let mut name = folder.join(format!("{stem}.y4m"));
    while let Ok(frame) = frames.recv() {
        let fitting = file.take().filter(|file| file.fits(&frame.image));
        let written = fitting.map_or_else(
            || {
                let (path, created) = saved_file::create(folder, stem, "y4m", &mut files)?;
                name = path;
                Y4mWriter::new(created, frame.image.width, frame.image.height)
            },
            Ok,
        );
        let written = written.and_then(|mut open| open.write(&frame.image).map(|()| open));
        match written {
            Ok(open) => file = Some(open),
            Err(reason) => return reporter.failed(name.display().to_string(), reason.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::y4m::Y4mReader;
    use super::*;
    use crate::media::MediaEvent;
    use crate::report::Report;
    use maru_core::frame::I420;
    use maru_core::rtp::RtpTime;
    use maru_core::time::Timestamp;
    use tokio::sync::mpsc;

    fn record(folder: &Path, stem: &str, sizes: &[(u32, u32)]) -> Vec<MediaEvent> {
        let (sender, mut events) = mpsc::channel(8);
        let save = SaveRemote { folder: folder.into(), every: NonZeroU32::MIN };
        let mut recorder = Recorder::start(save, stem, SaveReporter::new(sender, Report::none())).expect("a thread");
        for (width, height) in sizes {
            let image = I420::black(*width, *height);
            let frame = VideoFrame { image, at: Timestamp::ZERO, rtp_time: RtpTime::new(0), source_frame: None };
            recorder.write(Arc::new(frame));
        }
        drop(recorder);
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    #[test]
    fn a_change_of_size_begins_a_new_file_that_no_other_caller_has() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(record(directory.path(), "cam-2", &[(4, 2)]), []);
        assert_eq!(record(directory.path(), "cam", &[(4, 2), (4, 2), (8, 4), (4, 2)]), []);
        let frames = |name: &str| Y4mReader::open(&directory.path().join(name)).expect("a good file").frames();
        let names = ["cam-2.y4m", "cam.y4m", "cam.2.y4m", "cam.3.y4m"];
        assert_eq!(names.map(frames), [1, 2, 1, 1]);
    }

    #[test]
    fn a_second_call_overwrites_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        record(directory.path(), "Bo", &[(4, 2); 3]);
        record(directory.path(), "Bo", &[(4, 2)]);
        let frames = |name: &str| Y4mReader::open(&directory.path().join(name)).expect("a good file").frames();
        assert_eq!(["Bo.y4m", "Bo.2.y4m"].map(frames), [3, 1]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_reported_once() {
        let events = record(Path::new("/proc/none"), "Bo", &[(4, 2); 5]);
        assert!(
            matches!(&events[..], [MediaEvent::NotSaved { file, .. }] if file == "/proc/none/Bo.y4m"),
            "{events:?}"
        );
    }
}
