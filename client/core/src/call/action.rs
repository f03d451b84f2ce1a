//! What goes into the call's state machine and what comes out of it.

use std::time::Duration;

use maru_protocol::signal::{ClientMessage, IceCandidate, IceServer, SessionDescription};
use maru_protocol::{Nickname, PeerId, RoomName};

use super::ids::{ConnectionId, ParticipantId};
use super::registration::{EndReason, Server};
use crate::media::{AudioTarget, MAX_LAYERS, SharedMedia, VideoLayerId, VideoTarget};
use crate::negotiation::Step;

/// What the person at this end wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `id` counts up and comes back in [`Event::ChatDelivered`].
    SendChat {
        id: u64,
        text: String,
        sent_unix_ms: u64,
    },
    SetMuted(bool),
    SetCameraOn(bool),
    SetHandRaised(bool),
    /// The picture of a participant is shown with this height, in pixels; 0: not at all. Nothing larger need come.
    ShowVideo {
        participant: ParticipantId,
        max_height: u32,
    },
    Rename(Nickname),
    Leave,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionInput {
    /// The step of [`Action::Negotiate`] was carried out. Gives the description to send, if the step made one.
    StepDone(Option<SessionDescription>),
    /// `is_spoiled`: the stack may have applied a part, so later steps may fail, too.
    StepFailed {
        reason: String,
        is_spoiled: bool,
    },
    /// `None`: there are no more.
    LocalCandidate(Option<IceCandidate>),
    /// What both sides have a codec for, by the newest descriptions.
    MediaAgreed(SharedMedia),
    /// The stack wants an offer to be made.
    NegotiationNeeded,
    /// Media can flow, for the first time or again.
    Established,
    /// Nothing has come from the other end for some seconds.
    Interrupted,
    /// The connection cannot be opened, or is of no more use.
    Failed {
        reason: String,
    },
    /// It occupied the stack and was cut off: its other end is hostile, or its stack has a fault.
    CutOff {
        reason: String,
    },
    ChannelOpen,
    ChannelText(String),
    ChannelClosed,
    /// The receiver asks for a key frame (PLI or FIR).
    KeyFrameRequested,
    /// A video frame found no room in the send queue and was dropped.
    VideoDropped,
}

/// What the congestion controller of a connection says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub connection: ConnectionId,
    /// What the path carries beside repair packets.
    pub bitrate_bps: u32,
    /// How long the packets that wait to be sent will take.
    pub send_queue: Duration,
    pub round_trip: Duration,
    /// How long nothing has come from the other end.
    pub silent_for: Duration,
    /// So many packets were lost, or wait, that only a key frame helps.
    pub needs_key_frame: bool,
    /// Packets are lost, and no copies of audio go with it.
    pub loses_audio: bool,
}

/// A simulcast layer as it is to be encoded from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerTarget {
    pub target: VideoTarget,
    pub receivers: Vec<ConnectionId>,
}

/// What the session has to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Find a server. Answered by [`super::Call::server_found`] or [`super::Call::server_failed`].
    FindServer,
    /// No registration was possible at this server: look for another one.
    AvoidServer(Server),
    /// Answered by the server's first text, or [`super::Call::server_failed`].
    ConnectServer(Server),
    /// Send `join` with a proof that our instance is ours, over the connection that has the id `challenge`.
    Join {
        challenge: PeerId,
        room: RoomName,
        name: Nickname,
    },
    SendToServer(ClientMessage),
    /// Close the connection to the server after what was sent before.
    DisconnectServer,
    /// Open a connection, with the addresses of this machine and the ICE servers listed anew. `only_best_address`: of the
    /// addresses only the one of the default route, which has changed while the old ones still work.
    Open {
        connection: ConnectionId,
        only_best_address: bool,
        ice_servers: Vec<IceServer>,
    },
    /// Answered by [`ConnectionInput::StepDone`] or [`ConnectionInput::StepFailed`].
    Negotiate {
        connection: ConnectionId,
        step: Step,
    },
    SendText {
        connection: ConnectionId,
        text: String,
    },
    /// Close it after what was sent before. Nothing that comes from it later counts.
    Close(ConnectionId),
    /// The encoder of the layer makes a key frame. `at_once`: even while the send queue is long.
    RequestKeyFrame {
        layer: VideoLayerId,
        at_once: bool,
    },
    SetVideoLayers([LayerTarget; MAX_LAYERS]),
    SetAudio(AudioTarget),
    SetMuted(bool),
    SetCameraOn(bool),
    /// Start a decoder and playback for the participant.
    AddMedia {
        participant: ParticipantId,
        name: Nickname,
    },
    SetMediaName {
        participant: ParticipantId,
        name: Nickname,
    },
    /// The participant switched its camera: no frame is shown while it is off.
    SetMediaCameraOn {
        participant: ParticipantId,
        camera_on: bool,
    },
    RemoveMedia(ParticipantId),
    Tell(Event),
}

/// What a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Looking for a server on the local network.
    Searching,
    Connecting {
        url: String,
    },
    /// In the room, for the first time.
    Joined {
        server: Server,
        present: usize,
    },
    /// The server is gone; the call goes on and registers again by itself.
    ServerLost,
    /// This machine cannot encode the video in time: it is made smaller. `false`: no longer.
    ComputerAtLimit(bool),
    /// Registered again, possibly at another server.
    ServerBack {
        server: Server,
    },
    /// The same client registered through another connection. What is connected stays so, but we stay out of the room.
    Replaced,
    /// The server refused a message. `message` is for a developer.
    ServerRefused {
        message: String,
    },
    ParticipantJoined {
        participant: ParticipantId,
        name: Nickname,
    },
    ParticipantRenamed {
        participant: ParticipantId,
        old: Nickname,
        name: Nickname,
    },
    ParticipantConnected {
        participant: ParticipantId,
    },
    /// Nothing comes from it any more; it may come back.
    ParticipantInterrupted {
        participant: ParticipantId,
    },
    /// Neither the server nor a connection leads to it. It is expected back for some minutes, and then it has left.
    ParticipantAway {
        participant: ParticipantId,
    },
    /// The connection failed for this reason; another one will be tried.
    ParticipantUnreachable {
        participant: ParticipantId,
        reason: String,
    },
    ParticipantState {
        participant: ParticipantId,
        muted: bool,
        camera_on: bool,
        /// Wants to speak.
        hand_raised: bool,
    },
    /// It has another program, with fewer codecs. Told when it changes; at first everything is shared.
    MediaAgreed {
        participant: ParticipantId,
        shared: SharedMedia,
    },
    Chat {
        participant: ParticipantId,
        text: String,
        sent_unix_ms: u64,
    },
    ChatDelivered {
        participant: ParticipantId,
        id: u64,
    },
    ParticipantLeft {
        participant: ParticipantId,
        name: Nickname,
        /// It did not say goodbye.
        lost: bool,
    },
    /// The last event.
    Ended(EndReason),
}
