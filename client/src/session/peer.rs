//! One peer of the call: a task that owns its connection, its negotiation and what is received from it.

mod handle;
mod receiving;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use maru_core::chat::Chat;
use maru_core::media::{EncodedAudio, EncodedVideo};
use maru_core::negotiation::{Action, Negotiation};
use maru_core::time::Timestamp;
use maru_protocol::peer::PeerMessage;
use maru_protocol::signal::{DescriptionKind, IceServer, SessionDescription, SignalData};
use maru_protocol::{Nickname, VERSION};
use tokio::sync::mpsc;

pub(super) use handle::PeerHandle;
use receiving::Receiving;

use super::connection::{Connection, ConnectionConfig, ConnectionError, ConnectionEvent, PathState};
use super::{PeerKey, PeerStats};
use crate::clock;
use crate::media::{FrameSlot, Media};

/// How often a connection that failed is built again before the peer is given up.
const ATTEMPTS: u32 = 3;
/// How long the peer's offer is waited for after a failure.
const OFFER_WAIT: Duration = Duration::from_secs(3);
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// Between two greetings to a peer that has not been heard yet. What comes before its end of the channel is open is lost.
const HELLO_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct PeerSetup {
    pub(super) key: PeerKey,
    pub(super) name: Nickname,
    /// Who yields when both offer at once.
    pub(super) polite: bool,
    /// Whether we make the first offer.
    pub(super) offer: bool,
    pub(super) own: Presence,
    pub(super) ice_servers: Vec<IceServer>,
    pub(super) addresses: Vec<IpAddr>,
    /// What all connections to this peer, one after the other, tell of the way there.
    pub(super) path: Arc<PathState>,
    pub(super) media: Arc<Media>,
    pub(super) outputs: mpsc::Sender<(PeerKey, PeerOutput)>,
}

/// What one side tells the other of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) name: Nickname,
    pub(super) muted: bool,
    pub(super) camera_on: bool,
}

#[derive(Debug)]
pub(super) enum PeerInput {
    Signal(SignalData),
    Chat {
        id: u64,
        text: String,
        sent_unix_ms: u64,
    },
    Presence(Presence),
    Renamed(Nickname),
    /// It, or we, registered again: what was on the way through the server may be lost. `reconnect`: a new connection is needed.
    Readdressed {
        reconnect: bool,
        offer: bool,
    },
    Leave,
}

#[derive(Debug)]
pub(super) enum PeerOutput {
    Signal(SignalData),
    Connected {
        frames: FrameSlot,
    },
    Interrupted,
    /// The connection failed; `for_good` after the last attempt to build a new one.
    Failed {
        reason: String,
        for_good: bool,
    },
    FirstFrame {
        at: Timestamp,
    },
    Presence(Presence),
    Chat {
        text: String,
        sent_unix_ms: u64,
    },
    Delivered {
        id: u64,
    },
    KeyFrameWanted,
    Stats(Box<PeerStats>),
    SaidGoodbye,
}

/// Starts the task of one peer on the current tokio runtime.
pub(super) fn start(setup: PeerSetup) -> PeerHandle {
    let (inputs, from_call) = mpsc::channel(256);
    let (video_in, video) = mpsc::channel(handle::VIDEO_QUEUE_UNITS);
    let (audio_in, audio) = mpsc::channel(handle::AUDIO_QUEUE_PACKETS);
    let path = Arc::clone(&setup.path);
    let task = tokio::spawn(async move {
        PeerTask::new(setup).run(from_call, video, audio).await;
    });
    PeerHandle::new(inputs, video_in, audio_in, path, task)
}

struct PeerTask {
    setup: PeerSetup,
    receiving: Receiving,
    chat: Chat,
    connection: Option<ActiveConnection>,
    attempts: u32,
    /// When to offer a new connection if the peer has not by then.
    offer_at: Option<Timestamp>,
    state: ConnectionState,
    channel_open: bool,
    /// Whether the peer has said anything on the channel: only then is its end sure to listen.
    heard: bool,
    /// What the call was told of the peer.
    told: Option<Presence>,
}

/// A connection and what is being agreed on it.
struct ActiveConnection {
    connection: Connection,
    negotiation: Negotiation,
    /// Kept in case it gets lost on its way.
    last_offer: Option<SessionDescription>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    Connecting,
    Connected,
    Interrupted,
}

/// Whether the task goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    End,
}

impl PeerTask {
    fn new(setup: PeerSetup) -> Self {
        let receiving = Receiving::new(setup.media.add_peer(setup.name.as_str()));
        Self {
            setup,
            receiving,
            chat: Chat::new(),
            connection: None,
            attempts: 0,
            offer_at: None,
            state: ConnectionState::Connecting,
            channel_open: false,
            heard: false,
            told: None,
        }
    }

    async fn run(
        mut self,
        mut inputs: mpsc::Receiver<PeerInput>,
        mut video: mpsc::Receiver<Arc<EncodedVideo>>,
        mut audio: mpsc::Receiver<Arc<EncodedAudio>>,
    ) {
        let mut events = self.open_connection(self.setup.offer).await;
        let mut stats = tokio::time::interval(STATS_INTERVAL);
        let mut hello = tokio::time::interval(HELLO_INTERVAL);
        let mut first_frame = tokio::time::interval(Duration::from_millis(10));
        first_frame.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let release = self.receiving.poll_timeout();
            let flow = tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => self.input(input, &mut events).await,
                    None => Flow::End,
                },
                event = next(&mut events) => self.connection_said(event, &mut events).await,
                Some(unit) = video.recv() => {
                    if let Some(active) = &self.connection
                        && let Err(error) = active.connection.send_video(&unit).await
                    {
                        tracing::debug!(%error, "a frame was not sent");
                    }
                    Flow::Continue
                }
                Some(packet) = audio.recv() => {
                    if let Some(active) = &self.connection
                        && let Err(error) = active.connection.send_audio(&packet).await
                    {
                        tracing::debug!(%error, "sound was not sent");
                    }
                    Flow::Continue
                }
                () = super::until(release) => Flow::Continue,
                () = super::until(self.offer_at) => {
                    events = self.open_connection(true).await;
                    Flow::Continue
                }
                _ = first_frame.tick(), if self.receiving.waits_for_first_frame() => {
                    if let Some(at) = self.receiving.take_first_frame() {
                        self.say(PeerOutput::FirstFrame { at }).await;
                    }
                    Flow::Continue
                }
                _ = hello.tick(), if self.channel_open && !self.heard => {
                    self.send_hello().await;
                    Flow::Continue
                }
                _ = stats.tick() => {
                    self.publish_stats().await;
                    Flow::Continue
                }
            };
            self.receiving.hand_over(clock::now());
            if self.receiving.wants_key_frame(clock::now())
                && let Some(active) = &self.connection
            {
                active.connection.request_key_frame().await;
            }
            if flow == Flow::End {
                break;
            }
        }
        if let Some(active) = self.connection.take() {
            active.connection.close().await;
        }
    }

    /// Opens a fresh connection in place of the one there may be.
    async fn open_connection(&mut self, offer: bool) -> Option<mpsc::Receiver<ConnectionEvent>> {
        self.close_connection().await;
        self.offer_at = None;
        let config = ConnectionConfig {
            runtime: webrtc::runtime::default_runtime().expect("the tokio runtime is compiled in"),
            ice_servers: self.setup.ice_servers.clone(),
            local_addresses: self.setup.addresses.clone(),
            path: Arc::clone(&self.setup.path),
        };
        match Connection::open(config).await {
            Ok((connection, events)) => {
                let mut negotiation = Negotiation::new(self.setup.polite);
                if offer {
                    negotiation.negotiation_needed();
                }
                self.connection = Some(ActiveConnection { connection, negotiation, last_offer: None });
                self.negotiate().await;
                Some(events)
            }
            Err(error) => {
                self.say(PeerOutput::Failed { reason: error.to_string(), for_good: true }).await;
                None
            }
        }
    }

    async fn close_connection(&mut self) {
        if let Some(old) = self.connection.take() {
            old.connection.close().await;
        }
        self.state = ConnectionState::Connecting;
        self.channel_open = false;
        self.heard = false;
        self.chat.connection_closed();
        self.receiving.reset();
    }

    async fn input(&mut self, input: PeerInput, events: &mut Option<mpsc::Receiver<ConnectionEvent>>) -> Flow {
        match input {
            PeerInput::Signal(data) => {
                if self.connection.is_none() || (self.state == ConnectionState::Interrupted && is_offer(&data)) {
                    *events = self.open_connection(false).await;
                }
                if let Some(active) = &mut self.connection {
                    match data {
                        SignalData::Description(description) => active.negotiation.handle_description(description),
                        SignalData::Candidate(candidate) => active.negotiation.handle_candidate(candidate),
                    }
                }
                self.negotiate().await;
            }
            PeerInput::Chat { id, text, sent_unix_ms } => {
                if let Err(error) = self.chat.write(id, &text, sent_unix_ms) {
                    tracing::warn!(%error, "a chat message is not sent");
                }
                self.send_chat().await;
            }
            PeerInput::Presence(own) => {
                self.setup.own = own;
                self.send_hello().await;
            }
            PeerInput::Renamed(name) => {
                self.receiving.set_name(name.as_str());
                self.setup.name = name;
            }
            PeerInput::Readdressed { reconnect: true, offer } => *events = self.open_connection(offer).await,
            PeerInput::Readdressed { reconnect: false, .. } => {
                if let Some(active) = &mut self.connection {
                    active.negotiation.signaling_restored();
                }
                self.negotiate().await;
            }
            PeerInput::Leave => {
                self.send(&PeerMessage::Bye).await;
                return Flow::End;
            }
        }
        Flow::Continue
    }

    async fn connection_said(
        &mut self,
        event: ConnectionEvent,
        events: &mut Option<mpsc::Receiver<ConnectionEvent>>,
    ) -> Flow {
        match event {
            ConnectionEvent::LocalCandidate(candidate) => {
                self.say(PeerOutput::Signal(SignalData::Candidate(candidate))).await;
            }
            ConnectionEvent::NegotiationNeeded => {
                // The first offer is the newcomer's; what comes later may come from both.
                if let (ConnectionState::Connected, Some(active)) = (self.state, &mut self.connection) {
                    active.negotiation.negotiation_needed();
                    self.negotiate().await;
                }
            }
            ConnectionEvent::Connected => {
                self.state = ConnectionState::Connected;
                self.attempts = 0;
                let frames = self.receiving.frames();
                self.say(PeerOutput::Connected { frames }).await;
            }
            ConnectionEvent::Interrupted => {
                self.state = ConnectionState::Interrupted;
                self.say(PeerOutput::Interrupted).await;
            }
            ConnectionEvent::Failed { reason } | ConnectionEvent::Closed { reason } => {
                *events = self.failed(reason).await
            }
            ConnectionEvent::Video { packet, arrived } => self.receiving.video(arrived, packet),
            ConnectionEvent::Audio(packet) => self.receiving.audio(packet),
            ConnectionEvent::KeyFrameWanted => self.say(PeerOutput::KeyFrameWanted).await,
            ConnectionEvent::SenderReport(report) => self.receiving.sender_report(report),
            ConnectionEvent::ChannelOpen => {
                self.channel_open = true;
                self.send_hello().await;
            }
            ConnectionEvent::ChannelText(text) => {
                if !std::mem::replace(&mut self.heard, true) {
                    self.chat.connection_opened();
                    self.send_hello().await;
                    self.send_chat().await;
                }
                return self.peer_wrote(&text).await;
            }
            ConnectionEvent::ChannelClosed => self.channel_open = false,
        }
        Flow::Continue
    }

    /// The connection is beyond repair. The impolite side builds a new one; the polite side waits for its offer, but not for
    /// ever: a peer that has given us up waits for ours.
    async fn failed(&mut self, reason: String) -> Option<mpsc::Receiver<ConnectionEvent>> {
        self.attempts += 1;
        let for_good = self.attempts > ATTEMPTS;
        self.say(PeerOutput::Failed { reason, for_good }).await;
        if for_good || self.setup.polite {
            self.close_connection().await;
            self.offer_at = (!for_good).then(|| clock::now() + OFFER_WAIT);
            return None;
        }
        self.open_connection(true).await
    }

    async fn negotiate(&mut self) {
        while let Some(active) = &mut self.connection {
            let Some(action) = active.negotiation.poll_action() else { return };
            match active.carry_out(action).await {
                Ok(to_send) => {
                    active.negotiation.done();
                    if let Some(description) = to_send {
                        self.say(PeerOutput::Signal(SignalData::Description(description))).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(peer = self.setup.key.0, %error, "a step of the negotiation failed");
                    active.negotiation.failed();
                    if active.negotiation.is_broken() {
                        // The event that follows builds a new connection.
                        active.connection.close().await;
                    }
                }
            }
        }
    }

    async fn peer_wrote(&mut self, text: &str) -> Flow {
        let message = match PeerMessage::decode(text) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(peer = self.setup.key.0, %error, "a message of the peer is not understood");
                return Flow::Continue;
            }
        };
        match message {
            PeerMessage::Hello { name, muted, camera_on, .. } => {
                self.receiving.set_camera_on(camera_on);
                let presence = Presence { name, muted, camera_on };
                // Greetings are repeated until they are answered.
                if self.told.as_ref() != Some(&presence) {
                    self.told = Some(presence.clone());
                    self.say(PeerOutput::Presence(presence)).await;
                }
            }
            PeerMessage::Chat { id, text, sent_unix_ms } => {
                let (delivered, new) = self.chat.handle_chat(id, &text, sent_unix_ms);
                if let Some(chat) = new {
                    self.say(PeerOutput::Chat { text: chat.text, sent_unix_ms: chat.sent_unix_ms }).await;
                }
                self.send(&delivered).await;
            }
            PeerMessage::Delivered { id } => {
                if self.chat.handle_delivered(id) {
                    self.say(PeerOutput::Delivered { id }).await;
                }
            }
            PeerMessage::Bye => {
                self.say(PeerOutput::SaidGoodbye).await;
                return Flow::End;
            }
            PeerMessage::Unknown => {}
        }
        Flow::Continue
    }

    async fn send_hello(&self) {
        let Presence { name, muted, camera_on } = self.setup.own.clone();
        self.send(&PeerMessage::Hello { version: VERSION, name, muted, camera_on }).await;
    }

    async fn send_chat(&mut self) {
        while self.channel_open && self.heard {
            let Some(message) = self.chat.poll_message() else { return };
            self.send(&message).await;
        }
    }

    async fn send(&self, message: &PeerMessage) {
        let (true, Some(active)) = (self.channel_open, &self.connection) else { return };
        let text = match message.encode() {
            Ok(text) => text,
            Err(error) => return tracing::warn!(%error, "a message that no peer would take is not sent"),
        };
        if let Err(error) = active.connection.send_text(&text).await {
            tracing::warn!(peer = self.setup.key.0, %error, "a message does not get through");
        }
    }

    async fn publish_stats(&mut self) {
        let (ConnectionState::Connected, Some(active)) = (self.state, &self.connection) else { return };
        let connection = active.connection.stats().await;
        let stats = self.receiving.stats(self.setup.key.0, self.setup.name.as_str(), connection);
        let path = &self.setup.path;
        let ms = |duration: Duration| duration.as_secs_f32() * 1e3;
        let stats = PeerStats {
            path_bitrate_bps: path.target_bps(),
            queue_ms: ms(path.queue_delay()),
            pacing_ms: ms(path.backlog().get()),
            ..stats
        };
        self.say(PeerOutput::Stats(Box::new(stats))).await;
    }

    async fn say(&self, output: PeerOutput) {
        // The call drains this queue at once; when it is gone, so is the reason to speak.
        let _ = self.setup.outputs.send((self.setup.key, output)).await;
    }
}

impl ActiveConnection {
    /// One step of the negotiation. Gives what has to be sent to the peer.
    async fn carry_out(&mut self, action: Action) -> Result<Option<SessionDescription>, ConnectionError> {
        let nothing = |()| None;
        match action {
            Action::SendOffer => {
                let offer = self.connection.create_offer().await?;
                self.last_offer = Some(offer.clone());
                Ok(Some(offer))
            }
            Action::ResendOffer => Ok(self.last_offer.clone()),
            Action::Rollback => self.connection.rollback().await.map(nothing),
            Action::ApplyRemote(description) => self.connection.set_remote(description).await.map(nothing),
            Action::SendAnswer => self.connection.create_answer().await.map(Some),
            Action::AddCandidate(candidate) => self.connection.add_candidate(candidate).await.map(nothing),
        }
    }
}

fn is_offer(data: &SignalData) -> bool {
    matches!(data, SignalData::Description(description) if description.kind == DescriptionKind::Offer)
}

/// The next event of the connection; never comes while there is none.
async fn next(events: &mut Option<mpsc::Receiver<ConnectionEvent>>) -> ConnectionEvent {
    match events {
        Some(events) => match events.recv().await {
            Some(event) => event,
            None => ConnectionEvent::Closed { reason: "the connection ended by itself".into() },
        },
        None => std::future::pending().await,
    }
}
