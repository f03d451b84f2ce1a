//! Statistics of a connection.

use std::time::Duration;

use maru_core::media::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use webrtc::peer_connection::{RTCStatsReport, RTCStatsReportEntry};

/// Counted since the connection was opened, unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ConnectionStats {
    pub video: StreamStats,
    pub audio: StreamStats,
    /// Of the nominated candidate pair, measured about every two seconds.
    pub round_trip: Option<Duration>,
    /// Media and feedback dropped because the event queue was full.
    pub events_dropped: u64,
    /// Messages of the data channel that were binary, too long, or not UTF-8.
    pub texts_rejected: u64,
}

/// One kind of media, both ways. Bytes are of RTP with its headers, without UDP and IP.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StreamStats {
    pub sent_packets: u64,
    pub sent_bytes: u64,
    pub received_packets: u64,
    pub received_bytes: u64,
    /// Expected less received packets: negative if packets arrived twice (RFC 3550, 6.4.1).
    pub lost_packets: i64,
    /// Interarrival jitter (RFC 3550, 6.4.1).
    pub jitter: Duration,
    /// Loss rate at the peer, by its newest report, since the one before; 0 to 1.
    pub remote_loss: Option<f32>,
    pub nacks_sent: u64,
    pub nacks_received: u64,
}

impl ConnectionStats {
    pub(super) fn read(report: &RTCStatsReport) -> Self {
        let mut stats = Self::default();
        for entry in report.iter() {
            stats.add(entry);
        }
        stats
    }

    fn add(&mut self, entry: &RTCStatsReportEntry) {
        match entry {
            RTCStatsReportEntry::InboundRtp(inbound) => {
                let received = &inbound.received_rtp_stream_stats;
                let kind = received.rtp_stream_stats.kind;
                let stream = self.stream(kind);
                stream.received_packets += received.packets_received;
                stream.received_bytes += inbound.bytes_received + inbound.header_bytes_received;
                stream.lost_packets += received.packets_lost;
                // In ticks of the RTP clock.
                stream.jitter = duration(received.jitter / f64::from(clock_hz(kind)));
                stream.nacks_sent += u64::from(inbound.nack_count);
            }
            RTCStatsReportEntry::OutboundRtp(outbound) => {
                let sent = &outbound.sent_rtp_stream_stats;
                let stream = self.stream(sent.rtp_stream_stats.kind);
                stream.sent_packets += sent.packets_sent;
                stream.sent_bytes += sent.bytes_sent + outbound.header_bytes_sent;
                stream.nacks_received += u64::from(outbound.nack_count);
            }
            RTCStatsReportEntry::RemoteInboundRtp(remote) => {
                let kind = remote.received_rtp_stream_stats.rtp_stream_stats.kind;
                self.stream(kind).remote_loss = Some(remote.fraction_lost as f32);
            }
            RTCStatsReportEntry::IceCandidatePair(pair) if pair.nominated && pair.responses_received > 0 => {
                self.round_trip = Some(duration(pair.current_round_trip_time));
            }
            _ => {}
        }
    }

    fn stream(&mut self, kind: RtpCodecKind) -> &mut StreamStats {
        if kind == RtpCodecKind::Video { &mut self.video } else { &mut self.audio }
    }
}

fn clock_hz(kind: RtpCodecKind) -> u32 {
    if kind == RtpCodecKind::Video { VIDEO_CLOCK_HZ } else { AUDIO_CLOCK_HZ }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
