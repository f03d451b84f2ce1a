//! One end of a call as the session drives it: perfect negotiation, and video put together again, over a connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use maru::clock;
use maru::session::connection::{Connection, ConnectionConfig, ConnectionError, ConnectionEvent, PathState};
use maru_core::media::AccessUnit;
use maru_core::negotiation::{Action, Negotiation};
use maru_core::time::Timestamp;
use maru_core::video_receiver::VideoReceiver;
use maru_protocol::signal::{SessionDescription, SignalData};
use tokio::sync::{Notify, mpsc};
use webrtc::runtime::Runtime;

use super::media::frame;

type Signals = mpsc::Sender<(Instant, SignalData)>;

#[derive(Clone)]
pub struct Party {
    pub connection: Arc<Connection>,
    path: Arc<PathState>,
    runtime: Arc<dyn Runtime>,
    /// Tells the task to make an offer.
    offer: Arc<Notify>,
    key_frame_wanted: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    changed: Arc<Notify>,
}

/// What a party knows.
#[derive(Default)]
pub struct Heard {
    pub connected: bool,
    pub channel_open: bool,
    pub texts: Vec<String>,
    pub key_frames_wanted: u32,
    /// Complete access units, with the time of each.
    pub units: Vec<(Instant, AccessUnit)>,
    pub settled: bool,
    pub broken: bool,
    /// Messages that the negotiation could not use.
    pub dropped: u64,
}

/// Opens both ends. The first is polite.
pub async fn introduce(
    polite: ConnectionConfig,
    impolite: ConnectionConfig,
    signaling_delay: Duration,
) -> (Party, Party) {
    let (to_impolite, from_polite) = mpsc::channel(64);
    let (to_polite, from_impolite) = mpsc::channel(64);
    let polite = Party::open(polite, true, to_impolite, from_impolite, signaling_delay).await;
    let impolite = Party::open(impolite, false, to_polite, from_polite, signaling_delay).await;
    (polite, impolite)
}

impl Party {
    async fn open(
        config: ConnectionConfig,
        is_polite: bool,
        signals: Signals,
        incoming: mpsc::Receiver<(Instant, SignalData)>,
        signaling_delay: Duration,
    ) -> Self {
        let (runtime, path) = (Arc::clone(&config.runtime), Arc::clone(&config.path));
        let (connection, events) = Connection::open(config).await.expect("a connection opens");
        let party = Self {
            connection: Arc::new(connection),
            path,
            runtime: Arc::clone(&runtime),
            offer: Arc::default(),
            key_frame_wanted: Arc::default(),
            heard: Arc::default(),
            changed: Arc::default(),
        };
        let (delayed, arriving) = mpsc::channel(64);
        runtime.spawn(Box::pin(delay(incoming, delayed, signaling_delay, Arc::clone(&runtime)))).detach();
        let task = Task {
            party: party.clone(),
            negotiation: Negotiation::new(is_polite),
            last_offer: None,
            video: VideoReceiver::new(),
            signals,
        };
        runtime.spawn(Box::pin(task.run(events, arriving))).detach();
        party
    }

    /// Makes an offer as soon as the negotiation allows.
    pub fn offer(&self) {
        self.offer.notify_one();
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready`.
    pub async fn until(&self, ready: impl Fn(&Heard) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if ready(&self.heard()) {
                return;
            }
            changed.await;
        }
    }

    /// Sends frames for `duration`, a key frame first and whenever one is wanted. Returns them by their RTP time.
    pub async fn film(self, duration: Duration, fps: u32, frame_bytes: usize) -> BTreeMap<u32, Bytes> {
        self.film_of(duration, fps, |_| Some(frame_bytes)).await
    }

    /// The same, asking for the size of each frame: `None` leaves it out. It is told whether the path needs a key frame at
    /// once.
    pub async fn film_of(
        self,
        duration: Duration,
        fps: u32,
        mut frame_bytes: impl FnMut(bool) -> Option<usize>,
    ) -> BTreeMap<u32, Bytes> {
        let start = self.runtime.now();
        let mut sent = BTreeMap::new();
        self.key_frame_wanted.store(true, Ordering::Relaxed);
        for number in 0.. {
            let at = Duration::from_secs(1) * number / fps;
            if at >= duration {
                break;
            }
            self.runtime.sleep((start + at).saturating_duration_since(self.runtime.now())).await;
            let is_urgent = self.path.take_need_of_key_frame();
            let Some(frame_bytes) = frame_bytes(is_urgent) else { continue };
            let is_key = self.key_frame_wanted.swap(false, Ordering::Relaxed) || is_urgent;
            let mut video = frame(number, frame_bytes, is_key);
            video.captured = clock::timestamp(start + at);
            video.unit.rtp_time = video.captured.rtp_time(90_000);
            self.connection.send_video(&video).await.expect("a frame is sent");
            sent.insert(video.unit.rtp_time, video.unit.data);
        }
        sent
    }
}

async fn delay(
    mut from: mpsc::Receiver<(Instant, SignalData)>,
    to: mpsc::Sender<SignalData>,
    delay: Duration,
    runtime: Arc<dyn Runtime>,
) {
    while let Some((sent, signal)) = from.recv().await {
        runtime.sleep((sent + delay).saturating_duration_since(runtime.now())).await;
        if to.send(signal).await.is_err() {
            return;
        }
    }
}

/// Never comes if `at` is `None`.
async fn until(at: Option<Timestamp>, now: Timestamp, runtime: Arc<dyn Runtime>) {
    match at {
        Some(at) => runtime.sleep(at.since(now)).await,
        None => std::future::pending().await,
    }
}

struct Task {
    party: Party,
    negotiation: Negotiation,
    last_offer: Option<SessionDescription>,
    video: VideoReceiver,
    signals: Signals,
}

impl Task {
    async fn run(mut self, mut events: mpsc::Receiver<ConnectionEvent>, mut signals: mpsc::Receiver<SignalData>) {
        let offer = Arc::clone(&self.party.offer);
        let mut every_second = self.party.runtime.interval(Duration::from_secs(1));
        loop {
            self.negotiate().await;
            let now = clock::timestamp(self.party.runtime.now());
            while let Some(unit) = self.video.poll_unit(now) {
                self.party.heard().units.push((self.party.runtime.now(), unit));
            }
            if self.video.poll_key_frame_request(now) {
                self.party.connection.request_key_frame().await;
            }
            self.party.changed.notify_waiters();
            let release = until(self.video.poll_timeout(), now, Arc::clone(&self.party.runtime));
            tokio::select! {
                biased;
                Some(signal) = signals.recv() => match signal {
                    SignalData::Description(description) => self.negotiation.handle_description(description),
                    SignalData::Candidate(candidate) => self.negotiation.handle_candidate(candidate),
                },
                event = events.recv() => match event {
                    Some(event) => self.heard(event).await,
                    None => return,
                },
                () = every_second.tick() => {
                    if let Some(round_trip) = self.party.connection.stats().await.round_trip {
                        self.video.set_round_trip(round_trip);
                    }
                }
                () = offer.notified() => self.negotiation.negotiation_needed(),
                () = release => {}
            }
        }
    }

    async fn heard(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::LocalCandidate(candidate) => self.send(SignalData::Candidate(candidate)).await,
            ConnectionEvent::Connected => self.party.heard().connected = true,
            ConnectionEvent::Interrupted => self.party.heard().connected = false,
            ConnectionEvent::ChannelOpen => self.party.heard().channel_open = true,
            ConnectionEvent::ChannelText(text) => self.party.heard().texts.push(text),
            ConnectionEvent::KeyFrameWanted => {
                self.party.heard().key_frames_wanted += 1;
                self.party.key_frame_wanted.store(true, Ordering::Relaxed);
            }
            ConnectionEvent::Video { packet, arrived } => self.video.handle_packet(arrived, packet),
            _ => {}
        }
    }

    async fn negotiate(&mut self) {
        while let Some(action) = self.negotiation.poll_action() {
            match self.carry_out(action).await {
                Ok(description) => {
                    self.negotiation.done();
                    if let Some(description) = description {
                        self.send(SignalData::Description(description)).await;
                    }
                }
                Err(error) => {
                    eprintln!("a step of the negotiation failed: {error}");
                    self.negotiation.failed();
                }
            }
        }
        let mut heard = self.party.heard();
        heard.settled = self.negotiation.is_settled();
        heard.broken = self.negotiation.is_broken();
        heard.dropped = self.negotiation.dropped();
    }

    async fn carry_out(&mut self, action: Action) -> Result<Option<SessionDescription>, ConnectionError> {
        let connection = &self.party.connection;
        match action {
            Action::SendOffer => {
                self.last_offer = Some(connection.create_offer().await?);
                Ok(self.last_offer.clone())
            }
            Action::ResendOffer => Ok(self.last_offer.clone()),
            Action::Rollback => connection.rollback().await.map(|()| None),
            Action::ApplyRemote(description) => connection.set_remote(description).await.map(|()| None),
            Action::SendAnswer => connection.create_answer().await.map(Some),
            Action::AddCandidate(candidate) => connection.add_candidate(candidate).await.map(|()| None),
        }
    }

    async fn send(&self, signal: SignalData) {
        // Nobody listens only when the test is over.
        let _ = self.signals.send((self.party.runtime.now(), signal)).await;
    }
}
