//! Lets packets go when the pacer says: above the numbering, so that numbers are given in the order of leaving.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_core::fec::BlockPlace;
use maru_core::h264;
use maru_core::pacer::{Pacer, Priority};
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use super::engine::BLOCK_URI;
use super::path::{LONG_ROUND_TRIP, PathState};
use crate::clock;

/// Seconds of frames: beyond that the path is dead, and its packets are of no use.
const MAX_WAITING: usize = 2048;

/// With more than this in front of it, what is sent again comes after the peer has given up on it, and keeps the frames
/// waiting that could still be of use.
const MAX_BEFORE_REPAIR: Duration = Duration::from_millis(100);

/// Requests for one packet closer to each other than this are one: the least time between two is 20 ms, and an echo comes
/// 15 ms after the first.
const SAME_REQUEST: Duration = Duration::from_millis(18);

/// How often to look for room while too much is under way.
const FULL_RETRY: Duration = Duration::from_millis(3);

/// Where so much is lost and a second request would take so long, what is sent again is sent twice: a frame that waits
/// for a third time is a freeze. The second copy comes later, since losses come in bursts.
const TWICE_FROM_LOSS: f64 = 0.03;
const SECOND_COPY_AFTER: Duration = Duration::from_millis(15);

pub(super) struct Pacing {
    path: Arc<PathState>,
    own_audio_ssrc: u32,
    /// The number of the header extension of [`BlockPlace`], if one was agreed on.
    block_extension: Option<u8>,
    pacer: Pacer<TaggedPacket>,
    /// The newest packet of a frame: what comes again is older.
    newest_frame: Option<u16>,
    /// The key frame that came when too much was waiting: nothing from before it is sent any more.
    obsolete_before: Option<u16>,
    /// What is sent again, and when it was asked for: asking once more does not make it come sooner.
    repairs: HashMap<u16, Instant>,
    second_copies: VecDeque<(Instant, TaggedPacket)>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
    timeout: Option<Instant>,
}

impl Pacing {
    pub(super) fn new(path: Arc<PathState>, own_audio_ssrc: u32) -> Self {
        let pacer = Pacer::new(path.pacing_bps());
        Self {
            path,
            own_audio_ssrc,
            block_extension: None,
            pacer,
            newest_frame: None,
            obsolete_before: None,
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
        let is_newer = self.newest_frame.is_none_or(|newest| (sequence.wrapping_sub(newest) as i16) > 0);
        if is_newer {
            self.newest_frame = Some(sequence);
            return Priority::VideoFrame;
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

    /// Our key frames begin with their parameter sets. The payload of a repair packet may look like anything.
    fn begins_key_frame(&self, packet: &rtc::rtp::packet::Packet) -> bool {
        let place = self.block_extension.and_then(|id| BlockPlace::parse(&packet.header.get_extension(id)?));
        !place.is_some_and(BlockPlace::is_repair) && h264::begins_key_frame(&packet.payload)
    }

    fn sends_twice(&self) -> bool {
        self.path.loss() > TWICE_FROM_LOSS && self.path.round_trip() > LONG_ROUND_TRIP
    }

    /// Lets go what may go at `now`.
    fn release(&mut self, now: Instant) {
        let at = clock::timestamp(now);
        self.pacer.set_rate(at, self.path.pacing_bps());
        self.pacer.set_spread(self.path.spread());
        while let Some((_, copy)) = self.second_copies.pop_front_if(|(due, _)| *due <= now) {
            if let Packet::Rtp(rtp) = &copy.message.packet {
                self.pacer.push(at, Priority::Repair, rtp.marshal_size(), copy);
            }
        }
        while self.pacer.pop_stale(at).is_some() {}
        let mut room_bytes = self.path.room_bytes(at);
        while let Some((mut packet, bytes)) = self.pacer.pop(at, room_bytes > 0.0) {
            room_bytes -= bytes as f64;
            packet.now = now;
            self.outbound.push_back(packet);
        }
        self.path.backlog.set(self.pacer.waiting());
        let paced = if room_bytes > 0.0 {
            self.pacer.poll_timeout().map(|next| now + next.since(at))
        } else {
            // A report makes room; it does not come by here.
            (!self.pacer.is_empty()).then_some(now + FULL_RETRY)
        };
        let copied = self.second_copies.front().map(|(due, _)| *due);
        self.timeout = paced.into_iter().chain(copied).min();
    }
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
        if self.pacer.len() >= MAX_WAITING {
            return Ok(());
        }
        let (bytes, now) = (rtp.marshal_size(), packet.now);
        let (ssrc, sequence) = (rtp.header.ssrc, rtp.header.sequence_number);
        let priority = self.priority(ssrc, sequence);
        if priority == Priority::Repair {
            let is_obsolete = self.obsolete_before.is_some_and(|key| (sequence.wrapping_sub(key) as i16) < 0);
            let is_too_late = is_obsolete || self.pacer.waiting() > MAX_BEFORE_REPAIR;
            if is_too_late || !self.is_new_request(sequence, now) {
                return Ok(());
            }
            if self.sends_twice() {
                let message = AttributedPacket::new(packet.message.packet.clone());
                let copy = TaggedPacket { now, transport: packet.transport, message };
                self.second_copies.push_back((now + SECOND_COPY_AFTER, copy));
            }
        }
        if priority == Priority::VideoFrame && self.begins_key_frame(rtp) {
            if self.pacer.waiting() > MAX_BEFORE_REPAIR {
                self.pacer.drop_repair();
                self.obsolete_before = Some(sequence);
            }
            self.pacer.drop_frames();
        }
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
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let block = info.rtp_header_extensions.iter().find(|extension| extension.uri == BLOCK_URI);
        self.block_extension = block.map(|extension| extension.id as u8).or(self.block_extension);
    }

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
