//! The encoder thread: scales, thins out and encodes the newest frame, once for all peers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use maru_core::backlog::Backlog;
use maru_core::frame::{I420, VideoFrame};
use maru_core::media::{AccessUnit, EncodedVideo};
use maru_core::scale::{fit, scale};
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

use super::h264::{CodecError, H264Encoder};
use super::latest::Latest;
use super::mean::SecondMean;
use super::thinner::Thinner;
use crate::clock;
use crate::media::event::report_failure;
use crate::media::thread::{StoppableThread, catch_panic};
use crate::media::{DeviceKind, DeviceProblem, MediaEvent, SendStats, VideoTarget};

/// The thread's handle. Dropping it ends the thread.
pub(super) struct EncoderThread {
    shared: Arc<Shared>,
    _thread: CloseThenJoin,
}

/// Where the capture thread puts frames. Cheap to clone.
#[derive(Clone)]
pub(super) struct EncoderInput {
    shared: Arc<Shared>,
}

struct Shared {
    frames: Latest<Arc<VideoFrame>>,
    control: Mutex<Control>,
}

/// What others set, and what they read.
struct Control {
    target: VideoTarget,
    key_wanted: bool,
    /// The key frame takes the place of what waits.
    is_urgent: bool,
    output: Option<mpsc::Sender<EncodedVideo>>,
    /// What waits on the ways to the peers; of those who are gone nothing is left.
    backlogs: Vec<Weak<Backlog>>,
    stats: SendStats,
    delay_ms: SecondMean,
}

/// Fields drop in order: the slot closes, which ends the thread's wait, then the thread is joined.
struct CloseThenJoin {
    _close: CloseSlot,
    _thread: Option<StoppableThread>,
}

struct CloseSlot(Arc<Shared>);

impl Drop for CloseSlot {
    fn drop(&mut self) {
        self.0.frames.close();
    }
}

impl EncoderThread {
    pub(super) fn start(events: mpsc::Sender<MediaEvent>) -> Self {
        let control = Control {
            target: DEFAULT_TARGET,
            key_wanted: false,
            is_urgent: false,
            output: None,
            backlogs: Vec::new(),
            stats: SendStats::default(),
            delay_ms: SecondMean::default(),
        };
        let shared = Arc::new(Shared { frames: Latest::new(), control: Mutex::new(control) });
        let spawned = StoppableThread::spawn("encoder", {
            let (shared, events) = (Arc::clone(&shared), events.clone());
            move |_| encode_all(&shared, &events)
        });
        let not_started = |error: std::io::Error| {
            report_failure(&events, DeviceKind::Camera, DeviceProblem::Crashed { reason: error.to_string() });
        };
        let thread = spawned.map_err(not_started).ok();
        let _thread = CloseThenJoin { _close: CloseSlot(Arc::clone(&shared)), _thread: thread };
        Self { shared, _thread }
    }

    pub(super) fn input(&self) -> EncoderInput {
        EncoderInput { shared: Arc::clone(&self.shared) }
    }

    /// Encodes for this receiver from now on, and no longer for the one before.
    pub(super) fn attach(&self) -> mpsc::Receiver<EncodedVideo> {
        let (output, units) = mpsc::channel(OUTPUT_QUEUE);
        let mut control = self.shared.control();
        control.output = Some(output);
        control.key_wanted = true;
        units
    }

    pub(super) fn set_target(&self, target: VideoTarget) {
        self.shared.control().target = target;
    }

    /// Frames are left out while too much of the last ones waits here.
    pub(super) fn watch_backlog(&self, backlog: &Arc<Backlog>) {
        let mut control = self.shared.control();
        control.backlogs.retain(|backlog| backlog.strong_count() > 0);
        control.backlogs.push(Arc::downgrade(backlog));
    }

    pub(super) fn request_key_frame(&self) {
        self.shared.control().key_wanted = true;
    }

    /// Whatever waits: nobody can use it without a key frame.
    pub(super) fn request_key_frame_at_once(&self) {
        let mut control = self.shared.control();
        control.key_wanted = true;
        control.is_urgent = true;
    }

    pub(super) fn stats(&self) -> SendStats {
        let control = self.shared.control();
        SendStats { encode_delay_ms: control.delay_ms.mean(), ..control.stats }
    }
}

impl EncoderInput {
    /// Hands over the newest frame. One that still waits is overwritten and counts as skipped.
    pub(super) fn put(&self, frame: Arc<VideoFrame>) {
        let overwritten = self.shared.frames.put(frame);
        let mut control = self.shared.control();
        control.stats.captured += 1;
        control.stats.skipped += u64::from(overwritten);
    }
}

impl Shared {
    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    fn backlog(&self) -> Duration {
        self.backlogs.iter().filter_map(Weak::upgrade).map(|backlog| backlog.get()).max().unwrap_or_default()
    }
}

/// The loop of the thread, which outlives a crash or an error of the codec.
fn encode_all(shared: &Shared, events: &mpsc::Sender<MediaEvent>) {
    let mut encoder = VideoEncoder::default();
    let mut told = false;
    while let Some(frame) = shared.frames.take() {
        let encoded = catch_panic(|| encode_one(shared, &mut encoder, &frame));
        let problem = match encoded {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => DeviceProblem::Crashed { reason: error.to_string() },
            Err(problem) => problem,
        };
        encoder = VideoEncoder::default();
        if !told {
            report_failure(events, DeviceKind::Camera, problem);
            told = true;
        }
    }
}

fn encode_one(shared: &Shared, encoder: &mut VideoEncoder, frame: &VideoFrame) -> Result<(), CodecError> {
    let (target, output) = {
        let mut control = shared.control();
        if control.output.as_ref().is_some_and(mpsc::Sender::is_closed) {
            control.output = None;
        }
        (control.target, control.output.clone())
    };
    let Some(output) = output.filter(|_| target.bitrate_bps > 0) else {
        // No call: the codec's memory is given back.
        *encoder = VideoEncoder::default();
        return Ok(());
    };
    if !encoder.thinner.takes(frame.at, target.max_fps) {
        return Ok(());
    }
    {
        // A frame that would have to wait is better made of what the camera sees then.
        let mut control = shared.control();
        if control.backlog() > MAX_BACKLOG && !control.is_urgent {
            control.stats.held += 1;
            return Ok(());
        }
    }
    // What cannot be handed over is not encoded: so nothing that is encoded is ever missing at the other end.
    let Ok(place) = output.try_reserve() else {
        shared.control().stats.skipped += 1;
        return Ok(());
    };
    let key_wanted = {
        let mut control = shared.control();
        control.is_urgent = false;
        std::mem::take(&mut control.key_wanted)
    };
    let unit = encoder.encode(frame, target, key_wanted)?;
    let mut control = shared.control();
    let Some(unit) = unit else {
        control.stats.skipped += 1;
        return Ok(());
    };
    let now = clock::now();
    control.delay_ms.add(now, now.since(frame.at).as_secs_f32() * 1e3);
    control.stats.encoded += 1;
    (control.stats.width, control.stats.height) = (unit.width, unit.height);
    drop(control);
    place.send(unit);
    Ok(())
}

/// The codec and what goes before it. A new codec is made where the size changes.
#[derive(Default)]
struct VideoEncoder {
    thinner: Thinner,
    codec: Option<H264Encoder>,
    scaled: Option<I420>,
}

impl VideoEncoder {
    fn encode(
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
        codec.set_bitrate(target.bitrate_bps)?;
        codec.set_max_fps(target.max_fps.min(NOMINAL_FPS))?;
        if key_wanted {
            codec.request_key_frame();
        }
        let max_bytes = f64::from(target.bitrate_bps) / 8.0 * MAX_PICTURE.as_secs_f64();
        let encoded = codec.encode_within(image, milliseconds(frame.at), max_bytes as usize)?;
        Ok(encoded.map(|encoded| EncodedVideo {
            unit: AccessUnit { data: encoded.data, is_key: encoded.is_key, rtp_time: frame.rtp_time },
            captured: frame.at,
            width: size.0,
            height: size.1,
        }))
    }
}

fn milliseconds(at: Timestamp) -> u64 {
    at.as_micros() / 1000
}

/// A frame and a half.
const MAX_BACKLOG: Duration = Duration::from_millis(50);
/// A frame that takes longer than this at the bitrate is felt as a standstill.
const MAX_PICTURE: Duration = Duration::from_millis(150);
/// About a quarter of a second.
const OUTPUT_QUEUE: usize = 8;
/// What cameras are opened at.
const NOMINAL_FPS: u32 = 30;
const DEFAULT_TARGET: VideoTarget =
    VideoTarget { bitrate_bps: 2_500_000, max_width: 1280, max_height: 720, max_fps: NOMINAL_FPS };

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
