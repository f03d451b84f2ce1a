//! Real-time priority for the threads of audio, where the system grants it: the worker, and the driver's threads that call
//! our callbacks. Without it they wait with all others while the machine is busy. On systems other than Linux nothing is
//! asked for.
//!
//! The kernel is asked first, then `rtkit`, both on a thread of their own: a bus that hangs delays no audio.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod limit;
#[cfg(target_os = "linux")]
mod promotion;
#[cfg(target_os = "linux")]
mod rtkit;

/// A thread for each device, and for those that are opened again while a bus hangs. Those that do not fit get no priority.
const REQUESTS: usize = 8;

/// A thread of this process, by its number in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ThreadId(i32);

impl ThreadId {
    /// One system call. `None`: this system has no such numbers.
    fn current() -> Option<Self> {
        #[cfg(target_os = "linux")]
        return Some(Self(rustix::thread::gettid().as_raw_nonzero().get()));
        #[cfg(not(target_os = "linux"))]
        None
    }
}

/// Tells the worker which of the driver's threads calls a callback.
#[derive(Debug, Default)]
pub(super) struct CallbackThread(AtomicI32);

impl CallbackThread {
    /// No callback has come yet. The kernel's numbers of threads are positive.
    const UNKNOWN: i32 = 0;
    const TAKEN: i32 = -1;

    /// Called in each callback. The first of a stream makes the only system call of all callbacks (`gettid`, which never
    /// waits); the others read an atomic.
    pub(super) fn note(&self) {
        if self.0.load(Ordering::Relaxed) == Self::UNKNOWN {
            self.0.store(ThreadId::current().map_or(Self::TAKEN, |thread| thread.0), Ordering::Relaxed);
        }
    }

    /// The thread, once for each stream.
    pub(super) fn take(&self) -> Option<ThreadId> {
        let thread = self.0.load(Ordering::Relaxed);
        (thread > 0).then(|| {
            self.0.store(Self::TAKEN, Ordering::Relaxed);
            ThreadId(thread)
        })
    }
}

/// The handle of the thread that asks. Dropping it waits for nothing: what is being asked may take its time limit.
#[derive(Debug)]
pub(super) struct Promoter {
    requests: Option<SyncSender<ThreadId>>,
}

impl Promoter {
    pub(super) fn start() -> Self {
        if cfg!(not(target_os = "linux")) {
            return Self { requests: None };
        }
        let (requests, inbox) = sync_channel(REQUESTS);
        match std::thread::Builder::new().name("audio-priority".into()).spawn(move || run(&inbox)) {
            Ok(_detached) => Self { requests: Some(requests) },
            Err(error) => {
                tracing::info!(%error, "no thread to ask for real-time priority");
                Self { requests: None }
            }
        }
    }

    /// Asks for the calling thread. Never waits.
    pub(super) fn promote_current(&self) {
        if let Some(thread) = ThreadId::current() {
            self.promote(thread);
        }
    }

    /// Never waits.
    pub(super) fn promote(&self, thread: ThreadId) {
        if let Some(requests) = &self.requests
            && requests.try_send(thread).is_err()
        {
            tracing::debug!(thread = thread.0, "not asked for real-time priority: earlier requests still wait");
        }
    }
}

/// Says once, in the log, that a thread computed too long and all have lost their priority: a signal handler cannot.
pub(super) fn tell_if_demoted() {
    #[cfg(target_os = "linux")]
    if limit::take_news() {
        tracing::warn!("audio has no real-time priority any more: a thread computed for too long without a pause");
    }
}

#[cfg(target_os = "linux")]
fn run(inbox: &Receiver<ThreadId>) {
    let mut was_told = false;
    for thread in inbox {
        match promotion::promote(thread) {
            Ok(granted) => tracing::debug!(thread = thread.0, ?granted, "real-time priority"),
            Err(refused) if was_told => tracing::debug!(thread = thread.0, %refused, "no real-time priority"),
            Err(refused) => {
                was_told = true;
                tracing::info!(%refused, "audio has no real-time priority: it may pause while the machine is busy");
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn run(_: &Receiver<ThreadId>) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_thread_of_a_stream_is_told_once() {
        let callback = CallbackThread::default();
        assert_eq!(callback.take(), None, "no callback yet");
        callback.note();
        callback.note();
        assert_eq!(callback.take(), ThreadId::current());
        callback.note();
        assert_eq!(callback.take(), None);
    }

    #[test]
    fn a_thread_that_asks_never_waits_even_while_nobody_answers() {
        let (requests, inbox) = sync_channel(1);
        let promoter = Promoter { requests: Some(requests) };
        promoter.promote_current();
        promoter.promote_current();
        assert_eq!(inbox.try_recv().ok(), ThreadId::current());
        assert!(inbox.try_recv().is_err());
    }
}
