//! Tells the congestion controller which packets left and what the peer reports on them. Nearest to the wire: packets have
//! their transport-wide numbers here, and wait for nothing any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use maru_core::rtp::SequenceExtender;
use maru_core::time::Timestamp;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket, convert_twcc};
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp::extension::transport_cc_extension::TransportCcExtension;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::marshal::{MarshalSize, Unmarshal};

use super::interceptor::{Intercept, Outbound};
use super::path::PathState;
use crate::clock;

/// IPv4, UDP and the SRTP tag.
const OUTER_BYTES: usize = 20 + 8 + 10;

pub(super) struct CongestionMeter {
    path: Arc<PathState>,
    transport_numbers: SequenceExtender,
    /// By our own SSRCs.
    streams: HashMap<u32, Stream>,
    /// When to call the controller again.
    timeout: Option<Instant>,
}

struct Stream {
    /// Of the extension with the transport-wide number.
    extension_id: u8,
    numbers: SequenceExtender,
}

impl CongestionMeter {
    pub(super) fn new(path: Arc<PathState>) -> Self {
        Self { path, transport_numbers: SequenceExtender::new(), streams: HashMap::new(), timeout: None }
    }

    fn handle_sent(&mut self, packet: &rtc::rtp::packet::Packet, now: Instant) {
        let Some(stream) = self.streams.get_mut(&packet.header.ssrc) else { return };
        let Some(mut extension) = packet.header.get_extension(stream.extension_id) else { return };
        let Ok(TransportCcExtension { transport_sequence }) = TransportCcExtension::unmarshal(&mut extension) else {
            return;
        };
        let newest = stream.numbers.newest();
        let is_retransmission = Some(stream.numbers.extend(packet.header.sequence_number)) <= newest;
        let sequence = self.transport_numbers.extend(transport_sequence);
        let bytes = packet.marshal_size() + OUTER_BYTES;
        let next = self.path.handle_sent(clock::timestamp(now), sequence, bytes, is_retransmission);
        self.schedule(now, next);
    }

    fn handle_report(&mut self, report: &TransportLayerCc, now: Instant) {
        let Some(newest) = self.transport_numbers.newest() else { return };
        let packets: Vec<_> = convert_twcc(report)
            .iter()
            .map(|packet| (newest.nearest(packet.sequence_number), packet.arrival))
            .collect();
        let at = clock::timestamp(now);
        let next = self.path.with(|controller| controller.handle_report(at, &packets));
        tracing::trace!(
            packets = packets.len(),
            target_bps = self.path.target_bps(),
            queue = ?self.path.queue_delay(),
            available_bytes = self.path.available_bytes(at),
            "report"
        );
        self.schedule(now, next);
    }

    fn schedule(&mut self, now: Instant, next: Option<Timestamp>) {
        self.timeout = next.map(|at| now + at.since(clock::timestamp(now)));
    }
}

impl Intercept for CongestionMeter {
    fn handle_inbound(&mut self, packet: &TaggedPacket) {
        let Packet::Rtcp(packets) = &packet.message.packet else { return };
        for rtcp in packets {
            if let Some(report) = rtcp.as_any().downcast_ref::<TransportLayerCc>() {
                self.handle_report(report, packet.now);
            }
        }
    }

    fn handle_outbound(&mut self, packet: TaggedPacket, outbound: &mut Outbound) {
        if let Packet::Rtp(rtp) = &packet.message.packet {
            self.handle_sent(rtp, packet.now);
        }
        outbound.push_back(packet);
    }

    fn handle_timeout(&mut self, now: Instant, _outbound: &mut Outbound) {
        if self.timeout.is_some_and(|at| at <= now) {
            let next = self.path.with(|controller| controller.handle_timeout(clock::timestamp(now)));
            self.schedule(now, next);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn bind_local(&mut self, stream: &StreamInfo) {
        if let Some(extension) = stream.rtp_header_extensions.iter().find(|extension| extension.uri == TRANSPORT_CC_URI)
        {
            let (extension_id, numbers) = (extension.id as u8, SequenceExtender::new());
            self.streams.insert(stream.ssrc, Stream { extension_id, numbers });
        }
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }
}
