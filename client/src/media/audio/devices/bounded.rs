//! Calls into sound drivers that may never return.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::media::DeviceProblem;
use crate::media::thread::catch_panic;

/// Drivers that hang keep a thread each. From this many on nothing is tried any more.
const MAX_HANGING: usize = 8;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The driver hangs, or too many others do.
    TimedOut,
    /// The driver panicked.
    Crashed(DeviceProblem),
}

/// Runs `call` on a thread of its own and waits for at most `patience`. A call that takes longer goes on by itself, and its
/// result is dropped there.
pub(super) fn call<T: Send + 'static>(
    patience: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoAnswer> {
    if RUNNING.load(Ordering::Relaxed) >= MAX_HANGING {
        return Err(NoAnswer::TimedOut);
    }
    let (answer, wait) = sync_channel(1);
    let thread = std::thread::Builder::new().name("audio-driver".into()).spawn(move || {
        let _running = Running::new();
        keep_alsa_quiet();
        // Nobody waits any more: the result (a stream, say) is dropped on this thread.
        let _ = answer.send(catch_panic(call));
    });
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread to open a sound device with");
        return Err(NoAnswer::TimedOut);
    }
    wait.recv_timeout(patience).map_err(|_| NoAnswer::TimedOut)?.map_err(NoAnswer::Crashed)
}

/// ALSA's library writes to the terminal what it has to say. What matters of it comes back as errors, too.
fn keep_alsa_quiet() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        tracing::debug!(%error, "ALSA will write to the terminal");
    }
}

struct Running;

impl Running {
    fn new() -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_handed_on_and_a_hanging_call_is_left_behind() {
        assert_eq!(call(Duration::from_secs(60), || 7), Ok(7));
        let (release, wait) = sync_channel::<()>(0);
        assert_eq!(call(Duration::from_millis(1), move || wait.recv().is_ok()), Err(NoAnswer::TimedOut));
        release.send(()).unwrap();
    }

    #[test]
    fn a_driver_that_panics_is_an_error() {
        let crashed = NoAnswer::Crashed(DeviceProblem::Crashed { reason: "a driver".into() });
        assert_eq!(call(Duration::from_secs(60), || -> u8 { panic!("a driver") }), Err(crashed));
    }
}
