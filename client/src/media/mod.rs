//! Camera, microphone, speaker and codecs, each on named threads. Commands never wait; frames are handed over in
//! latest-wins slots, encoded media in bounded channels.
//!
//! - [`video`]: frames, out and in.
//! - [`audio`]: sound, out and in.

use std::path::Path;
use std::sync::Arc;

use maru_core::backlog::Backlog;
use maru_core::media::{AccessUnit, AudioPacket, EncodedAudio, EncodedVideo};
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

use crate::report::Report;
use audio::{AudioConfig, AudioEngine, PeerAudio};
use file_names::FileNames;
use slot::Wake;
use video::{PeerVideo, VideoConfig, VideoEngine};

pub mod audio;
mod config;
mod event;
mod file_names;
mod slot;
mod source_error;
mod stats;
mod thread;
pub mod video;

pub use config::{
    DeviceChoice, DeviceChoice as CameraChoice, DeviceChoice as MicrophoneChoice, DeviceChoice as SpeakerChoice,
    MediaConfig, SaveRemote, VideoTarget,
};
pub use event::{DeviceKind, DeviceProblem, MediaEvent};
pub use slot::FrameSlot;
pub use source_error::SourceError;
pub use stats::{ReceiveStats, SendStats};
pub use video::save_png;

/// What media makes for the peers. Both are bounded: while the channel of frames is full nothing is encoded, so that
/// what comes out can always be decoded; sound that does not fit is dropped. Dropping this stops the encoders.
pub struct MediaOutputs {
    pub video: mpsc::Receiver<EncodedVideo>,
    pub audio: mpsc::Receiver<EncodedAudio>,
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
    DeviceList {
        cameras: video::list_cameras(),
        microphones: audio::list_microphones(),
        speakers: audio::list_speakers(),
    }
}

/// Reads the files that `config` names as sources from end to end, as far as needed to know that they can be played.
///
/// # Errors
/// The first file that is not as it should be, the place in it, and the reason.
pub fn check_files(config: &MediaConfig) -> Result<(), SourceError> {
    if let DeviceChoice::File(path) = &config.camera {
        video::check_file(path)?;
    }
    if let DeviceChoice::File(path) = &config.microphone {
        audio::check_file(path)?;
    }
    if let Some(save) = &config.save_remote {
        check_directory(&save.folder)?;
    }
    Ok(())
}

fn check_directory(directory: &Path) -> Result<(), SourceError> {
    std::fs::create_dir_all(directory).map_err(|error| SourceError::new(directory, "opening", error.to_string()))
}

/// The devices and encoders of this process. Dropping it ends all of its threads.
pub struct Media {
    video: VideoEngine,
    audio: AudioEngine,
    wake: Wake,
    file_names: FileNames,
}

impl Media {
    /// Opens what `config` names, in the background. Events tell what became of it.
    pub fn start(config: MediaConfig, report: Report) -> (Arc<Self>, mpsc::Receiver<MediaEvent>) {
        let (events, received) = mpsc::channel(EVENT_QUEUE);
        let wake = Wake::default();
        let video =
            VideoConfig { camera: config.camera, camera_on: config.camera_on, save_remote: config.save_remote.clone() };
        let audio = AudioConfig {
            microphone: config.microphone,
            speaker: config.speaker,
            muted: config.muted,
            save_remote: config.save_remote.map(|save| save.folder),
        };
        let media = Self {
            video: VideoEngine::start(video, events.clone(), report.clone(), wake.clone()),
            audio: AudioEngine::start(audio, events, report),
            wake,
            file_names: FileNames::default(),
        };
        (Arc::new(media), received)
    }

    pub fn set_camera(&self, choice: DeviceChoice) {
        self.video.set_camera(choice);
    }

    pub fn set_microphone(&self, choice: DeviceChoice) {
        self.audio.set_microphone(choice);
    }

    pub fn set_speaker(&self, choice: DeviceChoice) {
        self.audio.set_speaker(choice);
    }

    /// While muted no sound is encoded at all, whatever else is switched.
    pub fn set_muted(&self, muted: bool) {
        self.audio.set_muted(muted);
    }

    /// While off the camera is closed and nothing is encoded.
    pub fn set_camera_on(&self, on: bool) {
        self.video.set_camera_on(on);
    }

    /// Whether frames of our own come, or are about to: not while the camera is off, lost or none at all.
    pub fn is_camera_available(&self) -> bool {
        self.video.is_camera_available()
    }

    pub fn set_video_target(&self, target: VideoTarget) {
        self.video.set_target(target);
    }

    /// Frames are left out while too much of the last ones waits here, for as long as someone else holds it.
    pub fn watch_backlog(&self, backlog: &Arc<Backlog>) {
        self.video.watch_backlog(backlog);
    }

    /// The next frame is a key frame.
    pub fn request_key_frame(&self) {
        self.video.request_key_frame();
    }

    /// The next frame is a key frame, and is made however much waits to be sent: that is of no use without it.
    pub fn request_key_frame_at_once(&self) {
        self.video.request_key_frame_at_once();
    }

    /// Called from media threads whenever a slot has a new frame: the window's repaint.
    pub fn set_on_frame(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.wake.set(wake);
    }

    /// One's own frame, not mirrored.
    pub fn self_view(&self) -> FrameSlot {
        self.video.self_view()
    }

    /// The loudest sample of the last 50 ms or so, 0 to 1. Also while muted, so that the meter moves.
    pub fn microphone_level(&self) -> f32 {
        self.audio.level()
    }

    /// Starts encoding for a call. A second call replaces the first.
    pub fn attach(&self) -> MediaOutputs {
        MediaOutputs { video: self.video.attach(), audio: self.audio.attach() }
    }

    /// Starts decoding and playing a peer. `name` is used for the files of `--save-remote` and in the report.
    pub fn add_peer(&self, name: &str) -> PeerMedia {
        let file_stem = self.file_names.unique(name);
        PeerMedia { video: self.video.add_peer(name, &file_stem), audio: self.audio.add_peer(&file_stem) }
    }

    pub fn stats(&self) -> SendStats {
        self.video.stats()
    }
}

/// The receiving side of one peer. Dropping it ends its decoder and takes its sound out of the mix.
pub struct PeerMedia {
    video: PeerVideo,
    audio: PeerAudio,
}

impl PeerMedia {
    /// Hands over a complete access unit, in decoding order. `false`: the decoder's queue is full, the unit was dropped;
    /// the caller drops up to the next key frame and asks the peer for one.
    pub fn push_video(&self, unit: AccessUnit) -> bool {
        self.video.push(unit)
    }

    /// Hands over a packet from the network.
    pub fn push_audio(&self, packet: AudioPacket) {
        self.audio.push(packet);
    }

    /// Which sound, by its RTP time, reached the loudspeaker last, and when.
    pub fn heard(&self) -> Option<(Timestamp, u32)> {
        self.audio.heard()
    }

    /// Whether the decoder needs a key frame (an error, or the start). Reading clears it.
    pub fn take_key_frame_request(&self) -> bool {
        self.video.take_key_frame_request()
    }

    /// `name` is used in the report from now on; the files keep the name they have.
    pub fn set_name(&self, name: &str) {
        self.video.set_name(name);
    }

    /// The peer switched its camera off (`false`): the slot empties.
    pub fn set_camera_on(&self, on: bool) {
        self.video.set_camera_on(on);
    }

    pub fn frames(&self) -> FrameSlot {
        self.video.frames()
    }

    pub fn stats(&self) -> ReceiveStats {
        let sound = self.audio.stats();
        ReceiveStats {
            audio_buffer_ms: sound.buffer_ms,
            audio_samples_played: sound.samples_played,
            audio_samples_concealed: sound.samples_concealed,
            level: sound.level,
            ..self.video.stats()
        }
    }
}

/// Events wait here for whoever shows them; if nobody does, the newest are dropped with a warning.
const EVENT_QUEUE: usize = 64;
