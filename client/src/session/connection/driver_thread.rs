//! A thread of its own for the stack's driver, and a watchdog over it.
//!
//! A chunk from a peer can make rtc-sctp compute for seconds within one poll (docs/upstream/rtc-sctp.md). A thread cannot
//! be stopped from outside, so one without a heartbeat is abandoned: never joined, counted, bounded in number. One that
//! computes in bursts, with heartbeats between them, is stopped there.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use webrtc::runtime::{JoinHandle, Runtime};

use super::cpu_time::{self, CpuBudget};

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
    /// The system's id of it, where that is known.
    id: AtomicI32,
    /// CPU time used until the last heartbeat.
    used_us: AtomicU64,
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
            thread.id.store(own_thread_id(), Ordering::Relaxed);
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

    /// Returns when the thread has missed its heartbeat for 2 s, or takes most of a core; it is abandoned then.
    pub(super) async fn stalled(self: Arc<Self>, runtime: Arc<dyn Runtime>) {
        let (mut last, mut missed, mut cpu) = (0, 0, CpuBudget::default());
        loop {
            runtime.sleep(CHECK).await;
            let beats = self.beats.load(Ordering::Relaxed);
            missed = if beats == last { missed + 1 } else { 0 };
            last = beats;
            let used = Duration::from_micros(self.used_us.load(Ordering::Relaxed));
            let is_modest = cpu.allows(used, CHECK);
            match self.state() {
                State::Running if missed >= MISSED_CHECKS || !is_modest => break,
                State::Running => {}
                State::NotStarted | State::Abandoned | State::Ended => std::future::pending().await,
            }
        }
        // If it ever comes back, it ends at once and takes no more datagrams.
        self.abort.cancel();
        if self.change(State::Abandoned) == State::Running {
            give_way(self.id.load(Ordering::Relaxed));
            let abandoned = ABANDONED.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(abandoned, "a connection's thread does not answer, or takes a whole core, and is abandoned");
        }
    }

    async fn beat(&self) {
        loop {
            if let Some(used) = cpu_time::of_this_thread() {
                self.used_us.store(used.as_micros() as u64, Ordering::Relaxed);
            }
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

/// 0: not known.
fn own_thread_id() -> i32 {
    #[cfg(target_os = "linux")]
    return rustix::thread::gettid().as_raw_nonzero().get();
    #[cfg(not(target_os = "linux"))]
    0
}

/// The thread gets what others leave: the call goes on beside it. Only on Linux, where threads have priorities of their own.
fn give_way(_thread: i32) {
    #[cfg(target_os = "linux")]
    if let Some(id) = rustix::process::Pid::from_raw(_thread)
        && let Err(error) = rustix::process::setpriority_process(Some(id), 19)
    {
        tracing::debug!(%error, "an abandoned thread keeps its priority");
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
    async fn a_driver_that_computes_in_bursts_is_stopped() {
        let bursting = Arc::new(DriverThread::default());
        bursting
            .start(Box::pin(async {
                loop {
                    let began = cpu_time::of_this_thread();
                    while cpu_time::of_this_thread() < began.map(|began| began + Duration::from_millis(150)) {}
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }))
            .expect("a thread starts")
            .detach();
        Arc::clone(&bursting).stalled(Arc::new(TokioRuntime)).await;
        assert!(matches!(bursting.state(), State::Abandoned | State::Ended));
        assert!(bursting.beats.load(Ordering::Relaxed) > 5, "it has a heartbeat");
    }

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
        #[cfg(target_os = "linux")]
        {
            let id = rustix::process::Pid::from_raw(burning.id.load(Ordering::Relaxed));
            assert_eq!(rustix::process::getpriority_process(id).expect("it runs"), 19);
        }
        // Its thread goes on until here: nothing has waited for it.
        drop(stop);
        healthy.abort.cancel();
    }
}
