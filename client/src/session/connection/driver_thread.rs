//! A thread of its own for the stack's driver, and a watchdog over it.
//!
//! A chunk from a peer can make rtc-sctp compute for seconds within one poll (docs/upstream/rtc-sctp.md). A thread cannot
//! be stopped from outside, so one without a heartbeat is abandoned: never joined, counted, bounded in number.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use webrtc::runtime::{JoinHandle, Runtime};

const HEARTBEAT: Duration = Duration::from_millis(100);
const CHECK: Duration = Duration::from_millis(500);
/// Checks without a heartbeat before a thread is abandoned: 2 s. Checks are counted, since a clock runs on in a sleep.
const MISSED_CHECKS: u32 = 4;
/// While so many abandoned threads run, no connection is opened.
const MAX_ABANDONED: usize = 16;

static ABANDONED: AtomicUsize = AtomicUsize::new(0);

/// Whether so many threads were abandoned that no connection may be opened.
pub(super) fn too_many_abandoned() -> bool {
    ABANDONED.load(Ordering::Relaxed) >= MAX_ABANDONED
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    NotStarted,
    Running,
    Abandoned,
    Ended,
}

/// The life of a driver's thread, seen from outside.
#[derive(Debug, Default)]
pub(super) struct DriverThread {
    beats: AtomicU64,
    state: Mutex<State>,
    abort: CancellationToken,
}

impl DriverThread {
    /// Runs `driver` on a new thread with a tokio runtime of its own.
    pub(super) fn start(
        self: &Arc<Self>,
        driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> io::Result<Box<dyn JoinHandle>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = Arc::clone(self);
        self.change(State::Running);
        let end = End(Arc::clone(self));
        std::thread::Builder::new().name("connection".into()).spawn(move || {
            let _end = end;
            runtime.block_on(async {
                tokio::select! {
                    () = driver => {}
                    () = thread.beat() => {}
                    () = thread.abort.cancelled() => {}
                }
            });
            // A look-up of a name is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Box::new(Handle(Arc::clone(self))))
    }

    /// Returns when the thread has missed its heartbeat for 2 s; it is abandoned then.
    pub(super) async fn stalled(self: Arc<Self>, runtime: Arc<dyn Runtime>) {
        let (mut last, mut missed) = (0, 0);
        loop {
            runtime.sleep(CHECK).await;
            let beats = self.beats.load(Ordering::Relaxed);
            missed = if beats == last { missed + 1 } else { 0 };
            last = beats;
            match self.state() {
                State::Running if missed >= MISSED_CHECKS => break,
                State::Running => {}
                State::NotStarted | State::Abandoned | State::Ended => std::future::pending().await,
            }
        }
        // If it ever comes back, it ends at once and takes no more datagrams.
        self.abort.cancel();
        if self.change(State::Abandoned) == State::Running {
            let abandoned = ABANDONED.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(abandoned, "a connection's thread does not answer and is abandoned");
        }
    }

    async fn beat(&self) {
        loop {
            self.beats.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the state before. The end is final.
    fn change(&self, to: State) -> State {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *state;
        if before != State::Ended {
            *state = to;
        }
        before
    }
}

/// Dropped at the end of the thread, also by a panic.
struct End(Arc<DriverThread>);

impl Drop for End {
    fn drop(&mut self) {
        if self.0.change(State::Ended) == State::Abandoned {
            ABANDONED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

struct Handle(Arc<DriverThread>);

impl JoinHandle for Handle {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort.cancel();
    }

    fn is_finished(&self) -> bool {
        self.0.state() == State::Ended
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use webrtc::runtime::TokioRuntime;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_driver_that_computes_for_ever_is_abandoned_and_stops_no_other() {
        let (stop, stopped) = mpsc::sync_channel::<()>(0);
        let burning = Arc::new(DriverThread::default());
        burning
            .start(Box::pin(async move {
                let _ = stopped.recv();
            }))
            .expect("a thread starts")
            .detach();
        let healthy = Arc::new(DriverThread::default());
        healthy.start(Box::pin(std::future::pending())).expect("a thread starts").detach();

        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
        tokio::select! {
            () = Arc::clone(&burning).stalled(Arc::clone(&runtime)) => {}
            () = Arc::clone(&healthy).stalled(runtime) => panic!("the healthy one has a heartbeat"),
        }
        assert_eq!((burning.state(), healthy.state()), (State::Abandoned, State::Running));
        assert_eq!(ABANDONED.load(Ordering::Relaxed), 1);
        // Its thread goes on until here: nothing has waited for it.
        drop(stop);
        healthy.abort.cancel();
    }
}
