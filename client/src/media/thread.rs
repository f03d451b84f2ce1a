//! Named threads that end when their handle is dropped, and panics as values.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::DeviceProblem;

/// Longer than a device takes to close, shorter than a person waits for a window to close.
pub(super) const JOIN_TIMEOUT: Duration = Duration::from_millis(1500);

/// A flag that can be waited for.
#[derive(Debug, Clone, Default)]
pub(super) struct StopFlag {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

impl StopFlag {
    pub(super) fn set(&self) {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.1.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the flag is set (`true`) or `timeout` is over (`false`).
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let set = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.1.wait_timeout_while(set, timeout, |set| !*set);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A thread with a [`StopFlag`]. Dropping it sets the flag and joins the thread. A thread that does not end within
/// [`JOIN_TIMEOUT`] (its driver hangs) is detached with a warning.
#[derive(Debug)]
pub(super) struct StoppableThread {
    name: String,
    stop: StopFlag,
    ended: StopFlag,
    thread: Option<JoinHandle<()>>,
}

impl StoppableThread {
    /// # Errors
    /// The system cannot start another thread.
    pub(super) fn spawn(name: &str, body: impl FnOnce(&StopFlag) + Send + 'static) -> std::io::Result<Self> {
        let stop = StopFlag::default();
        let ended = StopFlag::default();
        let thread = std::thread::Builder::new().name(name.into()).spawn({
            let (stop, ended) = (stop.clone(), SetOnDrop(ended.clone()));
            move || {
                let _ended = ended;
                body(&stop);
            }
        })?;
        Ok(Self { name: name.into(), stop, ended, thread: Some(thread) })
    }

    /// Sets the flag and returns at once.
    pub(super) fn stop(&self) {
        self.stop.set();
    }

    /// Sets the flag and waits for the end. `false`: the thread did not end within `timeout` and is detached.
    pub(super) fn join_within(&mut self, timeout: Duration) -> bool {
        let Some(thread) = self.thread.take() else { return true };
        self.stop.set();
        if !self.ended.wait(timeout) {
            tracing::warn!(thread = %self.name, "does not end and is detached");
            return false;
        }
        let _ = thread.join();
        true
    }
}

impl Drop for StoppableThread {
    fn drop(&mut self) {
        self.join_within(JOIN_TIMEOUT);
    }
}

/// Threads whose owner is gone. Handing one over does not wait; dropping this waits for all of them, each up to
/// [`JOIN_TIMEOUT`].
#[derive(Debug, Default)]
pub(super) struct EndingThreads {
    shared: Arc<Mutex<Ending>>,
}

/// Hands threads over. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct EndingThreadsHandle {
    shared: Arc<Mutex<Ending>>,
}

#[derive(Debug, Default)]
struct Ending {
    threads: Vec<StoppableThread>,
    /// Nobody waits any more.
    is_closed: bool,
}

impl EndingThreads {
    pub(super) fn handle(&self) -> EndingThreadsHandle {
        EndingThreadsHandle { shared: Arc::clone(&self.shared) }
    }

    /// How many of them have not ended.
    #[cfg(test)]
    pub(super) fn running(&self) -> usize {
        let ending = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        ending.threads.iter().filter(|thread| !thread.ended.is_set()).count()
    }
}

impl Drop for EndingThreads {
    fn drop(&mut self) {
        let mut ending = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        ending.is_closed = true;
        let threads = std::mem::take(&mut ending.threads);
        drop(ending);
        drop(threads);
    }
}

impl EndingThreadsHandle {
    /// Stops `thread`. Never waits for it.
    pub(super) fn end(&self, mut thread: StoppableThread) {
        thread.stop();
        let mut ending = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropping those that have ended does not wait.
        ending.threads.retain(|thread| !thread.ended.is_set());
        if ending.is_closed {
            thread.thread = None;
        } else {
            ending.threads.push(thread);
        }
    }
}

/// Sets the flag also when its thread panics.
struct SetOnDrop(StopFlag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Runs `body`; a panic becomes [`DeviceProblem::Crashed`].
pub(super) fn catch_panic<T>(body: impl FnOnce() -> T) -> Result<T, DeviceProblem> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| DeviceProblem::Crashed { reason: panic_message(&*panic) })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn dropping_the_handle_ends_a_waiting_thread() {
        let (ended, end) = sync_channel(1);
        let thread = StoppableThread::spawn("test", move |stop| {
            let _ = ended.send(stop.wait(Duration::from_secs(3600)));
        });
        drop(thread.expect("a thread"));
        assert_eq!(end.recv(), Ok(true));
    }

    #[test]
    fn a_thread_that_hangs_is_detached() {
        let (release, released) = sync_channel::<()>(1);
        let thread = StoppableThread::spawn("test", move |_| {
            let _ = released.recv();
        });
        assert!(!thread.expect("a thread").join_within(Duration::from_millis(1)));
        drop(release);
    }

    #[test]
    fn a_thread_that_is_handed_over_is_waited_for_later() {
        let (release, released) = sync_channel::<()>(1);
        let (ended, end) = sync_channel(1);
        let thread = StoppableThread::spawn("test", move |_| {
            let _ = released.recv();
            let _ = ended.send(());
        });
        let ending = EndingThreads::default();
        let handle = ending.handle();
        handle.end(thread.expect("a thread"));
        assert!(end.try_recv().is_err(), "it still works, and nobody waited");
        drop(release);
        drop(ending);
        assert_eq!(end.try_recv(), Ok(()));
        let (_hold, held) = sync_channel::<()>(0);
        let late = StoppableThread::spawn("test", move |_| {
            let _ = held.recv();
        });
        handle.end(late.expect("a thread"));
        assert_eq!(handle.shared.lock().expect("no panic").threads.len(), 0, "nobody will wait for this one");
    }

    #[test]
    fn a_panic_becomes_a_problem() {
        let crashed = |reason: &str| Err(DeviceProblem::Crashed { reason: reason.into() });
        assert_eq!(catch_panic(|| 1), Ok(1));
        assert_eq!(catch_panic(|| -> u8 { panic!("out of {}", "paper") }), crashed("out of paper"));
    }
}
