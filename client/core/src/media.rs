//! Encoded video and audio.

use bytes::Bytes;

use crate::rtp::{RtpTime, Sequence};
use crate::time::Timestamp;

/// RTP clock of video (RFC 6184, 5.1).
pub const VIDEO_CLOCK_HZ: u32 = 90_000;
/// Sample rate and RTP clock of audio (RFC 7587, 4.1). Audio is mono everywhere in Maru.
pub const AUDIO_CLOCK_HZ: u32 = 48_000;
/// Samples in one Opus packet: 20 ms.
pub const OPUS_FRAME_SAMPLES: usize = 960;

/// Simulcast layers at most.
pub const MAX_LAYERS: usize = 3;

/// One of the encodings of the camera's video (a simulcast layer), from 0 to [`MAX_LAYERS`] - 1. Each receiver takes one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VideoLayerId(pub usize);

/// One H.264 access unit in Annex B form (start codes of 4 bytes), ready for a decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// In Annex B form.
    pub data: Bytes,
    /// Whether a decoder may start here: an IDR frame with its SPS and PPS.
    pub is_key: bool,
    /// At 90 kHz.
    pub rtp_time: RtpTime,
}

/// An access unit that we send.
#[derive(Debug, Clone)]
pub struct EncodedVideo {
    pub layer: VideoLayerId,
    pub unit: AccessUnit,
    /// No other frame refers to it: a receiver can do without.
    pub is_discardable: bool,
    /// When the frame was captured.
    pub captured: Timestamp,
    pub width: u32,
    pub height: u32,
}

/// An Opus packet that we send: 20 ms, mono.
#[derive(Debug, Clone)]
pub struct EncodedAudio {
    /// Of the RTP packet.
    pub payload: Bytes,
    /// At 48 kHz. It counts through DTX and mute.
    pub rtp_time: RtpTime,
    /// Set on the first packet after silence (RFC 3551, 4.1).
    pub marker: bool,
    /// When its first sample was captured.
    pub captured: Timestamp,
}

/// How the microphone is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioTarget {
    /// [`Self::LOW_BPS`] or [`Self::HIGH_BPS`].
    pub bitrate_bps: u32,
    /// Packets carry what is needed to recover the one before them (RFC 6716, 2.1.7), at the expense of quality.
    pub expects_loss: bool,
}

impl AudioTarget {
    pub const LOW_BPS: u32 = 32_000;
    pub const HIGH_BPS: u32 = 48_000;
}

impl Default for AudioTarget {
    fn default() -> Self {
        Self { bitrate_bps: Self::LOW_BPS, expects_loss: false }
    }
}

/// An Opus packet of a peer as it arrived: possibly late, duplicate or out of order.
#[derive(Debug, Clone)]
pub struct AudioPacket {
    /// Of the RTP packet.
    pub payload: Bytes,
    /// Extended, as `rtp_time`.
    pub sequence: Sequence,
    /// At 48 kHz.
    pub rtp_time: RtpTime,
    /// When it arrived here.
    pub arrived: Timestamp,
    /// It came with a later packet, and may have come before ([`crate::red`]).
    pub is_copy: bool,
}

/// Which kinds of media two participants can exchange. Both have to know a codec of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedMedia {
    pub audio: bool,
    pub video: bool,
}

impl SharedMedia {
    pub const ALL: Self = Self { audio: true, video: true };
}

/// Limits for the encoder of a layer. It is off at a bitrate of 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VideoTarget {
    pub bitrate_bps: u32,
    pub max_width: u32,
    pub max_height: u32,
    pub max_fps: u32,
    /// 2: no other frame refers to every second frame, so that it can be left out for one receiver and not for another.
    /// 0 or 1: each refers to the one before, which takes fewer bits. A change shows from the next key frame on.
    pub temporal_layers: u8,
}
