//! What media is told to use.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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

/// How much of the noise around the voice is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseSuppression {
    Off,
    /// 10 dB (`bench/voices`).
    #[default]
    Moderate,
    /// 13 dB (`bench/voices`). Takes a little of the voice, too.
    Strong,
}

/// What is done to the voice before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VoiceProcessing {
    pub echo_cancellation: bool,
    pub noise_suppression: NoiseSuppression,
    /// Makes a quiet voice louder. The level of the operating system's microphone is never moved.
    pub automatic_gain: bool,
}

impl Default for VoiceProcessing {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: NoiseSuppression::default(), automatic_gain: true }
    }
}

impl VoiceProcessing {
    pub const OFF: Self =
        Self { echo_cancellation: false, noise_suppression: NoiseSuppression::Off, automatic_gain: false };
}

/// The devices to begin with, and what to save.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    pub camera: DeviceChoice,
    pub microphone: DeviceChoice,
    pub speaker: DeviceChoice,
    pub voice: VoiceProcessing,
    /// Files and the test sound are processed as a microphone is.
    pub processes_files: bool,
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
