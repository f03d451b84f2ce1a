//! Requests missing video packets (generic NACK, RFC 4585, 6.2.1).
//!
//! The stack's own generator requests everything that is missing at every tick. On a longer round trip it does so several
//! times before the first retransmission can arrive, and the peer answers each time. Where a queue overflows, these
//! retransmissions keep it full.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_core::fec::BlockPlace;
use maru_core::fec_arrivals::FecArrivals;
use maru_core::rtp::{Sequence, SequenceExtender};
use maru_core::video_receiver::hold_time;
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::shared::TransportContext;

use super::engine::BLOCK_URI;
use super::interceptor::{Intercept, Outbound};
use super::path::{LONG_ROUND_TRIP, PathState};

/// Limits of the reordering time: how long to wait for a missing packet before requesting it.
const MIN_REORDERING_TIME: Duration = Duration::from_millis(5);
const MAX_REORDERING_TIME: Duration = Duration::from_millis(80);
/// Between two requests for one packet, on top of the round trip: for the peer and for queues.
const RETRY_MARGIN: Duration = Duration::from_millis(5);
const MIN_RETRY: Duration = Duration::from_millis(20);
/// On a long round trip each request is repeated after this time, so that a lost request does not cost a round trip. The
/// peer answers one of them.
const REPEAT_AFTER: Duration = Duration::from_millis(15);
/// Requests that are due within this time share a packet.
const BATCH: Duration = Duration::from_millis(2);
/// More missing packets are an outage, not loss.
const MAX_MISSING: usize = 256;

/// How the packets of one path are requested.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Time between two requests.
    retry: Duration,
    /// Each request is made twice.
    repeat: bool,
    /// A packet that has been missing for so long has been given up.
    hold: Duration,
}

pub(super) struct NackGenerator {
    own_ssrc: u32,
    path: Arc<PathState>,
    streams: HashMap<u32, Missing>,
}

impl NackGenerator {
    /// `own_ssrc`: the sender of the requests.
    pub(super) fn new(own_ssrc: u32, path: Arc<PathState>) -> Self {
        Self { own_ssrc, path, streams: HashMap::new() }
    }
}

impl Intercept for NackGenerator {
    fn handle_inbound(&mut self, packet: &TaggedPacket) {
        if let Packet::Rtp(rtp) = &packet.message.packet
            && let Some(missing) = self.streams.get_mut(&rtp.header.ssrc)
        {
            let place = missing.block_extension.and_then(|id| BlockPlace::parse(&rtp.header.get_extension(id)?));
            missing.handle_arrival(packet.now, rtp.header.sequence_number, place, self.path.round_trip());
        }
    }

    fn handle_timeout(&mut self, now: Instant, outbound: &mut Outbound) {
        let round_trip = self.path.round_trip();
        let pace = Pace {
            retry: (round_trip + RETRY_MARGIN).max(MIN_RETRY),
            repeat: round_trip > LONG_ROUND_TRIP,
            hold: hold_time(round_trip),
        };
        for (&media_ssrc, missing) in &mut self.streams {
            let requested = missing.take_due(now, pace);
            if requested.is_empty() {
                continue;
            }
            let nacks = nack_pairs_from_sequence_numbers(&requested);
            let nack = TransportLayerNack { sender_ssrc: self.own_ssrc, media_ssrc, nacks };
            let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)]));
            outbound.push_back(TaggedPacket { now, transport: TransportContext::default(), message });
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.streams.values().filter_map(Missing::next_due).min()
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        if stream.rtcp_feedback.iter().any(|feedback| feedback.typ == "nack" && feedback.parameter.is_empty()) {
            let block = stream.rtp_header_extensions.iter().find(|extension| extension.uri == BLOCK_URI);
            let missing = self.streams.entry(stream.ssrc).or_default();
            missing.block_extension = block.map(|extension| extension.id as u8);
        }
    }

    fn unbind_remote(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }
}

/// The missing packets of one stream.
#[derive(Debug)]
struct Missing {
    numbers: SequenceExtender,
    requests: BTreeMap<Sequence, Request>,
    /// Most reordered packets arrive within this time.
    reordering_time: Duration,
    /// The number of the header extension of [`BlockPlace`], if one was negotiated.
    block_extension: Option<u8>,
    blocks: FecArrivals,
}

#[derive(Debug)]
struct Request {
    noticed: Instant,
    due: Instant,
    /// The request that is due repeats the one before.
    is_repeat: bool,
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            numbers: SequenceExtender::new(),
            requests: BTreeMap::new(),
            reordering_time: MIN_REORDERING_TIME,
            block_extension: None,
            blocks: FecArrivals::default(),
        }
    }
}

impl Missing {
    fn handle_arrival(&mut self, now: Instant, number: u16, place: Option<BlockPlace>, round_trip: Duration) {
        let before = self.numbers.newest();
        let sequence = self.numbers.extend(number);
        if let Some(place) = place {
            self.blocks.add(sequence, place);
        }
        let Some(newest) = before else { return };
        if sequence <= newest {
            if let Some(request) = self.requests.remove(&sequence) {
                self.learn(now.saturating_duration_since(request.noticed), round_trip);
            }
            return;
        }
        let due = now + self.reordering_time;
        let gap = (newest + 1).value()..sequence.value();
        if self.requests.len() + (gap.end - gap.start) as usize > MAX_MISSING {
            self.requests.clear();
        } else {
            let request = |missing| (Sequence::new(missing), Request { noticed: now, due, is_repeat: false });
            self.requests.extend(gap.map(request));
        }
    }

    /// A missing packet arrived `after` it was noticed. Sooner than a retransmission can be here, it was reordered.
    fn learn(&mut self, after: Duration, round_trip: Duration) {
        if after > self.reordering_time + round_trip.mul_f64(0.8) {
            return;
        }
        // Ten times as fast up as down: most packets come in time.
        self.reordering_time = if after > self.reordering_time {
            self.reordering_time + after.saturating_sub(self.reordering_time).mul_f64(0.3)
        } else {
            self.reordering_time.saturating_sub(self.reordering_time.saturating_sub(after).mul_f64(0.03))
        };
        self.reordering_time = self.reordering_time.clamp(MIN_REORDERING_TIME, MAX_REORDERING_TIME);
    }

    fn next_due(&self) -> Option<Instant> {
        self.requests.values().map(|request| request.due).min()
    }

    /// The packets to request at `now`.
    fn take_due(&mut self, now: Instant, pace: Pace) -> Vec<u16> {
        if self.next_due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut requested = Vec::new();
        let blocks = &self.blocks;
        self.requests.retain(|sequence, request| {
            if request.due > now + BATCH {
                return true;
            }
            let is_given_up = now.saturating_duration_since(request.noticed) >= pace.hold;
            if is_given_up || !blocks.is_useful(*sequence) {
                return false;
            }
            request.is_repeat = pace.repeat && !request.is_repeat;
            request.due = now + if request.is_repeat { REPEAT_AFTER } else { pace.retry };
            requested.push(sequence.truncated());
            true
        });
        requested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RETRY: Duration = Duration::from_millis(50);
    const ONCE: Pace = Pace { retry: RETRY, repeat: false, hold: Duration::from_millis(200) };

    /// A stream of which these came.
    fn stream(now: Instant, sequences: &[u16]) -> Missing {
        let mut missing = Missing::default();
        for sequence in sequences {
            missing.handle_arrival(now, *sequence, None, RETRY);
        }
        missing
    }

    #[test]
    fn a_missing_packet_is_requested_once_per_round_trip() {
        let start = Instant::now();
        let mut missing = stream(start, &[65_533, 65_534, 1]);
        assert_eq!(missing.next_due(), Some(start + MIN_REORDERING_TIME));
        assert!(missing.take_due(start + 4 * MS, ONCE).is_empty(), "it may only have been reordered");
        assert_eq!(missing.take_due(start + 5 * MS, ONCE), [65_535, 0]);
        assert!(missing.take_due(start + 54 * MS, ONCE).is_empty());
        missing.handle_arrival(start + 54 * MS, 65_535, None, RETRY);
        assert_eq!(missing.take_due(start + 55 * MS, ONCE), [0]);
        missing.handle_arrival(start + 60 * MS, 0, None, RETRY);
        assert_eq!(missing.next_due(), None);
    }

    /// Where a deep queue makes the round trip long, requests for what nobody waits for any more kept the queue full.
    #[test]
    fn a_packet_that_has_been_given_up_is_not_requested() {
        let start = Instant::now();
        let mut missing = stream(start, &[1, 3]);
        let pace = Pace { hold: 120 * MS, ..ONCE };
        let mut asked_at = Vec::new();
        while let Some(due) = missing.next_due() {
            if !missing.take_due(due, pace).is_empty() {
                asked_at.push((due - start).as_millis());
            }
        }
        assert_eq!(asked_at, [5, 55, 105]);
    }

    #[test]
    fn packets_of_an_outage_are_not_requested() {
        let start = Instant::now();
        let mut missing = stream(start, &[1, 3, 1000]);
        assert_eq!(missing.next_due(), None);
        missing.handle_arrival(start, 1002, None, RETRY);
        assert_eq!(missing.take_due(start + MIN_REORDERING_TIME, ONCE), [1001]);
    }

    #[test]
    fn what_is_rebuilt_is_not_requested_and_neither_are_repair_packets() {
        let start = Instant::now();
        let mut missing = Missing::default();
        let mut arrive = |first: u16, indices: &[u8]| {
            for &index in indices {
                let place = BlockPlace { media: 3, repairs: 2, index };
                missing.handle_arrival(start, first + u16::from(index), Some(place), RETRY);
            }
        };
        // One of three is rebuilt from a repair packet; of the next frame only one packet arrived.
        arrive(10, &[0, 2, 3]);
        arrive(15, &[1]);
        arrive(20, &[0, 1, 2]);
        assert_eq!(missing.take_due(start + 5 * MS, ONCE), [15, 17]);
    }

    #[test]
    fn the_reordering_time_is_learnt_and_forgotten_again() {
        let start = Instant::now();
        let mut missing = stream(start, &[0]);
        for i in 0..50 {
            // The second comes 40 ms after the third.
            let at = start + i * 100 * MS;
            missing.handle_arrival(at, i as u16 * 2 + 2, None, RETRY);
            missing.handle_arrival(at + 40 * MS, i as u16 * 2 + 1, None, RETRY);
        }
        assert!(
            missing.reordering_time > 35 * MS && missing.reordering_time <= 40 * MS,
            "{:?}",
            missing.reordering_time
        );
        let later = start + 10_000 * MS;
        for i in 50..200 {
            missing.handle_arrival(later, i as u16 * 2 + 2, None, RETRY);
            missing.handle_arrival(later + MS, i as u16 * 2 + 1, None, RETRY);
        }
        assert!(missing.reordering_time < 7 * MS, "{:?}", missing.reordering_time);
    }

    #[test]
    fn on_a_long_round_trip_each_request_is_made_twice() {
        let start = Instant::now();
        let mut missing = stream(start, &[1, 3]);
        let mut asked_at = Vec::new();
        while let Some(due) = missing.next_due() {
            if !missing.take_due(due, Pace { repeat: true, ..ONCE }).is_empty() {
                asked_at.push((due - start).as_millis());
            }
        }
        assert_eq!(asked_at, [5, 20, 70, 85, 135, 150]);
    }
}
