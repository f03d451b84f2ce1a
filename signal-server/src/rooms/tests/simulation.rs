//! Thousands of random inputs to a small server. After each of them, what every client knows from its messages must be
//! exactly what is true.

use std::collections::BTreeSet;

use super::*;

const ROOM_NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What one client knows from the messages that it received.
struct Client {
    instance: u128,
    room: Option<&'static str>,
    was_challenged: bool,
    /// The room of its last `join`.
    asked: Option<&'static str>,
    peers: BTreeSet<PeerId>,
}

struct Simulation {
    rooms: Rooms,
    capacity: usize,
    max_rooms: usize,
    now: Duration,
    clients: BTreeMap<PeerId, Client>,
    random: fastrand::Rng,
}

#[test]
fn every_client_knows_exactly_who_is_in_its_room() {
    for seed in 1..=40 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..1_500 {
            simulation.step();
            simulation.check();
        }
        simulation.input(Input::ShutDown);
        assert!(simulation.clients.is_empty(), "seed {seed}: shutting down closes every connection");
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let config = Config { room_capacity: 3, max_rooms: 3, burst_frames: 20, ..Config::default() };
        Self {
            capacity: config.room_capacity,
            max_rooms: config.max_rooms,
            rooms: Rooms::new(Arc::new(config)),
            now: Duration::ZERO,
            clients: BTreeMap::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.random.u64(..400));
        let Some(id) = self.some_client() else { return self.connect() };
        match self.random.u32(..20) {
            0..=3 => self.connect(),
            4..=8 => self.join(&id),
            9 => self.input(Input::Disconnected(&id)),
            10 => self.input(Input::Text(&id, r#"{"type":"leave"}"#)),
            11 => self.input(Input::Text(&id, r#"{"type":"rename","name":"new"}"#)),
            12 => self.input(Input::Text(&id, "nonsense")),
            13 => self.input(Input::Overflowed(&id)),
            14 => self.input(Input::Broken(&id, Breach::Binary)),
            15 | 16 => self.input(Input::Control(&id)),
            17 => self.input(Input::Tick),
            _ => self.signal(&id),
        }
    }

    fn connect(&mut self) {
        let id = PeerId::from_bits(self.random.u128(..));
        // Few, so that the same instance often joins again.
        let instance = self.random.u128(..12);
        self.clients.insert(
            id.clone(),
            Client { instance, room: None, was_challenged: false, asked: None, peers: BTreeSet::new() },
        );
        self.input(Input::Connected(id));
    }

    fn join(&mut self, id: &PeerId) {
        let room = ROOM_NAMES[self.random.usize(..ROOM_NAMES.len())];
        let client = self.clients.get_mut(id).unwrap();
        if client.room.is_none() {
            client.asked = Some(room);
        }
        let text = join_text(client.instance, room);
        self.input(Input::Text(id, &text));
    }

    fn signal(&mut self, id: &PeerId) {
        let Some(to) = self.some_client() else { return };
        let text = format!(r#"{{"type":"signal","to":"{to}","generation":1,"data":{{"candidate":null}}}}"#);
        self.input(Input::Text(id, &text));
    }

    fn input(&mut self, input: Input<'_>) {
        for output in self.rooms.handle(self.now, input) {
            match output {
                Output::Ping(id) => assert!(self.clients.contains_key(&id), "a closed connection is not pinged"),
                Output::Close(id, _) => assert!(self.clients.remove(&id).is_some(), "a connection is closed once"),
                Output::Send(to, message) => {
                    assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), to.len(), "a message goes to a client once");
                    for id in to {
                        self.receive(&id, &message);
                    }
                }
            }
        }
    }

    fn receive(&mut self, id: &PeerId, message: &ServerMessage) {
        let capacity = self.capacity;
        let client = self.clients.get_mut(id).expect("nothing is sent to a closed connection");
        match message {
            ServerMessage::Challenge { id: own } => {
                assert_eq!(own, id);
                assert!(!std::mem::replace(&mut client.was_challenged, true), "a client is challenged once");
            }
            ServerMessage::Welcome { instance: own, peers, .. } => {
                assert_eq!(*own, instance(client.instance));
                assert!(client.room.is_none() && peers.len() < capacity);
                client.room = client.asked;
                client.peers = peers.iter().map(|peer| peer.id.clone()).collect();
            }
            ServerMessage::PeerJoined { peer } => assert!(client.peers.insert(peer.id.clone())),
            ServerMessage::PeerLeft { id, .. } => assert!(client.peers.remove(id)),
            ServerMessage::PeerRenamed { id, .. } | ServerMessage::Signal { from: id, .. } => {
                assert!(client.peers.contains(id), "a message from outside the room");
            }
            ServerMessage::Error { code, .. } => assert_ne!(*code, ErrorCode::Unknown),
            ServerMessage::Pong | ServerMessage::Unknown => panic!("{message:?} was not asked for"),
        }
    }

    fn check(&self) {
        let mut joined = 0;
        let mut rooms = BTreeSet::new();
        for (id, client) in &self.clients {
            let Some(room) = client.room else { continue };
            joined += 1;
            rooms.insert(room);
            let present: Vec<_> = self.clients.iter().filter(|(_, other)| other.room == Some(room)).collect();
            assert!(present.len() <= self.capacity);
            let others = present.iter().map(|(other, _)| (*other).clone()).filter(|other| other != id);
            assert_eq!(client.peers, others.collect(), "what a client was told is true");
            let instances: BTreeSet<_> = present.iter().map(|(_, other)| other.instance).collect();
            assert_eq!(instances.len(), present.len(), "an instance is in a room once");
        }
        assert!(rooms.len() <= self.max_rooms);
        assert_eq!(self.rooms.registrations(), joined);
        assert_eq!(self.rooms.rooms.len(), rooms.len(), "no empty room is kept");
        assert_eq!(self.rooms.connections.len(), self.clients.len());
    }

    fn some_client(&mut self) -> Option<PeerId> {
        self.random.choice(self.clients.keys()).cloned()
    }
}
