//! The encoder thread: encodes the newest frame, once for all peers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use maru_core::frame::VideoFrame;
use maru_core::media::EncodedVideo;
use maru_core::send_queue::SendQueueDelay;
use tokio::sync::mpsc;

use super::h264::CodecError;
use super::latest::Latest;
use super::mean::SecondMean;
use super::stream_encoder::{NOMINAL_FPS, StreamEncoder};
use crate::clock;
use crate::media::event::report_failure;
use crate::media::thread::{StoppableThread, catch_panic};
use crate::media::{DeviceKind, DeviceProblem, MediaEvent, SendStats, VideoTarget};

/// One and a half frames at 30 frames per second. While more waits in a send queue, frames are dropped before encoding.
const MAX_BACKLOG: Duration = Duration::from_millis(50);
/// Encoded frames: a quarter of a second.
const OUTPUT_QUEUE: usize = 8;
const DEFAULT_TARGET: VideoTarget =
    VideoTarget { bitrate_bps: 2_500_000, max_width: 1280, max_height: 720, max_fps: NOMINAL_FPS };

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

/// Settings from other threads, and statistics for them.
struct Control {
    target: VideoTarget,
    key_wanted: bool,
    /// The key frame is encoded whatever the backlog.
    is_urgent: bool,
    output: Option<mpsc::Sender<EncodedVideo>>,
    /// One for each connection. A connection that ends drops its `SendQueueDelay`.
    backlogs: Vec<Weak<SendQueueDelay>>,
    stats: SendStats,
    delay_ms: SecondMean,
}

/// Fields drop in order: closing the slot ends the thread's wait, then the thread is joined.
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

    /// Replaces the receiver of encoded frames; the new one begins with a key frame.
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

    /// Frames are dropped before encoding while more than [`MAX_BACKLOG`] waits here.
    pub(super) fn watch_backlog(&self, backlog: &Arc<SendQueueDelay>) {
        let mut control = self.shared.control();
        control.backlogs.retain(|backlog| backlog.strong_count() > 0);
        control.backlogs.push(Arc::downgrade(backlog));
    }

    pub(super) fn request_key_frame(&self) {
        self.shared.control().key_wanted = true;
    }

    /// Whatever the backlog: without a key frame the receiver cannot use what waits.
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
    /// Hands over the newest frame. It replaces one that still waits, which is counted as dropped.
    pub(super) fn put(&self, frame: Arc<VideoFrame>) {
        let overwritten = self.shared.frames.put(frame);
        let mut control = self.shared.control();
        control.stats.captured += 1;
        control.stats.dropped_busy += u64::from(overwritten);
    }
}

impl Shared {
    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Control {
    /// The longest of all connections.
    fn backlog(&self) -> Duration {
        self.backlogs.iter().filter_map(Weak::upgrade).map(|backlog| backlog.get()).max().unwrap_or_default()
    }
}

/// The loop of the thread. After a panic or an error it continues with a new encoder.
fn encode_all(shared: &Shared, events: &mpsc::Sender<MediaEvent>) {
    let mut encoder = StreamEncoder::default();
    let mut reported = false;
    while let Some(frame) = shared.frames.take() {
        let encoded = catch_panic(|| encode_one(shared, &mut encoder, &frame));
        let problem = match encoded {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => DeviceProblem::Crashed { reason: error.to_string() },
            Err(problem) => problem,
        };
        encoder = StreamEncoder::default();
        if !reported {
            report_failure(events, DeviceKind::Camera, problem);
            reported = true;
        }
    }
}

fn encode_one(shared: &Shared, encoder: &mut StreamEncoder, frame: &VideoFrame) -> Result<(), CodecError> {
    let (target, output) = {
        let mut control = shared.control();
        if control.output.as_ref().is_some_and(mpsc::Sender::is_closed) {
            control.output = None;
        }
        (control.target, control.output.clone())
    };
    let Some(output) = output.filter(|_| target.bitrate_bps > 0) else {
        // Frees the codec's memory while there is no call.
        *encoder = StreamEncoder::default();
        return Ok(());
    };
    if !encoder.takes(frame.at, target.max_fps) {
        return Ok(());
    }
    {
        // A later frame shows what the camera sees then; this one would only wait.
        let mut control = shared.control();
        if control.backlog() > MAX_BACKLOG && !control.is_urgent {
            control.stats.dropped_backlog += 1;
            return Ok(());
        }
    }
    // A frame is encoded only if it can be handed over: a gap in what is encoded could not be decoded.
    let Ok(place) = output.try_reserve() else {
        shared.control().stats.dropped_busy += 1;
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
        control.stats.dropped_busy += 1;
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

#[cfg(test)]
mod tests;
