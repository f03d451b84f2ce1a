//! Encodes H.264, constrained baseline.

use bytes::Bytes;
use maru_core::frame::I420;
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, Profile, RateControlMode,
    UsageType, VuiConfig,
};
use openh264::formats::YUVSlices;
use openh264_sys2::{
    ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_GET_STATISTICS,
    ENCODER_OPTION_MAX_BITRATE, ENCODER_OPTION_RC_MODE, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT,
    ENCODER_OPTION_TRACE_LEVEL, RC_BITRATE_MODE, RC_OFF_MODE, SBitrateInfo, SEncParamExt, SEncoderStatistics,
    SPATIAL_LAYER_0, WELS_LOG_QUIET,
};

use super::CodecError;

/// How far the maximum bitrate is above the target. The codec refuses a target above its maximum, and raises the stream's
/// level if the maximum exceeds the level's limit.
const HEADROOM_PERCENT: u32 = 400;
/// Quantizer steps that halve the bytes of a key frame (measured with a film; the step size doubles every 6).
const STEPS_TO_HALF: f64 = 5.5;
/// A frame that is encoded again aims at this share of the allowed bytes.
const COARSE_SHARE: f64 = 0.9;
/// With a coarser quantizer nothing can be recognised.
const MAX_QUANTIZER: f64 = 44.0;
/// With less no frame can be encoded.
const MIN_BPS: u32 = 30_000;
/// Of level 3.1, baseline profile (H.264, table A-1).
const MAX_BPS: u32 = 14_000_000;

/// Encodes frames of one size. The first frame is a key frame, as is each that is requested or begins a new scene.
pub struct H264Encoder {
    encoder: Encoder,
    width: u32,
    height: u32,
    bitrate_bps: u32,
    max_fps: u32,
    temporal_layers: u8,
    /// Until the next key frame is encoded.
    key_wanted: bool,
    last_was_key: bool,
    /// The codec accepts options only after its first frame.
    running: bool,
}

/// One access unit (H.264, annex B).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    pub data: Bytes,
    /// An IDR frame, with SPS and PPS before it.
    pub is_key: bool,
    /// No other frame refers to it (`nal_ref_idc` is 0; H.264, 7.4.1).
    pub is_discardable: bool,
}

impl H264Encoder {
    /// # Errors
    /// The sides are odd or not within 16 to 3840.
    pub fn new(width: u32, height: u32, bitrate_bps: u32, max_fps: u32) -> Result<Self, CodecError> {
        let sides = 16..=3840;
        if !width.is_multiple_of(2) || !height.is_multiple_of(2) || !sides.contains(&width) || !sides.contains(&height)
        {
            return Err(CodecError::Size { width, height });
        }
        let (bitrate_bps, max_fps) = (bitrate_bps.clamp(MIN_BPS, MAX_BPS), max_fps.clamp(1, 60));
        let config = config(height, bitrate_bps, max_fps);
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config)?;
        let mut this = Self {
            encoder,
            width,
            height,
            bitrate_bps,
            max_fps,
            temporal_layers: 1,
            key_wanted: true,
            last_was_key: false,
            running: false,
        };
        // Otherwise it prints a warning that frames are not dropped; the encoder thread drops them.
        this.set_option(ENCODER_OPTION_TRACE_LEVEL, WELS_LOG_QUIET, "to be quiet")?;
        Ok(this)
    }

    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Whether it has encoded a frame.
    pub fn has_begun(&self) -> bool {
        self.running
    }

    /// The next frame is a key frame.
    pub fn request_key_frame(&mut self) {
        self.key_wanted = true;
    }

    /// Takes effect with the next frame, which need not be a key frame.
    ///
    /// # Errors
    /// The codec refuses, and keeps the old bitrate.
    pub fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), CodecError> {
        let bitrate_bps = bitrate_bps.clamp(MIN_BPS, MAX_BPS);
        if bitrate_bps == self.bitrate_bps {
            return Ok(());
        }
        if !self.running {
            return self.start_over(bitrate_bps, self.max_fps);
        }
        // The codec refuses a maximum below the target, also between the two calls.
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
        let info = SBitrateInfo { iLayer: SPATIAL_LAYER_0, iBitrate: maximum_bps(bitrate_bps) };
        self.set_option(ENCODER_OPTION_MAX_BITRATE, info, "the maximum bitrate")
    }

    /// The expected frame rate; the rate control divides the bitrate by it.
    ///
    /// # Errors
    /// The codec refuses, and keeps the old rate.
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

    /// Encodes `image`, captured at `time_ms` on any clock. `None`: the codec dropped it.
    ///
    /// # Errors
    /// The frame has another size, or the codec fails.
    pub fn encode(&mut self, image: &I420, time_ms: u64) -> Result<Option<EncodedFrame>, CodecError> {
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
        self.last_was_key = is_key;
        Ok((!data.is_empty()).then(|| EncodedFrame {
            is_discardable: is_discardable(&data),
            data: data.into(),
            is_key,
        }))
    }

    /// As [`Self::encode`], but a frame of more than `max_bytes`, as at a change of scene, is encoded again as a coarse key
    /// frame of about that size. The frames after it add the detail.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_within(
        &mut self,
        image: &I420,
        time_ms: u64,
        max_bytes: usize,
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let follows_key = self.last_was_key;
        let encoded = self.encode(image, time_ms)?;
        let excess = encoded.as_ref().map_or(0.0, |encoded| encoded.data.len() as f64 / max_bytes.max(1) as f64);
        // The frame after a coarse key frame is large because it adds the detail, not because the scene changes.
        if excess <= 1.0 || follows_key {
            return Ok(encoded);
        }
        let quantizer = f64::from(self.last_quantizer()?) + STEPS_TO_HALF * (excess / COARSE_SHARE).log2();
        self.fix_quantizer(quantizer.round().min(MAX_QUANTIZER) as i32)?;
        self.key_wanted = true;
        let again = self.encode(image, time_ms);
        self.set_option(ENCODER_OPTION_RC_MODE, RC_BITRATE_MODE, "rate control")?;
        again
    }

    /// The mean quantizer of the last frame.
    fn last_quantizer(&mut self) -> Result<u32, CodecError> {
        let statistics: SEncoderStatistics = self.option(ENCODER_OPTION_GET_STATISTICS, "to say what it does")?;
        Ok(statistics.uiAverageFrameQP)
    }

    /// Switches the rate control off: the next frame must not change its state.
    fn fix_quantizer(&mut self, quantizer: i32) -> Result<(), CodecError> {
        let mut parameters = self.parameters()?;
        parameters.sSpatialLayers[0].iDLayerQp = quantizer;
        self.set_option(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, parameters, "a quantizer")?;
        self.set_option(ENCODER_OPTION_RC_MODE, RC_OFF_MODE, "rate control")
    }

    fn option<T: Default>(&mut self, option: ENCODER_OPTION, what: &'static str) -> Result<T, CodecError> {
        let mut value = T::default();
        // SAFETY: the codec writes a value of this type during the call only, and each caller names the type that the option
        // is documented to give (codec_app_def.h).
        let code = unsafe { self.encoder.raw_api().get_option(option, (&raw mut value).cast()) };
        if code == 0 { Ok(value) } else { Err(CodecError::Option { what, code }) }
    }

    /// With 2, no other frame refers to every second frame. The next frame is a key frame.
    ///
    /// # Errors
    /// The codec refuses, and goes on as before.
    pub fn set_temporal_layers(&mut self, temporal_layers: u8) -> Result<(), CodecError> {
        let temporal_layers = temporal_layers.clamp(1, 2);
        if temporal_layers == self.temporal_layers {
            return Ok(());
        }
        if !self.running {
            self.encode(&I420::black(self.width, self.height), 0)?;
        }
        let mut parameters = self.parameters()?;
        parameters.iTemporalLayerNum = temporal_layers.into();
        self.set_option(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, parameters, "temporal layers")?;
        self.temporal_layers = temporal_layers;
        self.key_wanted = true;
        self.last_was_key = false;
        Ok(())
    }

    /// What the codec is set to, to be changed and set again. It returns the rates of its start, and refuses them when they
    /// differ from the current ones.
    fn parameters(&mut self) -> Result<SEncParamExt, CodecError> {
        let mut parameters: SEncParamExt =
            self.option(ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, "to say what it is set to")?;
        let maximum_bps = maximum_bps(self.bitrate_bps);
        parameters.iTargetBitrate = self.bitrate_bps as i32;
        parameters.iMaxBitrate = maximum_bps;
        parameters.fMaxFrameRate = self.max_fps as f32;
        parameters.sSpatialLayers[0].iSpatialBitrate = self.bitrate_bps as i32;
        parameters.sSpatialLayers[0].iMaxSpatialBitrate = maximum_bps;
        parameters.sSpatialLayers[0].fFrameRate = self.max_fps as f32;
        Ok(parameters)
    }

    fn start_over(&mut self, bitrate_bps: u32, max_fps: u32) -> Result<(), CodecError> {
        *self = Self::new(self.width, self.height, bitrate_bps, max_fps)?;
        Ok(())
    }

    fn set_option<T>(&mut self, option: ENCODER_OPTION, mut value: T, what: &'static str) -> Result<(), CodecError> {
        // SAFETY: the codec reads the value during the call only (what it is not ready for it refuses), and each caller
        // passes the type that the option is documented to take (codec_app_def.h).
        let code = unsafe { self.encoder.raw_api().set_option(option, (&raw mut value).cast()) };
        if code == 0 { Ok(()) } else { Err(CodecError::Option { what, code }) }
    }
}

/// [`HEADROOM_PERCENT`] above the target.
fn maximum_bps(bitrate_bps: u32) -> i32 {
    (bitrate_bps / 100 * (100 + HEADROOM_PERCENT)).min(MAX_BPS * 2) as i32
}

/// Whether the first slice says that no other frame refers to it.
fn is_discardable(access_unit: &[u8]) -> bool {
    let after_start_codes = access_unit.windows(4).filter(|bytes| bytes.starts_with(&[0, 0, 1])).map(|bytes| bytes[3]);
    let mut slices = after_start_codes.filter(|header| matches!(header & 0x1f, 1 | 5));
    slices.next().is_some_and(|header| header & 0x60 == 0)
}

fn config(height: u32, bitrate_bps: u32, max_fps: u32) -> EncoderConfig {
    let colours = if height < 720 { VuiConfig::bt601() } else { VuiConfig::bt709() };
    EncoderConfig::new()
        .profile(Profile::Baseline)
        .usage_type(UsageType::CameraVideoRealTime)
        .rate_control_mode(RateControlMode::Bitrate)
        .bitrate(BitRate::from_bps(bitrate_bps))
        .max_frame_rate(FrameRate::from_hz(max_fps as f32))
        // The encoder thread drops frames by the send queue. The codec would drop by its own budget of five seconds, up to
        // seven frames after a change of scene.
        .skip_frames(false)
        .complexity(Complexity::Low)
        // Key frames are large: they are sent on request only.
        .intra_frame_period(IntraFramePeriod::auto())
        // A new scene becomes a key frame, which is several times smaller than a predicted frame of it.
        .scene_change_detect(true)
        // Both analyse the whole frame first and gain little at the bitrates of a call.
        .adaptive_quantization(false)
        .background_detection(false)
        .num_threads(1)
        .vui(colours)
}
