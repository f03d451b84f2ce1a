//! What media is told, and what it tells.

use std::num::NonZeroU32;
use std::path::PathBuf;

pub use maru_core::media::VideoTarget;

/// Where frames come from.
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
    pub save_remote: Option<SaveRemote>,
}

/// What each peer sent is saved as `NAME.y4m` and `NAME.wav`.
#[derive(Debug, Clone)]
pub struct SaveRemote {
    pub folder: PathBuf,
    /// Of the frames, one of so many.
    pub every: NonZeroU32,
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
