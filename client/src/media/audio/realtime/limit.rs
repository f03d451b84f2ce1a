//! A thread of real-time priority that never waits would keep all others from its core. The kernel sends SIGXCPU before
//! that (RLIMIT_RTTIME); all threads lose the priority then, and for as long as the process runs none gets it again.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::promotion::Refused;
use super::{ThreadId, kernel};

/// CPU time without a pause, in µs, after which SIGXCPU comes. The worker computes for about 1 ms.
const RUNAWAY_US: u64 = 100_000;
/// More than the worker and the two devices have at a time. Places of threads that have ended are used again.
const PLACES: usize = 16;

/// The threads that SIGXCPU demotes; 0 is an empty place. A signal handler may only use atomics.
static THREADS: [AtomicI32; PLACES] = [const { AtomicI32::new(0) }; PLACES];
static DEMOTED: AtomicBool = AtomicBool::new(false);
static TOLD: AtomicBool = AtomicBool::new(false);

/// Must succeed before `thread` gets real-time priority.
///
/// # Errors
/// The signal cannot be handled, a thread has computed too long before, or too many threads have the priority.
pub(super) fn register(thread: ThreadId) -> Result<(), Refused> {
    handle_signal()?;
    if is_demoted() {
        return Err(Refused::Demoted);
    }
    if THREADS.iter().any(|place| place.load(Ordering::Acquire) == thread.0) {
        return Ok(());
    }
    let takes = |place: &AtomicI32| {
        let before = place.load(Ordering::Acquire);
        let is_free = before == 0 || !kernel::is_ours(ThreadId(before));
        is_free && place.compare_exchange(before, thread.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    };
    if THREADS.iter().any(takes) { Ok(()) } else { Err(Refused::TooMany) }
}

/// Whether SIGXCPU has come.
pub(super) fn is_demoted() -> bool {
    DEMOTED.load(Ordering::Acquire)
}

/// `true` once, after SIGXCPU has come.
pub(super) fn take_news() -> bool {
    is_demoted() && !TOLD.swap(true, Ordering::Relaxed)
}

/// Limits the CPU time without a pause of all real-time threads of the process. The kernel raises the limit by a second
/// when it sends SIGXCPU, so it is set again for each thread. `maximum_us`: a hard limit, at which the kernel kills.
///
/// # Errors
/// The system refuses.
pub(super) fn set(maximum_us: Option<u64>) -> io::Result<()> {
    let limits = lowered(&getrlimit(Resource::Rttime), maximum_us);
    Ok(setrlimit(Resource::Rttime, limits)?)
}

/// `existing`, in µs, where both limits are lowered as far as necessary. Between the soft and the hard one is time for the
/// handler.
fn lowered(existing: &Rlimit, maximum_us: Option<u64>) -> Rlimit {
    let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
    let maximum = least(existing.maximum, maximum_us);
    let soft_us = maximum.map_or(RUNAWAY_US, |maximum| RUNAWAY_US.min(maximum / 2));
    Rlimit { current: least(existing.current, Some(soft_us)), maximum }
}

fn handle_signal() -> Result<(), Refused> {
    static HANDLED: OnceLock<bool> = OnceLock::new();
    let is_handled = HANDLED.get_or_init(|| {
        // SAFETY: `demote_all` is async-signal-safe: atomics and system calls.
        let registered = unsafe { signal_hook_registry::register(libc::SIGXCPU, demote_all) };
        registered.inspect_err(|error| tracing::warn!(%error, "SIGXCPU cannot be handled")).is_ok()
    });
    if *is_handled { Ok(()) } else { Err(Refused::NoHandler) }
}

/// Runs in a signal handler, on the thread that computed too long (if it takes signals). No allocation, lock or log.
fn demote_all() {
    DEMOTED.store(true, Ordering::Release);
    // Also one that got its priority from someone else (`chrt`), or the kernel kills the process for it.
    kernel::set_current_normal();
    for place in &THREADS {
        let thread = place.load(Ordering::Acquire);
        if thread != 0 {
            kernel::set_normal(ThreadId(thread));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn limits_are_only_lowered_and_leave_the_handler_its_time() {
        let limits = |current, maximum| Rlimit { current, maximum };
        for (existing, maximum_us, expected) in [
            (limits(None, None), None, limits(Some(100_000), None)),
            (limits(None, None), Some(200_000), limits(Some(100_000), Some(200_000))),
            (limits(None, None), Some(60_000), limits(Some(30_000), Some(60_000))),
            (limits(Some(20_000), None), Some(200_000), limits(Some(20_000), Some(200_000))),
            (limits(Some(90_000), Some(90_000)), Some(200_000), limits(Some(45_000), Some(90_000))),
            (limits(Some(1_100_000), Some(200_000)), None, limits(Some(100_000), Some(200_000))),
        ] {
            assert_eq!(lowered(&existing, maximum_us), expected, "{existing:?} {maximum_us:?}");
        }
    }

    #[test]
    fn a_runaway_thread_costs_all_their_priority_and_the_process_lives() {
        // In a process of its own: signals and limits belong to the whole process.
        let body = "media::audio::realtime::limit::tests::body_runaway";
        let test = Command::new(std::env::current_exe().unwrap())
            .args([body, "--exact", "--ignored", "--nocapture"])
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&test.stdout);
        println!("{output}{}", String::from_utf8_lossy(&test.stderr));
        assert!(test.status.success() && output.contains("1 passed"));
    }

    #[test]
    #[ignore = "started by a_runaway_thread_costs_all_their_priority_and_the_process_lives"]
    fn body_runaway() {
        let (report, reported) = sync_channel(1);
        let (release, released) = sync_channel::<()>(0);
        let waiting = std::thread::Builder::new().name("waiting".into()).spawn(move || {
            report.send(ThreadId::current().unwrap()).unwrap();
            // An error means that the test has ended.
            let _ = released.recv();
        });
        let (waiting_thread, runaway) = (reported.recv().unwrap(), ThreadId::current().unwrap());
        let threads = [waiting_thread, runaway];
        for thread in threads {
            register(thread).unwrap();
            register(thread).unwrap();
        }
        let in_use = THREADS.iter().filter(|place| place.load(Ordering::Relaxed) != 0).count();
        assert_eq!(in_use, 2, "a thread that asks twice takes one place");
        set(Some(200_000)).unwrap();
        let granted = threads.map(|thread| kernel::set_realtime(thread, 1));
        if let [Ok(()), Ok(())] = granted {
            assert!(threads.into_iter().all(kernel::is_realtime));
            let inherits = std::thread::scope(|scope| {
                let started = scope.spawn(|| ThreadId::current().is_some_and(kernel::is_realtime));
                started.join().unwrap()
            });
            assert!(!inherits, "threads that a real-time thread starts are usual ones");
            let begin = clock::now();
            while kernel::is_realtime(runaway) {
                assert!(clock::now().since(begin) < Duration::from_secs(60), "the kernel does not limit this thread");
            }
            println!("demoted after {:?}", clock::now().since(begin));
        } else {
            println!("the kernel grants no real-time priority ({granted:?}): only the signal is tested");
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::XCPU).unwrap();
            // Another thread may take the signal.
            while !is_demoted() {
                std::thread::yield_now();
            }
        }
        while threads.into_iter().any(kernel::is_realtime) {
            std::thread::yield_now();
        }
        assert!(matches!(register(runaway), Err(Refused::Demoted)));
        assert!(take_news());
        assert!(!take_news());
        drop(release);
        waiting.unwrap().join().unwrap();
    }
}
