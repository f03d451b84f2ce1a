//! Lists the devices on a thread of its own: it takes up to a second.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::Waker;
use std::thread::{Builder, JoinHandle};

use crate::media::{self, DeviceList};

/// Dropping it waits for the thread.
pub(super) struct DeviceLister {
    sender: SyncSender<DeviceList>,
    lists: Receiver<DeviceList>,
    thread: Option<JoinHandle<()>>,
}

impl DeviceLister {
    pub(super) fn new() -> Self {
        let (sender, lists) = sync_channel(1);
        Self { sender, lists, thread: None }
    }

    /// Wakes `waker` when the list is ready. Does nothing while a list is being made.
    pub(super) fn start(&mut self, waker: Waker) {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let sender = self.sender.clone();
        let list = move || {
            // Full only if the previous list has not been read yet. That one will do.
            let _ = sender.try_send(media::list_devices());
            waker.wake();
        };
        match Builder::new().name("list-devices".into()).spawn(list) {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => tracing::warn!(%error, "the devices cannot be listed"),
        }
    }

    pub(super) fn next_list(&self) -> Option<DeviceList> {
        self.lists.try_recv().ok()
    }
}

impl Drop for DeviceLister {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
