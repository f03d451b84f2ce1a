//! One decoder thread for each peer: from access units to the frame that is shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maru_core::frame::VideoFrame;
use maru_core::media::AccessUnit;
use maru_core::time::Timestamp;
use serde_json::json;

use super::h264::H264Decoder;
use super::mean::SecondMean;
use super::pool::FramePool;
use super::recorder::Recorder;
use crate::clock;
use crate::media::codec_failures::CodecFailures;
use crate::media::slot::Wake;
use crate::media::thread::{EndingThreadsHandle, StopFlag, StoppableThread, catch_panic};
use crate::media::{FrameSlot, ReceiveStats};
use crate::report::Report;

/// Access units: a quarter of a second. What waits longer is too late.
const QUEUE: usize = 8;

/// The decoder of one peer. Dropping it ends its thread, but does not wait for that.
pub struct PeerVideo {
    shared: Arc<Shared>,
    /// Closing it ends the thread's wait.
    queue: SyncSender<Waiting>,
    thread: Option<StoppableThread>,
    ending: EndingThreadsHandle,
}

struct Waiting {
    unit: AccessUnit,
    since: Timestamp,
}

struct Shared {
    frames: FrameSlot,
    key_wanted: AtomicBool,
    camera_on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    name: String,
    stats: ReceiveStats,
    delay_ms: SecondMean,
}

/// Where a decoder thread sends frames and reports.
pub(super) struct DecoderOutlets {
    pub(super) wake: Wake,
    pub(super) report: Report,
    pub(super) recorder: Option<Recorder>,
}

impl PeerVideo {
    /// `ending` gets the thread when this is dropped.
    pub(super) fn start(name: &str, outlets: DecoderOutlets, ending: EndingThreadsHandle) -> Self {
        let new_decoder = || {
            let mut decoder = StreamDecoder::default();
            move |unit: &AccessUnit| decoder.decode(unit)
        };
        Self::start_with(new_decoder, name, outlets, ending)
    }

    fn start_with<D: FnMut(&AccessUnit) -> Decoded>(
        new_decoder: impl Fn() -> D + Send + 'static,
        name: &str,
        outlets: DecoderOutlets,
        ending: EndingThreadsHandle,
    ) -> Self {
        let shared = Arc::new(Shared {
            frames: FrameSlot::default(),
            key_wanted: AtomicBool::new(true),
            camera_on: AtomicBool::new(true),
            state: Mutex::new(State { name: name.into(), ..State::default() }),
        });
        let (queue, units) = sync_channel(QUEUE);
        let spawned = StoppableThread::spawn("decoder", {
            let shared = Arc::clone(&shared);
            move |stop| decode_all(new_decoder, &shared, &units, outlets, stop)
        });
        let not_started = |error: &std::io::Error| tracing::error!(%error, "no thread to decode a peer's video with");
        Self { shared, queue, thread: spawned.inspect_err(not_started).ok(), ending }
    }

    /// Hands over a complete access unit, in decoding order. `false`: the queue is full and the unit is dropped.
    pub fn push(&self, unit: AccessUnit) -> bool {
        let queued = self.queue.try_send(Waiting { unit, since: clock::now() }).is_ok();
        if !queued {
            self.shared.key_wanted.store(true, Ordering::Relaxed);
        }
        queued
    }

    /// Whether a key frame is needed. Reading clears it.
    pub fn take_key_frame_request(&self) -> bool {
        self.shared.key_wanted.swap(false, Ordering::Relaxed)
    }

    pub fn set_name(&self, name: &str) {
        self.shared.state().name = name.into();
    }

    /// While off, nothing is shown.
    pub fn set_camera_on(&self, on: bool) {
        self.shared.camera_on.store(on, Ordering::Relaxed);
        if !on {
            self.shared.frames.put(None);
        }
    }

    pub fn frames(&self) -> FrameSlot {
        self.shared.frames.clone()
    }

    pub fn stats(&self) -> ReceiveStats {
        let state = self.shared.state();
        ReceiveStats { decode_delay_ms: state.delay_ms.mean(), ..state.stats }
    }
}

impl Drop for PeerVideo {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.ending.end(thread);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop of the thread. After a panic it continues with a new decoder: the picture stands still until the next key
/// frame, which is all that a person sees of it.
fn decode_all<D: FnMut(&AccessUnit) -> Decoded>(
    new_decoder: impl Fn() -> D,
    shared: &Shared,
    units: &Receiver<Waiting>,
    mut outlets: DecoderOutlets,
    stop: &StopFlag,
) {
    let mut decode = new_decoder();
    let mut failures = CodecFailures::default();
    while !stop.is_set() {
        let Ok(waiting) = units.recv() else { return };
        let now = clock::now();
        if failures.is_pausing(now) {
            shared.key_wanted.store(true, Ordering::Relaxed);
            continue;
        }
        let decoded = catch_panic(|| decode(&waiting.unit));
        let frame = decoded.unwrap_or_else(|problem| {
            failures.failed(now);
            tracing::error!(?problem, "a peer's video decoder is replaced");
            outlets.report.event(now, "error", json!({ "text": format!("a decoder crashed: {problem:?}") }));
            decode = new_decoder();
            Decoded::Broken
        });
        match frame {
            Decoded::Frame(frame) => present(shared, &mut outlets, frame, waiting.since),
            Decoded::Nothing => {}
            Decoded::Waiting => shared.key_wanted.store(true, Ordering::Relaxed),
            Decoded::Broken => {
                shared.key_wanted.store(true, Ordering::Relaxed);
                shared.state().stats.decode_errors += 1;
            }
        }
    }
}

fn present(shared: &Shared, outlets: &mut DecoderOutlets, frame: Arc<VideoFrame>, since: Timestamp) {
    let (width, height) = (frame.image.width, frame.image.height);
    if !shared.camera_on.load(Ordering::Relaxed) {
        return;
    }
    let mut state = shared.state();
    state.stats.presented += 1;
    (state.stats.width, state.stats.height) = (width, height);
    state.delay_ms.add(frame.at, frame.at.since(since).as_secs_f32() * 1e3);
    let name = state.name.clone();
    drop(state);
    let fields = json!({ "peer": name, "width": width, "height": height, "rtp_time": frame.rtp_time });
    outlets.report.event(frame.at, "presented", fields);
    if let Some(recorder) = &mut outlets.recorder {
        recorder.write(Arc::clone(&frame));
    }
    shared.frames.put(Some(frame));
    outlets.wake.call();
}

enum Decoded {
    Frame(Arc<VideoFrame>),
    /// Parameter sets only.
    Nothing,
    /// Not decoded: a key frame is needed first.
    Waiting,
    Broken,
}

/// A codec that begins with a key frame. After an error a new codec waits for the next key frame, so that no frame is
/// shown whose reference is missing.
#[derive(Default)]
struct StreamDecoder {
    codec: Option<H264Decoder>,
    pool: FramePool,
}

impl StreamDecoder {
    fn decode(&mut self, unit: &AccessUnit) -> Decoded {
        if self.codec.is_none() && unit.is_key {
            self.codec = H264Decoder::new().map_err(|error| tracing::warn!(%error, "no decoder")).ok();
        }
        let Some(codec) = &mut self.codec else { return Decoded::Waiting };
        let mut image = self.pool.image();
        match codec.decode(&unit.data, &mut image) {
            Ok(true) => {
                let frame = VideoFrame { image, at: clock::now(), rtp_time: unit.rtp_time, source_frame: None };
                Decoded::Frame(self.pool.publish(frame))
            }
            Ok(false) => Decoded::Nothing,
            Err(error) => {
                tracing::debug!(%error, "an access unit is broken");
                self.codec = None;
                Decoded::Broken
            }
        }
    }
}

#[cfg(test)]
mod tests;
