//! Real-time priority for one thread: from the kernel, or else from `rtkit`.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::{ThreadId, kernel, limit, rtkit};

/// Any is above all threads without real-time priority. A low one leaves room for the system's own; `rtkit` grants up to 20.
const PRIORITY: u32 = 10;
/// Of all that is asked of `rtkit`, which the bus may have to start. Meanwhile audio runs without priority.
const RTKIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Who granted the priority, 1 to 99.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granted {
    ByKernel { priority: u32 },
    ByRtkit { priority: u32 },
}

#[derive(Debug, Error)]
pub(super) enum Refused {
    #[error("a thread has computed for too long before")]
    Demoted,
    #[error("too many threads have it")]
    TooMany,
    #[error("SIGXCPU cannot be handled")]
    NoHandler,
    #[error("RLIMIT_RTTIME cannot be set ({0})")]
    Limit(#[from] io::Error),
    #[error("the kernel does not grant it, and rtkit neither ({0})")]
    Rtkit(#[from] zbus::Error),
    #[error("the kernel does not grant it, and rtkit allows none (priority {priority}, {rttime_us} µs)")]
    RtkitAllowsNone { priority: i32, rttime_us: i64 },
    #[error("the kernel does not grant it, and rtkit does not answer")]
    RtkitTimedOut,
}

/// Takes up to [`RTKIT_TIMEOUT`].
///
/// # Errors
/// Neither the kernel nor `rtkit` grants it, or a runaway thread could not be stopped.
pub(super) fn promote(thread: ThreadId) -> Result<Granted, Refused> {
    limit::register(thread)?;
    // No hard limit, at which the kernel kills the process: only `rtkit` requires one.
    limit::set(None)?;
    let granted = match kernel::set_realtime(thread, PRIORITY as i32) {
        Ok(()) => Granted::ByKernel { priority: PRIORITY },
        Err(error) => {
            tracing::debug!(%error, "the kernel grants no real-time priority");
            let request = rtkit::Request::new(thread, PRIORITY);
            let set_limit = |maximum_us| limit::set(Some(maximum_us));
            let bus = zbus::connection::Builder::system()?;
            Granted::ByRtkit { priority: rtkit::ask(bus, request, set_limit, RTKIT_TIMEOUT)? }
        }
    };
    // SIGXCPU may have come meanwhile.
    if limit::is_demoted() {
        kernel::set_normal(thread);
        return Err(Refused::Demoted);
    }
    Ok(granted)
}
