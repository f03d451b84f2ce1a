//! Holds packets in the send queue until the pacer lets them leave. They get their transport-wide numbers after it, in the
//! order of leaving.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru_core::fec::BlockPlace;
use maru_core::h264;
use maru_core::pacer::{self, Pacer, Priority};
use maru_core::rtp::{Sequence, SequenceExtender};
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::shared::marshal::MarshalSize;

use super::engine::BLOCK_URI;
use super::interceptor::{Intercept, Outbound};
use super::path::{LONG_ROUND_TRIP, PathState};
use crate::clock;

/// Seconds of frames. A path that lets so many packets wait is dead; further ones are dropped.
const MAX_PACKETS: usize = 2048;

/// Behind a longer send queue a retransmission would reach the peer after it has given up, and delay frames that are still
/// useful.
const MAX_QUEUE_BEFORE_RETRANSMISSION: Duration = Duration::from_millis(100);

/// A second request for a packet within this time is a repetition, which comes 15 ms after the first; new requests come at
/// least 20 ms apart.
const SAME_REQUEST: Duration = Duration::from_millis(18);

/// How often to look whether the congestion window is open again.
const WINDOW_RETRY: Duration = Duration::from_millis(3);

/// From this loss rate on, on a long round trip, retransmissions are sent twice: waiting for a third request is a freeze. The
/// second copy leaves later, since losses come in bursts. Where a queue overflows it would overflow the more.
const TWICE_FROM_LOSS: f64 = 0.03;
const SECOND_COPY_AFTER: Duration = Duration::from_millis(15);

pub(super) struct Pacing {
    path: Arc<PathState>,
    own_audio_ssrc: u32,
    /// The number of the header extension of [`BlockPlace`], if one was negotiated.
    block_extension: Option<u8>,
    pacer: Pacer<TaggedPacket>,
    /// Of our video: a packet that is not newer than the newest is a retransmission.
    video_numbers: SequenceExtender,
    /// A key frame that found the send queue long: retransmissions from before it are of no use.
    obsolete_before: Option<Sequence>,
    /// When each packet was requested last.
    requests: HashMap<Sequence, Instant>,
    second_copies: VecDeque<(Instant, TaggedPacket)>,
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
            requests: HashMap::new(),
            second_copies: VecDeque::new(),
            timeout: None,
        }
    }

    /// Whether a packet may enter the send queue, and where.
    fn admit(&mut self, packet: &rtc::rtp::packet::Packet, now: Instant) -> Option<Priority> {
        if packet.header.ssrc == self.own_audio_ssrc {
            return Some(Priority::Audio);
        }
        let newest = self.video_numbers.newest();
        let sequence = self.video_numbers.extend(packet.header.sequence_number);
        let is_queue_long = self.pacer.queue_delay() > MAX_QUEUE_BEFORE_RETRANSMISSION;
        if Some(sequence) <= newest {
            let is_obsolete = self.obsolete_before.is_some_and(|key| sequence < key);
            let is_useful = !is_obsolete && !is_queue_long && self.is_new_request(sequence, now);
            return is_useful.then_some(Priority::Retransmission);
        }
        if self.begins_key_frame(packet) {
            if is_queue_long {
                self.pacer.drop_retransmissions();
                self.obsolete_before = Some(sequence);
            }
            self.pacer.drop_video();
        }
        Some(Priority::Video)
    }

    /// Whether this is not the repetition of a request that is being answered.
    fn is_new_request(&mut self, sequence: Sequence, now: Instant) -> bool {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        if self.requests.len() > MAX_PACKETS {
            self.requests.retain(|_, at| since(at) < SAME_REQUEST);
        }
        let is_new = self.requests.get(&sequence).is_none_or(|at| since(at) >= SAME_REQUEST);
        if is_new {
            self.requests.insert(sequence, now);
        }
        is_new
    }

    /// Our key frames begin with their parameter sets. The payload of a FEC packet may look like anything.
    fn begins_key_frame(&self, packet: &rtc::rtp::packet::Packet) -> bool {
        let place = self.block_extension.and_then(|id| BlockPlace::parse(&packet.header.get_extension(id)?));
        !place.is_some_and(BlockPlace::is_repair) && h264::begins_key_frame(&packet.payload)
    }

    fn sends_twice(&self) -> bool {
        self.path.loss() > TWICE_FROM_LOSS && self.path.round_trip() > LONG_ROUND_TRIP && !self.path.is_congested()
    }

    /// Lets packets leave that may at `now`.
    fn release(&mut self, now: Instant, outbound: &mut Outbound) {
        let at = clock::timestamp(now);
        self.pacer.set_rate(at, self.path.pacing_bps());
        self.pacer.set_spread(self.path.spread());
        while let Some((_, copy)) = self.second_copies.pop_front_if(|(due, _)| *due <= now) {
            if let Packet::Rtp(rtp) = &copy.message.packet {
                self.pacer.push(at, Priority::Retransmission, rtp.marshal_size(), copy);
            }
        }
        while self.pacer.pop_stale_retransmission(at).is_some() {}
        let mut available_bytes = self.path.available_bytes(at);
        while let Some((mut packet, bytes)) = self.pacer.pop(at, available_bytes > 0.0) {
            available_bytes -= bytes as f64;
            packet.now = now;
            outbound.push_back(packet);
        }
        self.path.send_queue.set(self.pacer.queue_delay());
        let paced = if available_bytes > 0.0 {
            self.pacer.poll_timeout().map(|next| now + next.since(at))
        } else {
            // The report that opens the window does not pass here.
            (!self.pacer.is_empty()).then_some(now + WINDOW_RETRY)
        };
        let copied = self.second_copies.front().map(|(due, _)| *due);
        self.timeout = paced.into_iter().chain(copied).min();
    }
}

impl Intercept for Pacing {
    fn handle_outbound(&mut self, packet: TaggedPacket, outbound: &mut Outbound) {
        let Packet::Rtp(rtp) = &packet.message.packet else { return outbound.push_back(packet) };
        if self.pacer.len() >= MAX_PACKETS {
            return;
        }
        let (bytes, now) = (rtp.marshal_size(), packet.now);
        let Some(priority) = self.admit(rtp, now) else { return };
        if priority == Priority::Retransmission && self.sends_twice() {
            let message = AttributedPacket::new(packet.message.packet.clone());
            let copy = TaggedPacket { now, transport: packet.transport, message };
            self.second_copies.push_back((now + SECOND_COPY_AFTER, copy));
        }
        self.pacer.push(clock::timestamp(now), priority, bytes, packet);
        self.release(now, outbound);
    }

    fn handle_timeout(&mut self, now: Instant, outbound: &mut Outbound) {
        if self.timeout.is_some_and(|at| at <= now) {
            self.release(now, outbound);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        let block = stream.rtp_header_extensions.iter().find(|extension| extension.uri == BLOCK_URI);
        self.block_extension = block.map(|extension| extension.id as u8).or(self.block_extension);
    }
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
    fn left(pacing: &mut Pacing, outbound: &mut Outbound, now: Instant) -> Vec<u16> {
        pacing.handle_timeout(now, outbound);
        outbound
            .drain(..)
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
        let mut outbound = Outbound::new();
        for _ in 0..100 {
            pacing.handle_outbound(video(now, sequence, Bytes::from_static(&[0x41; 1000])), &mut outbound);
            sequence += 1;
        }
        assert!(path.send_queue.get() > MAX_QUEUE_BEFORE_RETRANSMISSION, "the send queue is full");
        pacing.handle_outbound(video(now, sequence, KEY_FRAME), &mut outbound);
        let key = sequence;
        for _ in 0..70_000 {
            now += Duration::from_millis(1);
            sequence = sequence.wrapping_add(1);
            pacing.handle_outbound(video(now, sequence, Bytes::from_static(&[0x41; 10])), &mut outbound);
            left(&mut pacing, &mut outbound, now);
            if sequence % 1000 == key {
                let lost = sequence.wrapping_sub(3);
                pacing.handle_outbound(video(now, lost, Bytes::from_static(&[0x41; 10])), &mut outbound);
                assert!(left(&mut pacing, &mut outbound, now).contains(&lost), "packet {lost} is sent again");
            }
        }
    }
}
