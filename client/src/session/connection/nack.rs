//! Asks for video packets that are missing (generic NACK, RFC 4585, 6.2.1).
//!
//! The stack's own generator asks for everything that is missing at every tick. Over a longer way that is several times
//! before the first answer can be there, and all of those are answered: where a queue overflows, they keep it full.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_core::rtp::{Sequence, SequenceExtender};
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;

use super::path::{LONG_ROUND_TRIP, PathState};

/// A packet that was only overtaken may still come. So long it is waited for at first and at least; and at most, where
/// packets keep being overtaken by more.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const MAX_FIRST_WAIT: Duration = Duration::from_millis(80);
/// Between two requests for one packet, on top of the round trip, for what the peer and the queues take.
const RETRY_MARGIN: Duration = Duration::from_millis(5);
const MIN_RETRY: Duration = Duration::from_millis(20);
const MAX_RETRY: Duration = Duration::from_millis(300);
/// On a long way each request is made twice, so that one that is lost does not cost a round trip. The peer answers once.
const ECHO_AFTER: Duration = Duration::from_millis(15);
/// After these, a key frame is the better way.
const MAX_REQUESTS: u8 = 8;
/// Requests this close to each other go into one packet.
const BATCH: Duration = Duration::from_millis(2);
/// More missing packets than this are an outage, not loss.
const MAX_MISSING: usize = 256;

pub(super) struct NackGenerator {
    own_ssrc: u32,
    path: Arc<PathState>,
    streams: HashMap<u32, Missing>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
}

impl NackGenerator {
    /// `own_ssrc`: who asks.
    pub(super) fn new(own_ssrc: u32, path: Arc<PathState>) -> Self {
        let (inbound, outbound) = (VecDeque::new(), VecDeque::new());
        Self { own_ssrc, path, streams: HashMap::new(), inbound, outbound }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for NackGenerator {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(rtp) = &packet.message.packet
            && let Some(missing) = self.streams.get_mut(&rtp.header.ssrc)
        {
            missing.arrived(packet.now, rtp.header.sequence_number, self.path.round_trip());
        }
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let echo = self.path.round_trip() > LONG_ROUND_TRIP;
        let retry = (self.path.round_trip() + RETRY_MARGIN).clamp(MIN_RETRY, MAX_RETRY);
        for (&media_ssrc, missing) in &mut self.streams {
            let wanted = missing.take_due(now, retry, echo);
            if wanted.is_empty() {
                continue;
            }
            let nacks = nack_pairs_from_sequence_numbers(&wanted);
            let nack = TransportLayerNack { sender_ssrc: self.own_ssrc, media_ssrc, nacks };
            let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)]));
            self.outbound.push_back(TaggedPacket { now, transport: TransportContext::default(), message });
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.streams.values().filter_map(Missing::next_due).min()
    }
}

impl Interceptor for NackGenerator {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if info.rtcp_feedback.iter().any(|feedback| feedback.typ == "nack" && feedback.parameter.is_empty()) {
            self.streams.entry(info.ssrc).or_default();
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }
}

/// What is missing of one stream.
#[derive(Debug)]
struct Missing {
    numbers: SequenceExtender,
    requests: BTreeMap<Sequence, Request>,
    /// How long most of those take that were overtaken.
    first_wait: Duration,
}

#[derive(Debug)]
struct Request {
    noticed: Instant,
    due: Instant,
    made: u8,
    /// What is due is the same request once more.
    is_echo: bool,
}

impl Default for Missing {
    fn default() -> Self {
        Self { numbers: SequenceExtender::new(), requests: BTreeMap::new(), first_wait: FIRST_WAIT }
    }
}

impl Missing {
    fn arrived(&mut self, now: Instant, sequence: u16, round_trip: Duration) {
        let before = self.numbers.newest();
        let sequence = self.numbers.extend(sequence);
        let Some(newest) = before else { return };
        if sequence <= newest {
            if let Some(request) = self.requests.remove(&sequence) {
                self.learn(now.saturating_duration_since(request.noticed), round_trip);
            }
            return;
        }
        let due = now + self.first_wait;
        let gap = (newest + 1).value()..sequence.value();
        if self.requests.len() + (gap.end - gap.start) as usize > MAX_MISSING {
            self.requests.clear();
        } else {
            let request = |missing| (Sequence::new(missing), Request { noticed: now, due, made: 0, is_echo: false });
            self.requests.extend(gap.map(request));
        }
    }

    /// A packet came so long after it was missed. Sooner than an answer can be here, it was only overtaken.
    fn learn(&mut self, after: Duration, round_trip: Duration) {
        if after > self.first_wait + round_trip.mul_f64(0.8) {
            return;
        }
        // Up fast and down slowly: nine of ten come within what this finds.
        self.first_wait = if after > self.first_wait {
            self.first_wait + (after - self.first_wait).mul_f64(0.3)
        } else {
            self.first_wait - (self.first_wait - after).mul_f64(0.03)
        };
        self.first_wait = self.first_wait.clamp(FIRST_WAIT, MAX_FIRST_WAIT);
    }

    fn next_due(&self) -> Option<Instant> {
        self.requests.values().map(|request| request.due).min()
    }

    /// What to ask for at `now`. What does not come within `retry` is asked for again; `echo`: each time twice.
    fn take_due(&mut self, now: Instant, retry: Duration, echo: bool) -> Vec<u16> {
        if self.next_due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut wanted = Vec::new();
        self.requests.retain(|sequence, request| {
            if request.due > now + BATCH {
                return true;
            }
            if !request.is_echo {
                if request.made == MAX_REQUESTS {
                    return false;
                }
                request.made += 1;
            }
            request.is_echo = echo && !request.is_echo;
            request.due = now + if request.is_echo { ECHO_AFTER } else { retry };
            wanted.push(sequence.truncated());
            true
        });
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const RETRY: Duration = Duration::from_millis(50);

    /// A stream of which these came.
    fn stream(now: Instant, sequences: &[u16]) -> Missing {
        let mut missing = Missing::default();
        for sequence in sequences {
            missing.arrived(now, *sequence, RETRY);
        }
        missing
    }

    #[test]
    fn a_missing_packet_is_asked_for_once_a_round_trip() {
        let start = Instant::now();
        let mut missing = stream(start, &[65_533, 65_534, 1]);
        assert_eq!(missing.next_due(), Some(start + FIRST_WAIT));
        assert!(missing.take_due(start + 4 * MS, RETRY, false).is_empty(), "it may only have been overtaken");
        assert_eq!(missing.take_due(start + 5 * MS, RETRY, false), [65_535, 0]);
        assert!(missing.take_due(start + 54 * MS, RETRY, false).is_empty());
        missing.arrived(start + 54 * MS, 65_535, RETRY);
        assert_eq!(missing.take_due(start + 55 * MS, RETRY, false), [0]);
        missing.arrived(start + 60 * MS, 0, RETRY);
        assert_eq!(missing.next_due(), None);
    }

    #[test]
    fn a_packet_that_never_comes_is_given_up() {
        let start = Instant::now();
        let mut missing = stream(start, &[1, 3]);
        let mut asked = 0;
        while let Some(due) = missing.next_due() {
            asked += missing.take_due(due, RETRY, false).len();
        }
        assert_eq!(asked, usize::from(MAX_REQUESTS));
    }

    #[test]
    fn an_outage_is_not_asked_for() {
        let start = Instant::now();
        let mut missing = stream(start, &[1, 3, 1000]);
        assert_eq!(missing.next_due(), None);
        missing.arrived(start, 1002, RETRY);
        assert_eq!(missing.take_due(start + FIRST_WAIT, RETRY, false), [1001]);
    }

    #[test]
    fn where_packets_overtake_each_other_it_waits_longer_and_forgets_again() {
        let start = Instant::now();
        let mut missing = stream(start, &[0]);
        for i in 0..50 {
            // The second comes 40 ms after the third.
            let at = start + i * 100 * MS;
            missing.arrived(at, i as u16 * 2 + 2, RETRY);
            missing.arrived(at + 40 * MS, i as u16 * 2 + 1, RETRY);
        }
        assert!(missing.first_wait > 35 * MS && missing.first_wait <= 40 * MS, "{:?}", missing.first_wait);
        let later = start + 10_000 * MS;
        for i in 50..200 {
            missing.arrived(later, i as u16 * 2 + 2, RETRY);
            missing.arrived(later + MS, i as u16 * 2 + 1, RETRY);
        }
        assert!(missing.first_wait < 7 * MS, "{:?}", missing.first_wait);
    }

    #[test]
    fn on_a_long_way_each_request_is_made_twice() {
        let start = Instant::now();
        let mut missing = stream(start, &[1, 3]);
        let mut asked_at = Vec::new();
        while let Some(due) = missing.next_due() {
            if !missing.take_due(due, RETRY, true).is_empty() {
                asked_at.push((due - start).as_millis());
            }
        }
        assert_eq!(asked_at[..4], [5, 20, 70, 85]);
        assert_eq!(asked_at.len(), 2 * usize::from(MAX_REQUESTS));
    }
}
