//! When the window repaints for something that happens outside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Wake;
use std::time::Duration;

use egui::Context;
use maru_core::time::Timestamp;

/// Shortest time between two repaints for new frames. Shorter than the interval of 30 frames per second, so that no
/// peer's frames wait for long; but eight peers do not cause 240 repaints per second.
const FRAME_INTERVAL: Duration = Duration::from_millis(20);

/// A waker that repaints the window.
pub(super) struct RepaintWaker(pub(super) Context);

impl Wake for RepaintWaker {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

/// Repaints the window for new frames, at most once per [`FRAME_INTERVAL`]. Each repaint shows the newest frame of everyone.
pub(super) struct FrameRepaint {
    ctx: Context,
    /// When the window was last painted, in microseconds of the process's clock.
    painted_us: AtomicU64,
}

impl FrameRepaint {
    pub(super) fn new(ctx: Context) -> Arc<Self> {
        Arc::new(Self { ctx, painted_us: AtomicU64::default() })
    }

    pub(super) fn painted(&self, now: Timestamp) {
        self.painted_us.store(now.as_micros(), Ordering::Relaxed);
    }

    /// Called by media threads.
    pub(super) fn frame_arrived(&self, now: Timestamp) {
        let painted = Timestamp::from_micros(self.painted_us.load(Ordering::Relaxed));
        match FRAME_INTERVAL.checked_sub(now.since(painted)) {
            Some(wait) if !wait.is_zero() => self.ctx.request_repaint_after(wait),
            _ => self.ctx.request_repaint(),
        }
    }
}
