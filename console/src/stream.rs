//! One stream of text, written by a thread of its own: a full pipe stops that thread alone.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// Texts that wait to be written. While there are as many, further ones are dropped.
const MAX_WAITING: usize = 1024;

pub(crate) struct Stream(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    is_writing: bool,
}

impl Stream {
    pub(crate) fn start(name: &str, to: impl Write + Send + 'static) -> Self {
        let queue = Arc::new(Queue::default());
        let for_thread = Arc::clone(&queue);
        // Without a thread nothing can be written, and nobody told.
        let _ = thread::Builder::new().name(name.into()).spawn(move || for_thread.write_all(to));
        Self(queue)
    }

    pub(crate) fn push(&self, text: Vec<u8>) {
        let mut state = self.0.lock();
        if state.waiting.len() < MAX_WAITING {
            state.waiting.push_back(text);
            self.0.changed.notify_all();
        }
    }

    /// Waits until everything is written, or until `deadline`.
    pub(crate) fn finish(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), left, is_busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Queue {
    /// Runs until the process ends.
    fn write_all(&self, mut to: impl Write) {
        loop {
            let is_idle = |state: &mut State| state.waiting.is_empty();
            let state = self.changed.wait_while(self.lock(), is_idle);
            let mut state = state.unwrap_or_else(PoisonError::into_inner);
            let text = state.waiting.pop_front().unwrap_or_default();
            state.is_writing = true;
            drop(state);
            // Closed for good, or full for now: the next text is tried anyway.
            let _ = to.write_all(&text).and_then(|()| to.flush());
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Duration;

    use super::*;

    /// Passes texts on; fails for those that begin with `!`.
    struct Reader(SyncSender<String>);

    impl Write for Reader {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            if text.starts_with(b"!") {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            // Waits while the channel is full, as a pipe does.
            self.0.send(String::from_utf8_lossy(text).into_owned()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stream(capacity: usize) -> (Stream, Receiver<String>) {
        let (texts, received) = sync_channel(capacity);
        (Stream::start("test", Reader(texts)), received)
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn writing_goes_on_after_an_error() {
        let (stream, received) = stream(8);
        for text in ["one", "!disk full", "two"] {
            stream.push(text.into());
        }
        stream.finish(later());
        assert_eq!(received.try_iter().collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_closed_place_is_no_reason_to_wait() {
        let (stream, received) = stream(8);
        drop(received);
        for _ in 0..3 * MAX_WAITING {
            stream.push(b"nobody reads this".to_vec());
        }
        stream.finish(later());
    }

    #[test]
    fn a_reader_that_stops_delays_neither_the_program_nor_its_end() {
        let (stream, received) = stream(0);
        for number in 0..3 * MAX_WAITING {
            stream.push(number.to_string().into_bytes());
        }
        stream.finish(Instant::now());
        assert!(stream.0.lock().waiting.len() <= MAX_WAITING);
        assert_eq!(received.recv().as_deref(), Ok("0"), "what fits is written in order, once it is read");
    }
}
