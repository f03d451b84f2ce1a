//! Lets packets go when the pacer says: above the numbering, so that numbers are given in the order of leaving.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_core::pacer::{Pacer, Priority};
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use super::nack::RoundTrip;
use super::path::Path;
use crate::clock;

/// Seconds of pictures: beyond that the path is dead, and its packets are of no use.
const MAX_WAITING: usize = 2048;

/// With more than this in front of it, what is sent again comes after the peer has given up on it, and keeps the pictures
/// waiting that could still be of use.
const MAX_BEFORE_REPAIR: Duration = Duration::from_millis(100);

/// Requests for one packet closer to each other than this are one: the least time between two is 20 ms, and an echo comes
/// 15 ms after the first.
const SAME_REQUEST: Duration = Duration::from_millis(18);

/// Where so much is lost and a second request would take so long, what is sent again is sent twice: a picture that waits
/// for a third time is a freeze. The second copy comes later, since losses come in bursts.
const TWICE_FROM_LOSS: f64 = 0.03;
const TWICE_FROM_ROUND_TRIP: Duration = Duration::from_millis(35);
const SECOND_COPY_AFTER: Duration = Duration::from_millis(15);

pub(super) struct Pacing {
    path: Arc<Path>,
    round_trip: Arc<RoundTrip>,
    own_audio_ssrc: u32,
    pacer: Pacer<TaggedPacket>,
    waiting: usize,
    /// The newest packet of a picture: what comes again is older.
    newest_picture: Option<u16>,
    /// What is sent again, and when it was asked for: asking once more does not make it come sooner.
    repairs: HashMap<u16, Instant>,
    second_copies: VecDeque<(Instant, TaggedPacket)>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
    timeout: Option<Instant>,
}

impl Pacing {
    pub(super) fn new(path: Arc<Path>, round_trip: Arc<RoundTrip>, own_audio_ssrc: u32) -> Self {
        let pacer = Pacer::new(path.pacing_bps());
        Self {
            path,
            round_trip,
            own_audio_ssrc,
            pacer,
            waiting: 0,
            newest_picture: None,
            repairs: HashMap::new(),
            second_copies: VecDeque::new(),
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
            timeout: None,
        }
    }

    fn priority(&mut self, ssrc: u32, sequence: u16) -> Priority {
        if ssrc == self.own_audio_ssrc {
            return Priority::Sound;
        }
        let is_newer = self.newest_picture.is_none_or(|newest| (sequence.wrapping_sub(newest) as i16) > 0);
        if is_newer {
            self.newest_picture = Some(sequence);
            return Priority::Picture;
        }
        Priority::Repair
    }

    /// Whether this is not the echo of a request that is being answered.
    fn is_new_request(&mut self, sequence: u16, now: Instant) -> bool {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        if self.repairs.len() > MAX_WAITING {
            self.repairs.retain(|_, at| since(at) < SAME_REQUEST);
        }
        let is_new = self.repairs.get(&sequence).is_none_or(|at| since(at) >= SAME_REQUEST);
        if is_new {
            self.repairs.insert(sequence, now);
        }
        is_new
    }

    fn sends_twice(&self) -> bool {
        self.path.loss() > TWICE_FROM_LOSS && self.round_trip.get() > TWICE_FROM_ROUND_TRIP
    }

    /// Lets go what may go at `now`.
    fn release(&mut self, now: Instant) {
        let at = clock::timestamp(now);
        self.pacer.set_rate(at, self.path.pacing_bps());
        while let Some((_, copy)) = self.second_copies.pop_front_if(|(due, _)| *due <= now) {
            if let Packet::Rtp(rtp) = &copy.message.packet {
                self.waiting += 1;
                self.pacer.push(at, Priority::Repair, rtp.marshal_size(), copy);
            }
        }
        while self.pacer.pop_stale(at).is_some() {
            self.waiting -= 1;
        }
        while let Some(mut packet) = self.pacer.pop(at) {
            self.waiting -= 1;
            packet.now = now;
            self.outbound.push_back(packet);
        }
        self.path.backlog.set(self.pacer.waiting());
        let paced = self.pacer.poll_timeout().map(|next| now + next.since(at));
        let copied = self.second_copies.front().map(|(due, _)| *due);
        self.timeout = paced.into_iter().chain(copied).min();
    }
}

/// Our key frames begin with their parameter sets: alone, or together in one packet (STAP-A; RFC 6184, 5.7.1).
fn begins_key_frame(payload: &[u8]) -> bool {
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    let kind = |at: usize| payload.get(at).map(|header| header & 0x1f);
    kind(0) == Some(SPS) || (kind(0) == Some(STAP_A) && kind(3) == Some(SPS))
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Pacing {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        let Packet::Rtp(rtp) = &packet.message.packet else {
            self.outbound.push_back(packet);
            return Ok(());
        };
        if self.waiting == MAX_WAITING {
            return Ok(());
        }
        let (bytes, now) = (rtp.marshal_size(), packet.now);
        let (ssrc, sequence) = (rtp.header.ssrc, rtp.header.sequence_number);
        let priority = self.priority(ssrc, sequence);
        if priority == Priority::Repair {
            let is_too_late = self.pacer.waiting() > MAX_BEFORE_REPAIR;
            if is_too_late || !self.is_new_request(sequence, now) {
                return Ok(());
            }
            if self.sends_twice() {
                let message = AttributedPacket::new(packet.message.packet.clone());
                let copy = TaggedPacket { now, transport: packet.transport, message };
                self.second_copies.push_back((now + SECOND_COPY_AFTER, copy));
            }
        }
        if priority == Priority::Picture && begins_key_frame(&rtp.payload) {
            self.waiting -= self.pacer.drop_pictures();
        }
        self.waiting += 1;
        self.pacer.push(clock::timestamp(now), priority, bytes, packet);
        self.release(now);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.timeout.is_some_and(|at| at <= now) {
            self.release(now);
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.timeout
    }
}

impl Interceptor for Pacing {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
