//! Writes WAV files on threads of their own, so that a slow disk does not stop the audio worker.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use hound::{SampleFormat, WavSpec, WavWriter};
use maru_core::media::AUDIO_CLOCK_HZ;

use crate::media::saved_file::{self, SaveReporter};

/// Blocks of 10 ms: 2 s. While the disk is stuck for longer, audio is dropped.
const QUEUE_BLOCKS: usize = 200;
const SPEC: WavSpec =
    WavSpec { channels: 1, sample_rate: AUDIO_CLOCK_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// Writes one file, mono at 48 kHz with 16 bits. The header is updated each second, so that the file can be read even if
/// the process is killed.
#[derive(Debug)]
pub(super) struct WavSaver {
    name: String,
    blocks: SyncSender<Vec<f32>>,
    thread: JoinHandle<()>,
    reporter: SaveReporter,
    has_gap: bool,
}

impl WavSaver {
    /// Replaces the file at `path`, in the background; an error is reported.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub(super) fn replace(path: PathBuf, reporter: SaveReporter) -> io::Result<Self> {
        Self::start(path.clone(), move || saved_file::replace(&path).map(|file| (path, file)), reporter)
    }

    /// Creates `STEM.wav` in `folder`, or a file with a number if there is one, in the background; an error is reported.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub(super) fn create(folder: &Path, stem: &str, reporter: SaveReporter) -> io::Result<Self> {
        let (folder, stem) = (folder.to_owned(), stem.to_owned());
        let name = folder.join(format!("{stem}.wav"));
        Self::start(name, move || saved_file::create(&folder, &stem, "wav", &mut 0), reporter)
    }

    fn start(
        name: PathBuf,
        open: impl FnOnce() -> io::Result<(PathBuf, File)> + Send + 'static,
        reporter: SaveReporter,
    ) -> io::Result<Self> {
        let (blocks, queue) = sync_channel(QUEUE_BLOCKS);
        let name = name.display().to_string();
        let thread = std::thread::Builder::new().name("wav-saver".into()).spawn({
            let (mut name, reporter) = (name.clone(), reporter.clone());
            move || {
                let opened = open().map(|(path, file)| {
                    name = path.display().to_string();
                    file
                });
                let written = opened.map_err(hound::Error::IoError).and_then(|file| write(file, &queue));
                if let Err(error) = written {
                    reporter.failed(name, in_words(&error));
                }
            }
        })?;
        Ok(Self { name, blocks, thread, reporter, has_gap: false })
    }

    /// Never waits. While the queue is full, blocks are dropped; the first one is reported.
    pub(super) fn write(&mut self, block: &[f32]) {
        // A closed queue: the thread has reported why.
        if let Err(TrySendError::Full(_)) = self.blocks.try_send(block.to_vec())
            && !std::mem::replace(&mut self.has_gap, true)
        {
            self.reporter.has_gap(&self.name, None);
        }
    }

    /// Ends the file. It is complete when the thread ends.
    pub(super) fn finish(self) -> JoinHandle<()> {
        self.thread
    }
}

fn in_words(error: &hound::Error) -> String {
    match error {
        hound::Error::IoError(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn write(file: File, queue: &Receiver<Vec<f32>>) -> Result<(), hound::Error> {
    let mut writer = WavWriter::new(BufWriter::new(file), SPEC)?;
    let mut unflushed = 0;
    while let Ok(block) = queue.recv() {
        for sample in &block {
            writer.write_sample((sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16)?;
        }
        unflushed += block.len();
        if unflushed >= AUDIO_CLOCK_HZ as usize {
            writer.flush()?;
            unflushed = 0;
        }
    }
    writer.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaEvent;
    use crate::report::Report;
    use tokio::sync::mpsc;

    fn reporter() -> (SaveReporter, mpsc::Receiver<MediaEvent>) {
        let (sender, events) = mpsc::channel(8);
        (SaveReporter::new(sender, Report::none()), events)
    }

    #[test]
    fn all_blocks_are_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let deeper = folder.path().join("deeper");
        for expected in ["민수.wav", "민수.2.wav"] {
            let (reporter, mut events) = reporter();
            let mut saver = WavSaver::create(&deeper, "민수", reporter).unwrap();
            saver.write(&[0.5; 480]);
            saver.write(&[0.5; 480]);
            saver.finish().join().unwrap();
            assert_eq!(hound::WavReader::open(deeper.join(expected)).unwrap().len(), 960);
            assert!(events.try_recv().is_err());
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_reported_once_and_the_caller_continues() {
        let (reporter, mut events) = reporter();
        let mut saver = WavSaver::replace("/proc/none/x.wav".into(), reporter).unwrap();
        for _ in 0..1000 {
            saver.write(&[0.0; 480]);
        }
        saver.finish().join().unwrap();
        let Ok(MediaEvent::NotSaved { file, reason }) = events.try_recv() else { panic!("it is reported") };
        assert_eq!(file, "/proc/none/x.wav");
        assert!(!reason.is_empty() && events.try_recv().is_err());
    }

    /// Writing to it fails as on a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_reported() {
        let (reporter, mut events) = reporter();
        let mut saver = WavSaver::replace("/dev/full".into(), reporter).unwrap();
        saver.write(&[0.0; 480]);
        saver.finish().join().unwrap();
        assert!(matches!(events.try_recv(), Ok(MediaEvent::NotSaved { .. })));
    }
}
