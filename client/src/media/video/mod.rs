//! Video: camera and encoder, decoders and files.
//!
//! - Sent: [`capture`] (one thread, owns the camera) → [`latest`] slot → [`encoder`] (one thread for all simulcast layers).
//! - Received: [`decoder`] (one thread for each peer) → the window's slot, and a file ([`recorder`]).

mod camera;
mod capture;
mod decoder;
mod encoder;
mod frame_clock;
mod frame_rate_limiter;
pub mod h264;
mod latest;
mod mean;
mod png;
mod pool;
mod recorder;
mod source;
mod stream_encoder;
mod y4m;

use std::path::Path;
use std::sync::Arc;

use maru_core::media::{EncodedVideo, VideoLayerId};
use maru_core::send_queue::SendQueueDelay;
use tokio::sync::mpsc;

use super::saved_file::SaveReporter;
use super::slot::Wake;
use super::source_error::SourceError;
use super::thread::EndingThreads;
use super::{DeviceChoice, FrameSlot, MediaEvent, SaveRemote, SendStats, VideoTarget};
use crate::report::Report;
use capture::{Capture, Outlets};
use decoder::DecoderOutlets;
pub use decoder::PeerVideo;
use encoder::EncoderThread;
pub use png::save_png;
use recorder::Recorder;
use y4m::Y4mReader;

pub(super) struct VideoConfig {
    pub(super) camera: DeviceChoice,
    pub(super) camera_on: bool,
    pub(super) save_remote: Option<SaveRemote>,
}

/// The camera, the encoder, and what all decoders share.
pub(super) struct VideoEngine {
    // Dropped before the encoder, which it feeds.
    capture: Capture,
    encoder: EncoderThread,
    self_view: FrameSlot,
    save_remote: Option<SaveRemote>,
    save_reporter: SaveReporter,
    wake: Wake,
    report: Report,
    /// Of peers that are gone.
    ending: EndingThreads,
}

impl VideoEngine {
    pub(super) fn start(config: VideoConfig, events: mpsc::Sender<MediaEvent>, report: Report, wake: Wake) -> Self {
        let encoder = EncoderThread::start(events.clone());
        let save_reporter = SaveReporter::new(events.clone(), report.clone());
        let self_view = FrameSlot::default();
        let outlets = Outlets {
            encoder: encoder.input(),
            self_view: self_view.clone(),
            wake: wake.clone(),
            events,
            report: report.clone(),
            // Without randomness the offset reveals how long the process has been running, no more.
            rtp_offset: getrandom::u32().unwrap_or_default(),
        };
        let capture = Capture::start(config.camera, config.camera_on, outlets);
        let ending = EndingThreads::default();
        Self { capture, encoder, self_view, save_remote: config.save_remote, save_reporter, wake, report, ending }
    }

    pub(super) fn set_camera(&self, choice: DeviceChoice) {
        self.capture.set_choice(choice);
    }

    pub(super) fn set_camera_on(&self, on: bool) {
        self.capture.set_on(on);
    }

    pub(super) fn is_camera_available(&self) -> bool {
        self.capture.is_available()
    }

    pub(super) fn set_layer(&self, layer: VideoLayerId, target: VideoTarget, queues: Vec<Arc<SendQueueDelay>>) {
        self.encoder.set_layer(layer, target, queues);
    }

    pub(super) fn request_key_frame(&self, layer: VideoLayerId, at_once: bool) {
        self.encoder.request_key_frame(layer, at_once);
    }

    pub(super) fn self_view(&self) -> FrameSlot {
        self.self_view.clone()
    }

    pub(super) fn attach(&self) -> mpsc::Receiver<EncodedVideo> {
        self.encoder.attach()
    }

    pub(super) fn stats(&self) -> SendStats {
        self.encoder.stats()
    }

    /// `file_stem`: the name of the peer's files without extension.
    pub(super) fn add_peer(&self, name: &str, file_stem: &str) -> PeerVideo {
        let recorder = self.save_remote.clone().and_then(|save| {
            let started = Recorder::start(save, file_stem, self.save_reporter.clone());
            started.map_err(|error| tracing::warn!(%error, "no thread to save frames with")).ok()
        });
        let outlets = DecoderOutlets { wake: self.wake.clone(), report: self.report.clone(), recorder };
        PeerVideo::start(name, outlets, self.ending.handle())
    }
}

/// The names of the cameras that are there now. May take a second.
pub fn list_cameras() -> Vec<String> {
    camera::list()
}

/// Checks that the Y4M file at `path` can be played.
///
/// # Errors
/// The place of the error and the reason.
pub fn check_file(path: &Path) -> Result<(), SourceError> {
    Y4mReader::open(path).map(|_| ())
}
