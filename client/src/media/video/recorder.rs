//! `--save-remote`: saves a peer's frames as they are presented.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use maru_core::frame::VideoFrame;
use maru_core::rtp::RtpTime;
use serde_json::json;

use super::y4m::Y4mWriter;
use crate::clock;
use crate::media::SaveRemote;
use crate::report::Report;

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
    report: Report,
}

impl Recorder {
    /// # Errors
    /// The system cannot start another thread.
    pub(super) fn start(save: SaveRemote, file_stem: String, report: Report) -> std::io::Result<Self> {
        let (queue, frames) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("y4m-saver".into()).spawn({
            let (file_stem, report) = (file_stem.clone(), report.clone());
            move || write_all(&save.folder, &file_stem, &frames, &report)
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), file_stem, seen: 0, every: save.every, report })
    }

    /// Never waits. While the queue is full, because the disk is slow, frames are dropped and reported.
    pub(super) fn write(&mut self, frame: Arc<VideoFrame>) {
        self.seen = self.seen.wrapping_add(1);
        if !self.seen.is_multiple_of(self.every.get()) {
            return;
        }
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(frame)) = queue.try_send(frame) {
            let reason = "the disk is too slow: a frame is not saved";
            report_error(&self.report, &format!("{}.y4m", self.file_stem), reason, Some(frame.rtp_time));
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

fn write_all(folder: &Path, stem: &str, frames: &Receiver<Arc<VideoFrame>>, report: &Report) {
    let mut file: Option<Y4mWriter> = None;
    let mut files = 0;
    while let Ok(frame) = frames.recv() {
        let fitting = file.take().filter(|file| file.fits(&frame.image));
        let written = fitting.map_or_else(
            || {
                files += 1;
                let path = folder.join(file_name(stem, files));
                Y4mWriter::create(&path, frame.image.width, frame.image.height)
            },
            Ok,
        );
        let written = written.and_then(|mut open| open.write(&frame.image).map(|()| open));
        match written {
            Ok(open) => file = Some(open),
            Err(reason) => return report_error(report, &file_name(stem, files), &reason.to_string(), None),
        }
    }
}

fn file_name(stem: &str, number: u32) -> String {
    if number == 1 { format!("{stem}.y4m") } else { format!("{stem}-{number}.y4m") }
}

fn report_error(report: &Report, file: &str, reason: &str, rtp_time: Option<RtpTime>) {
    tracing::warn!(file, reason, "not saved");
    let fields = json!({ "what": "save-remote", "file": file, "reason": reason, "rtp_time": rtp_time });
    report.event(clock::now(), "error", fields);
}

#[cfg(test)]
mod tests {
    use super::super::y4m::Y4mReader;
    use super::*;
    use maru_core::frame::I420;
    use maru_core::time::Timestamp;

    #[test]
    fn a_change_of_size_begins_a_new_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let save = SaveRemote { folder: directory.path().into(), every: NonZeroU32::MIN };
        let mut recorder = Recorder::start(save, "Bo".into(), Report::none()).expect("a thread");
        for (width, height) in [(4, 2), (4, 2), (8, 4), (4, 2)] {
            let image = I420::black(width, height);
            recorder.write(Arc::new(VideoFrame {
                image,
                at: Timestamp::ZERO,
                rtp_time: RtpTime::new(0),
                source_frame: None,
            }));
        }
        drop(recorder);
        let frames = |name: &str| Y4mReader::open(&directory.path().join(name)).expect("a good file").frames();
        assert_eq!((frames("Bo.y4m"), frames("Bo-2.y4m"), frames("Bo-3.y4m")), (2, 1, 1));
    }
}
