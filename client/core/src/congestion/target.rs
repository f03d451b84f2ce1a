//! The target bitrate: what a standing queue, loss or the absence of both does to it.

use std::collections::VecDeque;
use std::time::Duration;

use super::Config;
use super::capacity::Capacity;
use super::loss_rate::{LossRate, Verdict};
use super::packet_pairs::PacketPairs;
use super::queue_delay::QueueDelay;
use super::throughput::Throughput;
use crate::time::Timestamp;

/// What is measured of the path.
pub(super) struct Measured<'a> {
    pub(super) queue: &'a mut QueueDelay,
    pub(super) throughput: &'a Throughput,
    pub(super) pairs: &'a PacketPairs,
    pub(super) losses: &'a mut LossRate,
    /// The mean length of a run of losses, in packets.
    pub(super) mean_loss_run: f64,
}

/// Bits per second for all packets on this path.
#[derive(Debug)]
pub(super) struct Target {
    bps: f64,
    min_bps: f64,
    max_bps: f64,
    /// `None` until the path has been full.
    capacity: Option<Capacity>,
    standing: Option<StandingQueue>,
    /// When a queue stood last.
    stood: Option<Timestamp>,
    /// When queues longer than ours stood.
    foreign_queues: VecDeque<Timestamp>,
    /// Set until they are taken.
    has_heavy_loss: bool,
    has_collapsed: bool,
    competing_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct StandingQueue {
    began: Timestamp,
    /// The most that has been received since, not counting what came before it.
    most_received_bps: f64,
    /// Since when its delay has been this one, within [`Config::steady_queue`].
    steady: (Timestamp, Duration),
    longest: Duration,
    /// When the target was lowered last because of it, and how long it was then.
    lowered: Timestamp,
    lowered_at: Duration,
}

impl Target {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            bps: f64::from(config.start_bps.clamp(config.min_bps, config.max_bps)),
            min_bps: f64::from(config.min_bps),
            max_bps: f64::from(config.max_bps),
            capacity: None,
            standing: None,
            stood: None,
            foreign_queues: VecDeque::new(),
            has_heavy_loss: false,
            has_collapsed: false,
            competing_until: None,
        }
    }

    pub(super) fn bps(&self) -> f64 {
        self.bps
    }

    pub(super) fn max_bps(&self) -> f64 {
        self.max_bps
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
        self.capacity.map(|capacity| capacity.measured)
    }

    /// The same, if the path has not become wider since.
    pub(super) fn narrow_at(&self) -> Option<Timestamp> {
        self.capacity.filter(|capacity| capacity.widened.is_none()).map(|capacity| capacity.measured)
    }

    /// Whether another flow is believed to fill the queue.
    pub(super) fn is_competing(&self, now: Timestamp) -> bool {
        self.competing_until.is_some_and(|until| now < until)
    }

    /// When a queue stood last.
    pub(super) fn stood_at(&self) -> Option<Timestamp> {
        self.stood
    }

    /// The rate at which the standing queue drains. `None` if none stands.
    pub(super) fn draining_bps(&self) -> Option<f64> {
        self.capacity.filter(|_| self.standing.is_some()).map(|capacity| capacity.bps)
    }

    pub(super) fn take_heavy_loss(&mut self) -> bool {
        std::mem::take(&mut self.has_heavy_loss)
    }

    pub(super) fn take_collapse(&mut self) -> bool {
        std::mem::take(&mut self.has_collapsed)
    }

    /// A report came, `since` the one before, and `measured` is up to date.
    pub(super) fn update(&mut self, config: &Config, now: Timestamp, since: Duration, measured: Measured<'_>) {
        let Some(received_bps) = measured.throughput.bps(config) else { return };
        let queue = measured.queue.standing();
        let is_competing = self.is_competing(now);
        if !is_competing && queue > config.max_queue {
            return self.handle_queue(config, now, queue, received_bps, measured);
        }
        // A path that became slower takes longer for each packet, and no queue is to blame.
        let serialization_secs =
            (config.packet_bits / received_bps.max(1.0)).min(config.max_serialization_delay.as_secs_f64());
        let serialization = Duration::from_secs_f64(serialization_secs);
        if !is_competing && queue >= config.min_queue + serialization {
            return;
        }
        self.standing = None;
        if let Some(capacity) = &mut self.capacity {
            capacity.update(config, now, measured.pairs.bps(config, now));
        }
        // The standard deviation of a loss rate grows with the square root of the length of runs.
        let margin = if is_competing {
            config.competing_excess_loss
        } else {
            config.excess_loss * measured.mean_loss_run.max(1.0).sqrt()
        };
        match measured.losses.judge(config, margin, self.full_at().unwrap_or(Timestamp::ZERO)) {
            Verdict::Excess { .. } if is_competing => self.limit(now, self.bps * config.competing_decrease),
            Verdict::Excess { inherent } => self.limit(now, received_bps / (1.0 - inherent)),
            Verdict::Reported => {}
            Verdict::Usual => {
                let usual_loss = measured.losses.usual().min(config.max_usual_loss);
                self.grow(config, now, since, received_bps / (1.0 - usual_loss));
            }
        }
    }

    /// A queue stands, so the path is full.
    fn handle_queue(
        &mut self,
        config: &Config,
        now: Timestamp,
        queue: Duration,
        received_bps: f64,
        measured: Measured<'_>,
    ) {
        let capacity_bps = measured.throughput.capacity_bps(config).unwrap_or(received_bps);
        let before = self.standing;
        let mut standing = before.unwrap_or(StandingQueue {
            began: now,
            most_received_bps: 0.0,
            steady: (now, queue),
            longest: queue,
            lowered: now,
            lowered_at: Duration::ZERO,
        });
        standing.longest = standing.longest.max(queue);
        if now.since(standing.began) > config.throughput_window {
            standing.most_received_bps = standing.most_received_bps.max(received_bps);
        }
        if queue.abs_diff(standing.steady.1) > config.steady_queue {
            standing.steady = (now, queue);
        }
        self.standing = Some(standing);
        self.stood = Some(now);
        // On a narrow path a few packets of our own, or of another call, take that long.
        let pairs_bps = measured.pairs.last_bps(config);
        let full_bps = pairs_bps.unwrap_or(capacity_bps);
        let packets_secs = (config.foreign_queue_packets * config.packet_bits / full_bps.max(1.0)).min(1.0);
        let foreign_queue = config.foreign_queue.max(Duration::from_secs_f64(packets_secs));
        if before.is_none_or(|before| before.longest <= foreign_queue) && queue > foreign_queue {
            tracing::debug!(?queue, ?foreign_queue, full_bps, "a queue longer than ours");
            self.note_foreign_queue(config, now);
        }
        let is_steady = now.since(standing.steady.0) > config.max_drain_time;
        let is_left = now.since(standing.began) > config.max_drain_time && queue > standing.longest / 2;
        // The path carries more than we get: others fill the queue too. On a very narrow one no pair may tell.
        let is_shared = pairs_bps.is_none_or(|pairs_bps| capacity_bps < pairs_bps * config.alone_share);
        let was_tried = !is_shared || received_bps < standing.most_received_bps * config.drained_share;
        if is_steady || is_left && was_tried && self.bps > self.min_bps {
            self.standing = None;
            measured.queue.take_as_base();
            return;
        }
        if is_left && self.bps <= self.min_bps {
            // Others fill it, and this counts as another queue.
            self.standing = None;
            return;
        }
        // A lower target shows after a round trip and the queue itself: until then only a queue that still grows
        // counts.
        let grows = queue > standing.lowered_at.mul_f64(config.queue_grown_factor);
        let is_left = now.since(standing.lowered) > config.drain_time
            && queue > standing.lowered_at.mul_f64(config.queue_left_share);
        if grows || is_left {
            self.standing = Some(StandingQueue { lowered: now, lowered_at: queue, ..standing });
            self.has_heavy_loss |= measured.losses.current() > config.heavy_loss;
            let drain_secs = config.drain_time.as_secs_f64();
            let share = (1.0 - queue.as_secs_f64() / drain_secs).max(config.min_drain_share);
            self.capacity = Some(Capacity::new(now, capacity_bps));
            self.has_collapsed |= capacity_bps * share < self.bps / 2.0;
            let bps = if grows || !is_shared { self.bps } else { self.bps * config.queue_left_decrease };
            self.set(bps.min(capacity_bps * share));
        }
    }

    fn note_foreign_queue(&mut self, config: &Config, now: Timestamp) {
        self.foreign_queues.retain(|&at| now.since(at) < config.foreign_queues_within);
        self.foreign_queues.push_back(now);
        if self.foreign_queues.len() == config.foreign_queues {
            self.foreign_queues.clear();
            tracing::debug!("another flow fills the queue: only loss lowers the target for a while");
            self.competing_until = Some(now + config.competing_time);
        }
    }

    /// The path is full at this rate.
    fn limit(&mut self, now: Timestamp, capacity_bps: f64) {
        self.capacity = Some(Capacity::new(now, capacity_bps));
        self.set(self.bps.min(capacity_bps));
    }

    /// `sent_bps`: the received rate, with what is usually lost.
    fn grow(&mut self, config: &Config, now: Timestamp, since: Duration, sent_bps: f64) {
        let grown_bps = match self.capacity {
            None => self.bps * config.startup_growth.powf(since.as_secs_f64()),
            Some(capacity) => capacity.grown_bps(config, now, self.stood, since, self.bps),
        };
        // A rate that is not sent is not tested.
        let is_beyond = self.capacity.is_some_and(|capacity| self.bps > capacity.bps);
        let reach = if is_beyond { config.reach_factor_beyond } else { config.reach_factor };
        let is_after_queue = self.stood.is_some_and(|stood| now.since(stood) < config.after_queue);
        let more_bps = if is_after_queue { config.reach_bps_after_queue } else { config.reach_bps };
        let reach_bps = (sent_bps * reach + more_bps).max(self.bps);
        self.set(grown_bps.min(reach_bps));
    }

    fn set(&mut self, target_bps: f64) {
        self.bps = target_bps.clamp(self.min_bps, self.max_bps);
    }
}
