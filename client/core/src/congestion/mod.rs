//! How much the path to one peer carries: from what became of each packet to a bitrate for everything that is sent.
//!
//! The signal is the **standing queue**: the least one-way delay of the last moments over the least of the last ten
//! seconds. The least delay of many packets is hardly moved by jitter, of however many milliseconds, nor by the bursts
//! that frames are; only a queue that never runs empty lifts it. So the controller may grow fast, and still notices
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
mod full;
mod history;
mod least;
mod losses;
mod pairs;
mod queue_delay;
#[cfg(test)]
mod simulation;
mod target;
mod throughput;
mod window;

use std::time::Duration;

use crate::fec::LossPattern;
use crate::rtp::Sequence;
use crate::time::Timestamp;
use history::History;
use least::Least;
use losses::Losses;
pub(crate) use pairs::MIN_PAIR_BYTES;
use pairs::{Arrived, Pairs};
use queue_delay::QueueDelay;
use target::{Seen, Target};
use throughput::Throughput;
use window::Window;

/// What became of one packet that we sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    /// Transport-wide.
    sequence: Sequence,
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

/// What is known of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PathStats {
    pub target_bps: u32,
    /// What arrived of late.
    pub received_bps: u32,
    pub queue_delay: Duration,
    /// Share of packets lost on their first way, 0 to 1.
    pub loss: f64,
    /// Packets are to leave one by one: a queue on the way is too short for a frame at once, or sound would wait in it.
    pub spread: bool,
}

/// The controller of one path.
#[derive(Debug)]
pub struct CongestionController {
    history: History,
    queue: QueueDelay,
    throughput: Throughput,
    pairs: Pairs,
    losses: Losses,
    window: Window,
    /// From the newest arrival that a report tells of to the report, in µs, between two clocks.
    report_ages: Least,
    /// How much older than usual the last report was when it came: it waited on the way back.
    report_waited: Duration,
    target: Target,
    /// Until when our bursts are kept short, since the ends of longer ones were lost.
    spreads_until: Option<Timestamp>,
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
            pairs: Pairs::default(),
            losses: Losses::default(),
            window: Window::default(),
            report_ages: Least::default(),
            report_waited: Duration::ZERO,
            target: Target::new(start_bps, min_bps, max_bps),
            spreads_until: None,
            last_feedback: None,
            unreported_since: None,
        }
    }

    /// Bits per second for everything that goes this way: sound, frames, repair, and their headers.
    pub fn target_bps(&self) -> u32 {
        self.target.bps() as u32
    }

    /// More is never sent, and so never tried.
    pub fn set_max(&mut self, max_bps: u32) {
        self.target.set_max(max_bps);
    }

    /// Whether a full path has lost so much that the peer cannot go on without a key frame, which it will ask for by the
    /// same full path. Told once; by then the target has been lowered.
    pub fn take_lost_frames(&mut self) -> bool {
        self.target.take_lost_frames()
    }

    /// Whether the path suddenly carries less than half: what waits for it is too large. Told once.
    pub fn take_collapse(&mut self) -> bool {
        self.target.take_collapse()
    }

    pub fn stats(&self) -> PathStats {
        PathStats {
            target_bps: self.target_bps(),
            received_bps: self.throughput.bps().unwrap_or(0.0) as u32,
            queue_delay: self.queue.standing(),
            loss: self.losses.share(),
            spread: self.spreads_until.is_some() || self.was_of_late(self.target.narrow_at(), FULL_OF_LATE),
        }
    }

    fn was_of_late(&self, at: Option<Timestamp>, late: Duration) -> bool {
        at.zip(self.last_feedback).is_some_and(|(at, now)| now.since(at) < late)
    }

    /// Loss as it usually is, while no queue stands and our bursts are not too long: what we could not spare us.
    pub fn inherent_loss(&self) -> LossPattern {
        let stood = self.was_of_late(self.target.stood_at(), STOOD_OF_LATE);
        let is_ours = stood || self.spreads_until.is_some() || !self.history.knows_bursts();
        let share = if is_ours { 0.0 } else { self.losses.usual() };
        LossPattern { share, run: self.history.loss_run() }
    }

    /// Bytes that may be sent before the next report. Not above zero: too many are under way already. Sound goes all the
    /// same, and without sound a packet now and then, or nothing would ever be reported again.
    pub fn room_bytes(&self, now: Timestamp) -> f64 {
        let room = self.window.bytes(self.target.bps()) - self.in_flight_bytes();
        let is_probe_due = self.history.last_sent().is_some_and(|last| now.since(last) >= PROBE);
        if is_probe_due { room.max(1.0) } else { room }
    }

    /// While a queue stands it drains: what was under way when a late report was made has arrived in part.
    fn in_flight_bytes(&self) -> f64 {
        let unreported = self.history.in_flight_bytes() as f64;
        let draining_bps = self.target.draining_bps().unwrap_or(0.0);
        (unreported - draining_bps / 8.0 * self.report_waited.as_secs_f64()).max(0.0)
    }

    /// A packet left just now, after all waiting here: its transport-wide sequence number, and its size with all headers.
    /// `is_repair`: it was sent before. If the first one came after all, the peer drops this one unreported: that is no
    /// loss.
    pub fn handle_sent(&mut self, now: Timestamp, sequence: Sequence, bytes: usize, is_repair: bool) {
        self.history.add(sequence, now, bytes, is_repair);
        self.unreported_since.get_or_insert(now);
    }

    /// The peer reported on these packets: when each arrived on its own clock, or that it has not (transport-wide feedback:
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01). Unknown ones are ignored.
    pub fn handle_report(&mut self, now: Timestamp, packets: &[(Sequence, Option<Duration>)]) {
        let outcomes = self.history.report(packets);
        if outcomes.is_empty() {
            return;
        }
        self.unreported_since = self.history.has_unreported().then_some(now);
        // When the first of those was sent that have arrived, and when the newest did.
        let (mut first_sent, mut newest) = (None::<Timestamp>, None::<Duration>);
        for &Outcome { sequence, sent, fate, bytes } in &outcomes {
            match fate {
                Fate::Arrived(at) => {
                    self.pairs.add(Arrived { sequence, sent, at, bytes });
                    first_sent = Some(first_sent.map_or(sent, |first| first.min(sent)));
                    newest = newest.max(Some(at));
                    self.losses.add(sent, false);
                    self.queue.add(sent, at);
                    let waited = self.queue.waited(sent, at) > MIN_QUEUE;
                    self.throughput.add(at, bytes, waited);
                }
                Fate::Lost => self.losses.add(sent, true),
                // As many of them will have come as of the others.
                Fate::Unknown => self.throughput.add_to_last(bytes as f64 * self.losses.share_arriving()),
            }
        }
        if let Some((first_sent, newest)) = first_sent.zip(newest) {
            self.window.reported(now, first_sent);
            self.note_age(now, newest);
        }
        if self.history.take_lost_bursts() {
            self.spreads_until = Some(now + SPREADING);
        }
        self.spreads_until = self.spreads_until.filter(|&until| now < until);
        let since = self.last_feedback.map_or(Duration::ZERO, |last| now.since(last)).min(MAX_STEP);
        self.last_feedback = Some(now);
        let seen = Seen {
            queue: &mut self.queue,
            throughput: &self.throughput,
            pairs: &self.pairs,
            losses: &mut self.losses,
            loss_run: self.history.loss_run(),
        };
        self.target.update(now, since, seen);
    }

    /// `newest`: the newest arrival that the report of `now` tells of.
    fn note_age(&mut self, now: Timestamp, newest: Duration) {
        let age_us = now.as_micros() as i64 - newest.as_micros() as i64;
        self.report_ages.add(now, age_us);
        self.report_waited = self.report_ages.excess(age_us);
    }

    /// When to call [`Self::handle_timeout`]: if by then there has been no feedback.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.unreported_since.map(|since| since + SILENCE)
    }

    /// No feedback has come for a while.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.unreported_since = Some(now);
            self.target.halve();
        }
    }
}

/// A packet that waited for less than this did not wait in a queue.
const MIN_QUEUE: Duration = Duration::from_millis(10);
/// What is lost so soon after a queue stood may be lost because of that.
const STOOD_OF_LATE: Duration = Duration::from_secs(4);
/// How long bursts are kept short before another is tried.
const SPREADING: Duration = Duration::from_secs(60);
/// A path that was full so short a time ago is narrow: a frame at once takes a good part of its time.
const FULL_OF_LATE: Duration = Duration::from_secs(20);
/// While too much is under way one packet is sent so long after the last.
const PROBE: Duration = Duration::from_millis(100);
/// A pause without feedback is no time to grow.
const MAX_STEP: Duration = Duration::from_millis(200);
/// So long after something was sent feedback is overdue.
const SILENCE: Duration = Duration::from_secs(1);
