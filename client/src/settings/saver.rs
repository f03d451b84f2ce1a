//! Saves settings on a thread of its own: a slow disk must not stop the window.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::Settings;

/// More changes than a person makes while a disk hangs. Those that do not fit are lost.
const QUEUE: usize = 16;
/// Longest time that the end of the program waits for the disk.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The thread's handle. Dropping it waits until all is saved, for [`CLOSE_TIMEOUT`] at most.
#[derive(Debug)]
pub struct SettingsSaver {
    queue: Option<SyncSender<Settings>>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl SettingsSaver {
    /// Saves the settings of this account.
    pub fn start() -> Self {
        Self::start_with(|settings| {
            if let Err(error) = settings.save() {
                tracing::warn!(%error, "the settings cannot be saved");
            }
        })
    }

    fn start_with(mut save: impl FnMut(&Settings) + Send + 'static) -> Self {
        let (queue, waiting) = sync_channel::<Settings>(QUEUE);
        let (end, ended) = sync_channel(0);
        let spawned = std::thread::Builder::new().name("settings".into()).spawn(move || {
            let _end = end;
            while let Ok(settings) = waiting.recv() {
                save(&waiting.try_iter().last().unwrap_or(settings));
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread to save the settings with");
        }
        Self { queue: Some(queue), ended }
    }

    /// Never waits. Of settings that wait only the newest are written.
    pub fn save(&self, settings: Settings) {
        if self.queue.as_ref().is_none_or(|queue| queue.try_send(settings).is_err()) {
            tracing::warn!("the disk hangs: the settings are not saved");
        }
    }
}

impl Drop for SettingsSaver {
    fn drop(&mut self) {
        self.queue = None;
        if self.ended.recv_timeout(CLOSE_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the disk hangs: the settings may not be saved");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Settings {
        Settings { name: name.into(), ..Settings::default() }
    }

    #[test]
    fn saving_does_not_wait_for_the_disk_and_the_newest_settings_are_written_last() {
        let (release, disk) = sync_channel::<()>(0);
        let (written, names) = sync_channel(100);
        let saver = SettingsSaver::start_with(move |settings| {
            written.send(settings.name.clone()).expect("the test listens");
            let _ = disk.recv();
        });
        saver.save(named("first"));
        assert_eq!(names.recv().as_deref(), Ok("first"));
        // The disk hangs.
        for _ in 0..5 {
            saver.save(named("older"));
        }
        saver.save(named("newest"));
        drop(release);
        drop(saver);
        assert_eq!(names.try_iter().collect::<Vec<_>>(), ["newest"]);
    }

    #[test]
    fn more_changes_than_fit_are_dropped() {
        let (release, disk) = sync_channel::<()>(0);
        let saver = SettingsSaver::start_with(move |_| {
            let _ = disk.recv();
        });
        for _ in 0..1000 {
            saver.save(named("again"));
        }
        drop(release);
    }
}
