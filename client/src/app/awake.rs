//! Keeps the computer and its screen awake during a call, where the desktop lets a program do that.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use keepawake::{Builder, KeepAwake};

/// Dropping it lets the computer sleep.
#[derive(Default)]
pub(super) struct Awake {
    /// While it exists, the thread keeps the computer awake.
    during: Option<SyncSender<()>>,
}

impl Awake {
    /// Never waits: the desktop is asked on a thread of its own, which a bus that hangs does not give back.
    pub(super) fn set(&mut self, is_in_call: bool) {
        if self.during.is_some() == is_in_call {
            return;
        }
        self.during = None;
        if is_in_call {
            let (during, until) = sync_channel(0);
            match std::thread::Builder::new().name("keep-awake".into()).spawn(move || keep(&until)) {
                Ok(_detached) => self.during = Some(during),
                Err(error) => tracing::warn!(%error, "the computer is not kept awake"),
            }
        }
    }
}

/// Until the other end is dropped.
fn keep(until: &Receiver<()>) {
    let asked = |of: &mut Builder| of.reason("video call").app_name("Maru").app_reverse_domain("maru").create();
    // One by one: a desktop without a screen saver still has a system that would sleep.
    let kept: Vec<KeepAwake> = [asked(Builder::default().display(true)), asked(Builder::default().idle(true))]
        .into_iter()
        .filter_map(|asked| asked.inspect_err(|error| tracing::info!(%error, "not kept awake")).ok())
        .collect();
    let _ = until.recv();
    drop(kept);
}
