//! The encoder thread: encodes the newest frame, once for each simulcast layer that somebody takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maru_core::frame::VideoFrame;
use maru_core::layer_control::{Admission, LayerControl};
use maru_core::media::{EncodedVideo, MAX_LAYERS, VideoLayerId};
use maru_core::send_queue::SendQueueDelay;
use tokio::sync::mpsc;

use super::h264::CodecError;
use super::latest::Latest;
use super::mean::SecondMean;
use super::stream_encoder::StreamEncoder;
use crate::clock;
use crate::media::codec_failures::CodecFailures;
use crate::media::event::report_failure;
use crate::media::thread::{StoppableThread, catch_panic};
use crate::media::{DeviceKind, DeviceProblem, MediaEvent, SendStats, VideoTarget};

/// Encoded frames: a quarter of a second of one layer.
const OUTPUT_QUEUE: usize = 8;

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
    layers: [LayerControl; MAX_LAYERS],
    output: Option<mpsc::Sender<EncodedVideo>>,
    stats: SendStats,
    delay_ms: SecondMean,
}

type Encoders = [StreamEncoder; MAX_LAYERS];

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
            layers: Default::default(),
            output: None,
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

    /// Replaces the receiver of encoded frames; the new one begins with key frames.
    pub(super) fn attach(&self) -> mpsc::Receiver<EncodedVideo> {
        let (output, units) = mpsc::channel(OUTPUT_QUEUE);
        let mut control = self.shared.control();
        control.output = Some(output);
        control.layers.iter_mut().for_each(|layer| layer.request_key_frame(false));
        units
    }

    pub(super) fn set_layer(&self, layer: VideoLayerId, target: VideoTarget, send_queues: Vec<Arc<SendQueueDelay>>) {
        if let Some(layer) = self.shared.control().layers.get_mut(layer.0) {
            layer.set(target, send_queues);
        }
    }

    pub(super) fn request_key_frame(&self, layer: VideoLayerId, at_once: bool) {
        if let Some(layer) = self.shared.control().layers.get_mut(layer.0) {
            layer.request_key_frame(at_once);
        }
    }

    pub(super) fn stats(&self) -> SendStats {
        let control = self.shared.control();
        SendStats { encode_delay_ms: control.delay_ms.mean(), ..control.stats }
    }
}

impl EncoderInput {
    /// Hands over the newest frame. It replaces one that still waits, which is counted as dropped.
    pub(super) fn put(&self, frame: Arc<VideoFrame>) {
        let source_height = frame.image.height;
        let overwritten = self.shared.frames.put(frame);
        let mut control = self.shared.control();
        control.stats.source_height = source_height;
        control.stats.captured += 1;
        control.stats.dropped_busy += u64::from(overwritten);
    }
}

impl Shared {
    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop of the thread. After a panic or an error it continues with new encoders. A person is told if these fail, too.
fn encode_all(shared: &Shared, events: &mpsc::Sender<MediaEvent>) {
    let mut encoders = Encoders::default();
    let mut failures = CodecFailures::default();
    let mut reported = false;
    while let Some(frame) = shared.frames.take() {
        let now = clock::now();
        if failures.is_pausing(now) {
            continue;
        }
        let encoded = catch_panic(|| encode_layers(shared, &mut encoders, &frame));
        let problem = match encoded {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => DeviceProblem::Crashed { reason: error.to_string() },
            Err(problem) => problem,
        };
        tracing::error!(?problem, "the video encoders are replaced");
        encoders = Encoders::default();
        if failures.failed(now) && !reported {
            report_failure(events, DeviceKind::Camera, problem);
            reported = true;
        }
    }
}

/// Key frames first: who waits for one takes it, and not another layer's copy of the same frame.
fn encode_layers(shared: &Shared, encoders: &mut Encoders, frame: &VideoFrame) -> Result<(), CodecError> {
    let is_key_wanted = shared.control().layers.each_ref().map(LayerControl::is_key_wanted);
    let mut order: [usize; MAX_LAYERS] = std::array::from_fn(|layer| layer);
    order.sort_by_key(|layer| !is_key_wanted[*layer]);
    order.into_iter().try_for_each(|layer| encode_one(shared, &mut encoders[layer], frame, layer))
}

fn encode_one(
    shared: &Shared,
    encoder: &mut StreamEncoder,
    frame: &VideoFrame,
    layer: usize,
) -> Result<(), CodecError> {
    let (admission, output) = {
        let mut control = shared.control();
        if control.output.as_ref().is_some_and(mpsc::Sender::is_closed) {
            control.output = None;
        }
        (control.layers[layer].admit(), control.output.clone())
    };
    let Some(output) = output.filter(|_| admission != Admission::Off) else {
        // Frees the codec's memory while nobody takes the layer.
        *encoder = StreamEncoder::default();
        return Ok(());
    };
    if !encoder.takes(frame.at, shared.control().layers[layer].target().max_fps) {
        return Ok(());
    }
    let Admission::Encode(target) = admission else {
        shared.control().stats.layers[layer].dropped_backlog += 1;
        return Ok(());
    };
    // A frame is encoded only if it can be handed over: a gap in what is encoded could not be decoded.
    let Ok(place) = output.try_reserve() else {
        shared.control().stats.dropped_busy += 1;
        return Ok(());
    };
    let is_key_wanted = shared.control().layers[layer].take_key_wanted();
    let encoded = encoder.encode(frame, target, is_key_wanted)?;
    let mut control = shared.control();
    let Some(encoded) = encoded else {
        control.stats.dropped_busy += 1;
        return Ok(());
    };
    let now = clock::now();
    control.delay_ms.add(now, now.since(frame.at).as_secs_f32() * 1e3);
    let stats = &mut control.stats.layers[layer];
    stats.encoded += 1;
    (stats.width, stats.height) = (encoded.width, encoded.height);
    drop(control);
    place.send(EncodedVideo { layer: VideoLayerId(layer), ..encoded });
    Ok(())
}

#[cfg(test)]
mod tests;
