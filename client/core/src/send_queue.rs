//! The send queue, as the encoder sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the path takes for the packets in the send queue. Set by the pacer, read by the encoder: a frame that would
/// have to wait is better encoded later, from a newer image.
#[derive(Debug, Default)]
pub struct SendQueueDelay(AtomicU64);

impl SendQueueDelay {
    /// By the pacer.
    pub fn set(&self, delay: Duration) {
        self.0.store(delay.as_micros() as u64, Ordering::Relaxed);
    }

    /// As set last; zero at first.
    pub fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}
