//! Scales frames and encodes them.

use std::time::Duration;

use maru_core::frame::{I420, VideoFrame};
use maru_core::media::{AccessUnit, EncodedVideo, VideoLayerId};
use maru_core::scale::{fit, scale};
use maru_core::time::Timestamp;

use super::frame_rate_limiter::FrameRateLimiter;
use super::h264::{CodecError, H264Encoder};
use crate::media::VideoTarget;

/// A frame that takes longer to send at the target bitrate looks like a freeze: it is encoded again, coarser.
const MAX_SEND_TIME: Duration = Duration::from_millis(150);
/// The rate at which cameras are opened.
const NOMINAL_FPS: u32 = 30;

/// Frame rate limiter, scaler and codec. The codec is replaced when the size changes.
#[derive(Default)]
pub(super) struct StreamEncoder {
    limiter: FrameRateLimiter,
    codec: Option<H264Encoder>,
    scaled: Option<I420>,
}

impl StreamEncoder {
    /// Whether the frame captured at `at` is to be encoded at a rate of `max_fps`.
    pub(super) fn takes(&mut self, at: Timestamp, max_fps: u32) -> bool {
        self.limiter.takes(at, max_fps)
    }

    /// Encodes `frame`, scaled down to `target`. `None`: the codec dropped the frame.
    ///
    /// # Errors
    /// The codec refuses the frame or a setting.
    pub(super) fn encode(
        &mut self,
        frame: &VideoFrame,
        target: VideoTarget,
        key_wanted: bool,
    ) -> Result<Option<EncodedVideo>, CodecError> {
        let original = &frame.image;
        let size = fit(original.width, original.height, target.max_width, target.max_height);
        let image = if size == (original.width, original.height) {
            self.scaled = None;
            original
        } else {
            let scaled = self.scaled.get_or_insert_with(|| I420::black(0, 0));
            scaled.reshape(size.0, size.1);
            scale(original, scaled);
            scaled
        };
        let codec = match self.codec.take().filter(|codec| codec.size() == size) {
            Some(codec) => codec,
            None => H264Encoder::new(size.0, size.1, target.bitrate_bps, target.max_fps)?,
        };
        let codec = self.codec.insert(codec);
        if key_wanted || !codec.has_begun() {
            codec.set_temporal_layers(target.temporal_layers)?;
        }
        codec.set_bitrate(target.bitrate_bps)?;
        codec.set_max_fps(target.max_fps.min(NOMINAL_FPS))?;
        if key_wanted {
            codec.request_key_frame();
        }
        let max_bytes = f64::from(target.bitrate_bps) / 8.0 * MAX_SEND_TIME.as_secs_f64();
        let encoded = codec.encode_within(image, frame.at.as_micros() / 1000, max_bytes as usize)?;
        Ok(encoded.map(|encoded| EncodedVideo {
            layer: VideoLayerId::default(),
            unit: AccessUnit { data: encoded.data, is_key: encoded.is_key, rtp_time: frame.rtp_time },
            is_discardable: encoded.is_discardable,
            captured: frame.at,
            width: size.0,
            height: size.1,
        }))
    }

    /// Whether it holds a codec, which takes several megabytes.
    #[cfg(test)]
    pub(super) fn has_codec(&self) -> bool {
        self.codec.is_some()
    }
}
