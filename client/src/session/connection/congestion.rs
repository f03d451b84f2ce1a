//! Tells the congestion controller which packets left and what the peer reports on them. Nearest to the wire: packets
//! have their transport-wide numbers here, and wait for nothing any more.
//!
//! A peer that has not agreed on transport-wide feedback gets the send time with each packet of video instead, so that
//! it can send REMB.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use maru_core::congestion::ReportBlock;
use maru_core::rtp::SequenceExtender;
use maru_core::time::Timestamp;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket, convert_twcc};
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp::extension::abs_send_time_extension::AbsSendTimeExtension;
use rtc::rtp::extension::transport_cc_extension::TransportCcExtension;
use rtc::sdp::extmap::{ABS_SEND_TIME_URI, TRANSPORT_CC_URI};
use rtc::shared::marshal::{MarshalSize, Unmarshal};

use super::interceptor::{Intercept, Outbound};
use super::path::PathState;
use super::tap::ntp;
use crate::clock;

/// IPv4, UDP and the SRTP tag.
const OUTER_BYTES: usize = 20 + 8 + 10;
/// No round trip takes longer: a report block that says so is wrong.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(10);

pub(super) struct CongestionMeter {
    path: Arc<PathState>,
    transport_numbers: SequenceExtender,
    /// By our own SSRCs.
    streams: HashMap<u32, Stream>,
    /// When to call the controller again.
    timeout: Option<Instant>,
}

struct Stream {
    /// The extension with the transport-wide number, if negotiated.
    transport_cc: Option<u8>,
    abs_send_time: Option<u8>,
    numbers: SequenceExtender,
}

impl CongestionMeter {
    pub(super) fn new(path: Arc<PathState>) -> Self {
        Self { path, transport_numbers: SequenceExtender::new(), streams: HashMap::new(), timeout: None }
    }

    fn handle_sent(&mut self, packet: &mut rtc::rtp::packet::Packet, now: Instant) {
        let Some(stream) = self.streams.get_mut(&packet.header.ssrc) else { return };
        let newest = stream.numbers.newest();
        let is_retransmission = Some(stream.numbers.extend(packet.header.sequence_number)) <= newest;
        if is_retransmission {
            self.path.handle_retransmission(packet.header.ssrc);
        }
        let Some(extension_id) = stream.transport_cc else {
            if let Some(id) = stream.abs_send_time {
                stamp(packet, id, clock::timestamp(now));
            }
            return;
        };
        let Some(mut extension) = packet.header.get_extension(extension_id) else { return };
        let Ok(TransportCcExtension { transport_sequence }) = TransportCcExtension::unmarshal(&mut extension) else {
            return;
        };
        let sequence = self.transport_numbers.extend(transport_sequence);
        let bytes = packet.marshal_size() + OUTER_BYTES;
        let next = self.path.handle_sent(clock::timestamp(now), sequence, bytes, is_retransmission);
        self.schedule(now, next);
    }

    fn handle_transport_wide(&mut self, report: &TransportLayerCc, now: Instant) {
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

    /// Receiver reports come alone, or in the sender reports of a peer that sends too.
    fn handle_receiver_report(&mut self, reports: &[ReceptionReport], now: Instant) {
        let at = clock::timestamp(now);
        let ours = || reports.iter().filter(|report| self.streams.contains_key(&report.ssrc));
        let blocks: Vec<_> = ours().map(block).collect();
        if blocks.is_empty() {
            return;
        }
        let round_trip = ours().find_map(|report| round_trip(report, ntp(at)));
        let next = self.path.with(|controller| controller.handle_receiver_report(at, &blocks, round_trip));
        self.schedule(now, next);
    }

    fn handle_remb(&mut self, remb: &ReceiverEstimatedMaximumBitrate, now: Instant) {
        if remb.ssrcs.is_empty() || remb.ssrcs.iter().any(|ssrc| self.streams.contains_key(ssrc)) {
            let (at, bps) = (clock::timestamp(now), f64::from(remb.bitrate));
            let next = self.path.with(|controller| controller.handle_remb(at, bps));
            self.schedule(now, next);
        }
    }

    fn schedule(&mut self, now: Instant, next: Option<Timestamp>) {
        self.timeout = next.map(|at| now + at.since(clock::timestamp(now)));
    }
}

impl Intercept for CongestionMeter {
    fn handle_inbound(&mut self, packet: &TaggedPacket) {
        let Packet::Rtcp(packets) = &packet.message.packet else { return };
        for rtcp in packets {
            let rtcp = rtcp.as_any();
            if let Some(report) = rtcp.downcast_ref::<TransportLayerCc>() {
                self.handle_transport_wide(report, packet.now);
            } else if let Some(report) = rtcp.downcast_ref::<ReceiverReport>() {
                self.handle_receiver_report(&report.reports, packet.now);
            } else if let Some(report) = rtcp.downcast_ref::<SenderReport>() {
                self.handle_receiver_report(&report.reports, packet.now);
            } else if let Some(remb) = rtcp.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
                self.handle_remb(remb, packet.now);
            }
        }
    }

    fn handle_outbound(&mut self, mut packet: TaggedPacket, outbound: &mut Outbound) {
        if let Packet::Rtp(rtp) = &mut packet.message.packet {
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
        let id = |uri| {
            let extension = stream.rtp_header_extensions.iter().find(|extension| extension.uri == uri);
            extension.map(|extension| extension.id as u8)
        };
        let (transport_cc, abs_send_time) = (id(TRANSPORT_CC_URI), id(ABS_SEND_TIME_URI));
        let numbers = SequenceExtender::new();
        self.streams.insert(stream.ssrc, Stream { transport_cc, abs_send_time, numbers });
    }

    fn unbind_local(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }
}

/// Writes the send time into a packet.
fn stamp(packet: &mut rtc::rtp::packet::Packet, extension_id: u8, now: Timestamp) {
    let [.., high, middle, low] = AbsSendTimeExtension::new(ntp(now)).timestamp.to_be_bytes();
    if let Err(error) = packet.header.set_extension(extension_id, Bytes::copy_from_slice(&[high, middle, low])) {
        tracing::debug!(%error, "a packet without its send time");
    }
}

fn block(report: &ReceptionReport) -> ReportBlock {
    // 24 bits with a sign (RFC 3550, 6.4.1), which the stack reads without one.
    let lost = (report.total_lost << 8) as i32 >> 8;
    ReportBlock { ssrc: report.ssrc, highest_sequence: report.last_sequence_number, lost }
}

/// `now - LSR - DLSR` (RFC 3550, 6.4.1). `None` before our first sender report.
fn round_trip(report: &ReceptionReport, now_ntp: u64) -> Option<Duration> {
    let now = (now_ntp >> 16) as u32;
    let ticks = now.wrapping_sub(report.last_sender_report).wrapping_sub(report.delay);
    let round_trip = Duration::from_secs_f64(f64::from(ticks) / 65_536.0);
    (report.last_sender_report != 0 && round_trip < MAX_ROUND_TRIP).then_some(round_trip)
}

#[cfg(test)]
mod tests {
    use super::*;

    use rtc::interceptor::AttributedPacket;
    use rtc::rtp::header::Header;
    use rtc::shared::TransportContext;

    const SSRC: u32 = 7;

    fn tagged(now: Instant, packet: Packet) -> TaggedPacket {
        TaggedPacket { now, transport: TransportContext::default(), message: AttributedPacket::new(packet) }
    }

    fn meter(uris: &[&str]) -> (CongestionMeter, Arc<PathState>) {
        let path = Arc::new(PathState::default());
        let mut meter = CongestionMeter::new(Arc::clone(&path));
        let rtp_header_extensions = (1..)
            .zip(uris)
            .map(|(id, uri)| rtc::interceptor::RTPHeaderExtension { uri: (*uri).to_owned(), id })
            .collect();
        meter.bind_local(&StreamInfo { ssrc: SSRC, rtp_header_extensions, ..StreamInfo::default() });
        (meter, path)
    }

    #[test]
    fn remb_for_our_streams_limits_the_target() {
        let (mut meter, path) = meter(&[]);
        let remb = |ssrc| ReceiverEstimatedMaximumBitrate { sender_ssrc: 1, bitrate: 300e3, ssrcs: vec![ssrc] };
        meter.handle_inbound(&tagged(Instant::now(), Packet::Rtcp(vec![Box::new(remb(8))])));
        assert_eq!(path.target_bps(), 1_000_000);
        meter.handle_inbound(&tagged(Instant::now(), Packet::Rtcp(vec![Box::new(remb(SSRC))])));
        assert_eq!(path.target_bps(), 300_000);
        assert_eq!(path.pacing_bps(), 300_000);
    }

    #[test]
    fn receiver_reports_raise_and_lower_the_target() {
        let (mut meter, path) = meter(&[]);
        let mut now = Instant::now();
        let mut report = |last_sequence_number, total_lost| {
            now += Duration::from_secs(1);
            let report = ReceptionReport { ssrc: SSRC, last_sequence_number, total_lost, ..ReceptionReport::default() };
            let report = ReceiverReport { ssrc: 1, reports: vec![report], ..ReceiverReport::default() };
            meter.handle_inbound(&tagged(now, Packet::Rtcp(vec![Box::new(report)])));
            path.target_bps()
        };
        assert_eq!(report(100, 0), 1_000_000);
        let grown = report(200, 0xff_ffff);
        assert!(grown > 1_070_000, "one packet came twice: {grown}");
        assert!(report(300, 39) < grown, "40 of 100 were lost");
    }

    #[test]
    fn the_round_trip_is_the_time_since_our_report_less_that_at_the_peer() {
        let report = ReceptionReport { last_sender_report: 0x0001_8000, delay: 0x4000, ..ReceptionReport::default() };
        assert_eq!(round_trip(&report, 0x2_0000 << 16), Some(Duration::from_millis(250)));
        assert_eq!(round_trip(&ReceptionReport::default(), 0x2_0000 << 16), None);
        assert_eq!(round_trip(&report, 0), None, "before it was sent");
    }

    #[test]
    fn the_send_time_goes_with_video_only_without_transport_wide_numbers() {
        for (uris, is_stamped) in [(&[ABS_SEND_TIME_URI][..], true), (&[ABS_SEND_TIME_URI, TRANSPORT_CC_URI], false)] {
            let (mut meter, _) = meter(uris);
            let header = Header { version: 2, ssrc: SSRC, ..Header::default() };
            let rtp = rtc::rtp::packet::Packet { header, payload: Bytes::from_static(&[1]) };
            let mut outbound = Outbound::new();
            meter.handle_outbound(tagged(Instant::now(), Packet::Rtp(rtp)), &mut outbound);
            let Some(Packet::Rtp(rtp)) = outbound.pop_front().map(|packet| packet.message.packet) else {
                panic!("the packet is gone")
            };
            assert_eq!(rtp.header.get_extension(1).map(|extension| extension.len()), is_stamped.then_some(3));
        }
    }
}
