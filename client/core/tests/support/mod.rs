//! A sender, a network and a receiver of video in virtual time. Everything follows from the seed.
#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use maru_core::fec::{self, LossPattern, Retransmissions};
use maru_core::h264::START_CODE;
use maru_core::media::AccessUnit;
use maru_core::rtp::{RtpTime, Sequence};
use maru_core::time::Timestamp;
use maru_core::video_receiver::{RtpVideo, VideoReceiver};
use rtc_rtp::codec::h264::H264Payloader;
use rtc_rtp::packetizer::Payloader;

/// An encoder and a packetizer: 30 frames a second, each of other content.
pub(crate) struct Stream {
    pub(crate) packetizer: H264Payloader,
    pub(crate) sequence: Sequence,
    pub(crate) rtp_time: RtpTime,
    /// The loss rate that FEC is made for.
    pub(crate) protection: f64,
    pub(crate) sent: Vec<AccessUnit>,
}

impl Stream {
    pub(crate) fn new() -> Self {
        Self {
            packetizer: H264Payloader::default(),
            sequence: Sequence::new(100_000),
            rtp_time: RtpTime::new(1 << 32),
            protection: 0.0,
            sent: Vec::new(),
        }
    }

    /// The packets of the next frame, with a slice of `bytes`.
    pub(crate) fn frame(&mut self, is_key: bool, bytes: usize) -> Vec<RtpVideo> {
        let unit = access_unit(self.sent.len() as u32, is_key, bytes, self.rtp_time);
        let payloads = self.packetizer.payload(1_200, &unit.data).expect("units of H.264");
        self.sent.push(unit);
        let count = payloads.len();
        let rtp_time = self.rtp_time;
        self.rtp_time = rtp_time + 3_000;
        let block = fec::block(
            payloads,
            fec::repairs_for(count, LossPattern::independent(self.protection), Retransmissions::InTime),
        );
        let packets = block.into_iter().enumerate().map(|(index, (payload, block))| {
            let sequence = self.sequence;
            self.sequence = sequence + 1;
            RtpVideo { sequence, rtp_time, marker: index + 1 == count, payload, block }
        });
        packets.collect()
    }
}

fn access_unit(number: u32, is_key: bool, bytes: usize, rtp_time: RtpTime) -> AccessUnit {
    let mut data = Vec::new();
    if is_key {
        data.extend(START_CODE);
        data.extend([0x67, 0x42, 0xc0, 0x1f]);
        data.extend(START_CODE);
        data.extend([0x68, 0xce]);
    }
    data.extend(START_CODE);
    data.push(if is_key { 0x65 } else { 0x41 });
    data.extend([14, 7, 0].map(|shift| (number >> shift) as u8 | 0x80));
    data.extend((0..bytes).map(|index| (index % 251) as u8 + 1));
    AccessUnit { data: Bytes::from(data), is_key, rtp_time }
}

/// What the network does to packets on their way.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) delay: Duration,
    /// Added to the delay, at random from nothing to this.
    pub(crate) reordering: Duration,
    pub(crate) loss: f64,
    /// The loss rate that the sender makes FEC for.
    pub(crate) protection: f64,
    pub(crate) duplication: f64,
    /// Whether a lost packet is retransmitted, one round trip later.
    pub(crate) retransmits: bool,
    /// All packets of these frames are lost.
    pub(crate) lost_frames: Vec<usize>,
}

impl Network {
    pub(crate) fn clean(delay: Duration) -> Self {
        let (reordering, lost_frames) = (Duration::ZERO, Vec::new());
        Self { delay, reordering, loss: 0.0, protection: 0.0, duplication: 0.0, retransmits: false, lost_frames }
    }
}

enum Event {
    Capture,
    Arrive(RtpVideo),
    /// A request for a key frame reaches the sender.
    KeyFrameRequest,
}

/// What happened, for tests to judge.
pub(crate) struct Outcome {
    pub(crate) sent: Vec<AccessUnit>,
    /// Index in `sent` and time.
    pub(crate) delivered: Vec<(usize, Timestamp)>,
    /// When the last packet of each frame arrived, if all of them did.
    pub(crate) complete: HashMap<usize, Timestamp>,
    pub(crate) requests: Vec<Timestamp>,
    pub(crate) receiver: VideoReceiver,
}

/// Sends `frames` over the network, 30 a second. The first one is a key frame, and those asked for.
pub(crate) fn simulate(seed: u64, network: &Network, frames: usize) -> Outcome {
    let mut simulation = Simulation::new(seed, network);
    simulation.at(Timestamp::ZERO, Event::Capture);
    while let Some(now) = simulation.next_time() {
        simulation.advance(now, frames);
    }
    Outcome { sent: simulation.stream.sent, ..simulation.outcome }
}

struct Simulation<'a> {
    network: &'a Network,
    random: fastrand::Rng,
    stream: Stream,
    wants_key: bool,
    events: BTreeMap<(Timestamp, u64), Event>,
    scheduled: u64,
    arrived: HashMap<RtpTime, usize>,
    packet_counts: HashMap<RtpTime, usize>,
    last_time: Timestamp,
    outcome: Outcome,
}

impl<'a> Simulation<'a> {
    fn new(seed: u64, network: &'a Network) -> Self {
        let mut receiver = VideoReceiver::new();
        receiver.set_round_trip(network.delay * 2);
        let outcome = Outcome {
            sent: Vec::new(),
            delivered: Vec::new(),
            complete: HashMap::new(),
            requests: Vec::new(),
            receiver,
        };
        Self {
            network,
            random: fastrand::Rng::with_seed(seed),
            stream: Stream { protection: network.protection, ..Stream::new() },
            wants_key: true,
            events: BTreeMap::new(),
            scheduled: 0,
            arrived: HashMap::new(),
            packet_counts: HashMap::new(),
            last_time: Timestamp::ZERO,
            outcome,
        }
    }

    fn at(&mut self, time: Timestamp, event: Event) {
        self.scheduled += 1;
        self.events.insert((time, self.scheduled), event);
    }

    fn next_time(&self) -> Option<Timestamp> {
        let (event_time, _) = *self.events.keys().next()?;
        let timeout = self.outcome.receiver.poll_timeout().map(|at| at.max(self.last_time));
        Some(timeout.map_or(event_time, |at| at.min(event_time)))
    }

    fn advance(&mut self, now: Timestamp, frames: usize) {
        assert!(now >= self.last_time);
        self.last_time = now;
        if let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Event::Capture => self.capture(now, frames),
                Event::Arrive(packet) => self.arrive(now, packet),
                Event::KeyFrameRequest => self.wants_key = true,
            }
        }
        while let Some(unit) = self.outcome.receiver.poll_unit(now) {
            let index = self.stream.sent.iter().position(|sent| sent.data == unit.data);
            let index = index.expect("every unit that comes out was sent just so");
            assert_eq!(unit, self.stream.sent[index]);
            self.outcome.delivered.push((index, now));
        }
        if self.outcome.receiver.poll_key_frame_request(now) {
            self.outcome.requests.push(now);
            self.at(now + self.network.delay, Event::KeyFrameRequest);
        }
        let timeout = self.outcome.receiver.poll_timeout();
        assert!(timeout.is_none_or(|at| at > now), "it would never get further than {now:?}");
    }

    fn capture(&mut self, now: Timestamp, frames: usize) {
        let is_key = std::mem::take(&mut self.wants_key);
        let bytes = if is_key { 30_000 } else { 4_000 + self.random.usize(..8_000) };
        let index = self.stream.sent.len();
        let packets = self.stream.frame(is_key, bytes);
        self.packet_counts.insert(packets[0].rtp_time, packets.len());
        for packet in packets {
            self.send(now, index, packet);
        }
        if index + 1 < frames {
            self.at(now + Duration::from_micros(33_333), Event::Capture);
        }
    }

    fn send(&mut self, now: Timestamp, index: usize, packet: RtpVideo) {
        let jitter = Duration::from_micros(self.random.u64(..=self.network.reordering.as_micros() as u64));
        let arrival = now + self.network.delay + jitter;
        if self.random.f64() < self.network.duplication {
            self.at(arrival + Duration::from_millis(1), Event::Arrive(packet.clone()));
        }
        if self.random.f64() >= self.network.loss && !self.network.lost_frames.contains(&index) {
            self.at(arrival, Event::Arrive(packet));
        } else if self.network.retransmits {
            self.at(arrival + self.network.delay * 2, Event::Arrive(packet));
        }
    }

    fn arrive(&mut self, now: Timestamp, packet: RtpVideo) {
        let arrived = self.arrived.entry(packet.rtp_time).or_default();
        *arrived += 1;
        if self.packet_counts[&packet.rtp_time] == *arrived {
            let index = self.stream.sent.iter().position(|unit| unit.rtp_time == packet.rtp_time);
            self.outcome.complete.insert(index.expect("it was sent"), now);
        }
        self.outcome.receiver.handle_packet(now, packet);
    }
}

impl Outcome {
    /// What a decoder needs: frames in order, each one a key frame or the successor of the one before.
    pub(crate) fn assert_decodable(&self) {
        let mut last = None;
        for &(index, _) in &self.delivered {
            let follows = last.is_some_and(|last| last + 1 == index);
            let restarts = self.sent[index].is_key && last.is_none_or(|last| last < index);
            assert!(follows || restarts, "frame {index} after {last:?}");
            last = Some(index);
        }
    }

    pub(crate) fn all_delivered(&self) -> bool {
        self.delivered.iter().map(|&(index, _)| index).eq(0..self.sent.len())
    }
}
