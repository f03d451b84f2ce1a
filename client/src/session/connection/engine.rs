//! How the stack is set up: codecs, feedback, interceptors, timings.

use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::ice::network_type::NetworkType;
use rtc::interceptor::{NackResponderBuilder, TwccReceiverBuilder};
use rtc::peer_connection::configuration::interceptor_registry::{
    Slot, configure_rtcp_reports, configure_twcc_sender_only,
};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap::ABS_SEND_TIME_URI;
use webrtc::peer_connection::{MediaEngine, Registry, SettingEngine, SettingEngineBuilder, SrtpProtectionProfile};

use super::congestion::CongestionMeter;
use super::error::ConnectionError;
use super::event::Outbox;
use super::interceptor::Adapter;
use super::nack::NackGenerator;
use super::pacing::Pacing;
use super::path::PathState;
use super::tap::{CaptureTimes, RtcpTap};

const H264_PAYLOAD_TYPE: u8 = 102;
const OPUS_PAYLOAD_TYPE: u8 = 111;
const RED_PAYLOAD_TYPE: u8 = 63;

/// Audio with copies of earlier audio ([`maru_core::red`]).
pub(super) const MIME_TYPE_RED: &str = "audio/red";

/// Packets kept for retransmission, a power of two: two seconds of video at 2.5 Mbit/s, one at 4.5.
const NACK_WINDOW: u16 = 512;

/// How often candidate pairs are checked. With the stack's 200 ms, a first check that comes too early costs 200 ms.
const ICE_CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// Checks of a pair before it fails: 10 s, in which a person at the other end can answer a firewall's question.
const ICE_CHECKS_PER_PAIR: u16 = 500;
/// Silence after which a connection counts as interrupted: six checks. It goes on being checked for five minutes, so that
/// it is back half a second after its network is, or after its other end has slept.
const ICE_DISCONNECTED: Duration = Duration::from_secs(3);
const ICE_FAILED: Duration = Duration::from_secs(300);
const ICE_KEEPALIVE: Duration = Duration::from_millis(500);
/// How long to wait for a better pair before one of this kind is nominated.
const SRFLX_WAIT: Duration = Duration::from_millis(60);
const PRFLX_WAIT: Duration = Duration::from_millis(30);
const RELAY_WAIT: Duration = Duration::from_millis(300);

/// Older packets are dropped as replayed. Retransmissions are late.
const SRTP_REPLAY_WINDOW: usize = 1024;

/// How often transport-wide feedback is sent. The stack's 100 ms would double the time to notice a full path.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(25);

/// The header extension for the place of a packet in its FEC block ([`maru_core::fec::BlockPlace`]). A peer that does
/// not know it is sent no FEC.
pub(super) const BLOCK_URI: &str = "urn:x-maru:repair-block";

/// Nearest to the wire, where every outbound report passes.
const TAP_SLOT: Slot = Slot::Custom(500);

/// SSRCs of our own streams.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ssrcs {
    pub(super) video: u32,
    pub(super) audio: u32,
}

/// Constrained Baseline, level 4: up to 1080p at 30 frames a second.
pub(super) fn video_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e028".to_owned(),
        rtcp_feedback: vec![
            feedback("nack", ""),
            feedback("nack", "pli"),
            feedback("ccm", "fir"),
            feedback("goog-remb", ""),
        ],
    }
}

pub(super) fn audio_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1;usedtx=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// Its parameters are the payload types of the packet and of its copies (RFC 2198, 5).
fn red_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RED.to_owned(),
        sdp_fmtp_line: format!("{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"),
        ..audio_codec()
    }
}

/// One codec of each kind, copies of audio, and no RTX, with which the stack would retransmit without limit.
pub(super) fn media_engine() -> Result<MediaEngine, ConnectionError> {
    let mut engine = MediaEngine::default();
    for (rtp_codec, payload_type, kind) in [
        (video_codec(), H264_PAYLOAD_TYPE, RtpCodecKind::Video),
        (audio_codec(), OPUS_PAYLOAD_TYPE, RtpCodecKind::Audio),
        (red_codec(), RED_PAYLOAD_TYPE, RtpCodecKind::Audio),
    ] {
        engine
            .register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind)
            .map_err(|error| ConnectionError::Setup(error.to_string()))?;
    }
    // By the send time a peer without transport-wide feedback estimates what it can receive (REMB).
    for uri in [BLOCK_URI, ABS_SEND_TIME_URI] {
        let extension = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
        engine
            .register_header_extension(extension, RtpCodecKind::Video, None)
            .map_err(|error| ConnectionError::Setup(error.to_string()))?;
    }
    Ok(engine)
}

pub(super) fn interceptors(
    engine: &mut MediaEngine,
    outbox: Outbox,
    capture_times: Arc<CaptureTimes>,
    path: &Arc<PathState>,
    own_ssrcs: Ssrcs,
) -> Result<Registry, ConnectionError> {
    let responder = NackResponderBuilder::new().with_size(NACK_WINDOW).build();
    let registry = configure_twcc_sender_only(Registry::new(), engine)
        .map_err(|error| ConnectionError::Setup(error.to_string()))?;
    Ok(configure_rtcp_reports(registry)
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().with_interval(FEEDBACK_INTERVAL).build())
        .with(Slot::NackResponder, responder)
        .with(Slot::Pacer, Adapter::new(Pacing::new(Arc::clone(path), own_ssrcs.audio)))
        .with(Slot::NackGenerator, Adapter::new(NackGenerator::new(own_ssrcs.video, Arc::clone(path))))
        .with(Slot::CongestionControl, Adapter::new(CongestionMeter::new(Arc::clone(path))))
        .with(TAP_SLOT, Adapter::new(RtcpTap::new(outbox, capture_times, own_ssrcs.video))))
}

pub(super) fn settings() -> SettingEngine {
    SettingEngineBuilder::new()
        // A retransmission reuses its packet's index with another header extension: harmless with this profile, and a
        // nonce used twice with AES-GCM.
        .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80])
        .with_srtp_replay_protection_window(SRTP_REPLAY_WINDOW)
        // It opens a multicast socket, and fails without one.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_network_types(vec![NetworkType::Udp4, NetworkType::Udp6])
        .with_include_loopback_candidate(true)
        .with_discard_local_candidates_during_ice_restart(true)
        .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEPALIVE))
        .with_ice_connection_attempts(Some(ICE_CHECK_INTERVAL), Some(ICE_CHECKS_PER_PAIR))
        .with_host_acceptance_min_wait(Some(Duration::ZERO))
        .with_srflx_acceptance_min_wait(Some(SRFLX_WAIT))
        .with_prflx_acceptance_min_wait(Some(PRFLX_WAIT))
        .with_relay_acceptance_min_wait(Some(RELAY_WAIT))
        .build()
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() }
}
