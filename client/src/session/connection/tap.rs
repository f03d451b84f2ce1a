//! The RTCP tap: gives the session the key-frame requests and sender reports that the stack keeps to itself, and puts
//! capture times into our own sender reports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use maru_core::media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use maru_core::rtp::RtpTime;
use maru_core::time::Timestamp;
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::sender_report::SenderReport as RtcpSenderReport;

use super::event::{ConnectionEvent, MediaKind, Outbox, SenderReport};
use super::interceptor::{Intercept, Outbound};
use crate::clock;

/// When each of our streams was captured last, for our sender reports. Those of the stack give the time at which
/// packets pass here, later by the delay of the encoder and of the send queue.
#[derive(Debug, Default)]
pub(super) struct CaptureTimes {
    by_ssrc: Mutex<HashMap<u32, CaptureTime>>,
}

#[derive(Debug, Clone, Copy)]
struct CaptureTime {
    captured: Timestamp,
    rtp_time: RtpTime,
    clock_hz: u32,
}

impl CaptureTimes {
    pub(super) fn set(&self, ssrc: u32, kind: MediaKind, captured: Timestamp, rtp_time: RtpTime) {
        let time = CaptureTime { captured, rtp_time, clock_hz: clock_hz(kind) };
        self.by_ssrc.lock().unwrap_or_else(PoisonError::into_inner).insert(ssrc, time);
    }

    /// The RTP time of media captured at `now`.
    fn rtp_time(&self, ssrc: u32, now: Timestamp) -> Option<RtpTime> {
        let times = self.by_ssrc.lock().unwrap_or_else(PoisonError::into_inner);
        let last = times.get(&ssrc)?;
        let since = Timestamp::from_micros(now.as_micros().saturating_sub(last.captured.as_micros()));
        Some(last.rtp_time + since.rtp_time(last.clock_hz).value())
    }
}

pub(super) struct RtcpTap {
    outbox: Outbox,
    capture_times: Arc<CaptureTimes>,
    own_video_ssrc: u32,
}

impl RtcpTap {
    pub(super) fn new(outbox: Outbox, capture_times: Arc<CaptureTimes>, own_video_ssrc: u32) -> Self {
        Self { outbox, capture_times, own_video_ssrc }
    }

    fn report(&self, packet: &dyn rtc::rtcp::Packet, now: Instant) {
        let packet = packet.as_any();
        if let Some(report) = packet.downcast_ref::<RtcpSenderReport>() {
            // Before the first packet the timestamp cannot be extended. The next report comes soon.
            let Some((stream, newest)) = self.outbox.received_streams().get(report.ssrc) else { return };
            let (ntp, rtp_time) = (report.ntp_time, newest.nearest(report.rtp_time));
            let arrived = clock::timestamp(now);
            self.outbox.media(ConnectionEvent::SenderReport(SenderReport { stream, ntp, rtp_time, arrived }));
        } else if self.wants_key_frame(packet) {
            self.outbox.media(ConnectionEvent::KeyFrameRequested);
        }
    }

    fn wants_key_frame(&self, packet: &dyn std::any::Any) -> bool {
        if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            return pli.media_ssrc == self.own_video_ssrc;
        }
        packet
            .downcast_ref::<FullIntraRequest>()
            .is_some_and(|fir| fir.fir.iter().any(|entry| entry.ssrc == self.own_video_ssrc))
    }

    fn correct(&self, packet: &mut Box<dyn rtc::rtcp::Packet>, now: Instant) {
        let Some(report) = packet.as_any().downcast_ref::<RtcpSenderReport>() else { return };
        let now = clock::timestamp(now);
        let captured = self.capture_times.rtp_time(report.ssrc, now);
        let rtp_time = captured.map_or(report.rtp_time, RtpTime::truncated);
        *packet = Box::new(RtcpSenderReport { ntp_time: ntp(now), rtp_time, ..report.clone() });
    }
}

impl Intercept for RtcpTap {
    fn handle_inbound(&mut self, packet: &TaggedPacket) {
        if let Packet::Rtcp(packets) = &packet.message.packet {
            for rtcp in packets {
                self.report(rtcp.as_ref(), packet.now);
            }
        }
    }

    fn handle_outbound(&mut self, mut packet: TaggedPacket, outbound: &mut Outbound) {
        if let Packet::Rtcp(packets) = &mut packet.message.packet {
            for rtcp in packets {
                self.correct(rtcp, packet.now);
            }
        }
        outbound.push_back(packet);
    }
}

/// Seconds since 1900 in 32.32 fixed point (RFC 5905, 6), exact to a microsecond. One clock for all streams: the stack
/// reads the system's clock for each, and it may have been set in between.
pub(super) fn ntp(at: Timestamp) -> u64 {
    const UNIX_EPOCH_SECS: f64 = 2_208_988_800.0;
    ((clock::steady_unix_ms(at) / 1e3 + UNIX_EPOCH_SECS) * 2f64.powi(32)) as u64
}

fn clock_hz(kind: MediaKind) -> u32 {
    match kind {
        MediaKind::Audio => AUDIO_CLOCK_HZ,
        MediaKind::Video => VIDEO_CLOCK_HZ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use rtc::interceptor::AttributedPacket;
    use rtc::rtcp::payload_feedbacks::full_intra_request::FirEntry;
    use rtc::shared::TransportContext;

    const OWN_SSRC: u32 = 7;

    fn rtcp(packet: impl rtc::rtcp::Packet + 'static) -> TaggedPacket {
        let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(packet)]));
        TaggedPacket { now: Instant::now(), transport: TransportContext::default(), message }
    }

    #[test]
    fn only_requests_for_our_own_video_are_reported() {
        let (outbox, _carrier, mut events) = Outbox::new();
        let mut tap = RtcpTap::new(outbox, Arc::default(), OWN_SSRC);
        let pli = |media_ssrc| PictureLossIndication { sender_ssrc: 1, media_ssrc };
        let fir =
            |ssrc| FullIntraRequest { sender_ssrc: 1, media_ssrc: 0, fir: vec![FirEntry { ssrc, sequence_number: 0 }] };
        for packet in [rtcp(pli(8)), rtcp(fir(8)), rtcp(pli(OWN_SSRC)), rtcp(fir(OWN_SSRC))] {
            tap.handle_inbound(&packet);
        }
        for _ in 0..2 {
            assert!(matches!(events.try_recv(), Ok(ConnectionEvent::KeyFrameRequested)));
        }
        assert!(events.try_recv().is_err());
    }

    #[test]
    fn own_reports_tell_capture_times() {
        let (outbox, _carrier, _events) = Outbox::new();
        let times = Arc::new(CaptureTimes::default());
        let mut tap = RtcpTap::new(outbox, Arc::clone(&times), OWN_SSRC);
        let report = rtcp(RtcpSenderReport { ssrc: OWN_SSRC, rtp_time: 1, ..RtcpSenderReport::default() });
        let now = clock::timestamp(report.now);
        times.set(OWN_SSRC, MediaKind::Video, Timestamp::from_micros(now.as_micros() - 50_000), RtpTime::new(9_000));
        let mut outbound = Outbound::new();
        tap.handle_outbound(report, &mut outbound);
        let Some(Packet::Rtcp(packets)) = outbound.pop_front().map(|packet| packet.message.packet) else {
            panic!("the report is gone")
        };
        let report = packets[0].as_any().downcast_ref::<RtcpSenderReport>().expect("a report");
        assert_eq!(report.rtp_time, 9_000 + 50 * 90);
        let unix_ms = report.ntp_time as f64 / 2f64.powi(32) * 1e3 - 2_208_988_800_000.0;
        assert!((unix_ms - clock::steady_unix_ms(now)).abs() < 0.01, "{unix_ms}");
    }

    #[test]
    fn the_rtp_time_of_now_counts_from_the_last_capture() {
        let times = CaptureTimes::default();
        let captured = Timestamp::from_micros(1_000_000);
        times.set(7, MediaKind::Video, captured, RtpTime::new(9_000));
        // 20 ms later: 1800 ticks of 90 kHz.
        assert_eq!(times.rtp_time(7, Timestamp::from_micros(1_020_000)), Some(RtpTime::new(10_800)));
        assert_eq!(times.rtp_time(8, captured), None);
    }
}
