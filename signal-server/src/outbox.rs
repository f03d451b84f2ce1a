//! The queue of what is to be sent to one client: bounded in frames and in bytes. When it is full, nothing more goes in
//! and the client is cut off: skipping a message would leave it with a wrong frame of the room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::Config;
use crate::rooms::Goodbye;

pub(crate) enum Outgoing {
    Text(Utf8Bytes),
    Ping,
    Close(u16),
}

impl Outgoing {
    fn bytes(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

/// The end that the hub holds. Dropping it closes the connection.
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    limit_bytes: usize,
    /// Never sent: its end tells the other side.
    _open: oneshot::Sender<()>,
}

/// The end that the connection holds.
pub(crate) struct Outgoings {
    pub(crate) queue: Queue,
    /// Ready when the hub has closed the connection. What is in the queue is still to be sent.
    pub(crate) closed: oneshot::Receiver<()>,
}

pub(crate) struct Queue {
    queue: mpsc::Receiver<Outgoing>,
    waiting_bytes: Arc<AtomicUsize>,
    /// Of the frame that was taken last. It counts until the next one is asked for, that is, until it is written.
    in_flight: usize,
}

pub(crate) fn outbox(config: &Config) -> (Outbox, Outgoings) {
    // One more place for the close frame.
    let (sender, receiver) = mpsc::channel(config.queue_frames + 1);
    let (open, closed) = oneshot::channel();
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let outbox =
        Outbox { queue: sender, waiting_bytes: waiting_bytes.clone(), limit_bytes: config.queue_bytes, _open: open };
    let queue = Queue { queue: receiver, waiting_bytes, in_flight: 0 };
    (outbox, Outgoings { queue, closed })
}

impl Outbox {
    /// False if the queue is full.
    #[must_use]
    pub(crate) fn push(&self, outgoing: Outgoing) -> bool {
        let bytes = outgoing.bytes();
        // Only one thread pushes at a time (the hub's lock), so that the sum cannot pass the limit in between.
        let fits = self.waiting_bytes.load(Ordering::Relaxed) + bytes <= self.limit_bytes && self.queue.capacity() > 1;
        if fits {
            self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        fits && self.queue.try_send(outgoing).is_ok()
    }

    pub(crate) fn close(self, goodbye: Goodbye) {
        if let Goodbye::Code(code) = goodbye {
            // There is a place for it. If the connection is gone, nobody needs it.
            let _ = self.queue.try_send(Outgoing::Close(code));
        }
    }
}

impl Queue {
    /// The next frame to write; `None` when the connection is closed and everything is written.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        self.waiting_bytes.fetch_sub(self.in_flight, Ordering::Relaxed);
        self.in_flight = 0;
        let outgoing = self.queue.recv().await?;
        self.in_flight = outgoing.bytes();
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
        let (outbox, mut outgoings) = outbox(&config);
        assert!(outbox.push(text(1)) && outbox.push(Outgoing::Ping));
        assert!(!outbox.push(Outgoing::Ping));
        outbox.close(Goodbye::Code(1008));
        assert!(outgoings.closed.await.is_err());
        assert!(matches!(outgoings.queue.next().await, Some(Outgoing::Text(_))));
        assert!(matches!(outgoings.queue.next().await, Some(Outgoing::Ping)));
        assert!(matches!(outgoings.queue.next().await, Some(Outgoing::Close(1008))));
        assert!(outgoings.queue.next().await.is_none());
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_count_until_they_are_written() {
        let config = Config { queue_bytes: 100, ..Config::default() };
        let (outbox, mut outgoings) = outbox(&config);
        assert!(outbox.push(text(60)) && outbox.push(text(40)));
        assert!(!outbox.push(text(1)));
        assert!(outbox.push(Outgoing::Ping), "a ping is no text");
        assert!(outgoings.queue.next().await.is_some());
        assert!(!outbox.push(text(1)), "the first one is being written");
        assert!(outgoings.queue.next().await.is_some());
        assert!(outbox.push(text(60)));
    }
}
