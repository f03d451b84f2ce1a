//! Camera, microphone, speaker and codecs, each on named threads. Commands never wait; pictures are handed over in
//! latest-wins slots, encoded media in bounded channels.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use maru_core::media::{AccessUnit, AudioPacket, EncodedAudio, EncodedVideo};
use maru_core::picture::Picture;
use tokio::sync::mpsc;

use crate::report::Report;

pub mod audio;
mod save_name;
mod source_error;

pub use source_error::SourceError;

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameraChoice {
    Auto,
    None,
    Test,
    File(PathBuf),
    Named(String),
}

/// Where sound comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MicrophoneChoice {
    Auto,
    None,
    Test,
    File(PathBuf),
    Named(String),
}

/// Where sound goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpeakerChoice {
    Auto,
    None,
    File(PathBuf),
    Named(String),
}

#[derive(Debug, Clone)]
pub struct MediaConfig {
    pub camera: CameraChoice,
    pub microphone: MicrophoneChoice,
    pub speaker: SpeakerChoice,
    pub muted: bool,
    pub camera_on: bool,
    /// `--save-remote DIR`.
    pub save_remote: Option<PathBuf>,
}

/// What happened to a device. Shown as a sentence; the call goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// `name` is in use now.
    Opened { device: DeviceKind, name: String },
    /// It could not be opened or was lost. It is tried again by itself.
    Failed { device: DeviceKind, problem: DeviceProblem },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    Camera,
    Microphone,
    Speaker,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceProblem {
    /// There is none at all.
    NoDevice,
    /// None of that name.
    NotFound {
        name: String,
    },
    Busy {
        name: String,
    },
    Unplugged {
        name: String,
    },
    /// The device answers, but not in a way that can be used.
    Unusable {
        name: String,
        reason: String,
    },
    /// A codec or device thread ended by a panic.
    Crashed {
        reason: String,
    },
}

/// How much picture to send: set from the number of peers now, from the network later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoTarget {
    pub bitrate_bps: u32,
    pub max_width: u32,
    pub max_height: u32,
    pub max_fps: u32,
}

/// What media makes for the peers. Both are bounded; what does not fit is dropped (pictures until the next key frame,
/// which is then made by itself). Dropping this stops the encoders.
pub struct MediaOutputs {
    pub video: mpsc::Receiver<EncodedVideo>,
    pub audio: mpsc::Receiver<EncodedAudio>,
}

/// The newest picture, and nothing older.
#[derive(Clone, Default)]
pub struct PictureSlot {
    shared: Arc<SlotShared>,
}

#[derive(Default)]
struct SlotShared {
    picture: Mutex<Option<Arc<Picture>>>,
    generation: AtomicU64,
}

impl PictureSlot {
    /// Replaces the picture; `None` when the sender's camera is off.
    pub fn put(&self, picture: Option<Arc<Picture>>) {
        *self.shared.picture.lock().unwrap_or_else(PoisonError::into_inner) = picture;
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    pub fn get(&self) -> Option<Arc<Picture>> {
        self.shared.picture.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes whenever the picture does.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for PictureSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureSlot").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

/// Devices by the names that `--camera`, `--microphone` and `--speaker` take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceList {
    pub cameras: Vec<String>,
    pub microphones: Vec<String>,
    pub speakers: Vec<String>,
}

/// What is there now. Takes up to a second or so: not for the UI thread.
pub fn list_devices() -> DeviceList {
    todo!("written by the media author")
}

/// The devices and encoders of this process. Dropping it ends all of its threads.
pub struct Media {}

impl Media {
    /// Opens what `config` names, in the background. Events tell what became of it.
    pub fn start(config: MediaConfig, report: Report) -> (Arc<Self>, mpsc::Receiver<MediaEvent>) {
        let _ = (config, report);
        todo!("written by the media author")
    }

    pub fn set_camera(&self, choice: CameraChoice) {
        let _ = choice;
    }
    pub fn set_microphone(&self, choice: MicrophoneChoice) {
        let _ = choice;
    }
    pub fn set_speaker(&self, choice: SpeakerChoice) {
        let _ = choice;
    }
    /// While muted no sound is encoded at all, whatever else is switched.
    pub fn set_muted(&self, muted: bool) {
        let _ = muted;
    }
    /// While off the camera is closed and nothing is encoded.
    pub fn set_camera_on(&self, on: bool) {
        let _ = on;
    }
    pub fn set_video_target(&self, target: VideoTarget) {
        let _ = target;
    }
    /// The next picture is a key frame.
    pub fn request_key_frame(&self) {}
    /// Called from media threads whenever a slot has a new picture: the window's repaint.
    pub fn set_on_picture(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        let _ = wake;
    }
    /// One's own picture, not mirrored.
    pub fn own_picture(&self) -> PictureSlot {
        todo!("written by the media author")
    }
    /// The loudest sample of the last 50 ms or so, 0 to 1. Also while muted, so that the meter moves.
    pub fn microphone_level(&self) -> f32 {
        0.0
    }
    /// Starts encoding for a call. A second call replaces the first.
    pub fn attach(&self) -> MediaOutputs {
        todo!("written by the media author")
    }
    /// Starts decoding and playing a peer. `name` is used for the files of `--save-remote` and in the report.
    pub fn add_peer(&self, name: &str) -> PeerMedia {
        let _ = name;
        todo!("written by the media author")
    }
    pub fn stats(&self) -> SendStats {
        SendStats::default()
    }
}

/// Counted since the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendStats {
    pub captured: u64,
    pub encoded: u64,
    /// Frames that the encoder was too late for.
    pub skipped: u64,
    pub width: u32,
    pub height: u32,
    /// Mean time from capture to the encoder's output over the last second.
    pub encode_delay_ms: f32,
}

/// The receiving side of one peer. Dropping it ends its decoder and takes its sound out of the mix.
pub struct PeerMedia {}

impl PeerMedia {
    /// Hands over a complete access unit, in decoding order. `false`: the decoder's queue is full, the unit was dropped;
    /// the caller drops up to the next key frame and asks the peer for one.
    pub fn push_video(&self, unit: AccessUnit) -> bool {
        let _ = unit;
        true
    }
    /// Hands over a packet from the network.
    pub fn push_audio(&self, packet: AudioPacket) {
        let _ = packet;
    }
    /// Whether the decoder needs a key frame (an error, or the start). Reading clears it.
    pub fn take_key_frame_request(&self) -> bool {
        false
    }
    pub fn set_name(&self, name: &str) {
        let _ = name;
    }
    /// The peer switched its camera off (`false`): the slot empties.
    pub fn set_camera_on(&self, on: bool) {
        let _ = on;
    }
    pub fn pictures(&self) -> PictureSlot {
        todo!("written by the media author")
    }
    pub fn stats(&self) -> ReceiveStats {
        ReceiveStats::default()
    }
}

/// Counted since the start, unless it says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReceiveStats {
    pub presented: u64,
    pub decode_errors: u64,
    pub width: u32,
    pub height: u32,
    /// Mean time from hand-over to decoded, over the last second.
    pub decode_delay_ms: f32,
    /// Sound waiting in the jitter buffer and the device ring now.
    pub audio_buffer_ms: f32,
    pub audio_samples_played: u64,
    pub audio_samples_concealed: u64,
    /// The peer's loudness over the last 50 ms or so, 0 to 1.
    pub level: f32,
}
