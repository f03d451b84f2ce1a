//! Calls into audio drivers that may never return.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::media::DeviceProblem;
use crate::media::thread::catch_panic;

/// Each driver that hangs keeps a thread. With this many of them no further call is made.
const MAX_HANGING: usize = 8;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The driver hangs, or [`MAX_HANGING`] others do.
    TimedOut,
    /// The driver panicked.
    Crashed(DeviceProblem),
}

impl NoAnswer {
    /// What it means for the device `name`.
    pub(super) fn problem(self, name: String) -> DeviceProblem {
        match self {
            Self::TimedOut => DeviceProblem::NotResponding { name },
            Self::Crashed(problem) => problem,
        }
    }
}

/// Runs `call` on a thread of its own and waits for its result. After `timeout` the thread is detached, and drops the
/// result there.
///
/// # Errors
/// `timeout` is over, or the driver panicked.
pub(super) fn call<T: Send + 'static>(
    timeout: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoAnswer> {
    if RUNNING.load(Ordering::Relaxed) >= MAX_HANGING {
        return Err(NoAnswer::TimedOut);
    }
    let (answer, wait) = sync_channel(1);
    let thread = std::thread::Builder::new().name("audio-driver".into()).spawn(move || {
        let _running = Running::new();
        silence_alsa();
        let _ = answer.send(catch_panic(call));
    });
    if let Err(error) = thread {
        tracing::warn!(%error, "no thread for a call into an audio driver");
        return Err(NoAnswer::TimedOut);
    }
    wait.recv_timeout(timeout).map_err(|_| NoAnswer::TimedOut)?.map_err(NoAnswer::Crashed)
}

/// ALSA's library writes its errors to the terminal. Those that matter are returned as well.
fn silence_alsa() {
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
    fn a_result_is_returned_and_a_call_that_hangs_times_out() {
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
