//! The send queue of one client, bounded in messages and in bytes. A client whose queue is full is disconnected: with a
//! message left out, it would have a wrong view of its room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::Config;
use crate::rooms::Goodbye;

/// A WebSocket frame to send.
pub(crate) enum Outgoing {
    Text(Utf8Bytes),
    Ping,
    /// With this status code (RFC 6455, 7.4).
    Close(u16),
}

impl Outgoing {
    fn bytes(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

/// The hub's end. Dropping it closes the connection.
pub(crate) struct SendQueue {
    frames: mpsc::Sender<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    limit_bytes: usize,
    /// Nothing is sent on it: dropping it resolves [`QueueReader::closed`].
    _open: oneshot::Sender<()>,
}

/// The connection's end.
pub(crate) struct QueueReader {
    pub(crate) frames: Frames,
    /// Resolves when the hub has closed the connection. What is in the queue is still to be written.
    pub(crate) closed: oneshot::Receiver<()>,
}

pub(crate) struct Frames {
    frames: mpsc::Receiver<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    /// Size of the frame returned last. It counts as waiting until the next one is asked for: by then it is written.
    writing_bytes: usize,
}

pub(crate) fn send_queue(config: &Config) -> (SendQueue, QueueReader) {
    // One more place, for the close frame.
    let (sender, receiver) = mpsc::channel(config.queue_frames + 1);
    let (open, closed) = oneshot::channel();
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let frames = Frames { frames: receiver, waiting_bytes: waiting_bytes.clone(), writing_bytes: 0 };
    let queue = SendQueue { frames: sender, waiting_bytes, limit_bytes: config.queue_bytes, _open: open };
    (queue, QueueReader { frames, closed })
}

impl SendQueue {
    /// False if the queue is full.
    #[must_use]
    pub(crate) fn push(&self, outgoing: Outgoing) -> bool {
        let bytes = outgoing.bytes();
        // The hub's lock lets one thread push at a time, so the sum cannot pass the limit in between.
        let fits = self.waiting_bytes.load(Ordering::Relaxed) + bytes <= self.limit_bytes && self.frames.capacity() > 1;
        if fits {
            self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fits && self.frames.try_send(outgoing).is_ok()
    }

    /// Appends the close frame, if there is to be one, and closes the queue.
    pub(crate) fn close(self, goodbye: Goodbye) {
        if let Goodbye::Code(code) = goodbye {
            // It has a place of its own. This fails only if the connection has ended.
            let _ = self.frames.try_send(Outgoing::Close(code));
        }
    }
}

impl Frames {
    /// The next frame to write. `None`: the queue is closed and empty.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        self.waiting_bytes.fetch_sub(self.writing_bytes, Ordering::Relaxed);
        self.writing_bytes = 0;
        let outgoing = self.frames.recv().await?;
        self.writing_bytes = outgoing.bytes();
        Some(outgoing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> Outgoing {
        Outgoing::Text("x".repeat(bytes).into())
    }

    #[tokio::test]
    async fn frames_are_bounded_and_the_close_frame_still_fits() {
        let config = Config { queue_frames: 2, ..Config::default() };
        let (queue, mut reader) = send_queue(&config);
        assert!(queue.push(text(1)) && queue.push(Outgoing::Ping));
        assert!(!queue.push(Outgoing::Ping));
        queue.close(Goodbye::Code(1008));
        assert!(reader.closed.await.is_err());
        assert!(matches!(reader.frames.next().await, Some(Outgoing::Text(_))));
        assert!(matches!(reader.frames.next().await, Some(Outgoing::Ping)));
        assert!(matches!(reader.frames.next().await, Some(Outgoing::Close(1008))));
        assert!(reader.frames.next().await.is_none());
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_count_until_they_are_written() {
        let config = Config { queue_bytes: 100, ..Config::default() };
        let (queue, mut reader) = send_queue(&config);
        assert!(queue.push(text(60)) && queue.push(text(40)));
        assert!(!queue.push(text(1)));
        assert!(queue.push(Outgoing::Ping), "a ping has no bytes of text");
        assert!(reader.frames.next().await.is_some());
        assert!(!queue.push(text(1)), "the first text is still being written");
        assert!(reader.frames.next().await.is_some());
        assert!(queue.push(text(60)));
    }
}
