//! Playout in virtual time: a sender, a network and a loudspeaker.
//!
//! Instead of Opus a packet carries the RTP time of its first sample, and the decoder makes a tone whose phase follows
//! from it.

use std::f64::consts::TAU;
use std::time::Duration;

use bytes::Bytes;

use super::{AudioDecoder, Decode, Playout, PlayoutCounters};
use crate::media::AudioPacket;
use crate::red::{self, RedSender};
use crate::rtp::{RtpExtender, RtpTime, Sequence};
use crate::time::Timestamp;

const TONE_HZ: f64 = 400.0;
const CELT_20_MS: u8 = 31 << 3;
const OPUS: u8 = 111;
const START: Timestamp = Timestamp::from_micros(1_000_000);

struct ToneDecoder {
    /// RTP time of the sample that comes next.
    time: u32,
}

impl ToneDecoder {
    fn tone(&mut self, samples: usize, out: &mut Vec<f32>) {
        for _ in 0..samples {
            out.push((0.5 * (TAU * TONE_HZ * f64::from(self.time) / 48_000.0).sin()) as f32);
            self.time = self.time.wrapping_add(1);
        }
    }
}

impl AudioDecoder for ToneDecoder {
    fn decode(&mut self, step: &Decode, out: &mut Vec<f32>) {
        match step {
            Decode::Packet { payload, samples } => {
                self.time = time_in(payload);
                self.tone(*samples, out);
            }
            Decode::Fec { payload, samples } => {
                self.time = time_in(payload).wrapping_sub(*samples as u32);
                self.tone(*samples, out);
            }
            Decode::Conceal { samples } | Decode::Silence { samples } => out.resize(out.len() + samples, 0.0),
        }
    }
}

fn time_in(payload: &Bytes) -> u32 {
    u32::from_be_bytes([payload[1], payload[2], payload[3], payload[4]])
}

/// A call of `packets` packets of 20 ms.
struct Call {
    packets: u64,
    first_sequence: u16,
    first_time: u32,
    /// Delay of a packet in the network; `None`: lost.
    network: Box<dyn FnMut(u64) -> Option<Duration>>,
    /// Whether the sender says anything.
    speaks: Box<dyn Fn(u64) -> bool>,
    /// How much faster the loudspeaker runs than the microphone, in millionths.
    drift_ppm: i64,
    /// How many packets before it each packet carries (RED).
    copies: usize,
}

#[derive(Default)]
struct Outcome {
    counters: PlayoutCounters,
    sound: Vec<f32>,
    /// For each 10 ms.
    buffered_ms: Vec<f32>,
    target_ms: f32,
}

impl Call {
    fn of_seconds(seconds: u64) -> Self {
        Self {
            packets: seconds * 50,
            first_sequence: 100,
            first_time: 5000,
            network: Box::new(|_| Some(Duration::from_millis(5))),
            speaks: Box::new(|_| true),
            drift_ppm: 0,
            copies: 0,
        }
    }

    fn run(mut self) -> Outcome {
        let mut wire = Vec::new();
        let mut sequence = self.first_sequence;
        let mut sender = RedSender::default();
        for index in (0..self.packets).filter(|&index| (self.speaks)(index)) {
            let rtp_time = self.first_time.wrapping_add(index as u32 * 960);
            let mut sent = packet(sequence, rtp_time, START + Duration::from_millis(index * 20 + 20));
            let packed = sender.pack(OPUS, RtpTime::new(index * 960), &sent.payload, self.copies);
            let is_red = packed.is_some();
            sent.payload = packed.unwrap_or(sent.payload);
            if let Some(delay) = (self.network)(index) {
                sent.arrived = sent.arrived + delay;
                wire.push((sent, is_red));
            }
            sequence = sequence.wrapping_add(1);
        }
        wire.sort_by_key(|(packet, _)| packet.arrived);
        let mut extender = RtpExtender::new();
        let mut playout = Playout::new(ToneDecoder { time: 0 });
        let mut outcome = Outcome::default();
        let mut wire = wire.into_iter().peekable();
        for block in 0..self.packets * 2 {
            let micros = block as i64 * 10_000;
            let elapsed = Duration::from_micros((micros - micros * self.drift_ppm / 1_000_000) as u64);
            if elapsed > Duration::from_millis(self.packets * 20) {
                break;
            }
            let now = START + elapsed;
            while let Some((packet, is_red)) = wire.next_if(|(packet, _)| packet.arrived <= now) {
                let packet = extended(&mut extender, packet);
                let unpacked = if is_red { red::unpack(&packet, OPUS) } else { Some((packet, Vec::new())) };
                let (packet, copies) = unpacked.expect("what was packed");
                playout.push(packet);
                for copy in copies {
                    playout.push(copy);
                }
            }
            let mut out = [0.0; 480];
            playout.pull(now, &mut out);
            outcome.sound.extend(out);
            outcome.buffered_ms.push(playout.buffered_ms());
        }
        outcome.counters = playout.counters();
        outcome.target_ms = playout.target_ms();
        outcome
    }
}

impl Outcome {
    /// Silent stretches of 5 ms or more after the first sound.
    fn gaps(&self) -> usize {
        let heard = self.sound.iter().skip_while(|sample| sample.abs() < 0.01);
        let loud: Vec<f32> = heard.copied().collect();
        loud.chunks(240).map(|part| part.iter().all(|sample| sample.abs() < 0.01)).filter(|&silent| silent).count()
    }

    fn most_buffered_ms(&self, seconds: std::ops::Range<usize>) -> f32 {
        self.buffered_ms.iter().skip(seconds.start * 100).take(seconds.len() * 100).copied().fold(0.0, f32::max)
    }
}

fn packet(sequence: u16, rtp_time: u32, arrived: Timestamp) -> AudioPacket {
    let mut payload = vec![CELT_20_MS];
    payload.extend(rtp_time.to_be_bytes());
    AudioPacket {
        payload: payload.into(),
        sequence: Sequence::new(sequence.into()),
        rtp_time: RtpTime::new(rtp_time.into()),
        arrived,
        is_copy: false,
    }
}

/// `packet`, whose numbers are those on the wire, with extended ones.
fn extended(extender: &mut RtpExtender, packet: AudioPacket) -> AudioPacket {
    let (sequence, rtp_time) = extender.extend(packet.sequence.truncated(), packet.rtp_time.truncated());
    AudioPacket { sequence, rtp_time, ..packet }
}

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}

#[test]
fn a_clean_network_needs_little_delay_and_no_concealment() {
    let outcome = Call::of_seconds(120).run();
    assert_eq!(outcome.counters.samples_concealed, 0);
    assert_eq!(outcome.gaps(), 0);
    assert!(outcome.most_buffered_ms(0..60) <= 60.0, "{}", outcome.most_buffered_ms(0..60));
    assert!(outcome.most_buffered_ms(100..120) <= 40.0, "{}", outcome.most_buffered_ms(100..120));
    assert_eq!(outcome.target_ms, 20.0);
}

#[test]
fn short_stalls_of_the_sender_are_heard_once_at_most() {
    let mut call = Call::of_seconds(300);
    // Every 7 s nothing is sent for 28 ms; what was due then goes out at once.
    call.network = Box::new(|index| {
        let late_ms = (28 - (index as i64 % 350) * 20).max(0);
        Some(millis(5.0 + late_ms as f64))
    });
    let outcome = call.run();
    // Of 42. After the second one the delay is longer.
    let concealed = outcome.counters.samples_concealed;
    assert!(concealed <= 960, "{concealed} samples");
}

#[test]
fn the_playout_delay_follows_jitter() {
    let mut call = Call::of_seconds(120);
    let mut random = fastrand::Rng::with_seed(1);
    call.network = Box::new(move |_| Some(millis(10.0 + 60.0 * random.f64())));
    let outcome = call.run();
    let concealed = outcome.counters.samples_concealed;
    assert!(concealed < 48_000 / 4, "{concealed} samples concealed, all of them in the first seconds");
    assert!((60.0..=75.0).contains(&outcome.target_ms), "{}", outcome.target_ms);
    assert!(outcome.most_buffered_ms(60..120) <= 120.0);
}

#[test]
fn reordered_packets_are_played_in_order() {
    let mut call = Call::of_seconds(30);
    call.network = Box::new(|index| Some(Duration::from_millis(if index % 5 == 2 { 30 } else { 5 })));
    let outcome = call.run();
    assert_eq!(outcome.counters.samples_concealed, 0);
    assert_eq!(outcome.counters.late, 0);
    assert_eq!(outcome.gaps(), 0);
}

#[test]
fn a_lost_packet_is_recovered_from_the_next_one() {
    let mut call = Call::of_seconds(60);
    call.network = Box::new(|index| (index % 20 != 7).then_some(Duration::from_millis(5)));
    let outcome = call.run();
    assert_eq!(outcome.counters.recovered, 150);
    assert_eq!(outcome.counters.samples_concealed, 0);
    assert_eq!(outcome.gaps(), 0);
}

#[test]
fn a_burst_of_loss_is_concealed_and_no_more() {
    let mut call = Call::of_seconds(60);
    // Four in a row: three are concealed, the last is recovered from the next packet.
    call.network = Box::new(|index| (!(1000..1004).contains(&index)).then_some(Duration::from_millis(5)));
    let outcome = call.run();
    assert_eq!(outcome.counters.recovered, 1);
    // Until it is recovered, the beginning of the last one is concealed, too.
    let concealed = outcome.counters.samples_concealed;
    assert!((3 * 960..=3 * 960 + 480).contains(&concealed), "{concealed} samples");
    assert!(outcome.most_buffered_ms(30..60) <= 60.0, "the delay does not grow by concealed audio");
}

#[test]
fn copies_of_the_packets_before_carry_a_burst_of_loss() {
    for (copies, run) in [(1, 1), (2, 2), (3, 3)] {
        let mut call = Call::of_seconds(60);
        call.copies = copies;
        call.network = Box::new(move |index| (index % 25 >= run).then_some(Duration::from_millis(5)));
        let outcome = call.run();
        // The first burst is a surprise: nothing waits long enough for the copies yet.
        let concealed = outcome.counters.samples_concealed;
        assert!(concealed <= 3 * 960, "{copies} copies: {concealed} samples");
        assert!(outcome.counters.recovered >= run * 115, "{copies} copies: {}", outcome.counters.recovered);
        assert_eq!(outcome.counters.duplicate, 0, "a copy of what has come is no duplicate");
        let most_ms = outcome.most_buffered_ms(30..60);
        assert!(most_ms <= 60.0 + 20.0 * run as f32, "{copies} copies: {most_ms} ms");
    }
}

#[test]
fn after_each_pause_the_playout_delay_is_kept_and_copies_come_in_time() {
    let mut call = Call::of_seconds(60);
    call.copies = 1;
    call.speaks = Box::new(|index| index % 100 < 60);
    call.network = Box::new(|index| (index % 10 != 7).then(|| Duration::from_millis(7 + index * 7 % 6)));
    let outcome = call.run();
    let concealed = outcome.counters.samples_concealed;
    assert!(concealed <= 2 * 960, "{concealed} samples");
}

#[test]
fn without_loss_copies_cost_no_delay() {
    let mut call = Call::of_seconds(120);
    call.copies = 3;
    let outcome = call.run();
    assert_eq!((outcome.target_ms, outcome.counters.recovered, outcome.counters.duplicate), (20.0, 0, 0));
}

#[test]
fn silence_that_is_not_sent_is_not_concealed() {
    let mut call = Call::of_seconds(60);
    // Speech of 2 s, then 1 s in which a packet comes every 400 ms, as Opus DTX does.
    call.speaks = Box::new(|index| index % 150 < 100 || index % 20 == 0);
    let outcome = call.run();
    assert_eq!(outcome.counters.samples_concealed, 0);
    assert_eq!(outcome.counters.late, 0);
    assert!(outcome.most_buffered_ms(0..60) <= 60.0);
}

#[test]
fn a_lost_packet_in_a_pause_counts_as_one_packet() {
    let mut call = Call::of_seconds(60);
    call.speaks = Box::new(|index| index % 150 < 100 || index % 20 == 0);
    // One of the three in a pause.
    call.network = Box::new(|index| (index % 150 != 120).then_some(Duration::from_millis(5)));
    let outcome = call.run();
    let pauses = 20;
    assert!(outcome.counters.samples_concealed <= pauses * 960, "{}", outcome.counters.samples_concealed);
}

#[test]
fn audio_comes_back_after_a_long_mute() {
    let mut call = Call::of_seconds(100);
    call.speaks = Box::new(|index| !(500..4500).contains(&index));
    let outcome = call.run();
    assert_eq!(outcome.counters.samples_concealed, 0);
    let last_second = &outcome.sound[outcome.sound.len() - 48_000..];
    assert!(last_second.chunks(480).all(|part| part.iter().any(|sample| sample.abs() > 0.4)));
}

#[test]
fn drifting_clocks_do_not_change_the_delay() {
    for drift_ppm in [-200, 200] {
        let mut call = Call::of_seconds(900);
        call.drift_ppm = drift_ppm;
        let outcome = call.run();
        assert_eq!(outcome.counters.samples_concealed, 0, "{drift_ppm} ppm");
        assert_eq!(outcome.gaps(), 0, "{drift_ppm} ppm");
        // 180 ms apart by now, were it not for shortening and lengthening.
        assert!(outcome.most_buffered_ms(100..900) <= 60.0, "{drift_ppm} ppm");
    }
}

#[test]
fn delay_comes_down_again_after_a_stall_of_the_network() {
    let mut call = Call::of_seconds(40);
    call.network = Box::new(|index| {
        let late_ms = if (500..515).contains(&index) { (515 - index) * 20 } else { 0 };
        Some(Duration::from_millis(5 + late_ms))
    });
    let outcome = call.run();
    let concealed = outcome.counters.samples_concealed;
    assert!((9_600..16_000).contains(&concealed), "300 ms less the playout delay were missing: {concealed}");
    assert!(outcome.most_buffered_ms(10..12) > 200.0);
    assert!(outcome.most_buffered_ms(25..40) <= 70.0, "{}", outcome.most_buffered_ms(25..40));
}

#[test]
fn a_path_that_loses_its_rate_leaves_no_delay_two_seconds_later() {
    let mut call = Call::of_seconds(40);
    // A queue of 440 ms within a seventh of a second, which then drains.
    call.network = Box::new(|index| {
        let since_ms = (index as f64 - 500.0) * 20.0;
        let queue_ms = if since_ms < 140.0 { since_ms * 440.0 / 140.0 } else { 580.0 - since_ms };
        Some(millis(20.0 + queue_ms.max(0.0)))
    });
    let outcome = call.run();
    let concealed = outcome.counters.samples_concealed;
    assert!(concealed < 48_000 / 2, "{concealed}");
    assert!(outcome.most_buffered_ms(10..12) > 300.0);
    assert!(outcome.most_buffered_ms(12..40) <= 90.0, "{}", outcome.most_buffered_ms(12..40));
}

#[test]
fn packets_that_arrive_at_once_after_an_outage_do_not_pile_up() {
    let mut call = Call::of_seconds(60);
    call.network = Box::new(|index| {
        let late_ms = if (500..700).contains(&index) { (700 - index) * 20 } else { 0 };
        Some(Duration::from_millis(5 + late_ms))
    });
    let outcome = call.run();
    assert!(outcome.most_buffered_ms(0..60) <= 1020.0);
    assert!(outcome.counters.overflowed > 0);
    assert!(outcome.most_buffered_ms(45..60) <= 70.0, "{}", outcome.most_buffered_ms(45..60));
}

#[test]
fn the_wrap_of_rtp_numbers_is_not_heard() {
    let mut call = Call::of_seconds(60);
    call.first_sequence = u16::MAX - 1000;
    call.first_time = u32::MAX - 960 * 1500;
    let outcome = call.run();
    assert_eq!(outcome.counters.samples_concealed, 0);
    assert_eq!(outcome.counters.malformed, 0);
    // The tone's phase follows RTP time, which jumps at the wrap-around, so only holes are looked for.
    assert_eq!(outcome.gaps(), 0);
}

#[test]
fn a_sender_that_restarts_is_heard_again() {
    let (mut playout, mut extender) = (Playout::new(ToneDecoder { time: 0 }), RtpExtender::new());
    let mut out = [0.0; 480];
    let mut now = START;
    for (first_sequence, first_time) in [(10_u16, 1_000_u32), (50_000, 3_000_000_000)] {
        for index in 0..100_u16 {
            let rtp_time = first_time.wrapping_add(u32::from(index) * 960);
            let packet = packet(first_sequence.wrapping_add(index), rtp_time, now);
            playout.push(extended(&mut extender, packet));
            for _ in 0..2 {
                playout.pull(now, &mut out);
                now = now + Duration::from_millis(10);
            }
        }
        assert!(out.iter().any(|sample| sample.abs() > 0.4));
    }
    assert_eq!(playout.counters().malformed, 1, "the first packet after the restart");
}

#[test]
fn duplicate_and_malformed_packets_are_dropped_and_counted() {
    let mut playout = Playout::new(ToneDecoder { time: 0 });
    for _ in 0..3 {
        playout.push(packet(1, 960, START));
    }
    playout.push(AudioPacket { payload: Bytes::new(), ..packet(2, 1920, START) });
    playout.push(AudioPacket { payload: vec![0; 5000].into(), ..packet(3, 2880, START) });
    assert_eq!(playout.counters().duplicate, 2);
    assert_eq!(playout.counters().malformed, 2);
    assert_eq!(playout.buffered_ms(), 20.0);
}

#[test]
fn arbitrary_packets_stay_bounded() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut number = move || random.u32(..);
    let (mut playout, mut extender) = (Playout::new(ToneDecoder { time: 0 }), RtpExtender::new());
    let mut out = [0.0; 480];
    for step in 0..200_000_u64 {
        let now = START + Duration::from_millis(step);
        let near = number() % 3 > 0;
        let sequence = if near { (step / 4) as u16 } else { number() as u16 };
        let rtp_time = if near { (step / 4) as u32 * 960 + number() % 5 } else { number() };
        let mut payload = vec![0; 5 + number() as usize % 20];
        payload[0] = number() as u8;
        let (sequence, rtp_time) = extender.extend(sequence, rtp_time);
        let is_copy = number() % 4 == 0;
        playout.push(AudioPacket { payload: payload.into(), sequence, rtp_time, arrived: now, is_copy });
        if step % 10 == 0 {
            playout.pull(now, &mut out);
        }
        assert!(playout.buffered_ms() <= 1300.0, "{}", playout.buffered_ms());
    }
}
