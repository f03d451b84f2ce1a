//! A connection's socket, on which nobody waits forever.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use x11rb::rust_connection::{DefaultStream, PollMode, Stream};
use x11rb::utils::RawFdContainer;

/// A server that takes longer for a reply hangs.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct TimedStream {
    pub(super) inner: DefaultStream,
}

impl TimedStream {
    /// Waits until there is something to read, or until `until`.
    pub(super) fn wait_readable(&self, until: Instant) -> Result<()> {
        self.wait(PollFlags::IN, until).map(|_| ())
    }

    /// Waits until `until`, or until the connection is lost.
    pub(super) fn pause(&self, until: Instant) -> Result<()> {
        self.wait(PollFlags::empty(), until).map(|_| ())
    }

    /// Returns whether something happened in time.
    fn wait(&self, flags: PollFlags, until: Instant) -> Result<bool> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
            match rustix::event::poll(&mut [PollFd::from_borrowed_fd(self.inner.as_fd(), flags)], Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Stream for TimedStream {
    fn poll(&self, mode: PollMode) -> Result<()> {
        let readable = if mode.readable() { PollFlags::IN } else { PollFlags::empty() };
        let writable = if mode.writable() { PollFlags::OUT } else { PollFlags::empty() };
        if self.wait(readable | writable, Instant::now() + REPLY_TIMEOUT)? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::TimedOut, format!("no reply in {} s", REPLY_TIMEOUT.as_secs())))
    }

    fn read(&self, buffer: &mut [u8], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.inner.read(buffer, fds)
    }

    fn write(&self, buffer: &[u8], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.inner.write(buffer, fds)
    }

    fn write_vectored(&self, buffers: &[IoSlice<'_>], fds: &mut Vec<RawFdContainer>) -> Result<usize> {
        self.inner.write_vectored(buffers, fds)
    }
}

impl AsFd for TimedStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}
