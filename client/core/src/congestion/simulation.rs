//! Calls over a bottleneck, in virtual time: the controller, the pacer and a source that makes frames of the size that
//! it is told to, with the noise of a real encoder.

use std::collections::VecDeque;
use std::time::Duration;

use super::*;
use crate::pacer::{self, Pacer, Priority};
use crate::rtp::Sequence;

const STEP_US: u64 = 500;
const REPORT_EVERY_US: u64 = 25_000;
const HEADERS: usize = 60;
const AUDIO_BYTES: usize = 80 + HEADERS;
const MAX_BPS: u32 = 2_700_000;

/// One direction of a path. The way back takes `delay`, and loses `feedback_loss` of the reports.
#[derive(Clone)]
struct Link {
    delay_ms: f64,
    /// Spread evenly from 0 to this, for each packet on its own: they overtake each other.
    jitter_ms: f64,
    loss: f64,
    /// Mean length of a burst of losses; 1: each on its own.
    burst: f64,
    /// (from second, bit/s); none: without limit.
    rates: Vec<(f64, f64)>,
    queue_ms: f64,
    feedback_loss: f64,
    /// Reports wait in a queue like the one that they tell of, and are lost where it is full.
    reports_wait: bool,
    /// A download shares the link from this second on.
    download_from: Option<f64>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay_ms: 20.0,
            jitter_ms: 0.0,
            loss: 0.0,
            burst: 1.0,
            rates: Vec::new(),
            queue_ms: 400.0,
            feedback_loss: 0.0,
            reports_wait: false,
            download_from: None,
        }
    }
}

/// A small generator of evenly spread numbers (xorshift64*), so that each run is the same.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Flow {
    controller: CongestionController,
    pacer: Pacer<usize>,
    next_sequence: Sequence,
    /// On its way: (sequence number, when it arrives by our clock in µs).
    in_flight: Vec<(Sequence, u64)>,
    next_frame_us: u64,
    next_audio_us: u64,
    next_report_us: u64,
    reports: VecDeque<(u64, Vec<(Sequence, Option<Duration>)>)>,
    /// Where the next report begins, unless something before it has come late.
    next_reported: Sequence,
    starts_us: u64,
    seconds: Vec<Second>,
}

/// TCP (Reno, roughly): one packet more for each round trip, and half as much after a loss.
#[derive(Default)]
struct Download {
    bps: f64,
    next_us: f64,
    halved_us: f64,
}

impl Download {
    fn send(&mut self, now_us: f64, free_us: &mut f64, link_bps: f64, link: &Link) {
        let packet_bits = 12_000.0;
        let round_trip_us = 2e3 * link.delay_ms + (*free_us - now_us).max(0.0);
        self.bps = (self.bps + packet_bits / round_trip_us.powi(2) * 1e6 * STEP_US as f64).max(packet_bits);
        while self.next_us <= now_us {
            self.next_us = self.next_us.max(now_us - 1e6) + packet_bits / self.bps * 1e6;
            if (*free_us - now_us) / 1e3 <= link.queue_ms {
                *free_us = free_us.max(now_us) + packet_bits / link_bps * 1e6;
            } else if now_us - self.halved_us > round_trip_us {
                self.halved_us = now_us;
                self.bps /= 2.0;
            }
        }
    }
}

/// What a flow got in one second.
#[derive(Clone, Copy, Default)]
struct Second {
    target_bps: f64,
    received_bits: f64,
    lost_bits: f64,
    /// The longest time that a packet queued, and that an audio packet did.
    queue_ms: f64,
    audio_ms: f64,
}

impl Flow {
    fn new(config: &Config, starts_us: u64) -> Self {
        Self {
            controller: CongestionController::new(config.clone()),
            pacer: Pacer::new(pacer::Config::default(), config.start_bps),
            next_sequence: Sequence::new(65_000),
            in_flight: Vec::new(),
            next_frame_us: starts_us,
            next_audio_us: starts_us,
            next_report_us: starts_us + REPORT_EVERY_US,
            reports: VecDeque::new(),
            next_reported: Sequence::new(65_000),
            starts_us,
            seconds: Vec::new(),
        }
    }

    /// Frames of the size that the target leaves, give or take; one in a hundred is three times as large.
    fn produce(&mut self, now_us: u64, random: &mut Random) {
        let now = Timestamp::from_micros(now_us);
        if now_us >= self.next_audio_us {
            self.next_audio_us += 20_000;
            self.pacer.push(now, Priority::Audio, AUDIO_BYTES, AUDIO_BYTES);
        }
        if now_us >= self.next_frame_us {
            self.next_frame_us += 33_333;
            if self.pacer.queue_delay() > Duration::from_millis(60) {
                return;
            }
            let share = f64::from(self.controller.target_bps()) * 0.95 - 56_000.0;
            let size = if random.unit() < 0.01 { 3.0 } else { 0.7 + 0.6 * random.unit() };
            let mut left = (share.max(30_000.0) / 8.0 / 30.0 * size) as usize;
            while left > 0 {
                let payload = left.min(1150);
                left -= payload;
                self.pacer.push(now, Priority::Video, payload + HEADERS, payload + HEADERS);
            }
        }
    }
}

impl Flow {
    /// What the receiver says at this time: of everything from the first that is new to the last that has come.
    fn report(&mut self, now_us: u64) -> Vec<(Sequence, Option<Duration>)> {
        let (arrived, on_the_way): (Vec<_>, _) = self.in_flight.drain(..).partition(|&(_, at)| at <= now_us);
        self.in_flight = on_the_way;
        let Some(first) = arrived.iter().map(|&(sequence, _)| sequence).min() else { return Vec::new() };
        let last = arrived.iter().map(|&(sequence, _)| sequence).max().unwrap_or(first);
        // The other clock is an hour ahead, and 50 ppm fast.
        let clock = |at| Duration::from_micros(3_600_000_000 + at + at / 20_000);
        let by_sequence: std::collections::HashMap<Sequence, u64> = arrived.into_iter().collect();
        let from = first.min(self.next_reported);
        self.next_reported = self.next_reported.max(last + 1);
        (from.value()..=last.value())
            .map(Sequence::new)
            .map(|sequence| (sequence, by_sequence.get(&sequence).map(|&at| clock(at))))
            .collect()
    }
}

/// The default but for the maximum.
fn config() -> Config {
    Config { max_bps: MAX_BPS, ..Config::default() }
}

/// Runs flows that share a link for `seconds`.
fn run(config: &Config, link: &Link, starts_s: &[f64], seconds: u64, seed: u64) -> Vec<Vec<Second>> {
    let mut random = Random(seed);
    let mut flows: Vec<Flow> = starts_s.iter().map(|start| Flow::new(config, (start * 1e6) as u64)).collect();
    let (mut free_us, mut in_burst, mut download) = (0.0_f64, false, Download::default());
    for now_us in (0..seconds * 1_000_000).step_by(STEP_US as usize) {
        let (now, now_f) = (Timestamp::from_micros(now_us), now_us as f64);
        let second = now_f / 1e6;
        let rate = link.rates.iter().rev().find(|(from, _)| *from <= second).map(|(_, bps)| *bps);
        if let Some(bps) = rate
            && link.download_from.is_some_and(|from| second >= from)
        {
            download.send(now_f, &mut free_us, bps, link);
        }
        for flow in flows.iter_mut().filter(|flow| flow.starts_us <= now_us) {
            flow.produce(now_us, &mut random);
            flow.pacer.set_rate(now, flow.controller.target_bps());
            flow.pacer.set_spread(flow.controller.stats().spread);
            let index = ((now_us - flow.starts_us) / 1_000_000) as usize;
            flow.seconds.resize(index + 1, Second::default());
            let count = &mut flow.seconds[index];
            count.target_bps = f64::from(flow.controller.target_bps());
            while let Some((bytes, _)) = flow.pacer.pop(now, flow.controller.available_bytes(now) > 0.0) {
                let sequence = flow.next_sequence;
                flow.next_sequence = sequence + 1;
                flow.controller.handle_sent(now, sequence, bytes, false);
                let turn = random.unit();
                in_burst = if link.burst <= 1.0 {
                    turn < link.loss
                } else if in_burst {
                    turn >= 1.0 / link.burst
                } else {
                    turn < link.loss / link.burst / (1.0 - link.loss)
                };
                let wait_us = (free_us - now_f).max(0.0);
                if !in_burst && (rate.is_none() || wait_us / 1e3 <= link.queue_ms) {
                    let start = now_f + wait_us;
                    free_us = rate.map_or(free_us, |bps| start + bytes as f64 * 8.0 / bps * 1e6);
                    let leaves = rate.map_or(now_f, |_| free_us);
                    let at = leaves + (link.delay_ms + link.jitter_ms * random.unit()) * 1e3;
                    count.queue_ms = count.queue_ms.max(wait_us / 1e3);
                    if bytes == AUDIO_BYTES {
                        count.audio_ms = count.audio_ms.max(wait_us / 1e3);
                    }
                    count.received_bits += bytes as f64 * 8.0;
                    flow.in_flight.push((sequence, at as u64));
                } else {
                    count.lost_bits += bytes as f64 * 8.0;
                }
            }
            if now_us >= flow.next_report_us {
                flow.next_report_us += REPORT_EVERY_US;
                let report = flow.report(now_us);
                // The other direction is as full as this one where both are the same.
                let wait_us = if link.reports_wait { (free_us - now_f).max(0.0) } else { 0.0 };
                if random.unit() >= link.feedback_loss && wait_us / 1e3 <= link.queue_ms {
                    flow.reports.push_back((now_us + (link.delay_ms * 1e3 + wait_us) as u64, report));
                }
            }
            while flow.reports.front().is_some_and(|(at, _)| *at <= now_us) {
                let (_, report) = flow.reports.pop_front().expect("just seen");
                flow.controller.handle_report(now, &report);
            }
            flow.controller.handle_timeout(now);
        }
    }
    flows.into_iter().map(|flow| flow.seconds).collect()
}

/// A single flow, with each of some seeds.
fn one(link: &Link, seconds: u64) -> Vec<Vec<Second>> {
    SEEDS.map(|seed| run(&config(), link, &[0.0], seconds, seed).remove(0)).into()
}

const SEEDS: [u64; 5] = [7, 0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 1 << 40];

fn mean_bps(seconds: &[Second]) -> f64 {
    seconds.iter().map(|second| second.received_bits).sum::<f64>() / seconds.len() as f64
}

fn worst_queue_ms(seconds: &[Second]) -> f64 {
    seconds.iter().map(|second| second.queue_ms).fold(0.0, f64::max)
}

fn plot(name: &str, seconds: &[Second]) {
    let line: Vec<String> = seconds
        .iter()
        .map(|s| {
            let kbps = |bits: f64| bits / 1e3;
            let (target, received, lost) = (kbps(s.target_bps), kbps(s.received_bits), kbps(s.lost_bits));
            format!("{target:.0}/{received:.0}-{lost:.0}/{:.0}/{:.0}", s.queue_ms, s.audio_ms)
        })
        .collect();
    println!("{name}: target/received-lost kbit/s/queue/audio ms: {}", line.join(" "));
}

#[test]
fn a_path_that_carries_everything_is_used_within_a_second_and_never_left() {
    for seconds in one(&Link { delay_ms: 5.0, ..Link::default() }, 30) {
        plot("clean", &seconds);
        assert!(seconds[1..].iter().all(|second| second.target_bps > 2.6e6));
    }
}

#[test]
fn a_slow_path_is_used_well_and_nothing_waits_long() {
    let link = Link { delay_ms: 40.0, rates: vec![(0.0, 800e3)], ..Link::default() };
    for seconds in one(&link, 40) {
        plot("slow", &seconds);
        let used = mean_bps(&seconds[5..]);
        assert!(used > 0.85 * 800e3, "{used}");
        let worst_ms = worst_queue_ms(&seconds[3..]);
        assert!(worst_ms < 180.0, "{worst_ms}");
    }
}

#[test]
fn a_drop_is_followed_at_once_and_the_return_within_three_seconds() {
    let rates = vec![(0.0, 3e6), (15.0, 600e3), (30.0, 3e6)];
    let link = Link { rates, queue_ms: 500.0, reports_wait: true, ..Link::default() };
    for seconds in one(&link, 45) {
        plot("drop", &seconds);
        let lost = seconds[15..18].iter().map(|second| second.lost_bits).sum::<f64>();
        assert!(lost < 200e3, "{lost} bits");
        assert!(mean_bps(&seconds[3..15]) > 2.2e6);
        let worst_ms = worst_queue_ms(&seconds[17..30]);
        assert!(worst_ms < 180.0, "{worst_ms}");
        assert!(mean_bps(&seconds[18..30]) > 0.8 * 600e3);
        let returned = mean_bps(&seconds[33..35]);
        assert!(returned > 2e6, "{returned}");
    }
}

/// A cellular link as it is recorded in a moving car (Winstein et al., Sprout, NSDI 2013): every 100 ms its rate is up to
/// 40 % more or less than before, from 0.3 to 6 Mbit/s, and now and then nothing goes for 300 ms.
fn cellular(seconds: u64, random: &mut Random) -> Vec<(f64, f64)> {
    let mut bps: f64 = 2e6;
    let mut stalled = 0;
    let mut rate = || {
        stalled = if random.unit() < 0.004 { 3 } else { stalled - 1 };
        bps = (bps * 1.4_f64.powf(2.0 * random.unit() - 1.0)).clamp(300e3, 6e6);
        if stalled > 0 { 20e3 } else { bps }
    };
    (0..seconds * 10).map(|step| (step as f64 / 10.0, rate())).collect()
}

#[test]
fn a_cellular_link_is_used_without_long_queues() {
    for seed in SEEDS {
        let rates = cellular(120, &mut Random(seed));
        let useful = rates.iter().map(|&(_, bps)| bps.min(f64::from(MAX_BPS))).sum::<f64>() / rates.len() as f64;
        let link = Link { delay_ms: 30.0, queue_ms: 1000.0, rates, reports_wait: true, ..Link::default() };
        let seconds = run(&config(), &link, &[0.0], 120, seed).remove(0);
        plot("cellular", &seconds);
        let used = mean_bps(&seconds[5..]) / useful;
        let mut queues_ms: Vec<f64> = seconds[5..].iter().map(|second| second.queue_ms).collect();
        queues_ms.sort_by(f64::total_cmp);
        let (median_ms, worst_ms) = (queues_ms[queues_ms.len() / 2], queues_ms[queues_ms.len() * 95 / 100]);
        println!("used {used:.2}, longest wait of a second: median {median_ms:.0} ms, p95 {worst_ms:.0} ms");
        assert!(used > 0.5 && median_ms < 100.0, "{used} {median_ms}");
    }
}

#[test]
fn jitter_is_no_congestion() {
    for seconds in one(&Link { jitter_ms: 60.0, ..Link::default() }, 30) {
        plot("jitter", &seconds);
        assert!(mean_bps(&seconds[3..]) > 2.2e6);
    }
}

#[test]
fn loss_of_a_radio_link_is_no_congestion() {
    for (delay_ms, loss, burst) in [(20.0, 0.05, 1.0), (50.0, 0.10, 1.0), (25.0, 0.05, 6.0)] {
        for seconds in one(&Link { delay_ms, loss, burst, ..Link::default() }, 30) {
            plot("loss", &seconds);
            let used = mean_bps(&seconds[6..]);
            assert!(used > 2e6, "{loss} in bursts of {burst}: {used}");
        }
    }
}

#[test]
fn a_policer_without_a_queue_is_noticed_by_its_loss() {
    let link = Link { rates: vec![(0.0, 1e6)], queue_ms: 20.0, ..Link::default() };
    for seconds in one(&link, 30) {
        plot("policer", &seconds);
        let sent: f64 = seconds[8..].iter().map(|second| second.target_bps).sum::<f64>() / 22.0;
        assert!(sent < 1.5e6, "{sent}");
        assert!(mean_bps(&seconds[8..]) > 0.6e6);
    }
}

#[test]
fn two_of_us_share() {
    let link = Link { rates: vec![(0.0, 3e6)], ..Link::default() };
    for seed in SEEDS {
        // Their frames come at different moments.
        let flows = run(&config(), &link, &[0.0, 10.013], 60, seed);
        for flow in &flows {
            plot("two", flow);
        }
        let (first, second) = (mean_bps(&flows[0][30..]), mean_bps(&flows[1][20..]));
        assert!(first.min(second) > 0.25 * (first + second), "{first} {second}");
        assert!(first + second > 0.75 * 3e6, "{first} {second}");
    }
}

#[test]
fn a_download_does_not_starve_us() {
    let link = Link { rates: vec![(0.0, 2e6)], queue_ms: 200.0, download_from: Some(10.0), ..Link::default() };
    for seconds in one(&link, 90) {
        plot("download", &seconds);
        let got = mean_bps(&seconds[20..]);
        assert!(got > 0.15 * 2e6, "{got}");
    }
}

#[test]
fn reports_that_are_lost_do_little_and_silence_does_much() {
    for seconds in one(&Link { feedback_loss: 0.3, ..Link::default() }, 20) {
        plot("feedback", &seconds);
        assert!(mean_bps(&seconds[3..]) > 2.2e6);
    }
    let mut controller = CongestionController::new(Config { start_bps: 2_000_000, ..config() });
    controller.handle_sent(Timestamp::from_micros(1_000_000), Sequence::new(0), 1000, false);
    let due = controller.poll_timeout().expect("something is out");
    controller.handle_timeout(due);
    assert_eq!(controller.target_bps(), 1_000_000);
    for _ in 0..10 {
        controller.handle_timeout(controller.poll_timeout().expect("still out"));
    }
    assert_eq!(controller.target_bps(), 100_000);
}

/// How a value of [`Config`] is chosen: by what it does to the longest queue and the rate.
#[test]
fn a_sweep_shows_that_the_longest_queue_grows_with_max_queue() {
    let link = Link { delay_ms: 40.0, rates: vec![(0.0, 800e3)], ..Link::default() };
    let longest_ms = [12, 25, 100].map(|ms| {
        let config = Config { max_queue: Duration::from_millis(ms), ..config() };
        let seconds = run(&config, &link, &[0.0], 40, SEEDS[0]).remove(0);
        let (used_bps, queue_ms) = (mean_bps(&seconds[5..]), worst_queue_ms(&seconds[5..]));
        println!("max_queue {ms} ms: {:.0} kbit/s, longest queue {queue_ms:.0} ms", used_bps / 1e3);
        queue_ms
    });
    assert!(longest_ms.is_sorted(), "{longest_ms:?}");
}
