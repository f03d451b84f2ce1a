//! The playout delay: how long audio has to wait so that late packets are still in time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

const MIN_TARGET_US: i64 = 20_000;
const MAX_TARGET_US: i64 = 200_000;
/// On top of the measured lateness: playout takes audio every 10 ms.
const MARGIN_US: i64 = 10_000;
/// Assumed of an unknown network in its first [`RECENT_SPANS`]: a thread that does not get the processor for a moment.
const FIRST_LATENESS_US: i64 = 30_000;
/// The memory: a minute, in spans with packets.
const SPANS: usize = 60;
const SPAN: Duration = Duration::from_secs(1);
/// A delay spike is over when no packet has been late for this time.
const CALM: Duration = Duration::from_millis(300);
/// A packet that is later than this met a queue. A queue that stands for longer than `MAX_STANDING` belongs to the
/// path.
const IN_TIME_US: i64 = 10_000;
const MAX_STANDING: Duration = Duration::from_secs(4);
/// Lateness above this is remembered for `RECENT_SPANS` only, so that a delay spike leaves no delay behind.
const LONG_REMEMBERED_US: i64 = 30_000;
const RECENT_SPANS: usize = 8;
/// After a silence of this time clocks may have drifted, and older transit times say nothing.
const FORGET_AFTER: Duration = Duration::from_secs(5);

/// Measures how much later than the fastest of the last seconds packets are, by their transit time (arrival less RTP
/// time; its zero is arbitrary). The target is the lateness of the second-worst span: a single delay spike does not
/// delay the whole call.
#[derive(Debug)]
pub(super) struct PlayoutDelay {
    /// Newest first.
    spans: VecDeque<Span>,
    /// So many of them, the oldest, are assumed.
    unknown: usize,
    last_arrival: Option<Timestamp>,
    /// When a packet was late last.
    late_at: Option<Timestamp>,
    /// Since when no packet has been in time: in a queue that drains, unlike in jitter, every packet is late.
    standing_since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    started: Timestamp,
    fastest_us: Option<i64>,
    lateness_us: i64,
}

impl Default for PlayoutDelay {
    fn default() -> Self {
        let unknown = Span { started: Timestamp::ZERO, fastest_us: None, lateness_us: FIRST_LATENESS_US };
        let spans = VecDeque::from([unknown; RECENT_SPANS]);
        Self { spans, unknown: RECENT_SPANS, last_arrival: None, late_at: None, standing_since: None }
    }
}

impl PlayoutDelay {
    /// A packet arrived. `fec_us`: how much lost audio before the packet can be recovered from it.
    pub(super) fn observe(&mut self, arrived: Timestamp, transit_us: i64, fec_us: i64) {
        if self.last_arrival.is_none_or(|last| arrived.since(last) > FORGET_AFTER) {
            self.forget_transit();
        }
        self.last_arrival = Some(arrived);
        // A delay spike belongs to one span.
        let age = arrived.since(self.spans[0].started);
        let late_us = self.fastest_transit_us().map_or(0, |fastest| transit_us - fastest);
        if late_us > LONG_REMEMBERED_US {
            self.late_at = Some(arrived);
            self.standing_since.get_or_insert(arrived);
        } else if late_us <= IN_TIME_US {
            self.standing_since = None;
        }
        let is_calm = self.late_at.is_none_or(|at| arrived.since(at) > CALM);
        let stands = self.standing_since.is_some_and(|since| arrived.since(since) < MAX_STANDING);
        if age > SPAN && is_calm || age > 2 * SPAN && !stands {
            if self.unknown > 0 || self.spans.len() == SPANS {
                self.spans.pop_back();
                self.unknown = self.unknown.saturating_sub(1);
            }
            self.spans.push_front(Span { started: arrived, fastest_us: None, lateness_us: 0 });
        }
        let fastest = self.fastest_transit_us().map_or(transit_us, |us| us.min(transit_us));
        let span = &mut self.spans[0];
        span.fastest_us = Some(span.fastest_us.map_or(transit_us, |us| us.min(transit_us)));
        span.lateness_us = span.lateness_us.max(transit_us - fastest + fec_us);
    }

    /// The least transit time of the last 6 to 8 s.
    pub(super) fn fastest_transit_us(&self) -> Option<i64> {
        self.spans.iter().take(RECENT_SPANS).filter_map(|span| span.fastest_us).min()
    }

    /// Forgets transit times, because the sender's clock has jumped.
    pub(super) fn forget_transit(&mut self) {
        for span in self.spans.iter_mut().take(RECENT_SPANS) {
            span.fastest_us = None;
        }
    }

    /// How long after its arrival the audio of the fastest packet is to be played.
    pub(super) fn target_us(&self) -> i64 {
        let recent = second_worst(self.spans.iter().take(RECENT_SPANS));
        let long = second_worst(self.spans.iter()).min(LONG_REMEMBERED_US);
        (recent.max(long) + MARGIN_US).clamp(MIN_TARGET_US, MAX_TARGET_US)
    }
}

fn second_worst<'a>(spans: impl Iterator<Item = &'a Span>) -> i64 {
    let (mut worst, mut second) = (0, 0);
    for span in spans {
        if span.lateness_us > worst {
            (worst, second) = (span.lateness_us, worst);
        } else {
            second = second.max(span.lateness_us);
        }
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One packet every 20 ms for `seconds`, each `lateness_us(index)` late.
    fn run(target: &mut PlayoutDelay, from: Timestamp, seconds: u64, lateness_us: impl Fn(u64) -> i64) -> Timestamp {
        for index in 0..seconds * 50 {
            target.observe(from + Duration::from_millis(index * 20), lateness_us(index), 0);
        }
        from + Duration::from_secs(seconds)
    }

    #[test]
    fn on_a_clean_network_the_delay_is_the_minimum_after_ten_seconds() {
        let mut target = PlayoutDelay::default();
        let start = Timestamp::from_micros(1);
        assert_eq!(target.target_us(), FIRST_LATENESS_US + MARGIN_US);
        let now = run(&mut target, start, 5, |_| 0);
        assert_eq!(target.target_us(), FIRST_LATENESS_US + MARGIN_US);
        run(&mut target, now, 6, |_| 0);
        assert_eq!(target.target_us(), MIN_TARGET_US);
    }

    #[test]
    fn one_late_packet_changes_nothing_and_several_do() {
        let mut target = PlayoutDelay::default();
        let now = run(&mut target, Timestamp::ZERO, 70, |index| if index == 3400 { 150_000 } else { 0 });
        assert_eq!(target.target_us(), MIN_TARGET_US);
        run(&mut target, now, 10, |index| if index % 100 == 50 { 60_000 } else { 0 });
        assert_eq!(target.target_us(), 70_000);
    }

    #[test]
    fn delay_spikes_leave_little_delay_ten_seconds_later() {
        let mut target = PlayoutDelay::default();
        let now = run(&mut target, Timestamp::from_micros(1), 10, |index| if index % 50 == 7 { 180_000 } else { 0 });
        assert_eq!(target.target_us(), 190_000);
        run(&mut target, now, 10, |_| 0);
        assert_eq!(target.target_us(), LONG_REMEMBERED_US + MARGIN_US);
    }

    #[test]
    fn a_delay_spike_across_two_spans_counts_once() {
        for (start, packets) in (400..500_u64).flat_map(|start| [(start, 40_u64), (start, 150)]) {
            let mut target = PlayoutDelay::default();
            run(&mut target, Timestamp::ZERO, 14, |index| {
                // A queue of 400 ms that drains.
                let left = (start + packets).saturating_sub(index).min(packets);
                if index < start { 0 } else { (left * 400_000 / packets) as i64 }
            });
            // Twice would be remembered.
            assert!(target.target_us() <= LONG_REMEMBERED_US + MARGIN_US, "{packets} packets from {start} on");
        }
    }

    #[test]
    fn the_delay_is_bounded() {
        let mut target = PlayoutDelay::default();
        run(&mut target, Timestamp::ZERO, 20, |index| if index % 2 == 0 { 0 } else { 5_000_000 });
        assert_eq!(target.target_us(), MAX_TARGET_US);
    }
}
