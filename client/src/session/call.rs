//! The task that owns a call: it feeds the state machine and carries its actions out. It waits for nobody.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use maru_core::call::{
    Action, Call, CallConfig as MachineConfig, Command, ConnectionId, ConnectionInput, EncoderCounts, EndReason,
    Estimate, Event, FrameKind, Identity, LayerTarget, ParticipantId, Server,
};
use maru_core::media::{EncodedAudio, EncodedVideo, VideoLayerId};
use maru_core::time::Timestamp;
use maru_protocol::signal::{ClientMessage, IceServer};
use maru_protocol::{Nickname, OwnKey, PeerId, RoomName, VERSION};
use tokio::sync::mpsc;
use webrtc::runtime::Runtime;

use super::connection_task::{ConnectionHandle, Output, Setup};
use super::event_queue::EventQueue;
use super::reporting::Reporter;
use super::server::{ServerEvent, ServerTask};
use super::surroundings::{CallMedia, ParticipantMedia, Surroundings, now, until};
use super::{CallCommand, CallConfig, CallEvent, CallStats, ParticipantStats};
use crate::clock;
use crate::invitation::Invitation;
use crate::media::{MediaOutputs, SendStats};
use crate::report::Report;

/// How long a goodbye may take on its way.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(200);
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// Twice the interval of the feedback that the estimates are made from.
const ESTIMATE_INTERVAL: Duration = Duration::from_millis(50);
/// How often to look what became of this machine: its addresses change, or it has slept.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The time of day ran ahead of the monotonic clock by so much: this machine has slept. A shorter sleep is a pause. If the
/// time of day was only set, nothing is lost.
const SLEPT: Duration = Duration::from_secs(2);
/// Outputs of connections that wait for this task.
const OUTPUTS: usize = 1024;

pub(super) struct CallTask {
    call: Call,
    key: OwnKey,
    config: CallConfig,
    runtime: Arc<dyn Runtime>,
    devices: Arc<dyn CallMedia>,
    addresses: Arc<dyn Fn() -> Vec<IpAddr> + Send + Sync>,
    time_of_day: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Both clocks as they were read last.
    clocks: (Timestamp, Duration),
    reporter: Reporter,
    commands: mpsc::Receiver<CallCommand>,
    events: EventQueue,
    server: ServerTask,
    encoded: MediaOutputs,
    participants: BTreeMap<ParticipantId, ParticipantIo>,
    connections: BTreeMap<ConnectionId, ConnectionHandle>,
    /// Counts connection tasks.
    serial: u64,
    outputs: mpsc::Sender<(u64, ConnectionId, Output)>,
    from_connections: mpsc::Receiver<(u64, ConnectionId, Output)>,
    /// `None` while there is no connection.
    estimate_at: Option<Timestamp>,
    /// The addresses of this machine as they were listed last.
    listed: Vec<IpAddr>,
    look_at: Timestamp,
    stats_at: Timestamp,
    last_sent: SendStats,
    ended: Option<EndReason>,
}

struct ParticipantIo {
    media: Arc<dyn ParticipantMedia>,
    stats: Option<ParticipantStats>,
    has_shown_frame: bool,
}

impl CallTask {
    pub(super) fn new(
        config: CallConfig,
        surroundings: Surroundings,
        report: Report,
        commands: mpsc::Receiver<CallCommand>,
        events: EventQueue,
    ) -> Self {
        let Surroundings { runtime, servers, media: devices, addresses, time_of_day } = surroundings;
        let now = now(runtime.as_ref());
        let key = OwnKey::generate().expect("the operating system gives random numbers");
        let identity = Identity { room: config.room.clone(), name: config.name.clone(), instance: key.instance() };
        let call = Call::new(
            now,
            MachineConfig {
                identity,
                is_on_lan: config.server == super::ServerChoice::Lan,
                muted: config.muted,
                camera_on: config.camera_on,
                is_camera_available: devices.is_camera_available(),
            },
        );
        let server = ServerTask::start(&runtime, servers);
        let encoded = devices.attach();
        let (outputs, from_connections) = mpsc::channel(OUTPUTS);
        Self {
            call,
            key,
            config,
            reporter: Reporter::new(report, Arc::clone(&runtime)),
            runtime,
            devices,
            commands,
            events,
            server,
            encoded,
            participants: BTreeMap::new(),
            connections: BTreeMap::new(),
            serial: 0,
            outputs,
            from_connections,
            estimate_at: None,
            listed: addresses(),
            look_at: now + LOOK_INTERVAL,
            stats_at: now + STATS_INTERVAL,
            last_sent: SendStats::default(),
            ended: None,
            addresses,
            clocks: (now, time_of_day()),
            time_of_day,
        }
    }

    pub(super) async fn run(mut self) {
        self.carry_out();
        let reason = loop {
            if let Some(reason) = self.ended.take() {
                break reason;
            }
            self.next_input().await;
            self.carry_out();
        };
        self.say_goodbye(reason).await;
    }

    async fn next_input(&mut self) {
        let times = [self.call.poll_timeout(), self.estimate_at, Some(self.stats_at), Some(self.look_at)];
        let deadline = times.into_iter().flatten().min();
        let runtime = Arc::clone(&self.runtime);
        tokio::select! {
            command = self.commands.recv() => self.command(command.unwrap_or(CallCommand::Leave)),
            event = self.server.event() => self.server_said(event),
            Some((serial, id, output)) = self.from_connections.recv() => self.connection_said(serial, id, output),
            Some(frame) = self.encoded.video.recv() => self.send_video(frame),
            Some(packet) = self.encoded.audio.recv() => self.send_audio(packet),
            () = self.events.make_room() => {}
            () = until(runtime.as_ref(), deadline) => self.time_passed(),
        }
    }

    fn command(&mut self, command: CallCommand) {
        let now = self.now();
        let command = match command {
            CallCommand::SendChat { id, text } => {
                self.reporter.chat_sent(&text);
                Command::SendChat { id, text, sent_unix_ms: clock::unix_ms(now) as u64 }
            }
            CallCommand::SetMuted(muted) => Command::SetMuted(muted),
            CallCommand::SetHandRaised(raised) => Command::SetHandRaised(raised),
            CallCommand::SetCameraOn(on) => Command::SetCameraOn(on),
            CallCommand::ShowVideo { participant, max_height } => Command::ShowVideo { participant, max_height },
            CallCommand::Rename(name) => Command::Rename(name),
            CallCommand::Leave => Command::Leave,
        };
        self.call.handle_command(now, command);
    }

    fn server_said(&mut self, event: ServerEvent) {
        let now = self.now();
        match event {
            ServerEvent::Found(server) => self.call.server_found(now, server),
            ServerEvent::Failed(reason) => self.call.server_failed(now, reason),
            ServerEvent::Text(text) => self.call.server_text(now, &text),
            ServerEvent::Alive => self.call.server_alive(now),
            ServerEvent::BetterFound => self.call.better_server_found(now),
        }
    }

    fn connection_said(&mut self, serial: u64, id: ConnectionId, output: Output) {
        if self.connections.get(&id).is_none_or(|connection| connection.serial != serial) {
            return;
        }
        match output {
            Output::Input(input) => self.call.handle_connection(self.now(), id, input),
            Output::FirstFrame(at) => self.first_frame(at, id.participant),
            Output::Stats(stats) => {
                if self.call.established(id.participant) != Some(id) {
                    return;
                }
                if let Some(participant) = self.participants.get_mut(&id.participant) {
                    participant.stats = Some(*stats);
                }
            }
        }
    }

    fn time_passed(&mut self) {
        let now = self.now();
        self.call.handle_timeout(now);
        if self.estimate_at.is_some_and(|at| at <= now) {
            self.estimate_at = (!self.connections.is_empty()).then_some(now + ESTIMATE_INTERVAL);
            let estimates = self.estimates(now);
            self.call.handle_estimates(now, &estimates);
        }
        if self.look_at <= now {
            self.look_at = now + LOOK_INTERVAL;
            self.list_addresses(now);
            self.compare_clocks(now);
        }
        if self.stats_at <= now {
            self.stats_at = now + STATS_INTERVAL;
            // Participants learn within a second that the camera was unplugged, or is back.
            self.call.set_camera_available(self.devices.is_camera_available());
            self.publish_stats();
        }
    }

    /// A bridge that appears beside the way out changes nothing.
    fn list_addresses(&mut self, now: Timestamp) {
        let listed = (self.addresses)();
        let is_lost = self.listed.iter().any(|address| !listed.contains(address));
        if is_lost || listed.first() != self.listed.first() {
            tracing::info!(?listed, "the addresses of this machine have changed");
            let is_affected = |handle: &ConnectionHandle| {
                let used = &handle.addresses;
                used.iter().any(|address| !listed.contains(address)) || used.first() != listed.first()
            };
            let affected = self.connections.iter().filter(|(_, handle)| is_affected(handle)).map(|(id, _)| *id);
            self.call.network_changed(now, is_lost, &affected.collect::<Vec<_>>());
        }
        self.listed = listed;
    }

    fn compare_clocks(&mut self, now: Timestamp) {
        let time_of_day = (self.time_of_day)();
        let (then, time_of_day_then) = std::mem::replace(&mut self.clocks, (now, time_of_day));
        let slept = time_of_day.saturating_sub(time_of_day_then).saturating_sub(now.since(then));
        if slept > SLEPT {
            tracing::info!(?slept, "this machine has slept");
            self.call.woken(now);
        }
    }

    fn estimates(&self, now: Timestamp) -> Vec<Estimate> {
        let estimate = |(&connection, handle): (&ConnectionId, &ConnectionHandle)| Estimate {
            connection,
            bitrate_bps: handle.path.target_without_fec_bps(),
            send_queue: handle.path.send_queue_delay().get(),
            round_trip: handle.path.round_trip(),
            silent_for: handle.path.silent_for(now),
            needs_key_frame: self.call.established(connection.participant) == Some(connection)
                && handle.path.take_need_of_key_frame(),
            loses_audio: handle.path.loses_audio(),
        };
        self.connections.iter().map(estimate).collect()
    }

    fn send_video(&mut self, frame: EncodedVideo) {
        let frame = Arc::new(frame);
        let kind = FrameKind { layer: frame.layer, is_key: frame.unit.is_key, is_discardable: frame.is_discardable };
        let receivers: Vec<ConnectionId> = self.call.video_receivers(kind).collect();
        let now = self.now();
        for id in receivers {
            if self.connections.get(&id).is_some_and(|connection| !connection.send_video(&frame)) {
                self.call.handle_connection(now, id, ConnectionInput::VideoDropped);
            }
        }
    }

    fn send_audio(&self, packet: EncodedAudio) {
        let packet = Arc::new(packet);
        for connection in self.call.audio_receivers().filter_map(|id| self.connections.get(&id)) {
            connection.send_audio(&packet);
        }
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.call.poll_action() {
            self.carry_out_one(action);
        }
    }

    fn carry_out_one(&mut self, action: Action) {
        let devices = &self.devices;
        match action {
            Action::FindServer => self.server.find(),
            Action::AvoidServer(server) => self.server.avoid(server),
            Action::ConnectServer(server) => self.server.connect(server),
            Action::Join { challenge, room, name } => self.join(&challenge, room, name),
            Action::SendToServer(message) => self.send_to_server(&message),
            Action::DisconnectServer => self.server.disconnect(),
            Action::Open { connection, only_best_address, ice_servers } => {
                self.open(connection, only_best_address, ice_servers);
            }
            Action::Negotiate { connection, step } => {
                let hangs = self.connections.get(&connection).is_some_and(|handle| !handle.negotiate(step));
                self.check(connection, hangs);
            }
            Action::SendText { connection, text } => {
                let hangs = self.connections.get(&connection).is_some_and(|handle| !handle.send_text(text));
                self.check(connection, hangs);
            }
            Action::Close(connection) => {
                if let Some(handle) = self.connections.remove(&connection) {
                    handle.close();
                }
            }
            Action::RequestKeyFrame { layer, at_once } => devices.request_key_frame(layer, at_once),
            Action::SetVideoLayers(layers) => self.set_video_layers(&layers),
            Action::SetAudio(target) => devices.set_audio(target),
            Action::SetMuted(muted) => devices.set_muted(muted),
            Action::SetCameraOn(on) => devices.set_camera_on(on),
            Action::AddMedia { participant, name } => {
                let media = devices.add_participant(name.as_str());
                let io = ParticipantIo { media, stats: None, has_shown_frame: false };
                self.participants.insert(participant, io);
            }
            Action::SetMediaName { participant, name } => {
                if let Some(io) = self.participants.get(&participant) {
                    io.media.set_name(name.as_str());
                }
            }
            Action::SetMediaCameraOn { participant, camera_on } => {
                if let Some(io) = self.participants.get(&participant) {
                    io.media.set_camera_on(camera_on);
                }
            }
            Action::RemoveMedia(participant) => {
                self.participants.remove(&participant);
            }
            Action::Tell(event) => self.tell(event),
        }
    }

    fn join(&self, challenge: &PeerId, room: RoomName, name: Nickname) {
        match self.key.prove(challenge) {
            Ok(proof) => self.send_to_server(&ClientMessage::Join { version: VERSION, room, name, proof, ext: None }),
            // The call gives the server up when its time is over.
            Err(error) => tracing::error!(%error, "joining is not possible"),
        }
    }

    fn send_to_server(&self, message: &ClientMessage) {
        match message.encode() {
            Ok(text) => self.server.send(text),
            Err(error) => tracing::warn!(%error, "a message that no server would take is not sent"),
        }
    }

    fn open(&mut self, id: ConnectionId, only_best_address: bool, ice_servers: Vec<IceServer>) {
        let Some(participant) = self.participants.get(&id.participant) else { return };
        self.serial += 1;
        let mut addresses = (self.addresses)();
        // Both sides may have got the better network, and the other one may have been first to see it.
        let is_better =
            addresses.first() != self.listed.first() && self.listed.iter().all(|one| addresses.contains(one));
        if only_best_address || is_better && !self.listed.is_empty() {
            addresses.truncate(1);
        }
        let handle = ConnectionHandle::start(Setup {
            id,
            name: self.name_of(id.participant),
            runtime: Arc::clone(&self.runtime),
            ice_servers,
            addresses,
            media: Arc::clone(&participant.media),
            outputs: self.outputs.clone(),
            serial: self.serial,
        });
        self.connections.insert(id, handle);
        let next = self.now() + ESTIMATE_INTERVAL;
        self.estimate_at.get_or_insert(next);
    }

    fn set_video_layers(&self, layers: &[LayerTarget]) {
        for (number, LayerTarget { target, receivers }) in layers.iter().enumerate() {
            let connections = receivers.iter().filter_map(|id| self.connections.get(id));
            let send_queues = connections.map(|connection| Arc::clone(connection.path.send_queue_delay())).collect();
            self.devices.set_video_layer(VideoLayerId(number), *target, send_queues);
        }
    }

    /// A task that does not take its commands is given up.
    fn check(&mut self, id: ConnectionId, hangs: bool) {
        if hangs {
            let reason = "the connection does not react".into();
            self.call.handle_connection(self.now(), id, ConnectionInput::Failed { reason });
        }
    }

    fn first_frame(&mut self, at: Timestamp, participant: ParticipantId) {
        let Some(io) = self.participants.get_mut(&participant) else { return };
        if !std::mem::replace(&mut io.has_shown_frame, true) {
            self.reporter.first_frame(at, &self.name_of(participant));
            self.events.push(CallEvent::FirstFrame { participant });
        }
    }

    fn publish_stats(&mut self) {
        let send = self.devices.stats();
        let last = std::mem::replace(&mut self.last_sent, send);
        let (layer, encoded) = send.best_layer_since(&last);
        let dropped_backlog = std::array::from_fn(|layer| {
            send.layers[layer].dropped_backlog.saturating_sub(last.layers[layer].dropped_backlog)
        });
        let counts = EncoderCounts {
            captured: send.captured.saturating_sub(last.captured),
            source_height: send.source_height,
            dropped_busy: send.dropped_busy.saturating_sub(last.dropped_busy),
            dropped_backlog,
        };
        self.call.second_passed(self.now(), counts);
        let most_bps = self.call.most_path_bps();
        self.connections.values().for_each(|connection| connection.path.set_most_bps(most_bps));
        let participants = self.participants.iter().filter_map(|(id, io)| {
            let connection = self.call.established(*id)?;
            let stats = io.stats.clone()?;
            let limited_by = self.call.limited_by(connection, counts).into();
            Some(ParticipantStats { name: self.name_of(*id), limited_by, ..stats })
        });
        let stats = CallStats {
            participants: participants.collect(),
            sent_width: layer.width,
            sent_height: layer.height,
            sent_fps: encoded as f32 / STATS_INTERVAL.as_secs_f32(),
            encode_delay_ms: send.encode_delay_ms,
        };
        self.reporter.stats(&stats);
        self.events.push(CallEvent::Stats(stats));
    }

    fn tell(&mut self, event: Event) {
        if let Event::Ended(reason) = event {
            self.ended = Some(reason);
            return;
        }
        self.reporter.event(&event, |participant| self.name_of(participant));
        self.events.push(CallEvent::Call(event.clone()));
        if let Event::ParticipantJoined { participant, .. } = event
            && let Some(io) = self.participants.get(&participant)
        {
            self.events.push(CallEvent::Media { participant, frames: io.media.frames(), sound: io.media.sound() });
        }
        if let Event::Joined { server, .. } | Event::ServerBack { server } = event {
            self.invite(&server);
        }
    }

    fn invite(&mut self, server: &Server) {
        // Our own server's URL is 127.0.0.1: others need an address of this machine.
        let addresses = if server.is_own { (self.addresses)() } else { Vec::new() };
        if let Some(invitation) = Invitation::new(&server.url, &self.config.room, &addresses) {
            self.events.push(CallEvent::Invitation(invitation));
        }
    }

    /// [`Event::Ended`] follows the goodbyes, so that a process may end with it.
    async fn say_goodbye(self, reason: EndReason) {
        let Self { runtime, outputs, mut from_connections, connections, server, mut events, reporter, .. } = self;
        drop((outputs, connections));
        let closed = async { while from_connections.recv().await.is_some() {} };
        tokio::select! {
            _ = async { tokio::join!(closed, server.ended()) } => {}
            () = runtime.sleep(GOODBYE_TIMEOUT) => {}
        }
        reporter.ended(&reason);
        events.push(CallEvent::Call(Event::Ended(reason)));
        events.close().await;
    }

    fn now(&self) -> Timestamp {
        now(self.runtime.as_ref())
    }

    fn name_of(&self, participant: ParticipantId) -> String {
        self.call.name_of(participant).map_or_else(String::new, |name: &Nickname| name.as_str().to_owned())
    }
}
