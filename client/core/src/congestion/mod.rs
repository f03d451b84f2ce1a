//! How much the path to one peer carries: from what became of each packet to a bitrate for everything that is sent.
//!
//! The signal is the **standing queue**: the least one-way delay of the last moments over the least of the last ten
//! seconds. The least delay of many packets is hardly moved by jitter, of however many milliseconds, nor by the bursts
//! that pictures are; only a queue that never runs empty lifts it. So the controller may grow fast, and still notices
//! that it sends too much before a person does. (Copa, NSDI 2018, steers by the same quantity; GCC, Carlucci et al. 2017,
//! by the slope of the delay, which has to be smoothed for a second before it says as much.)
//!
//! - While a queue stands, what arrives is what the path carries. The target follows: that, less what empties the queue
//!   in half a second.
//! - While none does, the target grows: fourfold in a second until the first queue, then by the same amount for everyone
//!   who shares the path, more the longer none has stood, and never far beyond what is really sent.
//! - A queue that stays though we give way is a part of the path: it becomes the new zero.
//! - Queues higher than we would ever make, again and again, are made by another, as downloads do: for a while only loss
//!   counts, as for them.
//! - Loss alone says nothing of the rate, on a radio link; what exceeds the loss that there always is, does.
//! - While reports are overdue nothing is sent but sound ([`CongestionController::room_bytes`]); without any the target
//!   halves, again and again.

mod bursts;
mod history;
mod least;
mod losses;
mod queue_delay;
#[cfg(test)]
mod simulation;
mod throughput;
mod window;

use std::collections::VecDeque;
use std::time::Duration;

use crate::fec::LossPattern;
use crate::time::Timestamp;
use history::History;
use least::Least;
use losses::{Losses, Verdict};
use queue_delay::QueueDelay;
use throughput::Throughput;
use window::Window;

/// What became of one packet that we sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    sent: Timestamp,
    fate: Fate,
    /// With all headers.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// At this time on the peer's clock, whose zero is anywhere.
    Arrived(Duration),
    Lost,
    /// The report on it was lost.
    Unknown,
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

/// What is known of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PathStats {
    pub target_bps: u32,
    /// What arrived of late.
    pub received_bps: u32,
    pub queue_delay: Duration,
    /// Share of packets lost on their first way, 0 to 1.
    pub loss: f64,
    /// As it usually is, while no queue stands and our bursts are not too long: loss that we could not spare us.
    pub inherent_loss: LossPattern,
    /// Packets are to leave one by one: a queue on the way is too short for a picture at once, or sound would wait in it.
    pub spread: bool,
}

/// The controller of one path.
#[derive(Debug)]
pub struct CongestionController {
    history: History,
    queue: QueueDelay,
    throughput: Throughput,
    losses: Losses,
    window: Window,
    /// From the newest arrival that a report tells of to the report, in µs, between two clocks.
    report_ages: Least,
    /// How much older than usual the last report was when it came: it waited on the way back.
    report_waited: Duration,
    min_bps: f64,
    max_bps: f64,
    target_bps: f64,
    /// When the path was full last, and what it carried. `None`: never yet.
    full: Option<(Timestamp, f64)>,
    standing: Option<Standing>,
    /// Until when our bursts are kept short, since the ends of longer ones were lost.
    spreads_until: Option<Timestamp>,
    /// When one stood last.
    stood: Option<Timestamp>,
    /// When queues became higher than ours ever are.
    high_queues: VecDeque<Timestamp>,
    /// Since that was asked last: whether pictures were lost in numbers, whether the target fell to less than half.
    has_lost_pictures: bool,
    has_collapsed: bool,
    /// Until when we share with someone who fills the queue.
    competing_until: Option<Timestamp>,
    last_feedback: Option<Timestamp>,
    /// When something was sent that has not been reported on.
    unreported_since: Option<Timestamp>,
}

impl CongestionController {
    /// Begins at `start_bps` and stays from `min_bps` to `max_bps`.
    pub fn new(start_bps: u32, min_bps: u32, max_bps: u32) -> Self {
        Self {
            history: History::default(),
            queue: QueueDelay::default(),
            throughput: Throughput::default(),
            losses: Losses::default(),
            window: Window::default(),
            report_ages: Least::default(),
            report_waited: Duration::ZERO,
            min_bps: f64::from(min_bps),
            max_bps: f64::from(max_bps),
            target_bps: f64::from(start_bps.clamp(min_bps, max_bps)),
            full: None,
            standing: None,
            spreads_until: None,
            stood: None,
            high_queues: VecDeque::new(),
            has_lost_pictures: false,
            has_collapsed: false,
            competing_until: None,
            last_feedback: None,
            unreported_since: None,
        }
    }

    /// Bits per second for everything that goes this way: sound, pictures, repair, and their headers.
    pub fn target_bps(&self) -> u32 {
        self.target_bps as u32
    }

    /// More is never sent, and so never tried.
    pub fn set_max(&mut self, max_bps: u32) {
        self.max_bps = f64::from(max_bps).max(self.min_bps);
        self.target_bps = self.target_bps.min(self.max_bps);
    }

    /// Whether a full path has lost so much that the peer cannot go on without a key frame, which it will ask for by the
    /// same full path. Told once; by then the target has been lowered.
    pub fn take_lost_pictures(&mut self) -> bool {
        std::mem::take(&mut self.has_lost_pictures)
    }

    /// Whether the path suddenly carries less than half: what waits for it is too large. Told once.
    pub fn take_collapse(&mut self) -> bool {
        std::mem::take(&mut self.has_collapsed)
    }

    pub fn stats(&self) -> PathStats {
        PathStats {
            target_bps: self.target_bps as u32,
            received_bps: self.throughput.bps().unwrap_or(0.0) as u32,
            queue_delay: self.queue.standing(),
            loss: self.losses.share(),
            inherent_loss: self.inherent_loss(),
            spread: self.spreads_until.is_some() || self.was_full_of_late(),
        }
    }

    fn was_full_of_late(&self) -> bool {
        self.full.zip(self.last_feedback).is_some_and(|((full, _), now)| now.since(full) < FULL_OF_LATE)
    }

    fn inherent_loss(&self) -> LossPattern {
        let stood = self.stood.zip(self.last_feedback).is_some_and(|(stood, now)| now.since(stood) < STOOD_OF_LATE);
        let is_ours = stood || self.spreads_until.is_some() || !self.history.knows_bursts();
        let share = if is_ours { 0.0 } else { self.losses.usual() };
        LossPattern { share, run: self.history.loss_run() }
    }

    /// Bytes that may be sent before the next report. Not above zero: too many are under way already. Sound goes all the
    /// same, and without sound a packet now and then, or nothing would ever be reported again.
    pub fn room_bytes(&self, now: Timestamp) -> f64 {
        let room = self.window.bytes(self.target_bps) - self.in_flight_bytes();
        let is_probe_due = self.history.last_sent().is_some_and(|last| now.since(last) >= PROBE);
        if is_probe_due { room.max(1.0) } else { room }
    }

    /// While a queue stands it drains: what was under way when a late report was made has arrived in part.
    fn in_flight_bytes(&self) -> f64 {
        let unreported = self.history.in_flight_bytes() as f64;
        let carried_bps = self.full.filter(|_| self.standing.is_some()).map_or(0.0, |(_, carried_bps)| carried_bps);
        (unreported - carried_bps / 8.0 * self.report_waited.as_secs_f64()).max(0.0)
    }

    /// A packet left just now, after all waiting here: its transport-wide sequence number, and its size with all headers.
    /// `is_repair`: it was sent before. If the first one came after all, the peer drops this one unreported: that is no
    /// loss.
    pub fn handle_sent(&mut self, now: Timestamp, sequence: u16, bytes: usize, is_repair: bool) {
        self.history.add(sequence, now, bytes, is_repair);
        self.unreported_since.get_or_insert(now);
    }

    /// The peer reported on these packets: when each arrived on its own clock, or that it has not (transport-wide feedback:
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01). Unknown ones are ignored.
    pub fn handle_report(&mut self, now: Timestamp, packets: &[(u16, Option<Duration>)]) {
        let outcomes = self.history.report(packets);
        if outcomes.is_empty() {
            return;
        }
        let arrived = outcomes.iter().filter(|outcome| matches!(outcome.fate, Fate::Arrived(_)));
        if let Some(first) = arrived.map(|outcome| outcome.sent).min() {
            self.window.reported(now, first);
        }
        self.unreported_since = self.history.has_unreported().then_some(now);
        for outcome in &outcomes {
            match outcome.fate {
                Fate::Arrived(arrived) => {
                    self.losses.add(outcome.sent, false);
                    self.queue.add(outcome.sent, arrived);
                    let waited = self.queue.waited(outcome.sent, arrived) > MIN_QUEUE;
                    self.throughput.add(arrived, outcome.bytes, waited);
                }
                Fate::Lost => self.losses.add(outcome.sent, true),
                // As many of them will have come as of the others.
                Fate::Unknown => self.throughput.add_to_last(outcome.bytes as f64 * self.losses.share_arriving()),
            }
        }
        self.note_age(now, &outcomes);
        if self.history.take_lost_bursts() {
            self.spreads_until = Some(now + SPREADING);
        }
        self.spreads_until = self.spreads_until.filter(|&until| now < until);
        let since = self.last_feedback.map_or(Duration::ZERO, |last| now.since(last)).min(MAX_STEP);
        self.last_feedback = Some(now);
        self.decide(now, since);
    }

    fn note_age(&mut self, now: Timestamp, outcomes: &[Outcome]) {
        let arrivals = outcomes.iter().filter_map(|outcome| match outcome.fate {
            Fate::Arrived(at) => Some(at),
            Fate::Lost | Fate::Unknown => None,
        });
        let Some(newest) = arrivals.max() else { return };
        let age_us = now.as_micros() as i64 - newest.as_micros() as i64;
        self.report_ages.add(now, age_us);
        let waited_us = age_us - self.report_ages.get().unwrap_or(age_us);
        self.report_waited = Duration::from_micros(waited_us.max(0) as u64);
    }

    /// When to call [`Self::handle_timeout`]: if by then there has been no feedback.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.unreported_since.map(|since| since + SILENCE)
    }

    /// No feedback has come for a while.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.unreported_since = Some(now);
            self.set_target(self.target_bps / 2.0);
        }
    }

    fn decide(&mut self, now: Timestamp, since: Duration) {
        let Some(received_bps) = self.throughput.bps() else { return };
        let queue = self.queue.standing();
        let is_competing = self.competing_until.is_some_and(|until| now < until);
        if !is_competing && queue > MAX_QUEUE {
            return self.give_way(now, queue, self.throughput.carried_bps().unwrap_or(received_bps));
        }
        // On a path that became slower each packet itself takes longer, and nothing waits for that.
        let itself = Duration::from_secs_f64((PACKET_BITS / received_bps.max(1.0)).min(MAX_ITSELF.as_secs_f64()));
        if !is_competing && queue >= MIN_QUEUE + itself {
            return;
        }
        self.standing = None;
        let margin = if is_competing { COMPETING_LOSS } else { EXCESS_LOSS };
        match self.losses.judge(margin, self.full.map_or(Timestamp::ZERO, |(at, _)| at)) {
            Verdict::Excess { .. } if is_competing => self.path_is_full(now, self.target_bps * AFTER_LOSS),
            Verdict::Excess { inherent } => self.path_is_full(now, received_bps / (1.0 - inherent)),
            Verdict::Settling => {}
            Verdict::Usual => self.grow(now, since, received_bps),
        }
    }

    /// A queue stands: the path is full.
    fn give_way(&mut self, now: Timestamp, queue: Duration, carried_bps: f64) {
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
            self.queue.take_as_zero();
            return;
        }
        // Lowering shows after a round trip and the queue itself: until then only one that still grows asks for more.
        let grows = queue > standing.lowered_at.mul_f64(1.25);
        let stays = now.since(standing.lowered) > DRAIN && queue > standing.lowered_at.mul_f64(0.8);
        if grows || stays {
            self.standing = Some(Standing { lowered: now, lowered_at: queue, ..standing });
            self.has_lost_pictures |= 1.0 - self.losses.share_arriving() > MANY_LOST;
            let kept = (1.0 - queue.as_secs_f64() / DRAIN.as_secs_f64()).max(MIN_KEPT);
            self.full = Some((now, carried_bps));
            self.has_collapsed |= carried_bps * kept < self.target_bps / 2.0;
            self.set_target(self.target_bps.min(carried_bps * kept));
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
        self.full = Some((now, carried_bps));
        self.set_target(self.target_bps.min(carried_bps));
    }

    fn grow(&mut self, now: Timestamp, since: Duration, received_bps: f64) {
        let seconds = since.as_secs_f64();
        let wanted_bps = match self.full {
            None => self.target_bps * STARTING.powf(seconds),
            Some((_, carried_bps)) if self.target_bps < carried_bps * KNOWN => {
                (self.target_bps * RETURNING.powf(seconds)).min(carried_bps * KNOWN)
            }
            // Near what it carried the next queue is near, and is to be met slowly; beyond, the path has changed.
            Some((_, carried_bps)) if self.target_bps < carried_bps * BEYOND => self.target_bps + ADDED_BPS * seconds,
            Some((last, _)) => {
                let empty = now.since(last).as_secs_f64();
                self.target_bps + ADDED_BPS * (1.0 + 3.0 * empty * empty) * seconds
            }
        };
        // What is not sent is not tried: the target stays within reach of what really arrives, and nearer where it grows
        // beyond what the path is known to carry.
        let is_beyond = self.full.is_some_and(|(_, carried_bps)| self.target_bps > carried_bps);
        let reach = if is_beyond { REACH_BEYOND } else { REACH };
        let reach_bps = (received_bps * reach + 50_000.0).max(self.target_bps);
        self.set_target(wanted_bps.min(reach_bps));
    }

    fn set_target(&mut self, target_bps: f64) {
        self.target_bps = target_bps.clamp(self.min_bps, self.max_bps);
    }
}

/// What a full packet takes by itself, at most.
const PACKET_BITS: f64 = 1250.0 * 8.0;
const MAX_ITSELF: Duration = Duration::from_millis(20);
/// Below this nothing waits; above that a queue stands, which is emptied. Between them the target stays.
const MIN_QUEUE: Duration = Duration::from_millis(10);
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
/// Growth per second until the path is full for the first time, and after giving way up to a share of what it carried.
const STARTING: f64 = 4.0;
const RETURNING: f64 = 8.0;
const KNOWN: f64 = 0.85;
const BEYOND: f64 = 1.1;
/// How far above what arrives, as a factor.
const REACH: f64 = 1.5;
const REACH_BEYOND: f64 = 1.15;
/// After that, in bit/s for each second, times one and three times the square of the seconds since the path was full. By the same
/// amount for everyone, so that those who share a path come to have equal parts of it (as AIMD, Chiu and Jain 1989).
const ADDED_BPS: f64 = 50_000.0;
/// Share of packets, 0 to 1, that are too many to send again.
const MANY_LOST: f64 = 0.2;
/// What is lost so soon after a queue stood may be lost because of that.
const STOOD_OF_LATE: Duration = Duration::from_secs(4);
/// How long bursts are kept short before another is tried.
const SPREADING: Duration = Duration::from_secs(60);
/// A path that was full so short a time ago is narrow: a picture at once takes a good part of its time.
const FULL_OF_LATE: Duration = Duration::from_secs(20);
/// While too much is under way one packet is sent so long after the last.
const PROBE: Duration = Duration::from_millis(100);
/// A pause without feedback is no time to grow.
const MAX_STEP: Duration = Duration::from_millis(200);
/// So long after something was sent feedback is overdue.
const SILENCE: Duration = Duration::from_secs(1);
