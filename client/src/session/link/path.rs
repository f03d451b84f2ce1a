//! What the link's path carries, for those who fill it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maru_core::backlog::Backlog;
use maru_core::congestion::CongestionController;

/// Of a path that nothing is known of. It is found out within a second.
const START_BPS: u32 = 1_000_000;
/// Sound alone, with its headers.
const MIN_BPS: u32 = 100_000;
/// A picture of 720p, sound, headers and repair.
const MAX_BPS: u32 = 3_000_000;

/// Shared by the interceptors that measure and pace, the session, and the encoder. Outlives a link that failed.
#[derive(Debug)]
pub struct Path {
    controller: Mutex<CongestionController>,
    pub(super) backlog: Arc<Backlog>,
    target_bps: AtomicU32,
    queue_us: AtomicU64,
    /// Millionths.
    loss: AtomicU32,
    received_bps: AtomicU32,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            controller: Mutex::new(new_controller()),
            backlog: Arc::default(),
            target_bps: AtomicU32::new(START_BPS),
            queue_us: AtomicU64::new(0),
            loss: AtomicU32::new(0),
            received_bps: AtomicU32::new(0),
        }
    }
}

impl Path {
    /// Bits per second for everything that goes this way, headers included.
    pub fn target_bps(&self) -> u32 {
        self.target_bps.load(Ordering::Relaxed)
    }

    /// How fast to send what waits. Before the first report as fast as ever: the first picture has to go the whole way
    /// whatever it carries, and nothing is behind it yet.
    pub(super) fn pacing_bps(&self) -> u32 {
        if self.received_bps.load(Ordering::Relaxed) == 0 { MAX_BPS } else { self.target_bps() }
    }

    /// How long packets wait on the way of late.
    pub fn queue_delay(&self) -> Duration {
        Duration::from_micros(self.queue_us.load(Ordering::Relaxed))
    }

    /// Share of packets that are lost, 0 to 1.
    pub fn loss(&self) -> f64 {
        f64::from(self.loss.load(Ordering::Relaxed)) / 1e6
    }

    /// See [`CongestionController::take_lost_pictures`].
    pub fn take_lost_pictures(&self) -> bool {
        self.controller().take_lost_pictures()
    }

    /// What waits before it is sent.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// A new link: nothing is known of its path.
    pub(super) fn restart(&self) {
        self.backlog.set(Duration::ZERO);
        self.with(|controller| *controller = new_controller());
    }

    /// Lets the controller take something in, and publishes what it says then.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut CongestionController) -> T) -> T {
        let mut controller = self.controller();
        let result = change(&mut controller);
        let stats = controller.stats();
        self.target_bps.store(stats.target_bps, Ordering::Relaxed);
        self.queue_us.store(stats.queue_delay.as_micros() as u64, Ordering::Relaxed);
        self.received_bps.store(stats.received_bps, Ordering::Relaxed);
        self.loss.store((stats.loss * 1e6) as u32, Ordering::Relaxed);
        result
    }

    fn controller(&self) -> MutexGuard<'_, CongestionController> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_controller() -> CongestionController {
    CongestionController::new(START_BPS, MIN_BPS, MAX_BPS)
}
