//! What the server does, without a socket and without a clock: inputs and the time go in, messages come out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use maru_protocol::signal::{ClientMessage, ErrorCode, LeaveReason, PeerInfo, ServerMessage, SignalData};
use maru_protocol::{InstanceId, MAX_FRAME_BYTES, Nickname, PeerId, RoomName, VERSION, WireError};

use crate::Config;
use crate::patience::{Need, Patience};

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// What happened, and to which connection.
pub(crate) enum Input<'a> {
    /// A socket was accepted. The id is its address from now on.
    Connected(PeerId),
    Text(&'a PeerId, &'a str),
    /// A WebSocket ping or pong.
    Control(&'a PeerId),
    /// It broke the rules, so that nothing more can be read from it.
    Broken(&'a PeerId, Breach),
    /// It does not read what it is sent.
    Overflowed(&'a PeerId),
    Disconnected(&'a PeerId),
    /// Time has passed.
    Tick,
    ShutDown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    Binary,
    Oversized,
    NotUtf8,
    /// Of the WebSocket protocol.
    Framing,
}

/// What is to be done. In order.
#[derive(Debug, PartialEq)]
pub(crate) enum Output {
    Send(Vec<PeerId>, ServerMessage),
    Ping(PeerId),
    /// After what was sent before. Nothing comes for this connection afterwards, and inputs from it are ignored.
    Close(PeerId, Goodbye),
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    /// With a WebSocket close frame of this code (RFC 6455, 7.4).
    Code(u16),
    /// Without one: nobody is listening.
    Cut,
}

pub(crate) struct Rooms {
    config: Arc<Config>,
    /// Sorted, so that the same inputs give the same outputs.
    connections: BTreeMap<PeerId, Connection>,
    /// Who is in each room, in the order of joining. No room is empty.
    rooms: HashMap<RoomName, Vec<PeerId>>,
    registrations: usize,
    shutting_down: bool,
}

struct Connection {
    patience: Patience,
    member: Option<Member>,
}

struct Member {
    room: RoomName,
    name: Nickname,
    instance: InstanceId,
}

impl Rooms {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let (connections, rooms) = (BTreeMap::new(), HashMap::new());
        Self { config, connections, rooms, registrations: 0, shutting_down: false }
    }

    /// How many clients are in a room.
    pub(crate) fn registrations(&self) -> usize {
        self.registrations
    }

    /// `now`: since the start of the server.
    pub(crate) fn handle(&mut self, now: Duration, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Connected(id) => self.connect(now, id, &mut out),
            Input::Text(id, text) => {
                if self.hear(now, id, text.len(), &mut out) {
                    self.read(id, text, &mut out);
                }
            }
            Input::Control(id) => {
                self.hear(now, id, 0, &mut out);
            }
            Input::Broken(id, breach) => self.expel(id, breach, &mut out),
            Input::Overflowed(id) => self.remove(id, LeaveReason::Lost, Goodbye::Cut, &mut out),
            Input::Disconnected(id) => self.remove(id, LeaveReason::Lost, Goodbye::Cut, &mut out),
            Input::Tick => self.tick(now, &mut out),
            Input::ShutDown => self.shut_down(&mut out),
        }
        out
    }

    fn connect(&mut self, now: Duration, id: PeerId, out: &mut Vec<Output>) {
        if self.shutting_down {
            out.push(error(&id, ErrorCode::ShuttingDown, "the server is shutting down"));
            out.push(Output::Close(id, GOING_AWAY));
            return;
        }
        self.connections.insert(id, Connection { patience: Patience::new(now, &self.config), member: None });
    }

    /// Notes a sign of life. False if there is nothing more to do with what was heard.
    fn hear(&mut self, now: Duration, id: &PeerId, bytes: usize, out: &mut Vec<Output>) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        let slow_enough = connection.patience.heard(now, bytes, &self.config);
        if !slow_enough {
            out.push(error(id, ErrorCode::TooFast, "too many messages in too short a time"));
            self.remove(id, LeaveReason::Lost, POLICY, out);
        }
        slow_enough
    }

    fn read(&mut self, id: &PeerId, text: &str, out: &mut Vec<Output>) {
        let joined = self.member(id).is_some();
        match ClientMessage::decode(text) {
            Ok(ClientMessage::Ping) => out.push(Output::Send(vec![id.clone()], ServerMessage::Pong)),
            Ok(ClientMessage::Leave) => self.remove(id, LeaveReason::Left, NORMAL, out),
            Ok(ClientMessage::Join { .. }) if joined => {
                out.push(error(id, ErrorCode::AlreadyJoined, "this connection is in a room already"));
            }
            Ok(ClientMessage::Join { room, name, instance, .. }) => {
                self.join(id, Member { room, name, instance }, out);
            }
            Ok(ClientMessage::Signal { .. } | ClientMessage::Rename { .. }) if !joined => {
                out.push(error(id, ErrorCode::NotJoined, "the first message must be `join`"));
            }
            Ok(ClientMessage::Signal { to, data }) => self.pass_on(id, to, data, out),
            Ok(ClientMessage::Rename { name }) => self.rename(id, name, out),
            Err(refused) => {
                out.push(error(id, refused.code(), &refused.to_string()));
                if matches!(refused, WireError::UnsupportedVersion { .. }) {
                    self.remove(id, LeaveReason::Lost, POLICY, out);
                }
            }
        }
    }

    fn join(&mut self, id: &PeerId, member: Member, out: &mut Vec<Output>) {
        let present = self.rooms.get(&member.room).map_or(&[][..], Vec::as_slice);
        let earlier = present.iter().find(|peer| self.member(peer).is_some_and(|m| m.instance == member.instance));
        if let Some(earlier) = earlier.cloned() {
            out.push(error(&earlier, ErrorCode::Replaced, "the same client joined through another connection"));
            self.remove(&earlier, LeaveReason::Lost, POLICY, out);
        }

        let capacity = self.config.room_capacity;
        let present = self.rooms.get(&member.room).map_or(&[][..], Vec::as_slice);
        if present.len() >= capacity {
            let message = format!("this room holds {capacity} people");
            let full = ServerMessage::Error { code: ErrorCode::RoomFull, message, capacity: Some(capacity) };
            out.push(Output::Send(vec![id.clone()], full));
            self.remove(id, LeaveReason::Lost, TRY_LATER, out);
            return;
        }
        if present.is_empty() && self.rooms.len() >= self.config.max_rooms {
            out.push(error(id, ErrorCode::ServerFull, "this server has no room left"));
            self.remove(id, LeaveReason::Lost, TRY_LATER, out);
            return;
        }

        let present = present.to_vec();
        let newcomer = PeerInfo { id: id.clone(), name: member.name.clone(), instance: member.instance.clone() };
        let welcome = ServerMessage::Welcome {
            version: VERSION,
            id: id.clone(),
            peers: present.iter().filter_map(|peer| self.info(peer)).collect(),
            capacity,
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

    fn pass_on(&self, from: &PeerId, to: PeerId, data: SignalData, out: &mut Vec<Output>) {
        if self.others(from).contains(&to) {
            out.push(Output::Send(vec![to], ServerMessage::Signal { from: from.clone(), data }));
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

    fn expel(&mut self, id: &PeerId, breach: Breach, out: &mut Vec<Output>) {
        if !self.connections.contains_key(id) {
            return;
        }
        let goodbye = match breach {
            Breach::Binary => {
                out.push(error(id, ErrorCode::BadMessage, "messages are text, not binary"));
                UNSUPPORTED_DATA
            }
            Breach::Oversized => {
                let message = format!("a message has at most {MAX_FRAME_BYTES} bytes");
                out.push(error(id, ErrorCode::TooLarge, &message));
                TOO_BIG
            }
            Breach::NotUtf8 => NOT_UTF8,
            Breach::Framing => FRAMING,
        };
        self.remove(id, LeaveReason::Lost, goodbye, out);
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<Output>) {
        let mut gone = Vec::new();
        for (id, connection) in &mut self.connections {
            match connection.patience.check(now, connection.member.is_some(), &self.config) {
                Need::Nothing => {}
                Need::Ping => out.push(Output::Ping(id.clone())),
                Need::JoinOverdue => {
                    out.push(error(id, ErrorCode::NotJoined, "`join` did not come in time"));
                    gone.push((id.clone(), POLICY));
                }
                Need::Gone => gone.push((id.clone(), Goodbye::Cut)),
            }
        }
        for (id, goodbye) in gone {
            self.remove(&id, LeaveReason::Lost, goodbye, out);
        }
    }

    fn shut_down(&mut self, out: &mut Vec<Output>) {
        self.shutting_down = true;
        self.rooms.clear();
        self.registrations = 0;
        for id in std::mem::take(&mut self.connections).into_keys() {
            out.push(error(&id, ErrorCode::ShuttingDown, "the server is shutting down"));
            out.push(Output::Close(id, GOING_AWAY));
        }
    }

    /// Forgets the connection, closes it, and tells the others in its room.
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
        let member = self.member(id)?;
        Some(PeerInfo { id: id.clone(), name: member.name.clone(), instance: member.instance.clone() })
    }

    /// The others in the room of `id`.
    fn others(&self, id: &PeerId) -> Vec<PeerId> {
        let room = self.member(id).and_then(|member| self.rooms.get(&member.room));
        room.into_iter().flatten().filter(|peer| *peer != id).cloned().collect()
    }
}

fn send(to: Vec<PeerId>, message: ServerMessage, out: &mut Vec<Output>) {
    if !to.is_empty() {
        out.push(Output::Send(to, message));
    }
}

fn error(id: &PeerId, code: ErrorCode, message: &str) -> Output {
    Output::Send(vec![id.clone()], ServerMessage::Error { code, message: message.to_owned(), capacity: None })
}

const NORMAL: Goodbye = Goodbye::Code(1000);
const GOING_AWAY: Goodbye = Goodbye::Code(1001);
const FRAMING: Goodbye = Goodbye::Code(1002);
const UNSUPPORTED_DATA: Goodbye = Goodbye::Code(1003);
const NOT_UTF8: Goodbye = Goodbye::Code(1007);
const POLICY: Goodbye = Goodbye::Code(1008);
const TOO_BIG: Goodbye = Goodbye::Code(1009);
const TRY_LATER: Goodbye = Goodbye::Code(1013);
