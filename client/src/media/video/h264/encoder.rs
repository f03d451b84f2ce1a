//! Pictures to H.264, constrained baseline.

use bytes::Bytes;
use maru_core::picture::I420;
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, Profile, RateControlMode,
    UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_MAX_BITRATE, SBitrateInfo,
    SPATIAL_LAYER_0,
};

use super::CodecError;

/// Encodes pictures of one size. Key frames come first, when asked for, and where the scene changes.
pub struct H264Encoder {
    encoder: Encoder,
    width: u32,
    height: u32,
    bitrate_bps: u32,
    max_fps: u32,
    /// Until the next key frame is out.
    key_wanted: bool,
    /// The codec takes its options only after the first picture.
    running: bool,
}

/// One access unit in Annex B form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPicture {
    pub data: Bytes,
    /// An IDR picture with its SPS and PPS in front.
    pub is_key: bool,
}

impl H264Encoder {
    /// # Errors
    /// The size is not one that the codec takes.
    pub fn new(width: u32, height: u32, bitrate_bps: u32, max_fps: u32) -> Result<Self, CodecError> {
        let sides = 16..=3840;
        if !width.is_multiple_of(2) || !height.is_multiple_of(2) || !sides.contains(&width) || !sides.contains(&height)
        {
            return Err(CodecError::Size { width, height });
        }
        let (bitrate_bps, max_fps) = (bitrate_bps.clamp(MIN_BPS, MAX_BPS), max_fps.clamp(1, 60));
        let config = config(height, bitrate_bps, max_fps);
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
        Ok(Self { encoder, width, height, bitrate_bps, max_fps, key_wanted: true, running: false })
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The next picture is a key frame.
    pub fn request_key_frame(&mut self) {
        self.key_wanted = true;
    }

    /// Takes effect with the next picture, without a key frame.
    ///
    /// # Errors
    /// The codec refuses; the old bitrate stays.
    pub fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), CodecError> {
        let bitrate_bps = bitrate_bps.clamp(MIN_BPS, MAX_BPS);
        if bitrate_bps == self.bitrate_bps {
            return Ok(());
        }
        if !self.running {
            return self.start_over(bitrate_bps, self.max_fps);
        }
        // The maximum must never be below the target, not even between the two calls.
        if bitrate_bps > self.bitrate_bps {
            self.set_maximum(bitrate_bps)?;
            self.set_target(bitrate_bps)?;
        } else {
            self.set_target(bitrate_bps)?;
            self.set_maximum(bitrate_bps)?;
        }
        self.bitrate_bps = bitrate_bps;
        Ok(())
    }

    fn set_target(&mut self, bitrate_bps: u32) -> Result<(), CodecError> {
        let info = SBitrateInfo { iLayer: SPATIAL_LAYER_0, iBitrate: bitrate_bps as i32 };
        self.set_option(ENCODER_OPTION_BITRATE, info, "the bitrate")
    }

    /// Above the target by [`HEADROOM_PERCENT`].
    fn set_maximum(&mut self, bitrate_bps: u32) -> Result<(), CodecError> {
        let maximum_bps = (bitrate_bps / 100 * (100 + HEADROOM_PERCENT)).min(MAX_BPS * 2);
        let info = SBitrateInfo { iLayer: SPATIAL_LAYER_0, iBitrate: maximum_bps as i32 };
        self.set_option(ENCODER_OPTION_MAX_BITRATE, info, "the maximum bitrate")
    }

    /// The rate that pictures will come at: the bitrate is divided by it.
    ///
    /// # Errors
    /// The codec refuses; the old rate stays.
    pub fn set_max_fps(&mut self, max_fps: u32) -> Result<(), CodecError> {
        let max_fps = max_fps.clamp(1, 60);
        if max_fps == self.max_fps {
            return Ok(());
        }
        if !self.running {
            return self.start_over(self.bitrate_bps, max_fps);
        }
        self.set_option(ENCODER_OPTION_FRAME_RATE, max_fps as f32, "the frame rate")?;
        self.max_fps = max_fps;
        Ok(())
    }

    /// Encodes `image`, captured at `time_ms` on any clock. `None`: left out to keep the bitrate.
    ///
    /// # Errors
    /// The picture has another size, or the codec fails.
    pub fn encode(&mut self, image: &I420, time_ms: u64) -> Result<Option<EncodedPicture>, CodecError> {
        let (width, height) = (image.width, image.height);
        let luma = width as usize * height as usize;
        if (width, height) != self.size()
            || image.y.len() != luma
            || image.u.len() * 4 != luma
            || image.v.len() * 4 != luma
        {
            return Err(CodecError::Size { width, height });
        }
        if self.key_wanted && self.running {
            self.encoder.force_intra_frame();
        }
        let (width, height) = (width as usize, height as usize);
        let source = YUVSlices::new(
            (image.y.as_slice(), image.u.as_slice(), image.v.as_slice()),
            (width, height),
            (width, width / 2, width / 2),
        );
        let stream = self.encoder.encode_at(&source, openh264::Timestamp::from_millis(time_ms))?;
        let is_key = match stream.frame_type() {
            FrameType::IDR => true,
            FrameType::I | FrameType::P | FrameType::IPMixed => false,
            FrameType::Skip | FrameType::Invalid => return Ok(None),
        };
        let data = stream.to_vec();
        if !self.running {
            self.running = true;
            self.set_maximum(self.bitrate_bps)?;
        }
        self.key_wanted &= !is_key;
        Ok((!data.is_empty()).then(|| EncodedPicture { data: data.into(), is_key }))
    }

    fn start_over(&mut self, bitrate_bps: u32, max_fps: u32) -> Result<(), CodecError> {
        *self = Self::new(self.width, self.height, bitrate_bps, max_fps)?;
        Ok(())
    }

    fn set_option<T>(&mut self, option: ENCODER_OPTION, mut value: T, what: &'static str) -> Result<(), CodecError> {
        // SAFETY: the codec is initialised (`running`), reads the value during the call only, and each caller passes the
        // type that the option is documented to take (codec_app_def.h).
        let code = unsafe { self.encoder.raw_api().set_option(option, (&raw mut value).cast()) };
        if code == 0 { Ok(()) } else { Err(CodecError::Option { what, code }) }
    }
}

fn config(height: u32, bitrate_bps: u32, max_fps: u32) -> EncoderConfig {
    let colours = if height < 720 { VuiConfig::bt601() } else { VuiConfig::bt709() };
    EncoderConfig::new()
        .profile(Profile::Baseline)
        .usage_type(UsageType::CameraVideoRealTime)
        .rate_control_mode(RateControlMode::Bitrate)
        .bitrate(BitRate::from_bps(bitrate_bps))
        .max_frame_rate(FrameRate::from_hz(max_fps as f32))
        .skip_frames(true)
        .complexity(Complexity::Low)
        // A key frame is large: only those who lost something ask for it.
        .intra_frame_period(IntraFramePeriod::auto())
        // With a key frame, whose size the codec keeps small, instead of a picture of several times that.
        .scene_change_detect(true)
        // Both look over the whole picture first, and give little at the bitrates of a call.
        .adaptive_quantization(false)
        .background_detection(false)
        .num_threads(1)
        .vui(colours)
}

/// The codec leaves out pictures so that no five seconds exceed the maximum. That is the pacer's business, which knows the
/// path: here it would only be a standstill after each change of scene.
const HEADROOM_PERCENT: u32 = 400;
/// Less is no picture.
const MIN_BPS: u32 = 30_000;
/// Of level 3.1, baseline (H.264, table A-1).
const MAX_BPS: u32 = 14_000_000;
