//! The server as a state machine: inputs and the time go in, messages to send come out. No sockets, no clock.
//!
//! [`run`](crate::run) drives it with real sockets; a simulation drives it in virtual time. The same inputs at the same
//! times give the same outputs.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use maru_protocol::{PeerId, signal::ServerMessage};
//! use signal_server::{Config, rooms::{Input, Output, Rooms}};
//!
//! let mut rooms = Rooms::new(Arc::new(Config::default()));
//! let id = PeerId::from_bits(1);
//! let outputs = rooms.handle(Duration::ZERO, Input::Connected(id.clone()));
//! assert_eq!(outputs, [Output::Send(vec![id.clone()], ServerMessage::Challenge { id: id.clone() })]);
//! let outputs = rooms.handle(Duration::from_millis(20), Input::Text(&id, r#"{"type":"ping"}"#));
//! assert_eq!(outputs, [Output::Send(vec![id], ServerMessage::Pong)]);
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use maru_protocol::signal::{ClientMessage, ErrorCode, LeaveReason, PeerInfo, ServerMessage, SignalData};
use maru_protocol::{Ext, InstanceId, MAX_FRAME_BYTES, Nickname, PeerId, RoomKey, VERSION, WireError};

use crate::Config;
use crate::rate_limit::RateLimit;
use crate::timeouts::{Due, Timeouts};

mod io;
#[cfg(test)]
mod tests;

pub use io::{Breach, Goodbye, Input, Output};

/// The clients that are connected and the rooms that they are in.
pub struct Rooms {
    config: Arc<Config>,
    /// Sorted, so that the same inputs give the same outputs.
    connections: BTreeMap<PeerId, Connection>,
    /// The members of each room, in the order of joining. No room is empty.
    rooms: HashMap<RoomKey, Vec<PeerId>>,
    registrations: usize,
    shutting_down: bool,
}

struct Connection {
    timeouts: Timeouts,
    rate_limit: RateLimit,
    member: Option<Member>,
}

#[derive(Clone)]
struct Member {
    room: RoomKey,
    name: Nickname,
    instance: InstanceId,
    ext: Option<Ext>,
}

impl Member {
    fn info(&self, id: &PeerId) -> PeerInfo {
        let Self { name, instance, ext, .. } = self.clone();
        PeerInfo { id: id.clone(), name, instance, ext }
    }
}

impl Rooms {
    /// No clients and no rooms. Of `config`, the limits on connections and send queues are the caller's to apply.
    pub fn new(config: Arc<Config>) -> Self {
        let (connections, rooms) = (BTreeMap::new(), HashMap::new());
        Self { config, connections, rooms, registrations: 0, shutting_down: false }
    }

    /// How many clients are in a room.
    pub fn registrations(&self) -> usize {
        self.registrations
    }

    /// Returns what is to be done, in order. `now` counts from any fixed moment and never decreases.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Connected(id) => self.connect(now, id, &mut out),
            Input::Text(id, text) => {
                if self.count_frame(now, id, text.len(), &mut out) {
                    self.handle_text(id, text, &mut out);
                }
            }
            Input::Control(id) => {
                self.count_frame(now, id, 0, &mut out);
            }
            Input::Broken(id, breach) => self.close_for(id, breach, &mut out),
            Input::Overflowed(id) | Input::Disconnected(id) => {
                self.remove(id, LeaveReason::Lost, Goodbye::Cut, &mut out);
            }
            Input::Tick => self.check_timeouts(now, &mut out),
            Input::ShutDown => self.shut_down(&mut out),
        }
        out
    }

    fn connect(&mut self, now: Duration, id: PeerId, out: &mut Vec<Output>) {
        if self.shutting_down {
            out.push(error(&id, ErrorCode::ShuttingDown, "the server is shutting down"));
            out.push(Output::Close(id, Goodbye::GOING_AWAY));
            return;
        }
        let (timeouts, rate_limit) = (Timeouts::new(now), RateLimit::new(now, &self.config));
        self.connections.insert(id.clone(), Connection { timeouts, rate_limit, member: None });
        out.push(Output::Send(vec![id.clone()], ServerMessage::Challenge { id }));
    }

    /// Counts a frame from the client. False if its content is to be ignored: the client is not connected, or exceeds
    /// the rate limit and is closed for it.
    fn count_frame(&mut self, now: Duration, id: &PeerId, bytes: usize, out: &mut Vec<Output>) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        connection.timeouts.frame_arrived(now);
        let allowed = connection.rate_limit.allows(now, bytes);
        if !allowed {
            out.push(error(id, ErrorCode::TooFast, "too many messages in too short a time"));
            self.remove(id, LeaveReason::Lost, Goodbye::POLICY_VIOLATION, out);
        }
        allowed
    }

    fn handle_text(&mut self, id: &PeerId, text: &str, out: &mut Vec<Output>) {
        let joined = self.member(id).is_some();
        match ClientMessage::decode(text) {
            Ok(ClientMessage::Ping) => out.push(Output::Send(vec![id.clone()], ServerMessage::Pong)),
            Ok(ClientMessage::Leave) => self.remove(id, LeaveReason::Left, Goodbye::NORMAL, out),
            Ok(ClientMessage::Join { .. }) if joined => {
                out.push(error(id, ErrorCode::AlreadyJoined, "this connection is in a room already"));
            }
            Ok(ClientMessage::Join { room, name, proof, ext, .. }) => match proof.verify(id) {
                Ok(instance) => self.join(id, Member { room: room.key(), name, instance, ext }, out),
                Err(invalid) => {
                    out.push(error(id, ErrorCode::BadProof, &invalid.to_string()));
                    // Another attempt costs another connection: checking a signature takes longer than any other message.
                    self.remove(id, LeaveReason::Lost, Goodbye::POLICY_VIOLATION, out);
                }
            },
            Ok(ClientMessage::Signal { .. } | ClientMessage::Rename { .. }) if !joined => {
                out.push(error(id, ErrorCode::NotJoined, "the first message must be `join`"));
            }
            Ok(ClientMessage::Signal { to, generation, data }) => {
                self.pass_on(id, to, generation, data, out);
            }
            Ok(ClientMessage::Rename { name }) => self.rename(id, name, out),
            Err(refused) => {
                out.push(error(id, refused.code(), &refused.to_string()));
                if matches!(refused, WireError::UnsupportedVersion { .. }) {
                    self.remove(id, LeaveReason::Lost, Goodbye::POLICY_VIOLATION, out);
                }
            }
        }
    }

    fn join(&mut self, id: &PeerId, member: Member, out: &mut Vec<Output>) {
        let same_instance = |peer: &&PeerId| self.member(peer).is_some_and(|other| other.instance == member.instance);
        if let Some(earlier) = self.members(&member.room).iter().find(same_instance).cloned() {
            out.push(error(&earlier, ErrorCode::Replaced, "the same client joined through another connection"));
            self.remove(&earlier, LeaveReason::Lost, Goodbye::POLICY_VIOLATION, out);
        }
        if let Some(refusal) = self.no_place_in(&member.room) {
            out.push(Output::Send(vec![id.clone()], refusal));
            self.remove(id, LeaveReason::Lost, Goodbye::TRY_AGAIN_LATER, out);
            return;
        }

        let present = self.members(&member.room).to_vec();
        let newcomer = member.info(id);
        let welcome = ServerMessage::Welcome {
            version: VERSION,
            instance: member.instance.clone(),
            peers: present.iter().filter_map(|peer| self.info(peer)).collect(),
            capacity: self.config.room_capacity,
            ice_servers: self.config.ice_servers.clone(),
        };
        self.rooms.entry(member.room.clone()).or_default().push(id.clone());
        self.registrations += 1;
        if let Some(connection) = self.connections.get_mut(id) {
            connection.member = Some(member);
        }
        out.push(Output::Send(vec![id.clone()], welcome));
        send(present, ServerMessage::PeerJoined { peer: newcomer }, out);
    }

    /// Why nobody can join `room` now.
    fn no_place_in(&self, room: &RoomKey) -> Option<ServerMessage> {
        let (present, capacity) = (self.members(room).len(), self.config.room_capacity);
        if present >= capacity {
            let message = format!("this room holds {capacity} people");
            return Some(ServerMessage::Error { code: ErrorCode::RoomFull, message, capacity: Some(capacity) });
        }
        if present == 0 && self.rooms.len() >= self.config.max_rooms {
            return Some(error_message(ErrorCode::ServerFull, "this server has no room left"));
        }
        None
    }

    fn pass_on(&self, from: &PeerId, to: PeerId, generation: u32, data: SignalData, out: &mut Vec<Output>) {
        if self.others(from).contains(&to) {
            out.push(Output::Send(vec![to], ServerMessage::Signal { from: from.clone(), generation, data }));
        } else {
            out.push(error(from, ErrorCode::UnknownPeer, &format!("there is no peer {to} in this room")));
        }
    }

    fn rename(&mut self, id: &PeerId, name: Nickname, out: &mut Vec<Output>) {
        if let Some(member) = self.connections.get_mut(id).and_then(|connection| connection.member.as_mut()) {
            member.name = name.clone();
        }
        send(self.others(id), ServerMessage::PeerRenamed { id: id.clone(), name }, out);
    }

    fn close_for(&mut self, id: &PeerId, breach: Breach, out: &mut Vec<Output>) {
        if !self.connections.contains_key(id) {
            return;
        }
        let goodbye = match breach {
            Breach::Binary => {
                out.push(error(id, ErrorCode::BadMessage, "messages are text, not binary"));
                Goodbye::UNSUPPORTED_DATA
            }
            Breach::Oversized => {
                let message = format!("a message has at most {MAX_FRAME_BYTES} bytes");
                out.push(error(id, ErrorCode::TooLarge, &message));
                Goodbye::TOO_BIG
            }
            Breach::NotUtf8 => Goodbye::INVALID_DATA,
            Breach::Framing => Goodbye::PROTOCOL_ERROR,
        };
        self.remove(id, LeaveReason::Lost, goodbye, out);
    }

    fn check_timeouts(&mut self, now: Duration, out: &mut Vec<Output>) {
        let mut timed_out = Vec::new();
        for (id, connection) in &mut self.connections {
            match connection.timeouts.check(now, connection.member.is_some(), &self.config) {
                None => {}
                Some(Due::Ping) => out.push(Output::Ping(id.clone())),
                Some(Due::JoinTimeout) => {
                    out.push(error(id, ErrorCode::NotJoined, "`join` did not come in time"));
                    timed_out.push((id.clone(), Goodbye::POLICY_VIOLATION));
                }
                Some(Due::SilenceTimeout) => timed_out.push((id.clone(), Goodbye::Cut)),
            }
        }
        for (id, goodbye) in timed_out {
            self.remove(&id, LeaveReason::Lost, goodbye, out);
        }
    }

    fn shut_down(&mut self, out: &mut Vec<Output>) {
        self.shutting_down = true;
        self.rooms.clear();
        self.registrations = 0;
        for id in std::mem::take(&mut self.connections).into_keys() {
            out.push(error(&id, ErrorCode::ShuttingDown, "the server is shutting down"));
            out.push(Output::Close(id, Goodbye::GOING_AWAY));
        }
    }

    /// Closes the connection and tells the others in its room.
    fn remove(&mut self, id: &PeerId, reason: LeaveReason, goodbye: Goodbye, out: &mut Vec<Output>) {
        let others = self.others(id);
        let Some(connection) = self.connections.remove(id) else { return };
        out.push(Output::Close(id.clone(), goodbye));
        let Some(member) = connection.member else { return };
        self.registrations -= 1;
        if others.is_empty() {
            self.rooms.remove(&member.room);
        } else {
            self.rooms.insert(member.room, others.clone());
        }
        send(others, ServerMessage::PeerLeft { id: id.clone(), reason }, out);
    }

    fn member(&self, id: &PeerId) -> Option<&Member> {
        self.connections.get(id)?.member.as_ref()
    }

    fn info(&self, id: &PeerId) -> Option<PeerInfo> {
        Some(self.member(id)?.info(id))
    }

    fn members(&self, room: &RoomKey) -> &[PeerId] {
        self.rooms.get(room).map_or(&[], Vec::as_slice)
    }

    /// The others in the room of `id`.
    fn others(&self, id: &PeerId) -> Vec<PeerId> {
        let members = self.member(id).map_or(&[][..], |member| self.members(&member.room));
        members.iter().filter(|peer| *peer != id).cloned().collect()
    }
}

fn send(to: Vec<PeerId>, message: ServerMessage, out: &mut Vec<Output>) {
    if !to.is_empty() {
        out.push(Output::Send(to, message));
    }
}

fn error(id: &PeerId, code: ErrorCode, message: &str) -> Output {
    Output::Send(vec![id.clone()], error_message(code, message))
}

fn error_message(code: ErrorCode, message: &str) -> ServerMessage {
    ServerMessage::Error { code, message: message.to_owned(), capacity: None }
}
