//! Thousands of random things happen to a small server, and after each of them what every client was told must be
//! exactly what is true.

use std::collections::BTreeSet;

use super::*;

const ROOM_NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What one client knows: only from the messages it received.
struct Client {
    instance: u128,
    room: Option<&'static str>,
    /// Where it asked to be let in.
    asked: Option<&'static str>,
    peers: BTreeSet<PeerId>,
}

struct Simulation {
    rooms: Rooms,
    capacity: usize,
    max_rooms: usize,
    now: Duration,
    clients: BTreeMap<PeerId, Client>,
    next_id: u128,
    random: u64,
}

#[test]
fn everyone_knows_exactly_who_is_there() {
    for seed in 1..=40 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..1_500 {
            simulation.step();
            simulation.check();
        }
        simulation.input(Input::ShutDown);
        assert!(simulation.clients.is_empty(), "seed {seed}: nobody is forgotten at the end");
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
            next_id: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }

    fn step(&mut self) {
        let pause_ms = self.pick(400) as u64;
        self.now += Duration::from_millis(pause_ms);
        let Some(id) = self.some_client() else { return self.connect() };
        match self.pick(20) {
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
        self.next_id += 1;
        // Ids in no order, a few instances only, so that they meet.
        let id = PeerId::from_bits(self.next_id.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let instance = self.pick(12) as u128;
        self.clients.insert(id.clone(), Client { instance, room: None, asked: None, peers: BTreeSet::new() });
        self.input(Input::Connected(id));
    }

    fn join(&mut self, id: &PeerId) {
        let room = ROOM_NAMES[self.pick(ROOM_NAMES.len())];
        let client = self.clients.get_mut(id).unwrap();
        if client.room.is_none() {
            client.asked = Some(room);
        }
        let instance = InstanceId::from_bits(client.instance);
        let text = format!(r#"{{"type":"join","version":1,"room":"{room}","name":"n","instance":"{instance}"}}"#);
        self.input(Input::Text(id, &text));
    }

    fn signal(&mut self, id: &PeerId) {
        let Some(to) = self.some_client() else { return };
        let text = format!(r#"{{"type":"signal","to":"{to}","data":{{"candidate":null}}}}"#);
        self.input(Input::Text(id, &text));
    }

    fn input(&mut self, input: Input<'_>) {
        for output in self.rooms.handle(self.now, input) {
            match output {
                Output::Ping(id) => assert!(self.clients.contains_key(&id), "nobody who is closed is pinged"),
                Output::Close(id, _) => assert!(self.clients.remove(&id).is_some(), "nobody is closed twice"),
                Output::Send(to, message) => {
                    assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), to.len(), "nobody is told twice");
                    for id in to {
                        self.receive(&id, &message);
                    }
                }
            }
        }
    }

    fn receive(&mut self, id: &PeerId, message: &ServerMessage) {
        let capacity = self.capacity;
        let client = self.clients.get_mut(id).expect("nobody who is closed is written to");
        match message {
            ServerMessage::Welcome { id: own, peers, .. } => {
                assert_eq!(own, id);
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
            ServerMessage::Pong | ServerMessage::Unknown => panic!("nobody asked for {message:?}"),
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
            assert_eq!(client.peers, others.collect(), "what a client was told is what is true");
            let instances: BTreeSet<_> = present.iter().map(|(_, other)| other.instance).collect();
            assert_eq!(instances.len(), present.len(), "an instance is in a room once");
        }
        assert!(rooms.len() <= self.max_rooms);
        assert_eq!(self.rooms.registrations(), joined);
        assert_eq!(self.rooms.rooms.len(), rooms.len(), "no empty room is kept");
        assert_eq!(self.rooms.connections.len(), self.clients.len());
    }

    fn some_client(&mut self) -> Option<PeerId> {
        let choice = self.pick(self.clients.len().max(1));
        self.clients.keys().nth(choice).cloned()
    }

    /// A number below `limit` (xorshift).
    fn pick(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % limit as u64) as usize
    }
}
