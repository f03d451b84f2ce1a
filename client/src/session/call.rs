//! The task that owns a call: who is in the room, one [`PeerHandle`] each, and what all of them share.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use maru_core::key_frames::KeyFrameThrottle;
use maru_core::media::{EncodedAudio, EncodedVideo};
use maru_core::roster::{ConnectionState, Roster, RosterChange};
use maru_protocol::signal::LeaveReason;
use maru_protocol::signal::{ClientMessage, ServerMessage};
use maru_protocol::{InstanceId, Nickname};
use tokio::sync::mpsc;

use super::connection::{PathState, local_addresses};
use super::peer::{self, PeerHandle, PeerInput, PeerOutput, PeerSetup, Presence};
use super::reporting::Reporter;
use super::signaling::{self, Registration, Signaling, SignalingEvent};
use super::video_rate::VideoRate;
use super::{CallCommand, CallConfig, CallEvent, CallStats, EndReason, PeerKey, PeerStats};
use crate::clock;
use crate::invitation::Invitation;
use crate::media::{Media, MediaOutputs, SendStats};
use crate::report::Report;

/// How long a goodbye may take on its way to a peer.
const GOODBYE: Duration = Duration::from_millis(200);
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// As often as peers report what arrived.
const RATE_INTERVAL: Duration = Duration::from_millis(50);

pub(super) struct CallTask {
    config: CallConfig,
    media: Arc<Media>,
    reporter: Reporter,
    commands: mpsc::Receiver<CallCommand>,
    events: mpsc::Sender<CallEvent>,
    signaling: Signaling,
    outputs: MediaOutputs,
    roster: Roster,
    peers: BTreeMap<PeerKey, Member>,
    from_peers: mpsc::Receiver<(PeerKey, PeerOutput)>,
    to_call: mpsc::Sender<(PeerKey, PeerOutput)>,
    key_frames: KeyFrameThrottle,
    ice_servers: Vec<maru_protocol::signal::IceServer>,
    joined: bool,
    last_sent: SendStats,
    video_rate: VideoRate,
    /// What the peers were told of us last.
    told: Option<Presence>,
}

struct Member {
    handle: PeerHandle,
    name: Nickname,
    stats: Option<PeerStats>,
}

impl CallTask {
    pub(super) fn new(
        config: CallConfig,
        media: Arc<Media>,
        report: Report,
        commands: mpsc::Receiver<CallCommand>,
        events: mpsc::Sender<CallEvent>,
    ) -> Self {
        let instance = random_instance();
        let signaling = signaling::start(Registration {
            room: config.room.clone(),
            name: config.name.clone(),
            instance: instance.clone(),
            server: config.server.clone(),
            addresses: config.addresses.clone(),
        });
        let outputs = media.attach();
        let (to_call, from_peers) = mpsc::channel(1024);
        Self {
            reporter: Reporter::new(report),
            roster: Roster::new(instance),
            peers: BTreeMap::new(),
            key_frames: KeyFrameThrottle::new(),
            ice_servers: Vec::new(),
            joined: false,
            last_sent: SendStats::default(),
            video_rate: VideoRate::default(),
            told: None,
            config,
            media,
            commands,
            events,
            signaling,
            outputs,
            from_peers,
            to_call,
        }
    }

    pub(super) async fn run(mut self) {
        let reason = self.hold().await;
        for member in self.peers.values() {
            member.handle.tell(PeerInput::Leave);
        }
        let _ = self.signaling.outgoing.try_send(ClientMessage::Leave);
        let peers = std::mem::take(&mut self.peers);
        let goodbyes = async {
            for member in peers.into_values() {
                member.handle.ended().await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbyes).await;
        self.emit(CallEvent::Ended(reason));
    }

    async fn hold(&mut self) -> EndReason {
        let mut stats = tokio::time::interval(STATS_INTERVAL);
        stats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut rate = tokio::time::interval(RATE_INTERVAL);
        rate.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let key_frame_due = self.key_frames.poll_timeout();
            tokio::select! {
                command = self.commands.recv() => match command {
                    None | Some(CallCommand::Leave) => return EndReason::Left,
                    Some(command) => self.command(command),
                },
                event = self.signaling.events.recv() => match event {
                    Some(SignalingEvent::Refused(reason)) => return reason,
                    Some(event) => self.signaled(event),
                    None => return EndReason::Internal { reason: "the signaling task ended".into() },
                },
                Some((key, output)) = self.from_peers.recv() => self.peer_said(key, output),
                Some(unit) = self.outputs.video.recv() => self.send_video(unit),
                Some(packet) = self.outputs.audio.recv() => self.send_audio(packet),
                () = super::until(key_frame_due) => {
                    if self.key_frames.poll(clock::now()) {
                        self.media.request_key_frame();
                    }
                }
                _ = rate.tick(), if !self.peers.is_empty() => self.share_video(),
                _ = stats.tick() => {
                    self.publish_stats();
                    self.follow_camera();
                }
            }
        }
    }

    fn command(&mut self, command: CallCommand) {
        match command {
            CallCommand::SendChat { id, text } => {
                let sent_unix_ms = clock::unix_ms(clock::now()) as u64;
                self.reporter.chat_sent(&text);
                for member in self.peers.values() {
                    member.handle.tell(PeerInput::Chat { id, text: text.clone(), sent_unix_ms });
                }
            }
            CallCommand::SetMuted(muted) => {
                self.config.muted = muted;
                self.media.set_muted(muted);
                self.tell_presence();
            }
            CallCommand::SetCameraOn(on) => {
                self.config.camera_on = on;
                self.media.set_camera_on(on);
                self.tell_presence();
            }
            CallCommand::Rename(name) => {
                self.config.name = name.clone();
                let _ = self.signaling.outgoing.try_send(ClientMessage::Rename { name });
                self.tell_presence();
            }
            CallCommand::Leave => {}
        }
    }

    fn presence(&self) -> Presence {
        let camera_on = self.config.camera_on && self.media.is_camera_available();
        Presence { name: self.config.name.clone(), muted: self.config.muted, camera_on }
    }

    fn addresses(&self) -> Vec<IpAddr> {
        let chosen = &self.config.addresses;
        if chosen.is_empty() { local_addresses() } else { chosen.clone() }
    }

    fn tell_presence(&mut self) {
        let presence = self.presence();
        for member in self.peers.values() {
            member.handle.tell(PeerInput::Presence(presence.clone()));
        }
        self.told = Some(presence);
    }

    /// A camera that was unplugged, or is back, is told within a second.
    fn follow_camera(&mut self) {
        if self.told.as_ref() != Some(&self.presence()) {
            self.tell_presence();
        }
    }

    fn signaled(&mut self, event: SignalingEvent) {
        match event {
            SignalingEvent::Searching => self.emit(CallEvent::Searching),
            SignalingEvent::Connecting { url } => self.emit(CallEvent::Connecting { url }),
            SignalingEvent::Lost => self.emit(CallEvent::ServerLost),
            SignalingEvent::Welcome { server, own_server, message } => self.welcomed(server, own_server, message),
            SignalingEvent::Message(message) => self.server_said(message),
            SignalingEvent::Refused(_) => {}
        }
    }

    fn welcomed(&mut self, server: String, own_server: bool, message: ServerMessage) {
        let ServerMessage::Welcome { id, peers, ice_servers, .. } = message else { return };
        self.ice_servers = ice_servers;
        // Only a server within this process has no address by which others know it.
        let addresses = if own_server { self.addresses() } else { Vec::new() };
        let invitation = Invitation::new(&server, &self.config.room, &addresses);
        if self.joined {
            self.emit(CallEvent::ServerBack);
        } else {
            self.joined = true;
            self.emit(CallEvent::Joined { server, own_server, peers: peers.len() });
        }
        if let Some(invitation) = invitation {
            self.emit(CallEvent::Invitation(invitation));
        }
        let changes = self.roster.welcome(&peers);
        tracing::debug!(%id, present = peers.len(), "registered");
        self.apply(changes);
    }

    fn server_said(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::PeerJoined { peer } => {
                let changes = self.roster.joined(&peer);
                self.apply(changes);
            }
            ServerMessage::PeerLeft { id, reason } => {
                let change = self.roster.left(&id, reason);
                self.apply(change);
            }
            ServerMessage::PeerRenamed { id, name } => {
                let change = self.roster.renamed(&id, &name);
                self.apply(change);
            }
            ServerMessage::Signal { from, data } => {
                match self.roster.key_of(&from).and_then(|key| self.peers.get(&PeerKey(key))) {
                    Some(member) => member.handle.tell(PeerInput::Signal(data)),
                    None => tracing::debug!("a message of someone who has left"),
                }
            }
            ServerMessage::Error { code, message, .. } => {
                tracing::warn!(?code, message, "the server refused a message");
                self.reporter.error(&message);
            }
            _ => {}
        }
    }

    fn apply(&mut self, changes: impl IntoIterator<Item = RosterChange>) {
        for change in changes {
            match change {
                RosterChange::NewPeer { key, name, offer, polite, .. } => self.new_peer(key, name, offer, polite),
                RosterChange::Readdressed { key, reconnect, offer, .. } => {
                    if let Some(member) = self.peers.get(&PeerKey(key)) {
                        member.handle.tell(PeerInput::Readdressed { reconnect, offer });
                    }
                }
                RosterChange::Renamed { key, old, name } => {
                    if let Some(member) = self.peers.get_mut(&PeerKey(key)) {
                        member.name = name.clone();
                        member.handle.tell(PeerInput::Renamed(name.clone()));
                    }
                    self.emit(CallEvent::PeerRenamed { peer: PeerKey(key), old, name });
                }
                RosterChange::Gone { key, reason } => {
                    if let Some(member) = self.peers.remove(&PeerKey(key)) {
                        let lost = reason == LeaveReason::Lost;
                        self.reporter.peer_left(PeerKey(key), member.name.as_str(), lost);
                        self.emit(CallEvent::PeerLeft { peer: PeerKey(key), lost });
                        self.share_video();
                    }
                }
            }
        }
    }

    fn new_peer(&mut self, key: u32, name: Nickname, offer: bool, polite: bool) {
        let path = Arc::<PathState>::default();
        self.media.watch_backlog(path.backlog());
        let handle = peer::start(PeerSetup {
            key: PeerKey(key),
            name: name.clone(),
            polite,
            offer,
            own: self.presence(),
            ice_servers: self.ice_servers.clone(),
            addresses: self.addresses(),
            media: Arc::clone(&self.media),
            path: Arc::clone(&path),
            outputs: self.to_call.clone(),
        });
        self.peers.insert(PeerKey(key), Member { handle, name: name.clone(), stats: None });
        self.emit(CallEvent::PeerJoined { peer: PeerKey(key), name });
        self.share_video();
    }

    fn peer_said(&mut self, key: PeerKey, output: PeerOutput) {
        let Some(member) = self.peers.get_mut(&key) else { return };
        match output {
            PeerOutput::Signal(data) => {
                if let Some(id) = self.roster.id_of(key.0) {
                    send_signal(&self.signaling, ClientMessage::Signal { to: id.clone(), data });
                }
            }
            PeerOutput::Connected { frames } => {
                member.handle.connected();
                self.set_connection(key, ConnectionState::Standing);
                self.want_key_frame();
                self.emit(CallEvent::PeerConnected { peer: key, frames });
            }
            PeerOutput::Interrupted => {
                self.emit(CallEvent::PeerInterrupted { peer: key });
                self.set_connection(key, ConnectionState::Connecting);
            }
            PeerOutput::Failed { reason, for_good } => {
                self.emit(CallEvent::PeerUnreachable { peer: key, reason });
                self.set_connection(key, if for_good { ConnectionState::Down } else { ConnectionState::Connecting });
            }
            PeerOutput::FirstFrame { at } => {
                self.reporter.first_frame(at, &name_of(&self.roster, key));
                self.emit(CallEvent::FirstFrame { peer: key });
            }
            PeerOutput::Presence(Presence { name, muted, camera_on }) => {
                let change = self.roster.rename(key.0, &name);
                self.apply(change);
                self.emit(CallEvent::PeerState { peer: key, muted, camera_on });
            }
            PeerOutput::Chat { text, sent_unix_ms } => self.emit(CallEvent::Chat { peer: key, text, sent_unix_ms }),
            PeerOutput::Delivered { id } => self.emit(CallEvent::ChatDelivered { peer: key, id }),
            PeerOutput::KeyFrameWanted => {
                member.handle.needs_key_frame();
                self.want_key_frame();
            }
            PeerOutput::Stats(stats) => member.stats = Some(*stats),
            PeerOutput::SaidGoodbye => {
                let change = self.roster.said_goodbye(key.0);
                self.apply(change);
            }
        }
    }

    fn set_connection(&mut self, key: PeerKey, state: ConnectionState) {
        let change = self.roster.set_connection(key.0, state);
        self.apply(change);
    }

    /// Makes as much frame as the ways to the peers carry now.
    fn share_video(&mut self) {
        let paths = self.peers.values().filter_map(|member| member.handle.unrepaired_bps());
        if let Some(target) = self.video_rate.decide(clock::now(), self.peers.len(), paths) {
            self.media.set_video_target(target);
        }
        let mut is_urgent = false;
        for member in self.peers.values_mut().filter(|member| member.handle.take_need_of_key_frame()) {
            member.handle.needs_key_frame();
            is_urgent = true;
        }
        if is_urgent {
            self.media.request_key_frame_at_once();
        }
    }

    fn want_key_frame(&mut self) {
        self.key_frames.request();
        if self.key_frames.poll(clock::now()) {
            self.media.request_key_frame();
        }
    }

    fn send_video(&mut self, unit: EncodedVideo) {
        let unit = Arc::new(unit);
        let mut dropped = false;
        for member in self.peers.values_mut() {
            dropped |= !member.handle.send_video(&unit);
        }
        if dropped {
            self.want_key_frame();
        }
    }

    fn send_audio(&mut self, packet: EncodedAudio) {
        let packet = Arc::new(packet);
        for member in self.peers.values() {
            member.handle.send_audio(&packet);
        }
    }

    fn publish_stats(&mut self) {
        let send = self.media.stats();
        let last = std::mem::replace(&mut self.last_sent, send);
        let encoded = send.encoded.saturating_sub(last.encoded);
        let limited_by = self.video_rate.limited_by(&send, &last);
        let peers = self.peers.values().filter_map(|member| member.stats.clone());
        let stats = CallStats {
            peers: peers.map(|stats| PeerStats { limited_by: limited_by.into(), ..stats }).collect(),
            sent_width: send.width,
            sent_height: send.height,
            sent_fps: encoded as f32 / STATS_INTERVAL.as_secs_f32(),
            encode_delay_ms: send.encode_delay_ms,
        };
        self.emit(CallEvent::Stats(stats));
    }

    fn emit(&mut self, event: CallEvent) {
        self.reporter.event(&event, |key| name_of(&self.roster, key));
        // Who does not listen for a thousand events has stopped: the call must not wait for it.
        if self.events.try_send(event).is_err() {
            tracing::debug!("an event found nobody listening");
        }
    }
}

fn name_of(roster: &Roster, key: PeerKey) -> String {
    roster.name_of(key.0).map_or_else(String::new, |name| name.as_str().to_owned())
}

fn send_signal(signaling: &Signaling, message: ClientMessage) {
    if let Err(error) = signaling.outgoing.try_send(message) {
        tracing::warn!(%error, "the server does not take what is meant for a peer");
    }
}

fn random_instance() -> InstanceId {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).expect("the operating system gives random numbers");
    InstanceId::from_bits(u128::from_ne_bytes(bits))
}
