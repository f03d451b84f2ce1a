//! Two connections that negotiate with each other, one as the caller, over any runtime.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use maru::session::connection::{Connection, ConnectionConfig, ConnectionEvent, ConnectionStats};
use maru_protocol::signal::{DescriptionKind, SessionDescription, SignalData};
use tokio::sync::mpsc;
use webrtc::runtime::Runtime;

use crate::event_log::EventLog;

/// One end of a [`connect`]ed pair: its connection, and everything that it reported.
#[derive(Clone)]
pub struct Side {
    pub connection: Arc<Connection>,
    pub opened: Instant,
    runtime: Arc<dyn Runtime>,
    log: Arc<EventLog<Instant, ConnectionEvent>>,
}

/// Where the two ends live.
pub struct Places {
    pub caller: ConnectionConfig,
    pub callee: ConnectionConfig,
    /// How long a signal takes from one to the other.
    pub signaling_delay: Duration,
    /// What becomes of a description on its way.
    pub in_transit: fn(SessionDescription) -> SessionDescription,
}

/// Opens both connections and lets the caller make an offer. They go on by themselves.
pub async fn connect(places: Places) -> (Side, Side) {
    let Places { caller, callee, signaling_delay, in_transit } = places;
    let (to_callee, from_caller) = mpsc::channel(64);
    let (to_caller, from_callee) = mpsc::channel(64);
    let caller = Side::open(caller, to_callee, from_callee, (signaling_delay, in_transit), true).await;
    let callee = Side::open(callee, to_caller, from_caller, (signaling_delay, in_transit), false).await;
    (caller, callee)
}

impl Side {
    async fn open(
        config: ConnectionConfig,
        signals: mpsc::Sender<(Instant, SignalData)>,
        incoming: mpsc::Receiver<(Instant, SignalData)>,
        way: (Duration, fn(SessionDescription) -> SessionDescription),
        calls: bool,
    ) -> Self {
        let runtime = Arc::clone(&config.runtime);
        let opened = runtime.now();
        let (connection, events) = Connection::open(config).await.expect("a connection opens");
        let side =
            Self { connection: Arc::new(connection), opened, runtime: Arc::clone(&runtime), log: Arc::default() };
        runtime.spawn(Box::pin(side.clone().record(events, signals.clone(), calls))).detach();
        runtime.spawn(Box::pin(side.clone().answer(incoming, signals, way))).detach();
        side
    }

    async fn record(
        self,
        mut events: mpsc::Receiver<ConnectionEvent>,
        signals: mpsc::Sender<(Instant, SignalData)>,
        calls: bool,
    ) {
        while let Some(event) = events.recv().await {
            match &event {
                ConnectionEvent::NegotiationNeeded if calls => {
                    let offer = self.connection.create_offer().await.expect("an offer");
                    let _ = signals.send((self.runtime.now(), SignalData::Description(offer))).await;
                }
                ConnectionEvent::LocalCandidate(candidate) => {
                    let _ = signals.send((self.runtime.now(), SignalData::Candidate(candidate.clone()))).await;
                }
                _ => {}
            }
            self.log.push(self.runtime.now(), event);
        }
    }

    async fn answer(
        self,
        mut incoming: mpsc::Receiver<(Instant, SignalData)>,
        signals: mpsc::Sender<(Instant, SignalData)>,
        (signaling_delay, in_transit): (Duration, fn(SessionDescription) -> SessionDescription),
    ) {
        while let Some((sent, signal)) = incoming.recv().await {
            self.runtime.sleep((sent + signaling_delay).saturating_duration_since(self.runtime.now())).await;
            match signal {
                SignalData::Description(description) => {
                    let is_offer = description.kind == DescriptionKind::Offer;
                    self.connection.set_remote(in_transit(description)).await.expect("a description of a connection");
                    if is_offer {
                        let answer = self.connection.create_answer().await.expect("an answer");
                        let _ = signals.send((self.runtime.now(), SignalData::Description(answer))).await;
                    }
                }
                // The other's description always comes first: signals keep their order.
                SignalData::Candidate(candidate) => {
                    self.connection.add_candidate(candidate).await.expect("a candidate of a connection");
                }
            }
        }
    }

    /// What has been reported so far, with the time of each.
    pub fn events(&self) -> MutexGuard<'_, Vec<(Instant, ConnectionEvent)>> {
        self.log.events()
    }

    /// Waits for the first event that `matches`, counted from the `skip`th event on. Returns when it came.
    pub async fn wait_from(&self, skip: usize, matches: impl Fn(&ConnectionEvent) -> bool) -> Instant {
        self.log.wait_from(skip, matches).await
    }

    /// The same, counted from the beginning.
    pub async fn wait(&self, matches: impl Fn(&ConnectionEvent) -> bool) -> Instant {
        self.wait_from(0, matches).await
    }

    pub async fn connected(&self) -> Instant {
        self.wait(|event| matches!(event, ConnectionEvent::Connected)).await
    }

    pub async fn channel_open(&self) -> Instant {
        self.wait(|event| matches!(event, ConnectionEvent::ChannelOpen)).await
    }

    /// Texts that arrived, in order.
    pub fn texts(&self) -> Vec<String> {
        let text = |(_, event): &(Instant, ConnectionEvent)| match event {
            ConnectionEvent::ChannelText(text) => Some(text.clone()),
            _ => None,
        };
        self.events().iter().filter_map(text).collect()
    }

    pub async fn stats(&self) -> ConnectionStats {
        self.connection.stats().await
    }
}
