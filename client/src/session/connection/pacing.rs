//! Lets packets go when the pacer says: above the numbering, so that numbers are given in the order of leaving.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_core::fec::BlockPlace;
use maru_core::h264;
use maru_core::pacer::{self, Pacer, Priority};
use maru_core::rtp::{Sequence, SequenceExtender};
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
    /// Of our video: what is not newer than the newest packet is sent again.
    video_numbers: SequenceExtender,
    /// The key frame that came when too much was waiting: nothing from before it is sent any more.
    obsolete_before: Option<Sequence>,
    /// What is sent again, and when it was asked for: asking once more does not make it come sooner.
    repairs: HashMap<Sequence, Instant>,
    second_copies: VecDeque<(Instant, TaggedPacket)>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
    timeout: Option<Instant>,
}

impl Pacing {
    pub(super) fn new(path: Arc<PathState>, own_audio_ssrc: u32) -> Self {
        let pacer = Pacer::new(pacer::Config::default(), path.pacing_bps());
        Self {
            path,
            own_audio_ssrc,
            block_extension: None,
            pacer,
            video_numbers: SequenceExtender::new(),
            obsolete_before: None,
            repairs: HashMap::new(),
            second_copies: VecDeque::new(),
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
            timeout: None,
        }
    }

    /// The extended number of a packet of our video, and whether it is sent again.
    fn video_number(&mut self, number: u16) -> (Sequence, bool) {
        let newest = self.video_numbers.newest();
        let sequence = self.video_numbers.extend(number);
        (sequence, Some(sequence) <= newest)
    }

    /// Whether this is not the echo of a request that is being answered.
    fn is_new_request(&mut self, sequence: Sequence, now: Instant) -> bool {
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
                self.pacer.push(at, Priority::Retransmission, rtp.marshal_size(), copy);
            }
        }
        while self.pacer.pop_stale_retransmission(at).is_some() {}
        let mut room_bytes = self.path.available_bytes(at);
        while let Some((mut packet, bytes)) = self.pacer.pop(at, room_bytes > 0.0) {
            room_bytes -= bytes as f64;
            packet.now = now;
            self.outbound.push_back(packet);
        }
        self.path.send_queue.set(self.pacer.queue_delay());
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
        if rtp.header.ssrc == self.own_audio_ssrc {
            self.pacer.push(clock::timestamp(now), Priority::Audio, bytes, packet);
            self.release(now);
            return Ok(());
        }
        let (sequence, is_sent_again) = self.video_number(rtp.header.sequence_number);
        let priority = if is_sent_again { Priority::Retransmission } else { Priority::Video };
        if is_sent_again {
            let is_obsolete = self.obsolete_before.is_some_and(|key| sequence < key);
            let is_too_late = is_obsolete || self.pacer.queue_delay() > MAX_BEFORE_REPAIR;
            if is_too_late || !self.is_new_request(sequence, now) {
                return Ok(());
            }
            if self.sends_twice() {
                let message = AttributedPacket::new(packet.message.packet.clone());
                let copy = TaggedPacket { now, transport: packet.transport, message };
                self.second_copies.push_back((now + SECOND_COPY_AFTER, copy));
            }
        }
        if !is_sent_again && self.begins_key_frame(rtp) {
            if self.pacer.queue_delay() > MAX_BEFORE_REPAIR {
                self.pacer.drop_retransmissions();
                self.obsolete_before = Some(sequence);
            }
            self.pacer.drop_video();
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

#[cfg(test)]
mod tests {
    use super::*;

    use bytes::Bytes;
    use rtc::rtp::header::Header;
    use rtc::shared::TransportContext;

    const VIDEO_SSRC: u32 = 7;
    const AUDIO_SSRC: u32 = 9;
    const KEY_FRAME: Bytes = Bytes::from_static(&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1]);

    fn video(now: Instant, sequence_number: u16, payload: Bytes) -> TaggedPacket {
        let header = Header { version: 2, sequence_number, ssrc: VIDEO_SSRC, ..Header::default() };
        let message = AttributedPacket::new(Packet::Rtp(rtc::rtp::packet::Packet { header, payload }));
        TaggedPacket { now, transport: TransportContext::default(), message }
    }

    /// The sequence numbers that have left by `now`.
    fn left(pacing: &mut Pacing, now: Instant) -> Vec<u16> {
        pacing.handle_timeout(now).expect("it keeps time");
        std::iter::from_fn(|| pacing.poll_write())
            .filter_map(|packet| match packet.message.packet {
                Packet::Rtp(rtp) => Some(rtp.header.sequence_number),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn packets_are_still_retransmitted_70_000_packets_after_a_key_frame_on_a_full_send_queue() {
        let path = Arc::new(PathState::default());
        let mut pacing = Pacing::new(Arc::clone(&path), AUDIO_SSRC);
        let mut now = Instant::now();
        let mut sequence = 0_u16;
        let write = |pacing: &mut Pacing, now, sequence, payload| {
            pacing.handle_write(video(now, sequence, payload)).expect("it is taken");
        };
        for _ in 0..100 {
            write(&mut pacing, now, sequence, Bytes::from_static(&[0x41; 1000]));
            sequence += 1;
        }
        assert!(path.send_queue.get() > MAX_BEFORE_REPAIR, "the send queue is full");
        write(&mut pacing, now, sequence, KEY_FRAME);
        let key = sequence;
        for _ in 0..70_000 {
            now += Duration::from_millis(1);
            sequence = sequence.wrapping_add(1);
            write(&mut pacing, now, sequence, Bytes::from_static(&[0x41; 10]));
            left(&mut pacing, now);
            if sequence % 1000 == key {
                let lost = sequence.wrapping_sub(3);
                write(&mut pacing, now, lost, Bytes::from_static(&[0x41; 10]));
                assert!(left(&mut pacing, now).contains(&lost), "packet {lost} is sent again");
            }
        }
    }
}
