//! What media is told to use.

use std::num::NonZeroU32;
use std::path::PathBuf;

pub use maru_core::media::VideoTarget;

/// Which camera, microphone or speaker to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The system's default device. For a camera: the first one that opens.
    Auto,
    None,
    /// The test pattern or the test sound. A speaker has no test device: there it is the same as `None`.
    Test,
    /// A Y4M file (camera) or a WAV file (microphone) that is played in a loop; for a speaker, a WAV file to write.
    File(PathBuf),
    /// A name of [`DeviceList`](super::DeviceList).
    Named(String),
}

/// The devices to begin with, and what to save.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    pub camera: DeviceChoice,
    pub microphone: DeviceChoice,
    pub speaker: DeviceChoice,
    pub muted: bool,
    pub camera_on: bool,
    /// `--save-remote DIR`.
    pub save_remote: Option<SaveRemote>,
}

/// Saves what each peer sent as `NAME.y4m` and `NAME.wav`. Overwrites nothing.
#[derive(Debug, Clone)]
pub struct SaveRemote {
    pub folder: PathBuf,
    /// One frame of this many is saved.
    pub every: NonZeroU32,
}
