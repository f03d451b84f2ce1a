//! The supervisor of the camera: its thread opens the source, hands on its frames, and opens it again when it is lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maru_core::frame::VideoFrame;
use maru_core::media::VIDEO_CLOCK_HZ;
use serde_json::json;
use tokio::sync::mpsc;

use super::encoder::EncoderInput;
use super::pool::FramePool;
use super::source::{self, FrameSource};
use crate::media::event::{DeviceReporter, report_failure};
use crate::media::slot::Wake;
use crate::media::thread::{JOIN_TIMEOUT, StopFlag, StoppableThread, catch_panic};
use crate::media::{DeviceChoice, DeviceKind, DeviceProblem, FrameSlot, MediaEvent};
use crate::report::Report;

/// How often a lost source is opened again: there are no hotplug events.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Captures from the chosen source. A change ends the old source's thread and starts another; the caller does not wait.
pub(super) struct Capture {
    outlets: Outlets,
    state: Mutex<State>,
}

/// Where frames and events go. Each source's thread has a clone.
#[derive(Clone)]
pub(super) struct Outlets {
    pub(super) encoder: EncoderInput,
    pub(super) self_view: FrameSlot,
    pub(super) wake: Wake,
    pub(super) events: mpsc::Sender<MediaEvent>,
    pub(super) report: Report,
    /// RTP time of timestamp zero, random (RFC 3550, 5.1).
    pub(super) rtp_offset: u32,
}

struct State {
    choice: DeviceChoice,
    on: bool,
    /// Whether frames come or the source is being opened. Each thread has its own flag, so that an old thread cannot set
    /// the new one's.
    is_available: Arc<AtomicBool>,
    thread: Option<StoppableThread>,
}

impl Capture {
    pub(super) fn start(choice: DeviceChoice, on: bool, outlets: Outlets) -> Self {
        let state = State { choice, on, is_available: Arc::default(), thread: None };
        let capture = Self { outlets, state: Mutex::new(state) };
        capture.change(|_| {});
        capture
    }

    pub(super) fn set_choice(&self, choice: DeviceChoice) {
        self.change(|state| state.choice = choice);
    }

    pub(super) fn set_on(&self, on: bool) {
        let same = self.state.lock().unwrap_or_else(PoisonError::into_inner).on == on;
        if !same {
            self.change(|state| state.on = on);
        }
    }

    /// `false` while the camera is off, lost or not chosen; `true` also while it is being opened.
    pub(super) fn is_available(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_available.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let old = state.thread.take();
        if let Some(old) = &old {
            old.stop();
        }
        let choice = if state.on { state.choice.clone() } else { DeviceChoice::None };
        let outlets = self.outlets.clone();
        let is_available = Arc::new(AtomicBool::new(choice != DeviceChoice::None));
        state.is_available = Arc::clone(&is_available);
        let spawned = StoppableThread::spawn("camera", move |stop| {
            // A camera that the old thread still holds would be busy.
            if let Some(mut old) = old {
                old.join_within(JOIN_TIMEOUT);
            }
            outlets.clear();
            capture(&choice, &outlets, &is_available, stop);
            outlets.clear();
        });
        match spawned {
            Ok(thread) => state.thread = Some(thread),
            Err(error) => {
                let problem = DeviceProblem::Crashed { reason: error.to_string() };
                report_failure(&self.outlets.events, DeviceKind::Camera, problem);
            }
        }
    }
}

/// Opens the source and captures until `stop` is set. After a failure it tries again in [`RETRY_AFTER`].
fn capture(choice: &DeviceChoice, outlets: &Outlets, is_available: &AtomicBool, stop: &StopFlag) {
    let mut reporter = DeviceReporter::new(DeviceKind::Camera, outlets.events.clone());
    let mut pool = FramePool::default();
    while !stop.is_set() {
        let ended = catch_panic(|| match source::open(choice, stop)? {
            Some(source) => {
                is_available.store(true, Ordering::Relaxed);
                reporter.opened(source.name());
                run(source, outlets, &mut pool, stop)
            }
            None => Ok(()),
        });
        let Err(problem) = ended.flatten() else { return };
        outlets.clear();
        is_available.store(false, Ordering::Relaxed);
        reporter.failed(problem);
        stop.wait(RETRY_AFTER);
    }
}

/// Captures until `stop` is set.
///
/// # Errors
/// The source is lost.
fn run(
    mut source: Box<dyn FrameSource>,
    outlets: &Outlets,
    pool: &mut FramePool,
    stop: &StopFlag,
) -> Result<(), DeviceProblem> {
    while !stop.is_set() {
        let mut image = pool.image();
        let Some(captured) = source.next(&mut image)? else { return Ok(()) };
        // The camera was switched off during the wait: this frame must not be shown.
        if stop.is_set() {
            return Ok(());
        }
        let rtp_time = captured.at.rtp_time(VIDEO_CLOCK_HZ) + u64::from(outlets.rtp_offset);
        outlets.report.event(
            captured.at,
            "captured",
            json!({ "source_frame": captured.source_frame, "rtp_time": rtp_time }),
        );
        let frame = VideoFrame { image, at: captured.at, rtp_time, source_frame: captured.source_frame };
        let frame = pool.publish(frame);
        outlets.encoder.put(Arc::clone(&frame));
        outlets.self_view.put(Some(frame));
        outlets.wake.call();
    }
    Ok(())
}

impl Outlets {
    fn clear(&self) {
        if self.self_view.get().is_some() {
            self.self_view.put(None);
            self.wake.call();
        }
    }
}

#[cfg(test)]
mod tests;
