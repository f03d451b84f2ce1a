//! Writes the statistics of a call into a file for a bug report, on a thread of its own: a disk may hang.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::Waker;

use chrono::Local;
use directories::UserDirs;

/// Where it is, or why not.
#[derive(Debug)]
pub(super) enum Saved {
    As { file: PathBuf },
    Not { file: PathBuf, reason: String },
}

pub(super) struct StatisticsFile {
    sender: SyncSender<Saved>,
    saved: Receiver<Saved>,
}

impl StatisticsFile {
    pub(super) fn new() -> Self {
        let (sender, saved) = sync_channel(4);
        Self { sender, saved }
    }

    /// Into the folder for downloads, or else into the home folder. Overwrites nothing. Wakes `waker` when it is done.
    pub(super) fn save(&self, text: String, waker: Waker) {
        let sender = self.sender.clone();
        let name = Local::now().format("maru-statistics-%Y-%m-%d-%H%M%S.json").to_string();
        let write = move || {
            // Full only if the window reads nothing any more.
            let _ = sender.try_send(write(&folder().join(name), &text));
            waker.wake();
        };
        if let Err(error) = std::thread::Builder::new().name("statistics".into()).spawn(write) {
            tracing::warn!(%error, "the statistics cannot be saved");
        }
    }

    pub(super) fn next_saved(&self) -> Option<Saved> {
        self.saved.try_recv().ok()
    }
}

fn folder() -> PathBuf {
    let folders = UserDirs::new();
    let downloads = folders.as_ref().and_then(|folders| folders.download_dir()).filter(|folder| folder.is_dir());
    downloads.or(folders.as_ref().map(UserDirs::home_dir)).map_or_else(PathBuf::new, Path::to_owned)
}

fn write(file: &Path, text: &str) -> Saved {
    use std::io::Write;
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    match created.and_then(|mut created| created.write_all(text.as_bytes())) {
        Ok(()) => Saved::As { file: file.to_owned() },
        Err(error) => Saved::Not { file: file.to_owned(), reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        assert!(matches!(write(&file, "one"), Saved::As { file: as_file } if as_file == file));
        assert!(matches!(write(&file, "two"), Saved::Not { .. }));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one");
    }
}
