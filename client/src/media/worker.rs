//! Named threads that end when their handle says so, and whose panics become events.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{DeviceKind, DeviceProblem, MediaEvent};

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

    /// Waits until `deadline`, or less if the flag is set meanwhile: then `true`.
    pub(super) fn wait_until(&self, deadline: Instant) -> bool {
        let mut set = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*set {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            set = self.shared.1.wait_timeout(set, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// A thread and its [`StopFlag`]. Dropping it sets the flag and joins; a thread that does not end within
/// [`JOIN_DEADLINE`] (a driver that never answers) is left behind with a warning.
#[derive(Debug)]
pub(super) struct Worker {
    name: String,
    stop: StopFlag,
    /// Set when the thread is at its end.
    ended: StopFlag,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// # Errors
    /// The system has no thread left.
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

    /// Asks the thread to end, and returns at once.
    pub(super) fn stop(&self) {
        self.stop.set();
    }

    /// Waits for the end. `false`: it did not come within `deadline`, and the thread is left behind.
    pub(super) fn join_within(mut self, deadline: Duration) -> bool {
        self.join(deadline)
    }

    fn join(&mut self, deadline: Duration) -> bool {
        let Some(thread) = self.thread.take() else { return true };
        self.stop.set();
        if !self.ended.wait_until(Instant::now() + deadline) {
            tracing::warn!(thread = %self.name, "does not end and is left behind");
            return false;
        }
        let _ = thread.join();
        true
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.join(JOIN_DEADLINE);
    }
}

/// Also when the thread panics.
struct SetOnDrop(StopFlag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Runs `body`; a panic becomes [`DeviceProblem::Crashed`].
pub(super) fn guarded<T>(body: impl FnOnce() -> T) -> Result<T, DeviceProblem> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|panic| DeviceProblem::Crashed { reason: panic_message(&*panic) })
}

/// Tells what happened to the camera and its codecs. Never waits: a full queue drops the event.
pub(super) fn failed(events: &mpsc::Sender<MediaEvent>, problem: DeviceProblem) {
    tell(events, MediaEvent::Failed { device: DeviceKind::Camera, problem });
}

pub(super) fn tell(events: &mpsc::Sender<MediaEvent>, event: MediaEvent) {
    if let Err(error) = events.try_send(event) {
        tracing::warn!(%error, "nobody takes this event");
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given").to_owned()
}

/// Longer than a device takes to close, shorter than a person waits for a window to go.
pub(super) const JOIN_DEADLINE: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn dropping_ends_a_thread_that_waits() {
        let (ended, end) = sync_channel(1);
        let worker = Worker::spawn("test", move |stop| {
            let _ = ended.send(stop.wait_until(Instant::now() + Duration::from_secs(3600)));
        });
        drop(worker.expect("a thread"));
        assert_eq!(end.recv(), Ok(true));
    }

    #[test]
    fn a_stuck_thread_is_left_behind() {
        let (release, released) = sync_channel::<()>(1);
        let worker = Worker::spawn("test", move |_| {
            let _ = released.recv();
        });
        assert!(!worker.expect("a thread").join_within(Duration::from_millis(1)));
        drop(release);
    }

    #[test]
    fn a_panic_is_a_problem() {
        let crashed = |reason: &str| Err(DeviceProblem::Crashed { reason: reason.into() });
        assert_eq!(guarded(|| 1), Ok(1));
        assert_eq!(guarded(|| -> u8 { panic!("out of {}", "paper") }), crashed("out of paper"));
    }
}
