//! Congestion control of the path to one peer: from reports on packets to a target bitrate for everything that is sent.
//!
//! The signal is the **standing queue**: the least one-way delay of the last moments less the least of the last ten
//! seconds, the base delay. Jitter and the bursts of frames hardly change the least delay of many packets; a queue that
//! never runs empty does. So the controller can grow fast and still notices that it sends too much before a person
//! does. (Copa, NSDI 2018, uses the same signal. GCC, Carlucci et al. 2017, uses the slope of the delay, which needs a
//! second of smoothing.)
//!
//! - While a queue stands, the received rate is the capacity of the path. The target becomes the capacity less what
//!   drains the queue in half a second.
//! - While none stands, the target grows: fourfold per second until the first queue, then additively, faster the longer
//!   none has stood, and never far beyond what is really sent.
//! - A queue that stays, or whose delay is the same all the time, is part of the path: it becomes the base delay. Where
//!   packet pairs show more than we get, others fill it too: the target falls again and again, and the queue becomes the
//!   base delay only if it stays although much less arrives.
//! - Queues longer than our own, again and again, are made by another flow, such as a download. For a while only loss
//!   lowers the target then, as it does for that flow.
//! - Loss on its own is no sign of congestion, on a radio link for example. Loss above the inherent rate is.
//! - The congestion window stops all but audio while reports are overdue ([`CongestionController::available_bytes`]).
//!   Without any report the target is halved, again and again.
//!
//! A peer that sends no transport-wide feedback is steered for by its REMB and receiver reports (`receiver_feedback`).

mod burst_loss;
mod capacity;
mod config;
mod history;
mod loss_rate;
mod packet_pairs;
mod queue_delay;
mod receiver_feedback;
#[cfg(test)]
mod simulation;
mod target;
mod throughput;
mod window;
mod windowed_min;

use std::time::Duration;

pub use config::Config;
pub(crate) use packet_pairs::MIN_PAIR_BYTES;
pub use receiver_feedback::ReportBlock;

use crate::fec::LossPattern;
use crate::rtp::Sequence;
use crate::time::Timestamp;
use history::History;
use loss_rate::LossRate;
use packet_pairs::{Arrived, PacketPairs};
use queue_delay::QueueDelay;
use receiver_feedback::ReceiverFeedback;
use target::{Measured, Target};
use throughput::Throughput;
use window::Window;
use windowed_min::WindowedMin;

/// What became of one packet that we sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    /// Transport-wide.
    sequence: Sequence,
    sent: Timestamp,
    delivery: Delivery,
    /// With all headers.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// At this time on the peer's clock, whose zero is arbitrary.
    Arrived(Duration),
    Lost,
    /// The report on it was lost.
    Unknown,
}

/// What is known of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PathStats {
    /// The target bitrate, headers included.
    pub target_bps: u32,
    /// Whether the target rests on any feedback.
    pub is_measured: bool,
    /// Delay of the standing queue.
    pub queue_delay: Duration,
    /// Loss rate of the last full second without retransmissions, 0 to 1.
    pub loss: f64,
    /// The packets of a frame are to be spread: a queue on the path is too short for a whole frame, or the path is
    /// narrow and audio would wait behind it.
    pub spread: bool,
}

/// The controller of one path.
#[derive(Debug)]
pub struct CongestionController {
    config: Config,
    history: History,
    queue: QueueDelay,
    throughput: Throughput,
    pairs: PacketPairs,
    losses: LossRate,
    window: Window,
    /// Age of each report's newest arrival when the report came, in µs between two clocks.
    report_ages: WindowedMin,
    /// How much later than usual the last report came: it queued on the way back.
    report_delay: Duration,
    target: Target,
    /// Used while no transport-wide report has come.
    receiver_feedback: ReceiverFeedback,
    /// Frames are spread until then, because the ends of bursts were lost.
    spread_until: Option<Timestamp>,
    last_report: Option<Timestamp>,
    /// Since when a packet has been waiting for its report.
    unreported_since: Option<Timestamp>,
}

impl CongestionController {
    /// A controller of a path that nothing is known of.
    pub fn new(config: Config) -> Self {
        Self {
            target: Target::new(&config),
            receiver_feedback: ReceiverFeedback::new(&config),
            config,
            history: History::default(),
            queue: QueueDelay::default(),
            throughput: Throughput::default(),
            pairs: PacketPairs::default(),
            losses: LossRate::default(),
            window: Window::default(),
            report_ages: WindowedMin::default(),
            report_delay: Duration::ZERO,
            spread_until: None,
            last_report: None,
            unreported_since: None,
        }
    }

    /// Bits per second for all packets on this path: audio, video, retransmissions, FEC, and their headers.
    pub fn target_bps(&self) -> u32 {
        let bps = if self.uses_receiver_feedback() {
            self.receiver_feedback.bps(&self.config, self.target.max_bps())
        } else {
            self.target.bps()
        };
        bps as u32
    }

    fn uses_receiver_feedback(&self) -> bool {
        self.last_report.is_none() && self.receiver_feedback.is_known()
    }

    /// Changes the highest target, in bit/s.
    pub fn set_max(&mut self, max_bps: u32) {
        self.target.set_max(max_bps);
    }

    /// Whether a full path has lost so much that the peer needs a key frame, for which it will ask over the same full
    /// path. Reported once, after the target has been lowered.
    pub fn take_heavy_loss(&mut self) -> bool {
        self.target.take_heavy_loss()
    }

    /// Whether the target has fallen to less than half at once: the send queue is too long for it. Reported once.
    pub fn take_collapse(&mut self) -> bool {
        self.target.take_collapse()
    }

    /// Statistics of now.
    pub fn stats(&self) -> PathStats {
        let received_bps = self.throughput.bps(&self.config).unwrap_or(0.0) as u32;
        let uses_receiver_feedback = self.uses_receiver_feedback();
        PathStats {
            target_bps: self.target_bps(),
            is_measured: received_bps > 0 || uses_receiver_feedback,
            queue_delay: self.queue.standing(),
            loss: if uses_receiver_feedback { self.receiver_feedback.loss() } else { self.losses.newest() },
            spread: self.spread_until.is_some() || self.is_recent(self.target.narrow_at(), self.config.narrow_time),
        }
    }

    fn is_recent(&self, at: Option<Timestamp>, within: Duration) -> bool {
        at.zip(self.last_report).is_some_and(|(at, now)| now.since(at) < within)
    }

    /// The usual loss outside congestion: no standing queue, and bursts short enough not to overflow the bottleneck.
    /// Zero while that is not certain.
    pub fn loss_outside_congestion(&self) -> LossPattern {
        let may_be_ours =
            self.is_congested() || self.spread_until.is_some() || !self.history.knows_bursts(&self.config);
        let rate = if may_be_ours { 0.0 } else { self.losses.usual() };
        LossPattern { rate, mean_run: self.history.mean_loss_run() }
    }

    /// Whether a queue stood within [`Config::queue_loss_time`], or another flow fills one: losses may be due to it.
    pub fn is_congested(&self) -> bool {
        self.last_report.is_some_and(|now| self.target.is_competing(now))
            || self.is_recent(self.target.stood_at(), self.config.queue_loss_time)
    }

    /// What is left of the congestion window, in bytes; negative if more is in flight. Audio ignores it. While it is
    /// used up one other packet may go every [`Config::probe_interval`], or nothing would ever be reported again.
    /// Unlimited for a peer without transport-wide feedback.
    pub fn available_bytes(&self, now: Timestamp) -> f64 {
        if self.uses_receiver_feedback() {
            return f64::INFINITY;
        }
        let available = self.window.bytes(&self.config, self.target.bps()) - self.in_flight_bytes();
        let is_probe_due = self.history.last_sent().is_some_and(|last| now.since(last) >= self.config.probe_interval);
        if is_probe_due { available.max(1.0) } else { available }
    }

    /// A part of what was in flight when a late report was made has arrived since: the queue drains.
    fn in_flight_bytes(&self) -> f64 {
        let unreported = self.history.in_flight_bytes() as f64;
        let draining_bps = self.target.draining_bps().unwrap_or(0.0);
        (unreported - draining_bps / 8.0 * self.report_delay.as_secs_f64()).max(0.0)
    }

    /// A packet left. `sequence`: its transport-wide number. `bytes`: with all headers. `is_retransmission`: if the
    /// first copy came after all, the peer drops this one unreported, and that is no loss.
    pub fn handle_sent(&mut self, now: Timestamp, sequence: Sequence, bytes: usize, is_retransmission: bool) {
        self.history.add(&self.config, sequence, now, bytes, is_retransmission);
        self.unreported_since.get_or_insert(now);
    }

    /// The peer reported on these packets: when each arrived on its own clock, or that it has not (transport-wide
    /// feedback: draft-holmer-rmcat-transport-wide-cc-extensions-01). Unknown ones are ignored.
    pub fn handle_report(&mut self, now: Timestamp, packets: &[(Sequence, Option<Duration>)]) {
        let config = &self.config;
        let outcomes = self.history.handle_report(config, packets);
        if outcomes.is_empty() {
            return;
        }
        self.unreported_since = self.history.has_unreported().then_some(now);
        // Of the packets that have arrived: when the first was sent, and when the newest arrived.
        let (mut first_sent, mut newest) = (None::<Timestamp>, None::<Duration>);
        for &Outcome { sequence, sent, delivery, bytes } in &outcomes {
            match delivery {
                Delivery::Arrived(at) => {
                    self.pairs.add(config, Arrived { sequence, sent, at, bytes });
                    first_sent = Some(first_sent.map_or(sent, |first| first.min(sent)));
                    newest = newest.max(Some(at));
                    self.losses.add(config, sent, false);
                    self.queue.add(config, sent, at);
                    let queued = self.queue.of_packet(sent, at) > config.min_queue;
                    self.throughput.add(config, at, bytes, queued);
                }
                Delivery::Lost => self.losses.add(config, sent, true),
                // As many of them will have arrived as of the others.
                Delivery::Unknown => self.throughput.add_to_newest(bytes as f64 * (1.0 - self.losses.current())),
            }
        }
        if let Some((first_sent, newest)) = first_sent.zip(newest) {
            self.window.handle_report(config, now, first_sent);
            let age_us = now.as_micros() as i64 - newest.as_micros() as i64;
            self.report_ages.add(config.base_delay_memory, now, age_us);
            self.report_delay = self.report_ages.excess(age_us);
        }
        if self.history.take_burst_loss(config) {
            self.spread_until = Some(now + config.spread_time);
        }
        self.spread_until = self.spread_until.filter(|&until| now < until);
        let since = self.last_report.map_or(Duration::ZERO, |last| now.since(last)).min(config.max_growth_step);
        self.last_report = Some(now);
        let measured = Measured {
            queue: &mut self.queue,
            throughput: &self.throughput,
            pairs: &self.pairs,
            losses: &mut self.losses,
            mean_loss_run: self.history.mean_loss_run(),
        };
        self.target.update(config, now, since, measured);
    }

    /// The peer sent a receiver report (RFC 3550, 6.4.2) on our streams. `round_trip`: by its LSR and DLSR.
    pub fn handle_receiver_report(&mut self, now: Timestamp, blocks: &[ReportBlock], round_trip: Option<Duration>) {
        let max_bps = self.target.max_bps();
        self.receiver_feedback.handle_receiver_report(&self.config, now, blocks, round_trip, max_bps);
    }

    /// A packet of our stream `ssrc` was retransmitted: receiver reports count it as received.
    pub fn handle_retransmission(&mut self, ssrc: u32) {
        self.receiver_feedback.handle_retransmission(ssrc);
    }

    /// The peer estimates that it can receive `bps` in all (REMB, draft-alvestrand-rmcat-remb-03).
    pub fn handle_remb(&mut self, now: Timestamp, bps: f64) {
        self.receiver_feedback.handle_remb(now, bps);
    }

    /// When to call [`Self::handle_timeout`]. `None` if every packet has been reported on.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.unreported_since.map(|since| since + self.config.feedback_timeout)
    }

    /// Lowers the target if feedback is overdue at `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.unreported_since = Some(now);
            if !self.uses_receiver_feedback() {
                self.target.halve();
            }
        }
    }
}
