//! The rooms and the queues to the clients, behind one lock that is never held while waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use maru_protocol::PeerId;
use maru_protocol::signal::ServerMessage;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::Config;
use crate::outbox::{Outbox, Outgoing, Outgoings, outbox};
use crate::rooms::{Input, Output, Rooms};

pub(crate) struct Hub {
    started: Instant,
    config: Arc<Config>,
    state: Mutex<State>,
    registrations: watch::Sender<usize>,
}

struct State {
    rooms: Rooms,
    outboxes: HashMap<PeerId, Outbox>,
}

impl Hub {
    pub(crate) fn new(config: Arc<Config>, registrations: watch::Sender<usize>) -> Self {
        let state = Mutex::new(State { rooms: Rooms::new(config.clone()), outboxes: HashMap::new() });
        Self { started: Instant::now(), config, state, registrations }
    }

    /// A new connection: its address, and what is to be sent to it.
    pub(crate) fn connect(&self) -> Result<(PeerId, Outgoings), getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        let id = PeerId::from_bits(u128::from_ne_bytes(bits));
        let (outbox, outgoings) = outbox(&self.config);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).outboxes.insert(id.clone(), outbox);
        self.handle(Input::Connected(id.clone()));
        Ok((id, outgoings))
    }

    /// Never waits.
    pub(crate) fn handle(&self, input: Input<'_>) {
        let now = self.started.elapsed();
        // A panic while the lock was held must not end the service for everyone else.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outputs = VecDeque::from(state.rooms.handle(now, input));
        while let Some(output) = outputs.pop_front() {
            for slow in state.carry_out(output) {
                tracing::debug!("a client does not read what it is sent");
                outputs.extend(state.rooms.handle(now, Input::Overflowed(&slow)));
            }
        }
        let registrations = state.rooms.registrations();
        self.registrations.send_if_modified(|known| std::mem::replace(known, registrations) != registrations);
    }
}

impl State {
    /// Returns the clients whose queue is full.
    fn carry_out(&mut self, output: Output) -> Vec<PeerId> {
        match output {
            Output::Send(to, message) => self.send(to, &message),
            Output::Ping(id) => {
                let full = self.outboxes.get(&id).is_some_and(|outbox| !outbox.push(Outgoing::Ping));
                if full { vec![id] } else { Vec::new() }
            }
            Output::Close(id, goodbye) => {
                if let Some(outbox) = self.outboxes.remove(&id) {
                    tracing::debug!(?goodbye, "a connection is closed");
                    outbox.close(goodbye);
                }
                Vec::new()
            }
        }
    }

    fn send(&self, mut to: Vec<PeerId>, message: &ServerMessage) -> Vec<PeerId> {
        match message.encode() {
            Ok(text) => {
                // Shared by all who receive it.
                let text = Utf8Bytes::from(text);
                to.retain(|id| self.outboxes.get(id).is_some_and(|outbox| !outbox.push(Outgoing::Text(text.clone()))));
                to
            }
            Err(error) => {
                // Cannot happen with a room of at most 256 and limits on all that is passed on.
                tracing::error!(%error, "a message cannot be written");
                Vec::new()
            }
        }
    }
}
