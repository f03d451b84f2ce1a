//! Camera, microphone, speaker and codecs, on named threads. Commands never wait. Frames are handed over in slots that
//! keep the newest, encoded media in bounded channels.

use std::sync::Arc;

use maru_core::media::{AccessUnit, AudioPacket, AudioTarget, EncodedAudio, EncodedVideo, VideoLayerId};
use maru_core::rtp::RtpTime;
use maru_core::send_queue::SendQueueDelay;
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

use crate::report::Report;
use audio::{AudioConfig, AudioEngine, PeerAudio};
pub use audio::{Cue, MicrophoneState, PeerSound, SelfTestPhase, SelfTestRequest};
use file_names::FileNames;
use video::{PeerVideo, VideoConfig, VideoEngine};

pub mod audio;
mod codec_failures;
mod config;
mod device_names;
mod event;
mod file_names;
mod saved_file;
mod slot;
mod source_error;
mod stats;
mod thread;
pub mod video;

pub use config::{DeviceChoice, MediaConfig, NoiseSuppression, SaveRemote, VideoTarget, VoiceProcessing};
pub use event::{DeviceKind, DeviceProblem, MediaEvent};
pub use slot::{FrameSlot, Wake};
pub use source_error::SourceError;
pub use stats::{LayerStats, ReceiveStats, SendStats};
pub use video::save_png;

/// Events for the window. While the queue is full, new ones are dropped.
const EVENT_QUEUE: usize = 64;

/// Encoded media for the peers. While the channel of video is full nothing is encoded, so that what comes out can always
/// be decoded. Audio that does not fit is dropped. Dropping this stops the encoders.
pub struct MediaOutputs {
    pub video: mpsc::Receiver<EncodedVideo>,
    pub audio: mpsc::Receiver<EncodedAudio>,
}

/// Devices by their names, which [`DeviceChoice::Named`] takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceList {
    pub cameras: Vec<String>,
    pub microphones: Vec<String>,
    pub speakers: Vec<String>,
}

/// The devices that are there now. Takes up to 7 s if an audio server hangs: not for the UI thread.
pub fn list_devices() -> DeviceList {
    DeviceList {
        cameras: video::list_cameras(),
        microphones: audio::list_microphones(),
        speakers: audio::list_speakers(),
    }
}

/// Checks that the files in `config` can be played or written, and files be created in the folder for saved media.
///
/// # Errors
/// The first file that cannot be used, the place in it, and the reason.
pub fn check_files(config: &MediaConfig) -> Result<(), SourceError> {
    if let DeviceChoice::File(path) = &config.camera {
        video::check_file(path)?;
    }
    if let DeviceChoice::File(path) = &config.microphone {
        audio::check_file(path)?;
    }
    if let Some(save) = &config.save_remote {
        let unusable = |error: std::io::Error| SourceError::new(&save.folder, "writing", error.to_string());
        saved_file::check_folder(&save.folder).map_err(unusable)?;
    }
    if let DeviceChoice::File(path) = &config.speaker {
        saved_file::check_file(path).map_err(|error| SourceError::new(path, "writing", error.to_string()))?;
    }
    Ok(())
}

/// The devices and encoders of this process. Dropping it ends their threads.
pub struct Media {
    video: VideoEngine,
    audio: AudioEngine,
    wake: Wake,
    file_names: FileNames,
}

impl Media {
    /// Opens the devices that `config` names, in the background. Events report the result.
    pub fn start(config: MediaConfig, report: Report) -> (Arc<Self>, mpsc::Receiver<MediaEvent>) {
        let (events, received) = mpsc::channel(EVENT_QUEUE);
        let wake = Wake::default();
        let file_names = FileNames::of_folder(config.save_remote.as_ref().map(|save| save.folder.as_path()));
        let video =
            VideoConfig { camera: config.camera, camera_on: config.camera_on, save_remote: config.save_remote.clone() };
        let audio = AudioConfig {
            microphone: config.microphone,
            speaker: config.speaker,
            voice: config.voice,
            processes_files: config.processes_files,
            muted: config.muted,
            save_remote: config.save_remote.map(|save| save.folder),
            wake: wake.clone(),
        };
        let media = Self {
            video: VideoEngine::start(video, events.clone(), report.clone(), wake.clone()),
            audio: AudioEngine::start(audio, events, report),
            wake,
            file_names,
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

    /// Changes what is done to the voice before it is sent.
    pub fn set_voice(&self, voice: VoiceProcessing) {
        self.audio.set_voice(voice);
    }

    /// How the microphone is encoded from now on.
    pub fn set_audio(&self, target: AudioTarget) {
        self.audio.set_target(target);
    }

    /// Tests microphone and speaker. Only this person hears it.
    pub fn test_audio(&self, request: SelfTestRequest) {
        self.audio.test(request);
    }

    /// Plays a soft sound. Only this person hears it.
    pub fn play_cue(&self, cue: Cue) {
        self.audio.play_cue(cue);
    }

    /// While muted no audio is encoded, whatever else is set.
    pub fn set_muted(&self, muted: bool) {
        self.audio.set_muted(muted);
    }

    /// While off the camera is closed and no video is encoded.
    pub fn set_camera_on(&self, on: bool) {
        self.video.set_camera_on(on);
    }

    /// Whether the camera delivers frames or is being opened. `false`: it is off, lost, or there is none.
    pub fn is_camera_available(&self) -> bool {
        self.video.is_camera_available()
    }

    /// Limits of a simulcast layer, and the send queues of those who take it. While all of these are long, no frame of the
    /// layer is encoded.
    pub fn set_video_layer(&self, layer: VideoLayerId, target: VideoTarget, send_queues: Vec<Arc<SendQueueDelay>>) {
        self.video.set_layer(layer, target, send_queues);
    }

    /// The layer's next frame is a key frame. `at_once`: whatever waits to be sent, because without it that is of no use.
    pub fn request_key_frame(&self, layer: VideoLayerId, at_once: bool) {
        self.video.request_key_frame(layer, at_once);
    }

    /// `wake` is called on media threads when a slot has a new frame, and when someone begins or ends to speak: the window
    /// repaints.
    pub fn set_on_frame(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.wake.set(wake);
    }

    /// The camera's newest frame, not mirrored.
    pub fn self_view(&self) -> FrameSlot {
        self.video.self_view()
    }

    /// How the microphone does. Also while muted.
    pub fn microphone(&self) -> MicrophoneState {
        self.audio.microphone()
    }

    /// Starts encoding for a call. The outputs of an earlier `attach` end.
    pub fn attach(&self) -> MediaOutputs {
        MediaOutputs { video: self.video.attach(), audio: self.audio.attach() }
    }

    /// Starts decoding and playing a peer. The report and the files of `--save-remote` use `name`.
    pub fn add_peer(&self, name: &str) -> PeerMedia {
        let file_stem = self.file_names.unique(name);
        PeerMedia { video: self.video.add_peer(name, &file_stem), audio: self.audio.add_peer(&file_stem) }
    }

    pub fn stats(&self) -> SendStats {
        self.video.stats()
    }
}

/// The receiving side of one peer. Dropping it ends its decoder and removes its audio from the mix.
pub struct PeerMedia {
    video: PeerVideo,
    audio: PeerAudio,
}

impl PeerMedia {
    /// Hands over a complete access unit, in decoding order. `false`: the decoder's queue is full and the unit is dropped.
    /// The caller then requests a key frame, and drops all units before it.
    pub fn push_video(&self, unit: AccessUnit) -> bool {
        self.video.push(unit)
    }

    /// Hands over a packet from the network. Never waits: a packet that does not fit is dropped and counted.
    pub fn push_audio(&self, packet: AudioPacket) {
        self.audio.push(packet);
    }

    /// The RTP time of the audio that the speaker played last, and when. Video is synchronised to it.
    pub fn heard(&self) -> Option<(Timestamp, RtpTime)> {
        self.audio.heard()
    }

    /// Whether the decoder needs a key frame: at the start, and after an error. Reading clears it.
    pub fn take_key_frame_request(&self) -> bool {
        self.video.take_key_frame_request()
    }

    /// `name` is used in the report from now on; the files keep the name they have.
    pub fn set_name(&self, name: &str) {
        self.video.set_name(name);
    }

    /// While the peer's camera is off (`false`) its slot is empty.
    pub fn set_camera_on(&self, on: bool) {
        self.video.set_camera_on(on);
    }

    /// The peer's newest frame.
    pub fn frames(&self) -> FrameSlot {
        self.video.frames()
    }

    pub fn sound(&self) -> PeerSound {
        self.audio.sound()
    }

    pub fn stats(&self) -> ReceiveStats {
        let audio = self.audio.stats();
        ReceiveStats {
            audio_buffer_ms: audio.buffer_ms,
            audio_samples_played: audio.samples_played,
            audio_samples_concealed: audio.samples_concealed,
            level: audio.level,
            ..self.video.stats()
        }
    }
}
