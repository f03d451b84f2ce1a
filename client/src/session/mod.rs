//! One call: commands in, events out. One task owns the call, one each connection, one the server. The call task waits
//! for none.

mod call;
pub mod connection;
mod connection_task;
mod event_queue;
pub mod lan;
mod reporting;
pub mod server;
mod statistics;
pub mod surroundings;

use std::net::IpAddr;
use std::sync::Arc;

pub use maru_core::call::{EndReason, Event, ParticipantId, Server};
use maru_protocol::{Nickname, RoomName};
use tokio::sync::mpsc;

use self::connection::local_addresses;
use self::event_queue::EventQueue;
use self::server::SystemServers;
use self::surroundings::Surroundings;
use crate::clock;
use crate::invitation::Invitation;
use crate::media::{FrameSlot, Media, PeerSound};
use crate::report::Report;

/// What to join, and through whom.
#[derive(Debug, Clone)]
pub struct CallConfig {
    pub room: RoomName,
    pub name: Nickname,
    pub server: ServerChoice,
    /// The addresses of this machine to use; empty: all of them.
    pub addresses: Vec<IpAddr>,
    pub muted: bool,
    pub camera_on: bool,
}

/// Where the introductions are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerChoice {
    /// A server found on the local network, or one of our own.
    Lan,
    /// `ws://` or `wss://`, checked by the session.
    Url(String),
}

#[derive(Debug, Clone)]
pub enum CallCommand {
    /// `id` counts up and comes back in [`Event::ChatDelivered`].
    SendChat {
        id: u64,
        text: String,
    },
    SetMuted(bool),
    SetCameraOn(bool),
    /// We want to speak.
    SetHandRaised(bool),
    /// The picture of a participant is shown with this height, in pixels; 0: not at all.
    ShowVideo {
        participant: ParticipantId,
        max_height: u32,
    },
    Rename(Nickname),
    Leave,
}

/// What happened, in order. The last one is always [`Event::Ended`].
#[derive(Debug, Clone)]
pub enum CallEvent {
    Call(Event),
    /// How to invite someone who has a browser only. Comes again when the call has moved to another server.
    Invitation(Invitation),
    /// Where the video of a participant is shown, and how it sounds. Follows [`Event::ParticipantJoined`].
    Media {
        participant: ParticipantId,
        frames: FrameSlot,
        sound: PeerSound,
    },
    /// The first frame of a participant has been decoded, ready to be drawn.
    FirstFrame {
        participant: ParticipantId,
    },
    Stats(CallStats),
}

/// Statistics of the call, once a second.
#[derive(Debug, Clone, Default)]
pub struct CallStats {
    pub participants: Vec<ParticipantStats>,
    pub sent_width: u32,
    pub sent_height: u32,
    pub sent_fps: f32,
    /// From capture to the encoder's output, mean.
    pub encode_delay_ms: f32,
}

/// Statistics of the connection to one participant over the last second: of what was received, unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct ParticipantStats {
    pub participant: ParticipantId,
    pub name: String,
    pub sent_bitrate_bps: u64,
    pub received_bitrate_bps: u64,
    pub fps: f32,
    pub width: u32,
    pub height: u32,
    /// Share of packets, 0 to 1.
    pub loss: f32,
    /// The bandwidth estimate of the path to the participant, for everything that is sent.
    pub path_bitrate_bps: u32,
    /// Queueing delay on that path.
    pub queue_ms: f32,
    /// How long frames wait in the send queue.
    pub pacing_ms: f32,
    pub round_trip_ms: Option<f32>,
    pub jitter_ms: f32,
    /// From the decoder's queue to the decoded frame, mean.
    pub decode_delay_ms: f32,
    /// Estimate: half a round trip and decoding. Without the send queue and the hold for lip sync.
    pub video_delay_ms: Option<f32>,
    /// Audio waiting to be played.
    pub audio_delay_ms: Option<f32>,
    /// Share of audio that was concealed because it did not arrive, 0 to 1.
    pub concealed: f32,
    /// Loudness now, 0 to 1.
    pub level: f32,
    /// `"network"`, `"cpu"`, `"camera"` or `"none"`.
    pub limited_by: String,
}

/// A call that runs. Dropping it leaves.
pub struct Call {
    pub commands: mpsc::Sender<CallCommand>,
    pub events: mpsc::Receiver<CallEvent>,
}

/// Starts a call on the current tokio runtime, with the devices and codecs of `media`.
pub fn start(config: CallConfig, media: Arc<Media>, report: Report) -> Call {
    let chosen = config.addresses.clone();
    let surroundings = Surroundings {
        runtime: webrtc::runtime::default_runtime().expect("the tokio runtime is compiled in"),
        servers: Box::new(SystemServers::new(config.server.clone(), &chosen)),
        media,
        addresses: Arc::new(move || if chosen.is_empty() { local_addresses() } else { chosen.clone() }),
        time_of_day: Arc::new(clock::time_of_day),
    };
    start_in(surroundings, config, report)
}

/// Starts a call in other surroundings: a simulation's.
pub fn start_in(surroundings: Surroundings, config: CallConfig, report: Report) -> Call {
    let (commands, from_person) = mpsc::channel(64);
    let (to_person, events) = EventQueue::new();
    let runtime = Arc::clone(&surroundings.runtime);
    let task = call::CallTask::new(config, surroundings, report, from_person, to_person);
    runtime.spawn(Box::pin(task.run())).detach();
    Call { commands, events }
}
