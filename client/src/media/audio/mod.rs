//! Placeholder with the surface of the sound engine; replaced when the real one is merged.

use std::path::{Path, PathBuf};

use maru_core::media::{AudioPacket, EncodedAudio};
use tokio::sync::mpsc;

use super::source_error::SourceError;
use super::{MediaEvent, MicrophoneChoice, SpeakerChoice};
use crate::report::Report;

pub struct AudioConfig {
    pub microphone: MicrophoneChoice,
    pub speaker: SpeakerChoice,
    pub muted: bool,
    pub save_remote: Option<PathBuf>,
}

pub struct AudioEngine;

impl AudioEngine {
    pub fn start(_config: AudioConfig, _events: mpsc::Sender<MediaEvent>, _report: Report) -> Self {
        Self
    }
    pub fn set_microphone(&self, _choice: MicrophoneChoice) {}
    pub fn set_speaker(&self, _choice: SpeakerChoice) {}
    pub fn set_muted(&self, _muted: bool) {}
    pub fn level(&self) -> f32 {
        0.0
    }
    pub fn attach(&self) -> mpsc::Receiver<EncodedAudio> {
        mpsc::channel(1).1
    }
    pub fn add_peer(&self, _name: &str) -> PeerAudio {
        PeerAudio
    }
}

pub struct PeerAudio;

impl PeerAudio {
    pub fn push(&self, _packet: AudioPacket) {}
    pub fn set_name(&self, _name: &str) {}
    pub fn stats(&self) -> AudioStats {
        AudioStats::default()
    }
}

#[derive(Default)]
pub struct AudioStats {
    pub buffer_ms: f32,
    pub samples_played: u64,
    pub samples_concealed: u64,
    pub level: f32,
}

pub fn list_microphones() -> Vec<String> {
    Vec::new()
}

pub fn list_speakers() -> Vec<String> {
    Vec::new()
}

pub fn check_file(_path: &Path) -> Result<(), SourceError> {
    Ok(())
}
