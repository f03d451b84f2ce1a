//! State of the path to one peer, shared by the interceptors that measure and pace, the session and the encoder.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maru_core::congestion::{Config, CongestionController};
use maru_core::fec::{self, Retransmissions};
use maru_core::red;
use maru_core::rtp::Sequence;
use maru_core::send_queue::SendQueueDelay;
use maru_core::time::Timestamp;

/// On a longer round trip NACKs are sent twice, and at much loss retransmissions: a third is a freeze.
pub(super) const LONG_ROUND_TRIP: Duration = Duration::from_millis(35);
/// When the target collapses, a send queue that is longer than this is dropped for a key frame.
const MAX_QUEUE_AT_COLLAPSE: Duration = Duration::from_millis(80);

/// Assumed until a round trip has been measured.
const ASSUMED_ROUND_TRIP: Duration = Duration::from_millis(80);
/// FEC is sent from this loss rate on, on a round trip at least this long, and at a target that leaves enough for
/// frames.
const FEC_MIN_LOSS: f64 = 0.01;
const FEC_MIN_ROUND_TRIP: Duration = Duration::from_millis(30);
const FEC_MIN_BPS: u32 = 400_000;
/// Copies of audio get at most 1 / `AUDIO_COPIES_SHARE` of what the path carries.
const AUDIO_COPIES_SHARE: u32 = 8;
/// A receiver waits 400 ms for a missing packet: on a longer round trip a retransmission comes too late.
const FAR: Duration = Duration::from_millis(300);

/// What is known of the path of one connection. Shared by the interceptors that measure and pace, the session, and the
/// encoder.
#[derive(Debug)]
pub struct PathState {
    config: Config,
    controller: Mutex<CongestionController>,
    pub(super) send_queue: Arc<SendQueueDelay>,
    target_bps: AtomicU32,
    /// See [`PathState::set_most_bps`].
    most_bps: AtomicU32,
    queue_us: AtomicU64,
    /// Millionths.
    loss: AtomicU32,
    is_measured: AtomicBool,
    spread: AtomicBool,
    /// FEC packets for each packet of a frame, smoothed, in millionths.
    fec_ratio: AtomicU32,
    /// Whether the peer takes copies of audio.
    takes_copies: AtomicBool,
    round_trip_us: AtomicU64,
    /// When a datagram came last, on the process's clock.
    heard_at_us: AtomicU64,
}

impl Default for PathState {
    fn default() -> Self {
        let config = Config::default();
        Self {
            controller: Mutex::new(CongestionController::new(config.clone())),
            send_queue: Arc::default(),
            target_bps: AtomicU32::new(config.start_bps),
            most_bps: AtomicU32::new(config.max_bps),
            queue_us: AtomicU64::new(0),
            loss: AtomicU32::new(0),
            is_measured: AtomicBool::new(false),
            spread: AtomicBool::new(false),
            fec_ratio: AtomicU32::new(0),
            takes_copies: AtomicBool::new(false),
            round_trip_us: AtomicU64::new(ASSUMED_ROUND_TRIP.as_micros() as u64),
            heard_at_us: AtomicU64::new(0),
            config,
        }
    }
}

impl PathState {
    /// The target bitrate: bits per second for all packets on this path, headers included.
    pub fn target_bps(&self) -> u32 {
        self.target_bps.load(Ordering::Relaxed)
    }

    /// The part of [`Self::target_bps`] that is left beside FEC and copies of audio.
    pub fn target_without_fec_bps(&self) -> u32 {
        let copies_bps = self.audio_copies() as u32 * red::COPY_BPS;
        (f64::from(self.target_bps().saturating_sub(copies_bps)) / (1.0 + self.fec_ratio())) as u32
    }

    /// How long nothing has come from the peer. Zero before the first datagram.
    pub fn silent_for(&self, now: Timestamp) -> Duration {
        match self.heard_at_us.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            heard_at_us => now.since(Timestamp::from_micros(heard_at_us)),
        }
    }

    /// A datagram came, from wherever.
    pub(super) fn heard(&self, now: Timestamp) {
        self.heard_at_us.store(now.as_micros().max(1), Ordering::Relaxed);
    }

    /// As measured last.
    pub fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip_us.load(Ordering::Relaxed))
    }

    pub(super) fn set_round_trip(&self, round_trip: Duration) {
        self.round_trip_us.store(u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many FEC packets to send with a frame of `packets`: some if retransmissions would come too late, and losses
    /// are not due to congestion.
    pub(super) fn fec_packets(&self, packets: usize) -> usize {
        let loss = self.controller().loss_outside_congestion();
        let is_useful =
            loss.rate >= FEC_MIN_LOSS && self.round_trip() >= FEC_MIN_ROUND_TRIP && self.target_bps() >= FEC_MIN_BPS;
        let retransmissions = if self.round_trip() < FAR { Retransmissions::InTime } else { Retransmissions::TooLate };
        let fec_packets = if is_useful { fec::repairs_for(packets, loss, retransmissions) } else { 0 };
        self.note_fec(packets, fec_packets);
        fec_packets
    }

    /// Whether the peer takes copies of audio. Until it is known it takes none.
    pub(super) fn set_takes_copies(&self, takes_copies: bool) {
        self.takes_copies.store(takes_copies, Ordering::Relaxed);
    }

    /// How many of the packets of audio before it go with one: some if losses are not due to congestion.
    pub(super) fn audio_copies(&self) -> usize {
        if !self.takes_copies.load(Ordering::Relaxed) {
            return 0;
        }
        let spare = self.target_bps() / AUDIO_COPIES_SHARE / red::COPY_BPS;
        red::copies_for(self.controller().loss_outside_congestion()).min(spare as usize)
    }

    /// Whether packets are lost, and audio goes without copies.
    pub fn loses_audio(&self) -> bool {
        self.loss() >= FEC_MIN_LOSS && self.audio_copies() == 0
    }

    fn note_fec(&self, packets: usize, fec_packets: usize) {
        let before = self.fec_ratio();
        let ratio = before + (fec_packets as f64 / packets.max(1) as f64 - before) / 16.0;
        self.fec_ratio.store((ratio * 1e6) as u32, Ordering::Relaxed);
        if (ratio - before).abs() > 1e-3 {
            self.limit_target();
        }
    }

    /// The most that the path has a use for, in bit/s, beside FEC. Less than [`Config::max_bps`] changes nothing.
    pub fn set_most_bps(&self, most_bps: u32) {
        let most_bps = most_bps.max(self.config.max_bps);
        if self.most_bps.swap(most_bps, Ordering::Relaxed) != most_bps {
            self.limit_target();
        }
    }

    fn limit_target(&self) {
        let max_bps = f64::from(self.most_bps.load(Ordering::Relaxed)) * (1.0 + self.fec_ratio());
        self.with(|controller| controller.set_max(max_bps as u32));
    }

    fn fec_ratio(&self) -> f64 {
        f64::from(self.fec_ratio.load(Ordering::Relaxed)) / 1e6
    }

    /// See [`CongestionController::available_bytes`].
    pub(super) fn available_bytes(&self, now: Timestamp) -> f64 {
        self.controller().available_bytes(now)
    }

    /// See [`maru_core::congestion::PathStats::spread`].
    pub(super) fn spread(&self) -> bool {
        self.spread.load(Ordering::Relaxed)
    }

    /// The rate of the pacer. Before any feedback it is the maximum: the first key frame has to pass whatever the path
    /// carries, with nothing behind it yet.
    pub(super) fn pacing_bps(&self) -> u32 {
        if self.is_measured.load(Ordering::Relaxed) { self.target_bps() } else { self.config.max_bps }
    }

    /// Delay of the standing queue on the path.
    pub fn queue_delay(&self) -> Duration {
        Duration::from_micros(self.queue_us.load(Ordering::Relaxed))
    }

    /// Loss rate, 0 to 1.
    pub fn loss(&self) -> f64 {
        f64::from(self.loss.load(Ordering::Relaxed)) / 1e6
    }

    /// See [`CongestionController::is_congested`].
    pub(super) fn is_congested(&self) -> bool {
        self.controller().is_congested()
    }

    /// Whether a key frame is needed: too many packets were lost, or the send queue would take too long at the new
    /// target. Reported once. The send queue is dropped when the key frame comes.
    pub fn take_need_of_key_frame(&self) -> bool {
        let mut controller = self.controller();
        let (heavy_loss, collapsed) = (controller.take_heavy_loss(), controller.take_collapse());
        drop(controller);
        heavy_loss || collapsed && self.send_queue.get() > MAX_QUEUE_AT_COLLAPSE
    }

    pub fn send_queue_delay(&self) -> &Arc<SendQueueDelay> {
        &self.send_queue
    }

    /// A packet left: see [`CongestionController::handle_sent`]. Returns when to call
    /// [`CongestionController::handle_timeout`].
    pub(super) fn handle_sent(
        &self,
        now: Timestamp,
        sequence: Sequence,
        bytes: usize,
        is_retransmission: bool,
    ) -> Option<Timestamp> {
        let mut controller = self.controller();
        controller.handle_sent(now, sequence, bytes, is_retransmission);
        controller.poll_timeout()
    }

    /// See [`CongestionController::handle_retransmission`].
    pub(super) fn handle_retransmission(&self, ssrc: u32) {
        self.controller().handle_retransmission(ssrc);
    }

    /// Changes the controller and publishes its statistics. Returns when to call
    /// [`CongestionController::handle_timeout`].
    pub(super) fn with(&self, change: impl FnOnce(&mut CongestionController)) -> Option<Timestamp> {
        let mut controller = self.controller();
        change(&mut controller);
        let stats = controller.stats();
        self.target_bps.store(stats.target_bps, Ordering::Relaxed);
        self.queue_us.store(stats.queue_delay.as_micros() as u64, Ordering::Relaxed);
        self.is_measured.store(stats.is_measured, Ordering::Relaxed);
        self.loss.store((stats.loss * 1e6) as u32, Ordering::Relaxed);
        self.spread.store(stats.spread, Ordering::Relaxed);
        controller.poll_timeout()
    }

    fn controller(&self) -> MutexGuard<'_, CongestionController> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
