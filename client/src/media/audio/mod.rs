//! Audio: microphone, Opus, jitter buffers, speaker.
//!
//! Threads: `audio` (the worker: all codecs, resampling and mixing, every 10 ms), `microphone` and `speaker` (supervisors
//! of the devices), `audio-priority` (asks the system for real-time priority), the drivers' own (rings and atomics only),
//! and one for each file that is written.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use maru_core::media::{AudioPacket, AudioTarget, EncodedAudio};
use maru_core::rtp::RtpTime;
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

use super::event::report_failure;
use super::saved_file::SaveReporter;
use super::thread::catch_panic;
use super::{DeviceChoice, DeviceKind, DeviceProblem, MediaEvent, VoiceProcessing, Wake};
use crate::report::Report;

pub mod callbacks;
mod capture;
mod clip;
mod codec;
mod cue;
mod device_sink;
mod devices;
mod meter;
mod peer;
mod playback;
mod realtime;
mod resample;
mod self_test;
mod source;
pub mod voice;
mod wav;
mod wav_saver;
mod worker;

pub use cue::Cue;
pub use self_test::{SelfTestPhase, SelfTestRequest};
pub use wav::check_file;

use codec::Codecs;
use devices::{Context, Direction, Supervisor, Watcher};
use meter::AtomicF32;
use peer::{Peer, PeerState};
use realtime::Promoter;
use voice::Voice;
use worker::{AudioWorker, Command};

/// Commands from people and supervisors; the worker empties the queue every 10 ms.
const COMMANDS: usize = 256;
/// Packets to the network: 320 ms. Those that do not fit are dropped and counted; later they would be too late.
const OUTGOING_PACKETS: usize = 16;
/// Packets from the network: 1.3 s. Those that do not fit, because the worker hangs, are dropped and counted.
const INCOMING_PACKETS: usize = 64;

#[derive(Debug, Clone)]
pub struct AudioConfig {
    pub microphone: DeviceChoice,
    pub speaker: DeviceChoice,
    pub voice: VoiceProcessing,
    /// Files and the test sound are processed as a microphone is.
    pub processes_files: bool,
    pub muted: bool,
    /// The folder for each peer's `NAME.wav`: its audio as played.
    pub save_remote: Option<PathBuf>,
    /// Called when someone begins or ends to speak.
    pub wake: Wake,
}

/// What the worker shares with the handle.
#[derive(Debug, Default)]
pub(crate) struct EngineState {
    muted: AtomicBool,
    level: AtomicF32,
    is_speaking: AtomicBool,
    is_silent: AtomicBool,
    is_test_recording: AtomicBool,
    is_test_playing: AtomicBool,
    packets_dropped: AtomicU64,
    microphone_crash: CrashSlot,
    speaker_crash: CrashSlot,
    wake: Wake,
    report: Report,
}

/// The last panic of the worker in what it did for a device. The device's supervisor takes it.
#[derive(Debug, Default)]
struct CrashSlot(Mutex<Option<DeviceProblem>>);

impl CrashSlot {
    fn put(&self, problem: DeviceProblem) {
        tracing::error!(?problem, "an audio device is opened again");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    fn take(&self) -> Option<DeviceProblem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The audio of this process. Dropping it closes the devices, completes the files and ends the threads.
#[derive(Debug)]
pub struct AudioEngine {
    watcher: Option<Watcher>,
    /// Of microphone and speaker. Dropped before the worker, whose queue they send to.
    supervisors: Option<(Supervisor, Supervisor)>,
    commands: Option<SyncSender<Command>>,
    worker: Option<JoinHandle<()>>,
    state: Arc<EngineState>,
    save_reporter: SaveReporter,
}

impl AudioEngine {
    /// Opens the devices that `config` names, in the background. `events` report the result; without a reader they are
    /// dropped.
    pub fn start(config: AudioConfig, events: mpsc::Sender<MediaEvent>, report: Report) -> Self {
        let muted = AtomicBool::new(config.muted);
        let state = Arc::new(EngineState {
            muted,
            report: report.clone(),
            wake: config.wake.clone(),
            ..EngineState::default()
        });
        let save_reporter = SaveReporter::new(events.clone(), report.clone());
        let mut engine = Self { watcher: None, supervisors: None, commands: None, worker: None, state, save_reporter };
        if let Err(reason) = engine.start_threads(config, &events) {
            crashed(&events, DeviceProblem::Crashed { reason });
        }
        engine
    }

    pub fn set_microphone(&self, choice: DeviceChoice) {
        if let Some((microphone, _)) = &self.supervisors {
            microphone.choose(choice);
        }
    }

    pub fn set_speaker(&self, choice: DeviceChoice) {
        if let Some((_, speaker)) = &self.supervisors {
            speaker.choose(choice);
        }
    }

    /// Changes what is done to the voice before it is encoded.
    pub fn set_voice(&self, voice: VoiceProcessing) {
        self.send(Command::SetVoice(voice));
    }

    /// How the microphone is encoded from now on.
    pub fn set_target(&self, target: AudioTarget) {
        self.send(Command::SetTarget(target));
    }

    /// Tests microphone and speaker. Only this person hears it.
    pub fn test(&self, request: SelfTestRequest) {
        self.send(Command::Test(request));
    }

    /// Plays a soft sound. Only this person hears it.
    pub fn play_cue(&self, cue: Cue) {
        self.send(Command::PlayCue(cue));
    }

    /// While muted nothing is encoded, whatever else is set.
    pub fn set_muted(&self, muted: bool) {
        self.state.muted.store(muted, Ordering::Release);
    }

    pub fn microphone(&self) -> MicrophoneState {
        MicrophoneState {
            level: self.state.level.load(),
            is_speaking: self.state.is_speaking.load(Ordering::Relaxed),
            is_silent: self.state.is_silent.load(Ordering::Relaxed),
            test: self.state.self_test(),
        }
    }

    /// Encoded packets that were dropped because the queue to the network was full.
    pub fn packets_dropped(&self) -> u64 {
        self.state.packets_dropped.load(Ordering::Relaxed)
    }

    /// Starts encoding. The receiver of an earlier call ends; dropping the receiver ends the encoding.
    pub fn attach(&self) -> mpsc::Receiver<EncodedAudio> {
        let (outlet, receiver) = mpsc::channel(OUTGOING_PACKETS);
        self.send(Command::Attach(outlet));
        receiver
    }

    /// Starts to play a peer. `file_stem`: the name of its file without extension.
    pub fn add_peer(&self, file_stem: &str) -> PeerAudio {
        let state = Arc::new(PeerState {
            report: self.state.report.clone(),
            wake: self.state.wake.clone(),
            ..PeerState::default()
        });
        let (packets, inbox) = sync_channel(INCOMING_PACKETS);
        let handle = PeerAudio { packets, state: state.clone() };
        match Peer::new(file_stem.into(), inbox, state, self.save_reporter.clone(), Codecs::OPUS) {
            Ok(peer) => self.send(Command::AddPeer(Box::new(peer))),
            Err(error) => tracing::warn!(%error, "no decoder for a peer's audio"),
        }
        handle
    }

    fn start_threads(&mut self, config: AudioConfig, events: &mpsc::Sender<MediaEvent>) -> Result<(), String> {
        let worker = AudioWorker::new(Codecs::OPUS, self.state.clone(), Voice::new(config.voice), config.save_remote)
            .map_err(|error| format!("Opus cannot be used: {error}"))?;
        let (commands, inbox) = sync_channel(COMMANDS);
        self.commands = Some(commands.clone());
        let in_words = |error: std::io::Error| format!("no thread for audio: {error}");
        let worker_events = events.clone();
        let promoter = Promoter::start();
        let thread = std::thread::Builder::new().name("audio".into()).spawn(move || {
            if let Err(problem) = catch_panic(|| worker.run(&inbox, &promoter)) {
                crashed(&worker_events, problem);
            }
        });
        self.worker = Some(thread.map_err(in_words)?);
        let context = || Context {
            processes_files: config.processes_files,
            worker: commands.clone(),
            events: events.clone(),
            save_reporter: self.save_reporter.clone(),
            state: self.state.clone(),
        };
        let microphone = Supervisor::start(Direction::Input, config.microphone, context()).map_err(in_words)?;
        let speaker = Supervisor::start(Direction::Output, config.speaker, context()).map_err(in_words)?;
        let (to_microphone, to_speaker) = (microphone.on_devices_changed(), speaker.on_devices_changed());
        let changed = move || {
            to_microphone();
            to_speaker();
        };
        self.watcher = Some(Watcher::start(changed).map_err(in_words)?);
        self.supervisors = Some((microphone, speaker));
        Ok(())
    }

    fn send(&self, command: Command) {
        if self.commands.as_ref().is_none_or(|commands| commands.try_send(command).is_err()) {
            tracing::warn!("the audio worker does not take commands");
        }
    }
}

impl Drop for AudioEngine {
    fn drop(&mut self) {
        self.watcher = None;
        self.supervisors = None;
        if let Some(commands) = self.commands.take() {
            // Waits for a place in the queue. An error means that the worker has ended.
            let _ = commands.send(Command::Stop);
        }
        if let Some(worker) = self.worker.take() {
            // A panic has been reported as an event.
            let _ = worker.join();
        }
    }
}

/// The audio of one peer. Dropping it removes it from the mix and completes its file.
#[derive(Debug)]
pub struct PeerAudio {
    packets: SyncSender<AudioPacket>,
    state: Arc<PeerState>,
}

impl PeerAudio {
    /// Hands over a packet from the network. Never waits: a packet that does not fit is dropped and counted.
    pub fn push(&self, packet: AudioPacket) {
        if self.packets.try_send(packet).is_err() {
            self.state.packets_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The RTP time of the audio that the speaker played last, and when.
    pub fn heard(&self) -> Option<(Timestamp, RtpTime)> {
        *self.state.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn sound(&self) -> PeerSound {
        PeerSound(self.state.clone())
    }

    pub fn stats(&self) -> AudioStats {
        AudioStats {
            buffer_ms: self.state.buffer_ms.load(),
            samples_played: self.state.samples_played.load(Ordering::Relaxed),
            samples_concealed: self.state.samples_concealed.load(Ordering::Relaxed),
            level: self.state.level.load(),
        }
    }
}

/// How a peer sounds, for the window.
#[derive(Debug, Clone, Default)]
pub struct PeerSound(Arc<PeerState>);

impl PeerSound {
    /// Whether the peer has spoken in the last 0.6 s.
    pub fn is_speaking(&self) -> bool {
        self.0.is_speaking.load(Ordering::Relaxed)
    }

    /// The factor by which the peer is played louder, 0 to 2.
    pub fn volume(&self) -> f32 {
        self.0.volume.get()
    }

    /// Heard at once, without a click. `volume`: 0 to 2; others are limited.
    pub fn set_volume(&self, volume: f32) {
        self.0.volume.set(volume);
    }
}

/// The microphone, for the window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MicrophoneState {
    /// The peak of the last 50 to 100 ms, 0 to 1. Also while muted.
    pub level: f32,
    /// Somebody has spoken in the last 0.6 s. Also while muted.
    pub is_speaking: bool,
    /// It has delivered nothing but silence for some seconds: it is switched off, or another one is in use.
    pub is_silent: bool,
    pub test: SelfTestPhase,
}

/// Counters start when the peer is added.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AudioStats {
    /// Audio that waits in the jitter buffer and the speaker's ring, in ms.
    pub buffer_ms: f32,
    /// Samples decoded from packets, at 48 kHz.
    pub samples_played: u64,
    /// Samples concealed because their packets were lost or late, at 48 kHz.
    pub samples_concealed: u64,
    /// The peak of the last 50 to 100 ms, 0 to 1.
    pub level: f32,
}

/// The names of the microphones that are there now. Takes up to 3 s.
pub fn list_microphones() -> Vec<String> {
    devices::names(Direction::Input)
}

/// The names of the speakers that are there now. Takes up to 3 s.
pub fn list_speakers() -> Vec<String> {
    devices::names(Direction::Output)
}

/// Reported for the speaker, because its silence is what a person notices.
fn crashed(events: &mpsc::Sender<MediaEvent>, problem: DeviceProblem) {
    tracing::error!(?problem, "audio has stopped");
    report_failure(events, DeviceKind::Speaker, problem);
}
