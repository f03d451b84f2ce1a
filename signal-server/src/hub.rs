//! The rooms and the send queues, behind one lock that is never held across an `.await`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maru_protocol::PeerId;
use maru_protocol::signal::ServerMessage;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::Config;
use crate::rooms::{Input, Output, Rooms};
use crate::send_queue::{Outgoing, QueueReader, SendQueue, send_queue};

pub(crate) struct Hub {
    started: Instant,
    config: Arc<Config>,
    state: Mutex<State>,
    places: Arc<Semaphore>,
    registrations: watch::Sender<usize>,
    shutting_down: watch::Sender<bool>,
}

/// A client that is connected.
pub(crate) struct Caller {
    pub(crate) id: PeerId,
    pub(crate) queue: QueueReader,
    /// One of [`Config::max_connections`].
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there are too many")]
    Full,
    #[error("no random numbers: {0}")]
    NoRandomNumbers(#[from] getrandom::Error),
}

struct State {
    rooms: Rooms,
    queues: HashMap<PeerId, SendQueue>,
}

impl Hub {
    pub(crate) fn new(config: Arc<Config>, registrations: watch::Sender<usize>) -> Self {
        let state = Mutex::new(State { rooms: Rooms::new(config.clone()), queues: HashMap::new() });
        let places = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
        Self { started: Instant::now(), config, state, places, registrations, shutting_down: watch::Sender::new(false) }
    }

    /// Adds a client.
    ///
    /// # Errors
    /// There are too many, or the system has no random numbers.
    pub(crate) fn connect(&self) -> Result<Caller, Refused> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Refused::Full)?;
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        let id = PeerId::from_bits(u128::from_ne_bytes(bits));
        let (queue, reader) = send_queue(&self.config);
        self.lock().queues.insert(id.clone(), queue);
        self.handle(Input::Connected(id.clone()));
        Ok(Caller { id, queue: reader, _place: place })
    }

    pub(crate) fn disconnect(&self, id: &PeerId) {
        self.handle(Input::Disconnected(id));
    }

    /// Tells every client that the server stops, and every connection that is not a client's yet.
    pub(crate) fn shut_down(&self) {
        self.shutting_down.send_replace(true);
        self.handle(Input::ShutDown);
    }

    /// Waits for [`Self::shut_down`].
    pub(crate) async fn shut_down_begins(&self) {
        // The sender is ours: there is no error.
        let _ = self.shutting_down.subscribe().wait_for(|begins| *begins).await;
    }

    /// Handles one input, and carries out what follows from it. Does not wait for any client.
    pub(crate) fn handle(&self, input: Input<'_>) {
        let now = self.started.elapsed();
        let mut state = self.lock();
        let mut outputs = VecDeque::from(state.rooms.handle(now, input));
        while let Some(output) = outputs.pop_front() {
            for id in state.carry_out(output) {
                tracing::debug!("a send queue is full: its client is disconnected");
                outputs.extend(state.rooms.handle(now, Input::Overflowed(&id)));
            }
        }
        let registrations = state.rooms.registrations();
        self.registrations.send_if_modified(|known| std::mem::replace(known, registrations) != registrations);
    }

    /// A panic of one task while it held the lock does not end the service for the others.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the clients whose send queue is full.
    fn carry_out(&mut self, output: Output) -> Vec<PeerId> {
        match output {
            Output::Send(to, message) => self.send(to, &message),
            Output::Ping(id) => {
                let full = self.queues.get(&id).is_some_and(|queue| !queue.push(Outgoing::Ping));
                if full { vec![id] } else { Vec::new() }
            }
            Output::Close(id, goodbye) => {
                if let Some(queue) = self.queues.remove(&id) {
                    tracing::debug!(?goodbye, "a connection is closed");
                    queue.close(goodbye);
                }
                Vec::new()
            }
        }
    }

    fn send(&self, mut to: Vec<PeerId>, message: &ServerMessage) -> Vec<PeerId> {
        match message.encode() {
            Ok(text) => {
                // One allocation for all receivers.
                let text = Utf8Bytes::from(text);
                to.retain(|id| self.queues.get(id).is_some_and(|queue| !queue.push(Outgoing::Text(text.clone()))));
                to
            }
            Err(error) => {
                // Cannot happen: a room has at most 256 peers, and every text in a message has a limit.
                tracing::error!(%error, "a message cannot be encoded");
                Vec::new()
            }
        }
    }
}
