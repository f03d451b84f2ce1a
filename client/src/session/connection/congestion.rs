//! Tells the congestion controller what left and what the peer reports of it. Nearest to the wire: here packets have their
//! transport-wide numbers, and nothing waits any more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use maru_core::rtp::SequenceExtender;
use maru_core::time::Timestamp;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket, convert_twcc};
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp::extension::transport_cc_extension::TransportCcExtension;
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Error;
use rtc::shared::marshal::{MarshalSize, Unmarshal};

use super::path::PathState;
use crate::clock;

/// IPv4, UDP and the SRTP tag.
const OUTER_BYTES: usize = 20 + 8 + 10;

pub(super) struct CongestionMeter {
    path: Arc<PathState>,
    /// Of the transport-wide sequence numbers.
    sent: SequenceExtender,
    /// By our own SSRCs.
    streams: HashMap<u32, Stream>,
    inbound: VecDeque<TaggedPacket>,
    outbound: VecDeque<TaggedPacket>,
    /// When the controller is to be asked again.
    timeout: Option<Instant>,
}

struct Stream {
    /// Of the extension with the transport-wide number.
    extension_id: u8,
    /// What is not newer than the newest packet is sent again.
    sent: SequenceExtender,
}

impl CongestionMeter {
    pub(super) fn new(path: Arc<PathState>) -> Self {
        let (inbound, outbound) = (VecDeque::new(), VecDeque::new());
        Self { path, sent: SequenceExtender::new(), streams: HashMap::new(), inbound, outbound, timeout: None }
    }

    fn left(&mut self, packet: &rtc::rtp::packet::Packet, now: Instant) {
        let Some(stream) = self.streams.get_mut(&packet.header.ssrc) else { return };
        let Some(mut extension) = packet.header.get_extension(stream.extension_id) else { return };
        let Ok(TransportCcExtension { transport_sequence }) = TransportCcExtension::unmarshal(&mut extension) else {
            return;
        };
        let newest = stream.sent.newest();
        let is_retransmission = Some(stream.sent.extend(packet.header.sequence_number)) <= newest;
        let transport_sequence = self.sent.extend(transport_sequence);
        let (at, bytes) = (clock::timestamp(now), packet.marshal_size() + OUTER_BYTES);
        let next = self.path.handle_sent(at, transport_sequence, bytes, is_retransmission);
        self.plan(now, next);
    }

    fn reported(&mut self, report: &TransportLayerCc, now: Instant) {
        let Some(newest) = self.sent.newest() else { return };
        let packets: Vec<_> = convert_twcc(report)
            .iter()
            .map(|packet| (newest.nearest(packet.sequence_number), packet.arrival))
            .collect();
        let next = self.path.with(|controller| controller.handle_report(clock::timestamp(now), &packets));
        tracing::trace!(
            packets = packets.len(),
            target_bps = self.path.target_bps(),
            queue = ?self.path.queue_delay(),
            available_bytes = self.path.available_bytes(clock::timestamp(now)),
            "report"
        );
        self.plan(now, next);
    }

    fn plan(&mut self, now: Instant, next: Option<Timestamp>) {
        self.timeout = next.map(|at| now + at.since(clock::timestamp(now)));
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for CongestionMeter {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &packet.message.packet {
            for rtcp in packets {
                if let Some(report) = rtcp.as_any().downcast_ref::<TransportLayerCc>() {
                    self.reported(report, packet.now);
                }
            }
        }
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(rtp) = &packet.message.packet {
            self.left(rtp, packet.now);
        }
        self.outbound.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.timeout.is_some_and(|at| at <= now) {
            let next = self.path.with(|controller| controller.handle_timeout(clock::timestamp(now)));
            self.plan(now, next);
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.timeout
    }
}

impl Interceptor for CongestionMeter {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if let Some(extension) = info.rtp_header_extensions.iter().find(|extension| extension.uri == TRANSPORT_CC_URI) {
            self.streams.insert(info.ssrc, Stream { extension_id: extension.id as u8, sent: SequenceExtender::new() });
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
