//! Several calls, the real server's rooms between them, and connections that only know whether their network is up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use maru_protocol::signal::{ClientMessage, DescriptionKind, ServerMessage, SessionDescription};
use maru_protocol::{Hex, InstanceId, PeerId, Proof, VERSION};
use signal_server::Config;
use signal_server::rooms::{Input, Output, Rooms};

use crate::call::{
    Action, Call, CallConfig, Command, ConnectionId, ConnectionInput, EndReason, Estimate, Event, Identity,
    ParticipantId, Server,
};
use crate::negotiation::Step;
use crate::time::Timestamp;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// One way, to the server and to each other.
const DELAY: Duration = Duration::from_millis(20);
/// As the stack: silence until a connection counts as interrupted, and as failed.
const INTERRUPTED_AFTER: Duration = Duration::from_secs(3);
const FAILED_AFTER: Duration = Duration::from_secs(303);

/// Clients count from 0; `(from, to)` names one end of a connection.
type End = (usize, usize);

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) clients: Vec<Client>,
    rooms: Option<Rooms>,
    agenda: BTreeMap<(Timestamp, u64), What>,
    entries: u64,
    peers: u128,
    /// Pairs of clients between whom nothing passes, with the lower first, and since when.
    cut: BTreeMap<(usize, usize), Timestamp>,
    /// Steps of the negotiation that fail or hang, by client.
    pub(super) refuses_descriptions: BTreeSet<usize>,
    pub(super) hangs: BTreeSet<usize>,
    /// Clients whose signals the server loses.
    pub(super) mute_signals: BTreeSet<usize>,
}

pub(super) struct Client {
    pub(super) call: Call,
    pub(super) events: Vec<(Timestamp, Event)>,
    /// Texts that it sent over connections.
    pub(super) texts_sent: usize,
    /// Connections that it opened, in order.
    pub(super) opened: Vec<(Timestamp, ConnectionId)>,
    /// The last of them is to use only one address.
    pub(super) only_best_address: bool,
    pub(super) key_frames_made: usize,
    /// The registration of now.
    peer: Option<PeerId>,
    is_online: bool,
    instance: InstanceId,
    proof: Proof,
    ends: BTreeMap<ConnectionId, ConnectionEnd>,
}

#[derive(Debug, Clone, Default)]
struct ConnectionEnd {
    has_local: bool,
    has_remote: bool,
    is_established: bool,
    is_interrupted: bool,
}

enum What {
    /// A text from a client to the server, over this registration.
    ToServer(PeerId, String),
    ToClient(usize, PeerId, String),
    /// The client closed its connection to the server.
    Disconnected(PeerId),
    ServerClosed(usize, PeerId),
    /// The client's connection reaches the server.
    Accepted(usize),
    NoServer(usize),
    Connection(usize, ConnectionId, ConnectionInput),
    /// A text that arrives at the other end of a connection.
    Text(End, u32, String),
    Tick,
    /// The state of the connections between two clients is looked at again.
    Look(usize, usize),
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            now: Timestamp::from_micros(1_000_000),
            clients: Vec::new(),
            rooms: Some(Rooms::new(Arc::new(Config::default()))),
            agenda: BTreeMap::new(),
            entries: 0,
            peers: 0,
            cut: BTreeMap::new(),
            refuses_descriptions: BTreeSet::new(),
            hangs: BTreeSet::new(),
            mute_signals: BTreeSet::new(),
        };
        world.after(SECOND / 2, What::Tick);
        world
    }

    /// A room of `names`, all connected with all.
    pub(super) fn room(names: &[&str]) -> Self {
        let mut world = Self::new();
        for name in names {
            world.join(name);
            world.run(100 * MS);
        }
        world.run(2 * SECOND);
        for client in 0..names.len() {
            assert_eq!(world.connected(client), names.len() - 1, "{} is connected with all", names[client]);
        }
        world
    }

    /// Starts a client. Instances grow with the order of joining: earlier ones are polite.
    pub(super) fn join(&mut self, name: &str) -> usize {
        self.join_with(name, proof(self.clients.len()))
    }

    /// Starts a client with the key of another one.
    pub(super) fn join_as_copy_of(&mut self, original: usize) -> usize {
        self.join_with("copy", proof(original))
    }

    fn join_with(&mut self, name: &str, (proof, instance): (Proof, InstanceId)) -> usize {
        let index = self.clients.len();
        let identity = Identity {
            room: "family".parse().expect("a room name"),
            name: name.parse().expect("a nickname"),
            instance: instance.clone(),
        };
        let config =
            CallConfig { identity, is_on_lan: false, muted: false, camera_on: true, is_camera_available: true };
        self.clients.push(Client {
            call: Call::new(self.now, config),
            events: Vec::new(),
            texts_sent: 0,
            opened: Vec::new(),
            only_best_address: false,
            key_frames_made: 0,
            peer: None,
            is_online: true,
            instance,
            proof,
            ends: BTreeMap::new(),
        });
        self.carry_out(index);
        index
    }

    pub(super) fn tell(&mut self, client: usize, command: Command) {
        let now = self.now;
        self.clients[client].call.handle_command(now, command);
        self.carry_out(client);
    }

    pub(super) fn write(&mut self, client: usize, id: u64, text: &str) {
        self.tell(client, Command::SendChat { id, text: text.into(), sent_unix_ms: 0 });
    }

    /// Nothing passes between two clients from now on, or everything again.
    pub(super) fn set_cut(&mut self, one: usize, other: usize, is_cut: bool) {
        let pair = (one.min(other), one.max(other));
        if is_cut {
            self.cut.entry(pair).or_insert(self.now);
            self.after(INTERRUPTED_AFTER, What::Look(pair.0, pair.1));
            self.after(FAILED_AFTER, What::Look(pair.0, pair.1));
        } else {
            self.cut.remove(&pair);
            self.after(DELAY, What::Look(pair.0, pair.1));
        }
    }

    /// Whether anything passes between a client and everyone else, the server included.
    pub(super) fn set_online(&mut self, client: usize, is_online: bool) {
        self.clients[client].is_online = is_online;
        for other in (0..self.clients.len()).filter(|other| *other != client) {
            self.set_cut(client, other, !is_online);
        }
    }

    pub(super) fn crash_server(&mut self) {
        self.rooms = None;
        for client in 0..self.clients.len() {
            if let Some(peer) = self.clients[client].peer.take() {
                self.after(DELAY, What::ServerClosed(client, peer));
            }
        }
    }

    pub(super) fn restart_server(&mut self) {
        self.rooms = Some(Rooms::new(Arc::new(Config::default())));
    }

    /// A signal as a hostile member would send it.
    pub(super) fn send_signal(&mut self, from: usize, to: usize, generation: u32, sdp: &str) {
        let (Some(from), Some(to)) = (self.clients[from].peer.clone(), self.clients[to].peer.clone()) else { return };
        let description = SessionDescription { kind: DescriptionKind::Offer, sdp: sdp.into() };
        let data = maru_protocol::signal::SignalData::Description(description);
        let text = ClientMessage::Signal { to, generation, data }.encode().expect("it is fine");
        self.after(DELAY, What::ToServer(from, text));
    }

    /// The end at `client` of its connection to `other` says this, whatever the network does.
    pub(super) fn says(&mut self, client: usize, other: usize, input: ConnectionInput) {
        let Some(id) = self.id_of(client, other) else { return };
        self.after(DELAY, What::Connection(client, id, input));
    }

    /// A text as a client of another kind would send it.
    pub(super) fn send_text(&mut self, from: usize, to: usize, text: &str) {
        let Some(id) = self.id_of(from, to) else { return };
        self.after(DELAY, What::Text((from, to), id.generation.0, text.to_owned()));
    }

    /// All paths of `client` are good.
    pub(super) fn estimate(&mut self, client: usize) {
        let call = &mut self.clients[client].call;
        let estimates: Vec<_> = call.participants().filter_map(|id| call.established(id)).map(good).collect();
        call.handle_estimates(self.now, &estimates);
        self.carry_out(client);
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let timeout = (0..self.clients.len())
                .filter_map(|client| Some((self.clients[client].call.poll_timeout()?, client)))
                .min();
            let entry = self.agenda.first_key_value().map(|(&(at, _), _)| at);
            let next = entry.into_iter().chain(timeout.map(|(at, _)| at)).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            match timeout {
                Some((at, client)) if entry.is_none_or(|entry| at < entry) => {
                    self.clients[client].call.handle_timeout(self.now);
                    self.carry_out(client);
                }
                _ => {
                    let (_, what) = self.agenda.pop_first().expect("an entry");
                    self.happen(what);
                }
            }
        }
        self.now = end;
    }

    /// How many others `client` has an established connection to.
    pub(super) fn connected(&self, client: usize) -> usize {
        let call = &self.clients[client].call;
        call.participants().filter(|id| call.established(*id).is_some()).count()
    }

    pub(super) fn chat(&self, client: usize) -> Vec<String> {
        let text = |(_, event): &(Timestamp, Event)| match event {
            Event::Chat { text, .. } => Some(text.clone()),
            _ => None,
        };
        self.clients[client].events.iter().filter_map(text).collect()
    }

    pub(super) fn count(&self, client: usize, matches: impl Fn(&Event) -> bool) -> usize {
        self.clients[client].events.iter().filter(|(_, event)| matches(event)).count()
    }

    fn after(&mut self, delay: Duration, what: What) {
        self.entries += 1;
        self.agenda.insert((self.now + delay, self.entries), what);
    }

    fn happen(&mut self, what: What) {
        let now = self.now;
        match what {
            What::Tick => {
                self.server(|rooms, at| rooms.handle(at, Input::Tick));
                self.after(SECOND / 2, What::Tick);
            }
            What::ToServer(peer, text) => self.server(|rooms, at| rooms.handle(at, Input::Text(&peer, &text))),
            What::Disconnected(peer) => self.server(|rooms, at| rooms.handle(at, Input::Disconnected(&peer))),
            What::ToClient(client, peer, text) => {
                if self.clients[client].peer.as_ref() == Some(&peer) && self.clients[client].is_online {
                    self.clients[client].call.server_text(now, &text);
                    self.carry_out(client);
                }
            }
            What::ServerClosed(client, peer) => {
                if self.clients[client].peer.as_ref().is_none_or(|now| *now == peer) {
                    self.clients[client].peer = None;
                    self.fail_server(client);
                }
            }
            What::Accepted(client) => {
                self.peers += 1;
                let peer = PeerId::from_bits(self.peers);
                self.clients[client].peer = Some(peer.clone());
                self.server(|rooms, at| rooms.handle(at, Input::Connected(peer)));
            }
            What::NoServer(client) => self.fail_server(client),
            What::Connection(client, id, input) => {
                if self.end_of(client, id).is_some() {
                    self.clients[client].call.handle_connection(now, id, input);
                    self.carry_out(client);
                }
            }
            What::Text((from, to), generation, text) => {
                if self.is_cut(from, to) {
                    // The stack sends it again until it arrives.
                    self.after(SECOND / 5, What::Text((from, to), generation, text));
                    return;
                }
                let id = self.ids_of(to, from).find(|id| id.generation.0 == generation);
                if let Some(id) = id {
                    self.clients[to].call.handle_connection(now, id, ConnectionInput::ChannelText(text));
                    self.carry_out(to);
                }
            }
            What::Look(one, other) => self.look(one, other),
        }
    }

    fn fail_server(&mut self, client: usize) {
        let reason = EndReason::NoServer { url: "sim".into(), reason: "nobody listens".into() };
        self.clients[client].call.server_failed(self.now, reason);
        self.carry_out(client);
    }

    fn server(&mut self, what: impl FnOnce(&mut Rooms, Duration) -> Vec<Output>) {
        let at = self.now.since(Timestamp::ZERO);
        let Some(rooms) = &mut self.rooms else { return };
        for output in what(rooms, at) {
            match output {
                Output::Send(to, message) => {
                    let is_signal = matches!(message, ServerMessage::Signal { .. });
                    let text = message.encode().expect("a message of the server");
                    for peer in to {
                        let Some(client) = self.client_of(&peer) else { continue };
                        if !(is_signal && self.mute_signals.contains(&client)) {
                            self.after(DELAY, What::ToClient(client, peer, text.clone()));
                        }
                    }
                }
                Output::Ping(_) => {}
                Output::Close(peer, _) => {
                    if let Some(client) = self.client_of(&peer) {
                        self.after(DELAY, What::ServerClosed(client, peer));
                    }
                }
            }
        }
    }

    fn carry_out(&mut self, client: usize) {
        while let Some(action) = self.clients[client].call.poll_action() {
            self.carry_out_one(client, action);
        }
    }

    fn carry_out_one(&mut self, client: usize, action: Action) {
        let now = self.now;
        match action {
            Action::FindServer => {
                self.clients[client].call.server_found(now, Server { url: "sim".into(), is_own: false });
            }
            Action::ConnectServer(_) if !self.clients[client].is_online => {}
            Action::ConnectServer(_) if self.rooms.is_none() => self.after(DELAY, What::NoServer(client)),
            Action::ConnectServer(_) => self.after(DELAY, What::Accepted(client)),
            Action::SendToServer(message) => {
                let peer = self.clients[client].peer.clone();
                if let Some(peer) = peer.filter(|_| self.clients[client].is_online) {
                    self.after(DELAY, What::ToServer(peer, message.encode().expect("a message of the client")));
                }
            }
            Action::Join { room, name, .. } => {
                let join =
                    ClientMessage::Join { version: VERSION, room, name, proof: self.clients[client].proof, ext: None };
                self.carry_out_one(client, Action::SendToServer(join));
            }
            Action::DisconnectServer => {
                if let Some(peer) = self.clients[client].peer.take().filter(|_| self.clients[client].is_online) {
                    self.after(DELAY, What::Disconnected(peer));
                }
            }
            Action::Open { connection, only_best_address, .. } => {
                self.clients[client].only_best_address = only_best_address;
                self.clients[client].ends.insert(connection, ConnectionEnd::default());
                self.clients[client].opened.push((now, connection));
            }
            Action::Negotiate { connection, step } => self.negotiate(client, connection, step),
            Action::SendText { connection, text } => {
                self.clients[client].texts_sent += 1;
                if let Some(other) = self.client_behind(client, connection.participant) {
                    self.after(DELAY, What::Text((client, other), connection.generation.0, text));
                }
            }
            Action::Close(connection) => {
                self.clients[client].ends.remove(&connection);
                let other = self.client_behind(client, connection.participant);
                let end = other.and_then(|other| {
                    let id = self.ids_of(other, client).find(|id| id.generation == connection.generation);
                    id.map(|id| (other, id))
                });
                if let Some((other, id)) = end.filter(|(other, _)| !self.is_cut(client, *other)) {
                    let reason = "the other end closed it".into();
                    self.after(2 * DELAY, What::Connection(other, id, ConnectionInput::Failed { reason }));
                }
            }
            Action::RequestKeyFrame { .. } => self.clients[client].key_frames_made += 1,
            Action::Tell(event) => self.clients[client].events.push((now, event)),
            _ => {}
        }
    }

    fn negotiate(&mut self, client: usize, id: ConnectionId, step: Step) {
        if self.hangs.contains(&client) {
            return;
        }
        let describe = |kind| Some(SessionDescription { kind, sdp: format!("{} of {client}", id.generation.0) });
        let refuses = self.refuses_descriptions.contains(&client);
        let Some(end) = self.clients[client].ends.get_mut(&id) else { return };
        let input = match step {
            Step::SendOffer | Step::SendAnswer => {
                end.has_local = true;
                let kind = if step == Step::SendOffer { DescriptionKind::Offer } else { DescriptionKind::Answer };
                ConnectionInput::StepDone(describe(kind))
            }
            Step::ApplyRemote(description) if refuses || description.sdp == "nonsense" => {
                ConnectionInput::StepFailed { reason: "it is nonsense".into(), is_spoiled: true }
            }
            Step::ApplyRemote(_) => {
                end.has_remote = true;
                ConnectionInput::StepDone(None)
            }
            Step::Rollback => {
                end.has_local = false;
                ConnectionInput::StepDone(None)
            }
            Step::AddCandidate(_) | Step::ResendOffer => ConnectionInput::StepDone(None),
        };
        self.after(MS, What::Connection(client, id, input));
        if let Some(other) = self.client_behind(client, id.participant) {
            self.after(5 * DELAY, What::Look(client.min(other), client.max(other)));
        }
    }

    /// What the network does to the connections between two clients.
    fn look(&mut self, one: usize, other: usize) {
        let cut = self.cut.get(&(one, other)).map(|since| self.now.since(*since));
        let (ours, theirs): (Vec<_>, Vec<_>) = (self.ids_of(one, other).collect(), self.ids_of(other, one).collect());
        let ends = ours.iter().map(|id| (one, *id)).chain(theirs.iter().map(|id| (other, *id)));
        let has_both =
            |at: usize, id: &ConnectionId| self.end_of(at, *id).is_some_and(|end| end.has_local && end.has_remote);
        let agreed = ours.iter().filter(|id| has_both(one, id)).map(|id| id.generation);
        let agreed: Vec<_> = agreed
            .filter(|generation| theirs.iter().any(|id| id.generation == *generation && has_both(other, id)))
            .collect();
        for (client, id) in ends {
            let Some(mut end) = self.end_of(client, id).cloned() else { continue };
            let is_agreed = agreed.contains(&id.generation);
            let input = match cut {
                Some(cut) if cut >= FAILED_AFTER && end.is_established => {
                    Some(ConnectionInput::Failed { reason: "no path to the peer works".into() })
                }
                Some(cut) if cut >= INTERRUPTED_AFTER && end.is_established && !end.is_interrupted => {
                    end.is_interrupted = true;
                    Some(ConnectionInput::Interrupted)
                }
                None if is_agreed && !end.is_established => {
                    end.is_established = true;
                    self.after(2 * DELAY, What::Connection(client, id, ConnectionInput::ChannelOpen));
                    Some(ConnectionInput::Established)
                }
                None if end.is_interrupted => {
                    end.is_interrupted = false;
                    Some(ConnectionInput::Established)
                }
                _ => None,
            };
            self.clients[client].ends.insert(id, end);
            if let Some(input) = input {
                self.after(Duration::ZERO, What::Connection(client, id, input));
            }
        }
    }

    fn is_cut(&self, one: usize, other: usize) -> bool {
        self.cut.contains_key(&(one.min(other), one.max(other)))
    }

    fn client_of(&self, peer: &PeerId) -> Option<usize> {
        self.clients.iter().position(|client| client.peer.as_ref() == Some(peer))
    }

    /// Which client a participant of `client` is.
    fn client_behind(&self, client: usize, participant: ParticipantId) -> Option<usize> {
        let instance = self.clients[client].call.instance_of(participant)?;
        self.clients.iter().position(|other| other.instance == *instance)
    }

    /// The open ends at `client` of connections to `other`, the oldest first.
    fn ids_of(&self, client: usize, other: usize) -> impl Iterator<Item = ConnectionId> {
        let at = &self.clients[client];
        let participant = at
            .call
            .participants()
            .find(|id| at.call.instance_of(*id).is_some_and(|instance| *instance == self.clients[other].instance));
        at.ends.keys().copied().filter(move |id| Some(id.participant) == participant)
    }

    /// The one that stands, or else the newest.
    fn id_of(&self, client: usize, other: usize) -> Option<ConnectionId> {
        let is_standing = |id: &ConnectionId| self.clients[client].call.established(id.participant) == Some(*id);
        self.ids_of(client, other).find(is_standing).or_else(|| self.ids_of(client, other).last())
    }

    fn end_of(&self, client: usize, id: ConnectionId) -> Option<&ConnectionEnd> {
        self.clients[client].ends.get(&id)
    }
}

/// The client with this index, by a secret: instances are in the order of indices, and the same each time.
fn proof(index: usize) -> (Proof, InstanceId) {
    let secrets = (0..u128::MAX).map(|number| {
        let mut secret = [0; 32];
        secret[16..].copy_from_slice(&number.to_be_bytes());
        Proof::Secret { secret: Hex(secret) }
    });
    secrets
        .map(|proof| (proof, proof.verify(&PeerId::from_bits(0)).expect("any secret is valid")))
        .find(|(_, instance)| instance.as_str().starts_with(&format!("{index:02x}")))
        .expect("one in 256")
}

/// The estimate of a path that carries everything.
pub(super) fn good(connection: ConnectionId) -> Estimate {
    Estimate {
        connection,
        bitrate_bps: 3_000_000,
        send_queue: Duration::ZERO,
        round_trip: 40 * MS,
        silent_for: Duration::ZERO,
        needs_key_frame: false,
        loses_audio: false,
    }
}
