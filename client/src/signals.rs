//! Signals that end the process.

/// Returns on Ctrl-C, and on Unix also on SIGTERM and SIGHUP (the terminal was closed).
pub async fn told_to_end() {
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => {
            if let Err(error) = interrupted {
                tracing::warn!(%error, "Ctrl-C cannot be caught");
                std::future::pending::<()>().await;
            }
        }
        () = os::received(os::TERMINATE) => {}
        () = os::hung_up() => {}
    }
}

#[cfg(unix)]
mod os {
    use std::mem::MaybeUninit;
    use std::ptr;

    use tokio::signal::unix::{SignalKind, signal};

    pub(super) const TERMINATE: SignalKind = SignalKind::terminate();

    pub(super) async fn received(kind: SignalKind) {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, signal = kind.as_raw_value(), "a signal cannot be caught");
                std::future::pending::<()>().await;
            }
        }
    }

    /// Never returns if SIGHUP is ignored: `nohup` asks for that.
    pub(super) async fn hung_up() {
        if is_ignored(libc::SIGHUP) {
            std::future::pending::<()>().await;
        }
        received(SignalKind::hangup()).await;
    }

    fn is_ignored(signal: libc::c_int) -> bool {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: without a new action, `sigaction` only writes the present one. All zeros are a valid value of it.
        unsafe {
            libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0
                && action.assume_init().sa_sigaction == libc::SIG_IGN
        }
    }
}

#[cfg(not(unix))]
mod os {
    pub(super) const TERMINATE: () = ();

    pub(super) async fn received((): ()) {
        std::future::pending::<()>().await;
    }

    pub(super) async fn hung_up() {
        std::future::pending::<()>().await;
    }
}
