//! Encoded frames and sound on their way to and from the peers.

use bytes::Bytes;

use crate::rtp::{RtpTime, Sequence};
use crate::time::Timestamp;

/// RTP clock of video (RFC 6184, 5.1).
pub const VIDEO_CLOCK_HZ: u32 = 90_000;
/// Sample rate and RTP clock of sound (RFC 7587, 4.1). Mono everywhere inside Maru.
pub const AUDIO_CLOCK_HZ: u32 = 48_000;
/// Samples in one Opus packet: 20 ms.
pub const OPUS_FRAME_SAMPLES: usize = 960;

/// One H.264 access unit in Annex B form (start codes of 4 bytes), ready for a decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    pub data: Bytes,
    /// Whether a decoder may start here: an IDR frame with its SPS and PPS.
    pub is_key: bool,
    /// At 90 kHz.
    pub rtp_time: RtpTime,
}

/// An access unit of our own, on its way out.
#[derive(Debug, Clone)]
pub struct EncodedVideo {
    pub unit: AccessUnit,
    pub captured: Timestamp,
    pub width: u32,
    pub height: u32,
}

/// One Opus packet of our own: 20 ms, mono.
#[derive(Debug, Clone)]
pub struct EncodedAudio {
    pub payload: Bytes,
    /// At 48 kHz; jumps over what DTX or mute left out.
    pub rtp_time: RtpTime,
    /// Set on the first packet after silence (RFC 3551, 4.1).
    pub marker: bool,
    pub captured: Timestamp,
}

/// One Opus packet of a peer, as it came from the network: possibly late, doubled or out of order.
#[derive(Debug, Clone)]
pub struct AudioPacket {
    pub payload: Bytes,
    pub sequence: Sequence,
    pub rtp_time: RtpTime,
    pub arrived: Timestamp,
}

/// What the encoder may make at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoTarget {
    pub bitrate_bps: u32,
    pub max_width: u32,
    pub max_height: u32,
    pub max_fps: u32,
}
