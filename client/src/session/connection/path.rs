//! What the connection's path carries, for those who fill it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maru_core::backlog::Backlog;
use maru_core::congestion::CongestionController;
use maru_core::fec;
use maru_core::rtp::Sequence;
use maru_core::time::Timestamp;

/// Of a path that nothing is known of. It is found out within a second.
const START_BPS: u32 = 1_000_000;
/// Sound alone, with its headers.
const MIN_BPS: u32 = 100_000;
/// A frame of 720p, sound, headers and what is sent again; repair packets come on top.
const MAX_BPS: u32 = 3_000_000;

/// From here on what is lost is asked for, and sent again, twice: a third time would be a freeze.
pub(super) const LONG_ROUND_TRIP: Duration = Duration::from_millis(35);
/// Frames that wait longer than this when the path collapses are not worth it.
const MAX_WORTH_WAITING: Duration = Duration::from_millis(80);

/// What a round trip takes until one has been measured.
const USUAL_ROUND_TRIP: Duration = Duration::from_millis(80);
/// Repair is worth its bytes from this loss on, where sending again takes at least so long, and while there is enough
/// for a frame.
const MIN_REPAIRED_LOSS: f64 = 0.01;
const MIN_REPAIRED_ROUND_TRIP: Duration = Duration::from_millis(30);
const MIN_REPAIRED_BPS: u32 = 400_000;

/// What is known of the path of one connection. Shared by the interceptors that measure and pace, the session, and the
/// encoder.
#[derive(Debug)]
pub struct PathState {
    controller: Mutex<CongestionController>,
    pub(super) backlog: Arc<Backlog>,
    target_bps: AtomicU32,
    queue_us: AtomicU64,
    /// Millionths.
    loss: AtomicU32,
    received_bps: AtomicU32,
    spread: AtomicBool,
    /// Repair packets for each packet of a frame, of late, in millionths.
    repair_share: AtomicU32,
    round_trip_us: AtomicU64,
}

impl Default for PathState {
    fn default() -> Self {
        Self {
            controller: Mutex::new(new_controller()),
            backlog: Arc::default(),
            target_bps: AtomicU32::new(START_BPS),
            queue_us: AtomicU64::new(0),
            loss: AtomicU32::new(0),
            received_bps: AtomicU32::new(0),
            spread: AtomicBool::new(false),
            repair_share: AtomicU32::new(0),
            round_trip_us: AtomicU64::new(USUAL_ROUND_TRIP.as_micros() as u64),
        }
    }
}

impl PathState {
    /// Bits per second for everything that goes this way, headers included.
    pub fn target_bps(&self) -> u32 {
        self.target_bps.load(Ordering::Relaxed)
    }

    /// Of [`Self::target_bps`] what is left beside repair.
    pub fn unrepaired_bps(&self) -> u32 {
        (f64::from(self.target_bps()) / (1.0 + self.repair_share())) as u32
    }

    /// As measured last; a usual one until then.
    pub(super) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip_us.load(Ordering::Relaxed))
    }

    pub(super) fn set_round_trip(&self, round_trip: Duration) {
        self.round_trip_us.store(u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many repair packets to send with a frame of `packets`: where what is lost would come again too late, and the
    /// path is not full.
    pub(super) fn repairs(&self, packets: usize) -> usize {
        let loss = self.controller().inherent_loss();
        let is_worth_it = loss.share >= MIN_REPAIRED_LOSS
            && self.round_trip() >= MIN_REPAIRED_ROUND_TRIP
            && self.target_bps() >= MIN_REPAIRED_BPS;
        let repairs = if is_worth_it { fec::repairs_for(packets, loss) } else { 0 };
        self.note_repairs(packets, repairs);
        repairs
    }

    fn note_repairs(&self, packets: usize, repairs: usize) {
        let before = self.repair_share();
        let share = before + (repairs as f64 / packets.max(1) as f64 - before) / 16.0;
        self.repair_share.store((share * 1e6) as u32, Ordering::Relaxed);
        if (share - before).abs() > 1e-3 {
            self.with(|controller| controller.set_max((f64::from(MAX_BPS) * (1.0 + share)) as u32));
        }
    }

    fn repair_share(&self) -> f64 {
        f64::from(self.repair_share.load(Ordering::Relaxed)) / 1e6
    }

    /// See [`CongestionController::room_bytes`].
    pub(super) fn room_bytes(&self, now: Timestamp) -> f64 {
        self.controller().room_bytes(now)
    }

    /// See [`maru_core::congestion::PathStats::spread`].
    pub(super) fn spread(&self) -> bool {
        self.spread.load(Ordering::Relaxed)
    }

    /// How fast to send what waits. Before the first report as fast as ever: the first frame has to go the whole way
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

    /// Whether only a key frame helps: too many packets were lost, or those that wait would take too long by now. Told
    /// once; the frames that wait are dropped when it comes.
    pub fn take_need_of_key_frame(&self) -> bool {
        let mut controller = self.controller();
        let (lost, collapsed) = (controller.take_lost_frames(), controller.take_collapse());
        drop(controller);
        lost || collapsed && self.backlog.get() > MAX_WORTH_WAITING
    }

    /// What waits before it is sent.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// A packet left. Says when to ask the controller again, if nothing is reported until then.
    pub(super) fn sent(&self, now: Timestamp, sequence: Sequence, bytes: usize, is_repair: bool) -> Option<Timestamp> {
        let mut controller = self.controller();
        controller.handle_sent(now, sequence, bytes, is_repair);
        controller.poll_timeout()
    }

    /// Lets the controller take something in, and publishes what it says then. Returns when to ask it again.
    pub(super) fn with(&self, change: impl FnOnce(&mut CongestionController)) -> Option<Timestamp> {
        let mut controller = self.controller();
        change(&mut controller);
        let stats = controller.stats();
        self.target_bps.store(stats.target_bps, Ordering::Relaxed);
        self.queue_us.store(stats.queue_delay.as_micros() as u64, Ordering::Relaxed);
        self.received_bps.store(stats.received_bps, Ordering::Relaxed);
        self.loss.store((stats.loss * 1e6) as u32, Ordering::Relaxed);
        self.spread.store(stats.spread, Ordering::Relaxed);
        controller.poll_timeout()
    }

    fn controller(&self) -> MutexGuard<'_, CongestionController> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_controller() -> CongestionController {
    CongestionController::new(START_BPS, MIN_BPS, MAX_BPS)
}
