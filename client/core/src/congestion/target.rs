//! The target: how a queue, a loss or their absence change it.

use std::collections::VecDeque;
use std::time::Duration;

use super::MIN_QUEUE;
use super::full::Full;
use super::losses::{Losses, Verdict};
use super::pairs::Pairs;
use super::queue_delay::QueueDelay;
use super::throughput::Throughput;
use crate::time::Timestamp;

/// What is seen of the path.
pub(super) struct Seen<'a> {
    pub(super) queue: &'a mut QueueDelay,
    pub(super) throughput: &'a Throughput,
    pub(super) pairs: &'a Pairs,
    pub(super) losses: &'a mut Losses,
    /// How many packets are lost in a row, on average.
    pub(super) loss_run: f64,
}

/// Bits per second for everything that goes this way.
#[derive(Debug)]
pub(super) struct Target {
    bps: f64,
    min_bps: f64,
    max_bps: f64,
    /// `None`: never yet.
    full: Option<Full>,
    standing: Option<Standing>,
    /// When a queue stood last.
    stood: Option<Timestamp>,
    /// When queues became higher than ours ever are.
    high_queues: VecDeque<Timestamp>,
    /// Since that was asked last: whether frames were lost in numbers, whether the target fell to less than half.
    has_lost_frames: bool,
    has_collapsed: bool,
    /// Until when we share with someone who fills the queue.
    competing_until: Option<Timestamp>,
}

/// A queue that stands.
#[derive(Debug, Clone, Copy)]
struct Standing {
    began: Timestamp,
    greatest: Duration,
    /// When the target was lowered last for it, and how long it was then.
    lowered: Timestamp,
    lowered_at: Duration,
}

impl Target {
    pub(super) fn new(start_bps: u32, min_bps: u32, max_bps: u32) -> Self {
        Self {
            bps: f64::from(start_bps.clamp(min_bps, max_bps)),
            min_bps: f64::from(min_bps),
            max_bps: f64::from(max_bps),
            full: None,
            standing: None,
            stood: None,
            high_queues: VecDeque::new(),
            has_lost_frames: false,
            has_collapsed: false,
            competing_until: None,
        }
    }

    pub(super) fn bps(&self) -> f64 {
        self.bps
    }

    pub(super) fn set_max(&mut self, max_bps: u32) {
        self.max_bps = f64::from(max_bps).max(self.min_bps);
        self.set(self.bps);
    }

    pub(super) fn halve(&mut self) {
        self.set(self.bps / 2.0);
    }

    /// When the path was full last.
    pub(super) fn full_at(&self) -> Option<Timestamp> {
        self.full.map(|full| full.at)
    }

    /// The same, if the path has not widened since.
    pub(super) fn narrow_at(&self) -> Option<Timestamp> {
        self.full.filter(|full| full.widened.is_none()).map(|full| full.at)
    }

    /// When a queue stood last.
    pub(super) fn stood_at(&self) -> Option<Timestamp> {
        self.stood
    }

    /// What the queue that stands now empties with.
    pub(super) fn draining_bps(&self) -> Option<f64> {
        self.full.filter(|_| self.standing.is_some()).map(|full| full.carried_bps)
    }

    pub(super) fn take_lost_frames(&mut self) -> bool {
        std::mem::take(&mut self.has_lost_frames)
    }

    pub(super) fn take_collapse(&mut self) -> bool {
        std::mem::take(&mut self.has_collapsed)
    }

    /// A report came, `since` the one before: what was seen of the path is up to date.
    pub(super) fn update(&mut self, now: Timestamp, since: Duration, seen: Seen) {
        let Some(received_bps) = seen.throughput.bps() else { return };
        let queue = seen.queue.standing();
        let is_competing = self.competing_until.is_some_and(|until| now < until);
        if !is_competing && queue > MAX_QUEUE {
            return self.give_way(now, queue, seen.throughput.carried_bps().unwrap_or(received_bps), seen);
        }
        // On a path that became slower each packet itself takes longer, and nothing waits for that.
        let itself = Duration::from_secs_f64((PACKET_BITS / received_bps.max(1.0)).min(MAX_ITSELF.as_secs_f64()));
        if !is_competing && queue >= MIN_QUEUE + itself {
            return;
        }
        self.standing = None;
        if let Some(full) = &mut self.full {
            full.look_at_pairs(now, seen.pairs.bps(now));
        }
        // What is lost in runs varies as much more.
        let margin = if is_competing { COMPETING_LOSS } else { EXCESS_LOSS * seen.loss_run.max(1.0).sqrt() };
        match seen.losses.judge(margin, self.full_at().unwrap_or(Timestamp::ZERO)) {
            Verdict::Excess { .. } if is_competing => self.path_is_full(now, self.bps * AFTER_LOSS),
            Verdict::Excess { inherent } => self.path_is_full(now, received_bps / (1.0 - inherent)),
            Verdict::Settling => {}
            Verdict::Usual => self.grow(now, since, received_bps / (1.0 - seen.losses.usual().min(MAX_USUAL_LOSS))),
        }
    }

    /// A queue stands: the path is full.
    fn give_way(&mut self, now: Timestamp, queue: Duration, carried_bps: f64, seen: Seen) {
        let before = self.standing;
        let mut standing =
            before.unwrap_or(Standing { began: now, greatest: queue, lowered: now, lowered_at: Duration::ZERO });
        standing.greatest = standing.greatest.max(queue);
        self.standing = Some(standing);
        self.stood = Some(now);
        if before.is_none_or(|before| before.greatest <= HIGH_QUEUE) && queue > HIGH_QUEUE {
            self.note_high_queue(now);
        }
        if now.since(standing.began) > PATIENCE && queue > standing.greatest / 2 {
            self.standing = None;
            seen.queue.take_as_zero();
            return;
        }
        // Lowering shows after a round trip and the queue itself: until then only one that still grows asks for more.
        let grows = queue > standing.lowered_at.mul_f64(1.25);
        let stays = now.since(standing.lowered) > DRAIN && queue > standing.lowered_at.mul_f64(0.8);
        if grows || stays {
            self.standing = Some(Standing { lowered: now, lowered_at: queue, ..standing });
            self.has_lost_frames |= 1.0 - seen.losses.share_arriving() > MANY_LOST;
            let kept = (1.0 - queue.as_secs_f64() / DRAIN.as_secs_f64()).max(MIN_KEPT);
            self.full = Some(Full::new(now, carried_bps));
            self.has_collapsed |= carried_bps * kept < self.bps / 2.0;
            self.set(self.bps.min(carried_bps * kept));
        }
    }

    fn note_high_queue(&mut self, now: Timestamp) {
        self.high_queues.retain(|&at| now.since(at) < HIGH_QUEUES_WITHIN);
        self.high_queues.push_back(now);
        if self.high_queues.len() == HIGH_QUEUES {
            self.high_queues.clear();
            self.competing_until = Some(now + COMPETING);
        }
    }

    /// It carries no more than this.
    fn path_is_full(&mut self, now: Timestamp, carried_bps: f64) {
        self.full = Some(Full::new(now, carried_bps));
        self.set(self.bps.min(carried_bps));
    }

    /// `sent_bps`: of what arrived, with what is usually lost.
    fn grow(&mut self, now: Timestamp, since: Duration, sent_bps: f64) {
        let wanted_bps = match self.full {
            None => self.bps * STARTING.powf(since.as_secs_f64()),
            Some(full) => full.grown_bps(now, since, self.bps),
        };
        // What is not sent is not tried: the target stays within reach of what is really sent, and nearer where it grows
        // beyond what the path is known to carry.
        let is_beyond = self.full.is_some_and(|full| self.bps > full.carried_bps);
        let reach = if is_beyond { REACH_BEYOND } else { REACH };
        let reach_bps = (sent_bps * reach + 50_000.0).max(self.bps);
        self.set(wanted_bps.min(reach_bps));
    }

    fn set(&mut self, target_bps: f64) {
        self.bps = target_bps.clamp(self.min_bps, self.max_bps);
    }
}

/// What a full packet takes by itself, at most.
const PACKET_BITS: f64 = 1250.0 * 8.0;
const MAX_ITSELF: Duration = Duration::from_millis(20);
/// Above this a queue stands, which is emptied. Between [`MIN_QUEUE`] and this the target stays.
const MAX_QUEUE: Duration = Duration::from_millis(25);
/// The time in which a standing queue is to be gone, and the least share of the path that is used meanwhile.
const DRAIN: Duration = Duration::from_millis(500);
const MIN_KEPT: f64 = 0.8;
/// A queue that has not halved in so long belongs to the path.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many such queues within this time are another's, and for how long that is taken for granted then.
const HIGH_QUEUE: Duration = Duration::from_millis(120);
const HIGH_QUEUES: usize = 3;
const HIGH_QUEUES_WITHIN: Duration = Duration::from_secs(10);
const COMPETING: Duration = Duration::from_secs(30);
/// Loss beyond what there always is, 0 to 1, that speaks of a full path. At 10 % of 200 packets a second chance alone
/// exceeds the first once in a thousand seconds.
const EXCESS_LOSS: f64 = 0.08;
const COMPETING_LOSS: f64 = 0.02;
const AFTER_LOSS: f64 = 0.7;
/// Growth per second until the path is full for the first time.
const STARTING: f64 = 4.0;
/// Share of packets, 0 to 1, that are too many to send again.
const MANY_LOST: f64 = 0.2;
/// How far above what is sent, as a factor. Frames come to nine tenths of what they may.
const REACH: f64 = 1.5;
const REACH_BEYOND: f64 = 1.2;
const MAX_USUAL_LOSS: f64 = 0.5;
