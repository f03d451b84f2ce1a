//! System calls about the scheduling of threads. Direct ones: musl's `sched_setscheduler` always fails, since POSIX means
//! processes by it.

use std::io;

use super::ThreadId;

/// Real-time priority is not passed on to threads and processes that the thread starts.
const RESET_ON_FORK: libc::c_int = libc::SCHED_RESET_ON_FORK;

/// `priority`: 1 to 99, above all threads without real-time priority.
///
/// # Errors
/// The kernel refuses (RLIMIT_RTPRIO, CAP_SYS_NICE), or there is no such thread.
pub(super) fn set_realtime(thread: ThreadId, priority: i32) -> io::Result<()> {
    set_scheduler(thread.0, libc::SCHED_RR | RESET_ON_FORK, priority)
}

/// Back to the usual scheduling. Does nothing for a thread that has it, or has ended. Async-signal-safe.
pub(super) fn set_normal(thread: ThreadId) {
    // The number may belong to a thread of another process by now. Without it a process may not clear `RESET_ON_FORK`.
    if is_ours(thread) {
        let _ = set_scheduler(thread.0, libc::SCHED_OTHER | RESET_ON_FORK, 0);
    }
}

/// As [`set_normal`], for the calling thread.
pub(super) fn set_current_normal() {
    let _ = set_scheduler(0, libc::SCHED_OTHER | RESET_ON_FORK, 0);
}

/// Whether it is a thread of this process. Async-signal-safe.
pub(super) fn is_ours(thread: ThreadId) -> bool {
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: takes numbers only, and signal 0 is never delivered.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread.0, 0) == 0 }
}

#[cfg(test)]
pub(super) fn is_realtime(thread: ThreadId) -> bool {
    // SAFETY: takes a number only.
    let policy = unsafe { libc::syscall(libc::SYS_sched_getscheduler, thread.0) };
    policy == libc::c_long::from(libc::SCHED_RR | RESET_ON_FORK)
}

/// `thread`: 0 is the calling one.
fn set_scheduler(thread: libc::pid_t, policy: libc::c_int, priority: libc::c_int) -> io::Result<()> {
    // The kernel's `struct sched_param` is this one number.
    // SAFETY: the call only reads `priority`, which outlives it.
    let result = unsafe { libc::syscall(libc::SYS_sched_setscheduler, thread, policy, &raw const priority) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_other_processes_and_threads_that_have_ended_are_left_alone() {
        let ended = std::thread::scope(|scope| scope.spawn(ThreadId::current).join().unwrap().unwrap());
        let parent =
            rustix::process::getppid().map_or(ThreadId(i32::MAX), |parent| ThreadId(parent.as_raw_nonzero().get()));
        assert!(is_ours(ThreadId::current().unwrap()));
        assert!(!is_ours(parent));
        set_normal(ended);
        set_normal(parent);
    }
}
