//! What waits to be sent, as the encoder sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the path takes for the frames that already wait in front of it. Set by who sends, read by who encodes: a
/// frame that would have to wait is better made later, of what the camera sees then.
#[derive(Debug, Default)]
pub struct Backlog(AtomicU64);

impl Backlog {
    pub fn set(&self, waiting: Duration) {
        self.0.store(waiting.as_micros() as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}
