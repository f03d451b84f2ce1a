//! One task for each connection: carries out what the call says, and carries media between the stack and the codecs.
//! While one connection hangs, no other waits for it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use maru_core::call::{ConnectionId, ConnectionInput, StreamKind};
use maru_core::media::{EncodedAudio, EncodedVideo, SharedMedia};
use maru_core::negotiation::Step;
use maru_core::time::Timestamp;
use maru_core::video_playout::VideoPlayout;
use maru_protocol::signal::{IceServer, SessionDescription};
use tokio::sync::mpsc;
use webrtc::runtime::Runtime;

use super::ParticipantStats;
use super::connection::{Connection, ConnectionConfig, ConnectionError, ConnectionEvent, PathState};
use super::statistics::Counts;
use super::surroundings::{ParticipantMedia, now, until};

/// A quarter of a second of frames; later they would be of no use.
const VIDEO_QUEUE_FRAMES: usize = 8;
/// Half a second of audio.
const AUDIO_QUEUE_PACKETS: usize = 25;
/// Commands that wait for the task: a task that does not take them hangs.
const COMMANDS: usize = 256;
/// Texts that wait for room in the stack's buffer: a participant that lets so many wait reads nothing any more.
const MAX_TEXTS: usize = 256;
/// How often that room is looked for.
const TEXT_RETRY: Duration = Duration::from_millis(50);
const STATS_INTERVAL: Duration = Duration::from_secs(1);
/// How often the first frame is looked for.
const FIRST_FRAME_INTERVAL: Duration = Duration::from_millis(10);

/// What a task is started with.
pub(super) struct Setup {
    pub(super) id: ConnectionId,
    pub(super) name: String,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) ice_servers: Vec<IceServer>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) media: Arc<dyn ParticipantMedia>,
    /// Where outputs go, with the serial number of this task.
    pub(super) outputs: mpsc::Sender<(u64, ConnectionId, Output)>,
    pub(super) serial: u64,
}

#[derive(Debug)]
pub(super) enum Output {
    Input(ConnectionInput),
    /// The first frame of the participant was decoded at this time.
    FirstFrame(Timestamp),
    Stats(Box<ParticipantStats>),
}

enum ConnectionCommand {
    Negotiate(Step),
    SendText(String),
    Close,
}

/// What the call holds of a task. None of its methods waits. Dropping it closes the connection.
pub(super) struct ConnectionHandle {
    pub(super) serial: u64,
    pub(super) path: Arc<PathState>,
    /// Of this machine, the best one first.
    pub(super) addresses: Vec<IpAddr>,
    commands: mpsc::Sender<ConnectionCommand>,
    video: mpsc::Sender<Arc<EncodedVideo>>,
    audio: mpsc::Sender<Arc<EncodedAudio>>,
}

impl ConnectionHandle {
    pub(super) fn start(setup: Setup) -> Self {
        let (commands, to_do) = mpsc::channel(COMMANDS);
        let (video, video_out) = mpsc::channel(VIDEO_QUEUE_FRAMES);
        let (audio, audio_out) = mpsc::channel(AUDIO_QUEUE_PACKETS);
        let path = Arc::<PathState>::default();
        let addresses = setup.addresses.clone();
        let handle = Self { serial: setup.serial, path: Arc::clone(&path), addresses, commands, video, audio };
        let runtime = Arc::clone(&setup.runtime);
        let end = EndGuard { outputs: setup.outputs.clone(), serial: setup.serial, id: setup.id };
        let task = async move {
            let _end = end;
            run(setup, path, to_do, video_out, audio_out).await;
        };
        runtime.spawn(Box::pin(task)).detach();
        handle
    }

    /// `false`: the task hangs.
    pub(super) fn negotiate(&self, step: Step) -> bool {
        self.commands.try_send(ConnectionCommand::Negotiate(step)).is_ok()
    }

    /// `false`: the task hangs.
    pub(super) fn send_text(&self, text: String) -> bool {
        self.commands.try_send(ConnectionCommand::SendText(text)).is_ok()
    }

    /// Closes the connection once everything before is sent.
    pub(super) fn close(self) {
        // A task that hangs sees the end of its channels.
        let _ = self.commands.try_send(ConnectionCommand::Close);
    }

    /// `false`: there is no room, and the frame is dropped.
    pub(super) fn send_video(&self, frame: &Arc<EncodedVideo>) -> bool {
        self.video.try_send(Arc::clone(frame)).is_ok()
    }

    pub(super) fn send_audio(&self, packet: &Arc<EncodedAudio>) {
        if self.audio.try_send(Arc::clone(packet)).is_err() {
            tracing::debug!("audio finds no room in a connection's queue");
        }
    }
}

/// Tells the call when a task ends, also by a panic.
struct EndGuard {
    outputs: mpsc::Sender<(u64, ConnectionId, Output)>,
    serial: u64,
    id: ConnectionId,
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        let input = ConnectionInput::Failed { reason: "the connection's task ended".into() };
        // A full queue: the call is over, or hangs.
        let _ = self.outputs.try_send((self.serial, self.id, Output::Input(input)));
    }
}

async fn run(
    setup: Setup,
    path: Arc<PathState>,
    mut commands: mpsc::Receiver<ConnectionCommand>,
    mut video: mpsc::Receiver<Arc<EncodedVideo>>,
    mut audio: mpsc::Receiver<Arc<EncodedAudio>>,
) {
    let config = ConnectionConfig {
        runtime: Arc::clone(&setup.runtime),
        ice_servers: setup.ice_servers.clone(),
        local_addresses: setup.addresses.clone(),
        path: Arc::clone(&path),
    };
    let (connection, events) = match Connection::open(config).await {
        Ok(opened) => opened,
        Err(error) => {
            let reason = error.to_string();
            let _ =
                setup.outputs.send((setup.serial, setup.id, Output::Input(ConnectionInput::Failed { reason }))).await;
            return;
        }
    };
    let hangs = connection.hangs();
    let outputs = setup.outputs.clone();
    let (serial, id) = (setup.serial, setup.id);
    let mut task = Task {
        stats_at: now(setup.runtime.as_ref()) + STATS_INTERVAL,
        setup,
        path,
        connection,
        events: Some(events),
        video: VideoPlayout::new(),
        texts: VecDeque::new(),
        text_retry_at: None,
        first_frame_at: None,
        is_first_frame_awaited: true,
        counts: Counts::default(),
    };
    let serve = async move {
        loop {
            let deadline = task.poll_timeout();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(ConnectionCommand::Negotiate(step)) => task.negotiate(step).await,
                    Some(ConnectionCommand::SendText(text)) => task.send_text(text).await,
                    Some(ConnectionCommand::Close) | None => break,
                },
                event = next(&mut task.events) => task.happened(event).await,
                Some(frame) = video.recv() => {
                    if let Err(error) = task.connection.send_video(&frame).await {
                        tracing::debug!(%error, "a frame was not sent");
                    }
                }
                Some(packet) = audio.recv() => {
                    if let Err(error) = task.connection.send_audio(&packet).await {
                        tracing::debug!(%error, "audio was not sent");
                    }
                }
                () = until(task.setup.runtime.as_ref(), deadline) => {}
            }
            task.keep_up().await;
        }
        task.flush_texts().await;
        task.connection.close().await;
    };
    tokio::select! {
        () = serve => {}
        () = hangs => {
            let reason = "the connection hung and was cut off".into();
            let _ = outputs.send((serial, id, Output::Input(ConnectionInput::CutOff { reason }))).await;
        }
    }
}

struct Task {
    setup: Setup,
    path: Arc<PathState>,
    connection: Connection,
    events: Option<mpsc::Receiver<ConnectionEvent>>,
    video: VideoPlayout,
    /// In the order of writing.
    texts: VecDeque<String>,
    text_retry_at: Option<Timestamp>,
    first_frame_at: Option<Timestamp>,
    is_first_frame_awaited: bool,
    stats_at: Timestamp,
    counts: Counts,
}

impl Task {
    fn now(&self) -> Timestamp {
        now(self.setup.runtime.as_ref())
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        let times = [self.video.poll_timeout(), self.text_retry_at, self.first_frame_at, Some(self.stats_at)];
        times.into_iter().flatten().min()
    }

    async fn say(&self, output: Output) {
        // When nobody listens, the call is over.
        let _ = self.setup.outputs.send((self.setup.serial, self.setup.id, output)).await;
    }

    async fn tell(&self, input: ConnectionInput) {
        self.say(Output::Input(input)).await;
    }

    async fn negotiate(&self, step: Step) {
        let input = match self.carry_out(step).await {
            Ok(made) => ConnectionInput::StepDone(made),
            Err(error) => ConnectionInput::StepFailed { is_spoiled: error.is_spoiled(), reason: error.to_string() },
        };
        self.tell(input).await;
    }

    /// Gives the description that has to be sent.
    async fn carry_out(&self, step: Step) -> Result<Option<SessionDescription>, ConnectionError> {
        match step {
            Step::SendOffer => self.connection.create_offer().await.map(Some),
            Step::SendAnswer => self.connection.create_answer().await.map(Some),
            Step::Rollback => self.connection.rollback().await.map(|()| None),
            Step::ApplyRemote(description) => {
                self.connection.set_remote(description).await?;
                self.tell(ConnectionInput::MediaAgreed(self.connection.shared_media())).await;
                Ok(None)
            }
            Step::AddCandidate(candidate) => self.connection.add_candidate(candidate).await.map(|()| None),
            // The call sends it by itself.
            Step::ResendOffer => Ok(None),
        }
    }

    async fn send_text(&mut self, text: String) {
        self.texts.push_back(text);
        if self.texts.len() > MAX_TEXTS {
            self.texts.clear();
            let reason = "it does not read what it is sent".into();
            return self.tell(ConnectionInput::Failed { reason }).await;
        }
        self.flush_texts().await;
    }

    async fn flush_texts(&mut self) {
        self.text_retry_at = None;
        while let Some(text) = self.texts.front() {
            match self.connection.send_text(text).await {
                Err(ConnectionError::ChannelFull) => {
                    self.text_retry_at = Some(self.now() + TEXT_RETRY);
                    return;
                }
                Err(error) => tracing::debug!(%error, "a text is not sent"),
                Ok(()) => {}
            }
            self.texts.pop_front();
        }
    }

    async fn happened(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Video { stream: StreamKind::Camera, packet, arrived } => {
                if self.is_first_frame_awaited && self.first_frame_at.is_none() {
                    self.first_frame_at = Some(self.now());
                }
                self.video.handle_packet(arrived, packet);
            }
            ConnectionEvent::Audio { stream: StreamKind::Microphone, packet } => self.setup.media.push_audio(packet),
            // A camera sends no audio, a microphone no video.
            ConnectionEvent::Video { .. } | ConnectionEvent::Audio { .. } => {}
            ConnectionEvent::SenderReport(report) => match report.stream {
                StreamKind::Microphone => self.video.sync().audio_reported(report.ntp, report.rtp_time),
                StreamKind::Camera => self.video.sync().video_reported(report.ntp, report.rtp_time),
            },
            ConnectionEvent::LocalCandidate(candidate) => self.tell(ConnectionInput::LocalCandidate(candidate)).await,
            // The stack would offer again what the peer cannot take.
            ConnectionEvent::NegotiationNeeded if self.connection.shared_media() != SharedMedia::ALL => {}
            ConnectionEvent::NegotiationNeeded => self.tell(ConnectionInput::NegotiationNeeded).await,
            ConnectionEvent::Connected => self.tell(ConnectionInput::Established).await,
            ConnectionEvent::Interrupted => self.tell(ConnectionInput::Interrupted).await,
            ConnectionEvent::Failed { reason } | ConnectionEvent::Closed { reason } => {
                self.tell(ConnectionInput::Failed { reason }).await;
            }
            ConnectionEvent::KeyFrameRequested => self.tell(ConnectionInput::KeyFrameRequested).await,
            ConnectionEvent::ChannelOpen => self.tell(ConnectionInput::ChannelOpen).await,
            ConnectionEvent::ChannelText(text) => self.tell(ConnectionInput::ChannelText(text)).await,
            ConnectionEvent::ChannelClosed => self.tell(ConnectionInput::ChannelClosed).await,
        }
    }

    /// Does what is due.
    async fn keep_up(&mut self) {
        let now = self.now();
        if let Some((at, rtp_time)) = self.setup.media.heard() {
            self.video.sync().heard(at, rtp_time);
        }
        while let Some(unit) = self.video.poll_unit(now) {
            if !self.setup.media.push_video(unit) {
                self.video.decoder_needs_key_frame();
            }
        }
        if self.setup.media.take_key_frame_request() {
            self.video.decoder_needs_key_frame();
        }
        if self.video.poll_key_frame_request(now) {
            self.connection.request_key_frame(StreamKind::Camera).await;
        }
        if self.text_retry_at.is_some_and(|at| at <= now) {
            self.flush_texts().await;
        }
        if self.first_frame_at.is_some_and(|at| at <= now) {
            self.look_for_first_frame(now).await;
        }
        if self.stats_at <= now {
            self.stats_at = now + STATS_INTERVAL;
            self.publish_stats().await;
        }
    }

    async fn look_for_first_frame(&mut self, now: Timestamp) {
        self.first_frame_at = Some(now + FIRST_FRAME_INTERVAL);
        if let Some(frame) = self.setup.media.frames().get() {
            self.is_first_frame_awaited = false;
            self.first_frame_at = None;
            self.say(Output::FirstFrame(frame.at)).await;
        }
    }

    async fn publish_stats(&mut self) {
        let connection = self.connection.stats().await;
        if let Some(round_trip) = connection.round_trip {
            self.video.set_round_trip(round_trip);
        }
        let counts = Counts { at: self.now(), connection, media: self.setup.media.stats(), video: self.video.stats() };
        let last = std::mem::replace(&mut self.counts, counts);
        let ms = |duration: Duration| duration.as_secs_f32() * 1e3;
        let stats = ParticipantStats {
            path_bitrate_bps: self.path.target_bps(),
            queue_ms: ms(self.path.queue_delay()),
            pacing_ms: ms(self.path.send_queue_delay().get()),
            ..counts.since(&last, self.setup.id.participant, &self.setup.name)
        };
        self.say(Output::Stats(Box::new(stats))).await;
    }
}

/// The next event; the last one is [`ConnectionEvent::Closed`].
async fn next(events: &mut Option<mpsc::Receiver<ConnectionEvent>>) -> ConnectionEvent {
    let Some(receiver) = events else { return std::future::pending().await };
    match receiver.recv().await {
        Some(event) => event,
        None => {
            *events = None;
            ConnectionEvent::Closed { reason: "the connection ended by itself".into() }
        }
    }
}
