//! Writes WAV files on threads of their own, so that a slow disk does not stop the audio worker.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use hound::{SampleFormat, WavSpec, WavWriter};
use maru_core::media::AUDIO_CLOCK_HZ;

use crate::clock;
use crate::report::Report;

/// Blocks of 10 ms: 2 s. While the disk is stuck for longer, audio is dropped.
const QUEUE_BLOCKS: usize = 200;
const SPEC: WavSpec =
    WavSpec { channels: 1, sample_rate: AUDIO_CLOCK_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// Writes one file, mono at 48 kHz with 16 bits. The header is updated each second, so that the file can be read even if
/// the process is killed.
#[derive(Debug)]
pub(super) struct WavSaver {
    blocks: SyncSender<Vec<f32>>,
    thread: JoinHandle<()>,
}

impl WavSaver {
    /// Creates the file and its folders in the background; an error is reported.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub(super) fn create(path: &Path, report: Report) -> std::io::Result<Self> {
        let (blocks, queue) = sync_channel(QUEUE_BLOCKS);
        let path = path.to_path_buf();
        let thread = std::thread::Builder::new().name("wav-saver".into()).spawn(move || {
            if let Err(error) = write(&path, &queue) {
                let text = format!("{} cannot be written: {error}", path.display());
                tracing::warn!("{text}");
                report.event(clock::now(), "error", serde_json::json!({ "text": text }));
            }
        })?;
        Ok(Self { blocks, thread })
    }

    /// Never waits. While the queue is full, blocks are dropped.
    pub(super) fn write(&self, block: &[f32]) {
        // The thread has reported why it closed the queue.
        let _ = self.blocks.try_send(block.to_vec());
    }

    /// Ends the file. It is complete when the thread ends.
    pub(super) fn finish(self) -> JoinHandle<()> {
        self.thread
    }
}

fn write(path: &Path, queue: &Receiver<Vec<f32>>) -> Result<(), hound::Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut writer = WavWriter::new(BufWriter::new(File::create(path)?), SPEC)?;
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

    #[test]
    fn all_blocks_are_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper").join("민수.wav");
        let saver = WavSaver::create(&path, Report::none()).unwrap();
        saver.write(&[0.5; 480]);
        saver.write(&[0.5; 480]);
        saver.finish().join().unwrap();
        assert_eq!(hound::WavReader::open(path).unwrap().len(), 960);
    }

    #[test]
    fn without_a_folder_to_write_to_the_caller_continues() {
        let saver = WavSaver::create(Path::new("/proc/none/x.wav"), Report::none()).unwrap();
        for _ in 0..1000 {
            saver.write(&[0.0; 480]);
        }
        saver.finish().join().unwrap();
    }
}
