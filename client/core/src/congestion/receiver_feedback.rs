//! The target for peers that send no transport-wide feedback: the least of what loss in receiver reports (RFC 3550,
//! 6.4.2) and REMB (draft-alvestrand-rmcat-remb-03) allow.
//!
//! The loss-based part is that of GCC (draft-ietf-rmcat-gcc-02, 6). On a path with a long queue loss comes late, so a
//! round trip that is longer than usual lowers the target too.

use std::collections::HashMap;
use std::time::Duration;

use super::Config;
use super::windowed_min::WindowedMin;
use crate::time::Timestamp;

/// A peer that reports on more streams than this reports on streams that are not ours.
const MAX_STREAMS: usize = 16;

/// A report block of a receiver report (RFC 3550, 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// Of our stream.
    pub ssrc: u32,
    /// Extended highest sequence number received.
    pub highest_sequence: u32,
    /// Cumulative number of packets lost; negative where packets came twice.
    pub lost: i32,
}

#[derive(Debug)]
pub(super) struct ReceiverFeedback {
    bps: f64,
    remb: Option<(Timestamp, f64)>,
    streams: HashMap<u32, Stream>,
    round_trips: WindowedMin,
    last_report: Option<Timestamp>,
    /// Loss rate of the last report, 0 to 1.
    loss: f64,
    lowered: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Stream {
    last: Option<ReportBlock>,
    /// Since the last report. Retransmissions that arrive hide the losses that they repair.
    retransmissions: u32,
}

impl ReceiverFeedback {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            bps: f64::from(config.start_bps.clamp(config.min_bps, config.max_bps)),
            remb: None,
            streams: HashMap::new(),
            round_trips: WindowedMin::default(),
            last_report: None,
            loss: 0.0,
            lowered: None,
        }
    }

    /// Whether the peer has sent any such feedback.
    pub(super) fn is_known(&self) -> bool {
        self.remb.is_some() || self.last_report.is_some()
    }

    pub(super) fn bps(&self, config: &Config, max_bps: f64) -> f64 {
        let remb_bps = self.remb.map_or(f64::INFINITY, |(_, bps)| bps);
        self.bps.min(remb_bps).clamp(f64::from(config.min_bps), max_bps.max(f64::from(config.min_bps)))
    }

    /// Of the last report, 0 to 1.
    pub(super) fn loss(&self) -> f64 {
        self.loss
    }

    /// A packet of this stream was sent again.
    pub(super) fn handle_retransmission(&mut self, ssrc: u32) {
        if let Some(stream) = self.streams.get_mut(&ssrc) {
            stream.retransmissions += 1;
        }
    }

    pub(super) fn handle_remb(&mut self, now: Timestamp, bps: f64) {
        if bps.is_finite() {
            self.remb = Some((now, bps));
        }
    }

    pub(super) fn handle_receiver_report(
        &mut self,
        config: &Config,
        now: Timestamp,
        blocks: &[ReportBlock],
        round_trip: Option<Duration>,
        max_bps: f64,
    ) {
        // A receiver that has stopped to send REMB does not limit us any more.
        self.remb = self.remb.filter(|&(at, _)| now.since(at) <= config.remb_timeout);
        let since = self.last_report.map_or(Duration::ZERO, |last| now.since(last)).min(config.loss_period);
        self.last_report = Some(now);
        let queue = round_trip.map_or(Duration::ZERO, |round_trip| self.queue_delay(config, now, round_trip));
        let Some(loss) = self.loss_rate(blocks) else { return };
        self.loss = loss;
        let reaction = config.receiver_reaction_time + round_trip.unwrap_or_default().min(config.loss_period);
        let may_lower = self.lowered.is_none_or(|at| now.since(at) >= reaction);
        let has_queue = queue > config.receiver_max_queue;
        let factor = if loss > config.receiver_high_loss {
            1.0 - 0.5 * loss
        } else if has_queue {
            config.receiver_queue_decrease
        } else if loss < config.receiver_low_loss {
            config.receiver_growth.powf(since.as_secs_f64())
        } else {
            1.0
        };
        if factor >= 1.0 {
            self.bps *= factor;
        } else if may_lower {
            self.lowered = Some(now);
            self.bps = self.bps(config, max_bps) * factor;
        }
        self.bps = self.bps.clamp(f64::from(config.min_bps), max_bps.max(f64::from(config.min_bps)));
    }

    fn queue_delay(&mut self, config: &Config, now: Timestamp, round_trip: Duration) -> Duration {
        let round_trip_us = i64::try_from(round_trip.as_micros()).unwrap_or(i64::MAX);
        self.round_trips.add(config.receiver_round_trip_memory, now, round_trip_us);
        self.round_trips.excess(round_trip_us)
    }

    /// Over all streams since their last reports, 0 to 1. `None` if nothing was sent.
    fn loss_rate(&mut self, blocks: &[ReportBlock]) -> Option<f64> {
        let (mut expected, mut lost) = (0, 0);
        for block in blocks {
            if self.streams.len() == MAX_STREAMS && !self.streams.contains_key(&block.ssrc) {
                continue;
            }
            let stream = self.streams.entry(block.ssrc).or_default();
            let retransmissions = std::mem::take(&mut stream.retransmissions);
            let Some(last) = stream.last.replace(*block) else { continue };
            expected += i64::from(block.highest_sequence.wrapping_sub(last.highest_sequence) as i32).max(0);
            lost += i64::from(block.lost) - i64::from(last.lost) + i64::from(retransmissions);
        }
        (expected > 0).then(|| (lost as f64 / expected as f64).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BPS: f64 = 3e6;

    /// Receiver reports on one stream of 100 packets per second.
    struct Peer {
        feedback: ReceiverFeedback,
        seconds: u64,
        block: ReportBlock,
    }

    impl Peer {
        fn new() -> Self {
            let block = ReportBlock { ssrc: 7, highest_sequence: u32::MAX - 250, lost: 0 };
            Self { feedback: ReceiverFeedback::new(&Config::default()), seconds: 0, block }
        }

        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.seconds * 1_000_000)
        }

        /// Returns the target after another second.
        fn report(&mut self, lost: i32, round_trip_ms: u64) -> f64 {
            self.seconds += 1;
            self.block.highest_sequence = self.block.highest_sequence.wrapping_add(100);
            self.block.lost += lost;
            let (now, round_trip) = (self.now(), Some(Duration::from_millis(round_trip_ms)));
            let config = Config::default();
            self.feedback.handle_receiver_report(&config, now, &[self.block], round_trip, MAX_BPS);
            self.feedback.bps(&config, MAX_BPS)
        }
    }

    #[test]
    fn without_loss_the_target_grows_by_eight_per_cent_per_second() {
        let mut peer = Peer::new();
        assert_eq!(peer.report(0, 50), 1e6, "the first report says nothing of loss");
        assert!((peer.report(0, 50) - 1.08e6).abs() < 1.0);
        assert_eq!(peer.report(5, 50), peer.report(2, 50), "2 to 10 % change nothing");
    }

    #[test]
    fn more_than_ten_per_cent_of_loss_lowers_the_target_and_retransmissions_do_not_hide_it() {
        let mut peer = Peer::new();
        peer.report(0, 50);
        assert!((peer.report(20, 50) - 0.9e6).abs() < 1.0);
        for _ in 0..20 {
            peer.feedback.handle_retransmission(7);
        }
        assert!((peer.report(0, 50) - 0.81e6).abs() < 1.0);
        for _ in 0..100 {
            peer.report(100, 50);
        }
        assert_eq!(peer.report(100, 50), 70_000.0);
    }

    #[test]
    fn a_round_trip_that_shows_a_queue_lowers_the_target() {
        let mut peer = Peer::new();
        peer.report(0, 50);
        assert!((peer.report(0, 200) - 0.85e6).abs() < 1.0);
        assert!(peer.report(0, 60) > 0.9e6);
    }

    #[test]
    fn remb_limits_the_target_until_it_is_outdated() {
        let mut peer = Peer::new();
        peer.report(0, 50);
        let now = peer.now();
        peer.feedback.handle_remb(now, 400e3);
        assert_eq!(peer.report(0, 50), 400e3);
        peer.feedback.handle_remb(now, f64::NAN);
        assert_eq!(peer.report(0, 50), 400e3);
        for _ in 0..10 {
            peer.report(0, 50);
        }
        assert!(peer.report(0, 50) > 1e6);
    }

    #[test]
    fn report_blocks_of_a_hostile_peer_stay_bounded() {
        let mut feedback = ReceiverFeedback::new(&Config::default());
        for ssrc in 0..1000 {
            let block = ReportBlock { ssrc, highest_sequence: ssrc.wrapping_mul(0x9e37_79b9), lost: i32::MIN };
            let blocks = [block, ReportBlock { lost: i32::MAX, highest_sequence: 0, ..block }];
            let now = Timestamp::from_micros(u64::from(ssrc) * 1000);
            feedback.handle_receiver_report(&Config::default(), now, &blocks, Some(Duration::MAX), MAX_BPS);
            assert!((70_000.0..=MAX_BPS).contains(&feedback.bps(&Config::default(), MAX_BPS)));
        }
        assert_eq!(feedback.streams.len(), MAX_STREAMS);
    }
}
