//! Calls over a bottleneck, in virtual time: the controller, the pacer and a source of frames of the size that the
//! target allows, with the noise of a real encoder. The bottleneck is that of [`maru_link`].

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use maru_link::{HEADER_BYTES, Path, PathConfig, Verdict};

use super::*;
use crate::pacer::{self, Pacer, Priority};
use crate::rtp::Sequence;

const STEP_US: u64 = 500;
const REPORT_EVERY_US: u64 = 25_000;
const HEADERS: usize = 60;
const AUDIO_BYTES: usize = 80 + HEADERS;
const DOWNLOAD_BYTES: usize = 1500;
const MAX_BPS: u32 = 2_700_000;
const SEEDS: [u64; 5] = [7, 0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 1 << 40];

/// A bottleneck and the path back.
#[derive(Clone)]
struct Link {
    /// Both ways.
    delay_ms: f64,
    /// Evenly spread from 0 to this, for each packet on its own: they overtake each other.
    jitter_ms: f64,
    loss: f64,
    /// Mean length of a run of losses; 1: each on its own.
    loss_run: f64,
    /// (from second, bit/s); none: without limit.
    rates: Vec<(f64, f64)>,
    queue_ms: f64,
    /// Loss rate of reports, 0 to 1.
    feedback_loss: f64,
    /// Reports queue on the way back as long as packets on the way there.
    reports_queue: bool,
    /// A download shares the link from this second on.
    download_from: Option<f64>,
    /// From this second on packets take so much longer, in ms: another route.
    longer_from: Option<(f64, f64)>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay_ms: 20.0,
            jitter_ms: 0.0,
            loss: 0.0,
            loss_run: 1.0,
            rates: Vec::new(),
            queue_ms: 400.0,
            feedback_loss: 0.0,
            reports_queue: false,
            download_from: None,
            longer_from: None,
        }
    }
}

impl Link {
    fn rate_bps(&self, now_us: u64) -> Option<f64> {
        let second = now_us as f64 / 1e6;
        self.rates.iter().rev().find(|(from, _)| *from <= second).map(|(_, bps)| *bps)
    }

    fn longer_ms(&self, now_us: u64) -> f64 {
        self.longer_from.map_or(0.0, |(from, ms)| if now_us as f64 / 1e6 >= from { ms } else { 0.0 })
    }

    fn config(&self, rate_bps: Option<f64>, longer_ms: f64) -> PathConfig {
        PathConfig {
            delay: Duration::from_secs_f64((self.delay_ms + longer_ms) / 1e3),
            jitter: Duration::from_secs_f64(self.jitter_ms / 1e3),
            jitter_overtakes: true,
            loss: self.loss,
            loss_run: self.loss_run,
            rate_bps: rate_bps.map(|bps| bps as u64),
            queue_bytes: (rate_bps.unwrap_or(0.0) / 8e3 * self.queue_ms) as usize,
            ..PathConfig::default()
        }
    }
}

/// What the receiver of a flow sends back.
#[derive(Clone)]
enum Feedback {
    TransportWide,
    /// Receiver reports once a second, and REMB: (from second, bit/s).
    Receiver(Vec<(f64, f64)>),
}

enum Report {
    TransportWide(Vec<(Sequence, Option<Duration>)>),
    Receiver { block: ReportBlock, round_trip: Duration, remb_bps: Option<f64> },
}

struct Flow {
    feedback: Feedback,
    controller: CongestionController,
    pacer: Pacer<usize>,
    next_sequence: Sequence,
    /// In flight: (sequence number, when it arrives by our clock in µs).
    in_flight: Vec<(Sequence, u64)>,
    next_frame_us: u64,
    next_audio_us: u64,
    next_report_us: u64,
    /// When each report arrives.
    reports: VecDeque<(u64, Report)>,
    /// Where the next report begins, unless something before it has come late.
    next_reported: Sequence,
    received: i32,
    starts_us: u64,
    is_muted: bool,
    /// The camera is on from then on.
    films_from_us: u64,
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
    fn send(&mut self, now_us: f64, path: &mut Path, link: &Link) {
        let (now, packet_bits) = (Duration::from_secs_f64(now_us / 1e6), DOWNLOAD_BYTES as f64 * 8.0);
        let round_trip_us = 2e3 * link.delay_ms + path.queue_delay(now).as_secs_f64() * 1e6;
        self.bps = (self.bps + packet_bits / round_trip_us.powi(2) * 1e6 * STEP_US as f64).max(packet_bits);
        while self.next_us <= now_us {
            self.next_us = self.next_us.max(now_us - 1e6) + packet_bits / self.bps * 1e6;
            let overflowed = path.send(now, DOWNLOAD_BYTES - HEADER_BYTES) == Verdict::Overflowed;
            if overflowed && now_us - self.halved_us > round_trip_us {
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
    fn new(config: &Config, feedback: Feedback, starts_us: u64) -> Self {
        Self {
            feedback,
            controller: CongestionController::new(config.clone()),
            pacer: Pacer::new(pacer::Config::default(), config.start_bps),
            next_sequence: Sequence::new(65_000),
            in_flight: Vec::new(),
            next_frame_us: starts_us,
            next_audio_us: starts_us,
            next_report_us: starts_us + REPORT_EVERY_US,
            reports: VecDeque::new(),
            next_reported: Sequence::new(65_000),
            received: 0,
            starts_us,
            is_muted: false,
            films_from_us: 0,
            seconds: Vec::new(),
        }
    }

    /// Frames of the size that the target leaves, give or take; one in a hundred is three times as large.
    fn produce(&mut self, now_us: u64, random: &mut fastrand::Rng) {
        let now = Timestamp::from_micros(now_us);
        if now_us >= self.next_audio_us {
            self.next_audio_us += 20_000;
            if !self.is_muted {
                self.pacer.push(now, Priority::Audio, AUDIO_BYTES, AUDIO_BYTES);
            }
        }
        if now_us >= self.next_frame_us {
            self.next_frame_us += 33_333;
            if now_us < self.films_from_us {
                return;
            }
            if self.pacer.queue_delay() > Duration::from_millis(60) {
                return;
            }
            let share = f64::from(self.controller.target_bps()) * 0.95 - 56_000.0;
            let size = if random.f64() < 0.01 { 3.0 } else { 0.7 + 0.6 * random.f64() };
            let mut left = (share.max(30_000.0) / 8.0 / 30.0 * size) as usize;
            while left > 0 {
                let payload = left.min(1150);
                left -= payload;
                self.pacer.push(now, Priority::Video, payload + HEADERS, payload + HEADERS);
            }
        }
    }

    /// Lets packets leave and gives them to the bottleneck.
    fn send(&mut self, now_us: u64, path: &mut Path) {
        let (now, since_start) = (Timestamp::from_micros(now_us), Duration::from_micros(now_us));
        self.pacer.set_rate(now, self.controller.target_bps());
        self.pacer.set_spread(self.controller.stats().spread);
        let index = ((now_us - self.starts_us) / 1_000_000) as usize;
        self.seconds.resize(index + 1, Second::default());
        let count = &mut self.seconds[index];
        count.target_bps = f64::from(self.controller.target_bps());
        while let Some((bytes, _)) = self.pacer.pop(now, self.controller.available_bytes(now) > 0.0) {
            let sequence = self.next_sequence;
            self.next_sequence = sequence + 1;
            if matches!(self.feedback, Feedback::TransportWide) {
                self.controller.handle_sent(now, sequence, bytes, false);
            }
            let (bits, queued_ms) = (bytes as f64 * 8.0, path.queue_delay(since_start).as_secs_f64() * 1e3);
            match path.send(since_start, bytes - HEADER_BYTES) {
                Verdict::ArrivesAt(at) => {
                    count.queue_ms = count.queue_ms.max(queued_ms);
                    if bytes == AUDIO_BYTES {
                        count.audio_ms = count.audio_ms.max(queued_ms);
                    }
                    count.received_bits += bits;
                    self.in_flight.push((sequence, at.as_micros() as u64));
                }
                Verdict::Lost | Verdict::Overflowed => count.lost_bits += bits,
            }
        }
    }

    /// Makes the report of the receiver if it is due. `queue`: on the path just now.
    fn report(&mut self, now_us: u64, queue: Duration, link: &Link, random: &mut fastrand::Rng) {
        if now_us < self.next_report_us {
            return;
        }
        let (arrived, in_flight): (Vec<_>, _) = self.in_flight.drain(..).partition(|&(_, at)| at <= now_us);
        self.in_flight = in_flight;
        self.received += arrived.len() as i32;
        let newest = arrived.iter().map(|&(sequence, _)| sequence).max();
        let report = match &self.feedback {
            Feedback::TransportWide => {
                self.next_report_us += REPORT_EVERY_US;
                Report::TransportWide(self.transport_wide(arrived))
            }
            Feedback::Receiver(remb) => {
                self.next_report_us += 1_000_000;
                let second = now_us as f64 / 1e6;
                let remb_bps = remb.iter().rev().find(|(from, _)| *from <= second).map(|(_, bps)| *bps);
                self.next_reported = self.next_reported.max(newest.map_or(self.next_reported, |newest| newest + 1));
                let expected = (self.next_reported - Sequence::new(65_000)) as i32;
                let highest_sequence = self.next_reported.value() as u32;
                let block = ReportBlock { ssrc: 1, highest_sequence, lost: expected - self.received };
                let round_trip = queue + Duration::from_secs_f64(2.0 * link.delay_ms / 1e3);
                Report::Receiver { block, round_trip, remb_bps }
            }
        };
        let wait_us = if link.reports_queue { queue.as_micros() as u64 } else { 0 };
        if random.f64() >= link.feedback_loss && wait_us as f64 / 1e3 <= link.queue_ms {
            self.reports.push_back((now_us + (link.delay_ms * 1e3) as u64 + wait_us, report));
        }
    }

    /// A transport-wide report: from the first packet that is new to the last that has arrived.
    fn transport_wide(&mut self, arrived: Vec<(Sequence, u64)>) -> Vec<(Sequence, Option<Duration>)> {
        let numbers = arrived.iter().map(|&(sequence, _)| sequence);
        let Some((first, last)) = numbers.clone().min().zip(numbers.max()) else { return Vec::new() };
        // The other clock is an hour ahead, and 50 ppm fast.
        let clock = |at| Duration::from_micros(3_600_000_000 + at + at / 20_000);
        let by_sequence: HashMap<Sequence, u64> = arrived.into_iter().collect();
        let from = first.min(self.next_reported);
        self.next_reported = self.next_reported.max(last + 1);
        (from.value()..=last.value())
            .map(Sequence::new)
            .map(|sequence| (sequence, by_sequence.get(&sequence).map(|&at| clock(at))))
            .collect()
    }

    fn handle_reports(&mut self, now_us: u64) {
        let now = Timestamp::from_micros(now_us);
        while let Some((_, report)) = self.reports.pop_front_if(|(at, _)| *at <= now_us) {
            match report {
                Report::TransportWide(packets) => self.controller.handle_report(now, &packets),
                Report::Receiver { block, round_trip, remb_bps } => {
                    self.controller.handle_receiver_report(now, &[block], Some(round_trip));
                    if let Some(bps) = remb_bps {
                        self.controller.handle_remb(now, bps);
                    }
                }
            }
        }
        self.controller.handle_timeout(now);
    }
}

/// The default but for the maximum.
fn config() -> Config {
    Config { max_bps: MAX_BPS, ..Config::default() }
}

/// Runs flows that share a link for `seconds`.
fn run(flows: Vec<Flow>, link: &Link, seconds: u64, seed: u64) -> Vec<Vec<Second>> {
    let (mut flows, mut random, mut path) = (flows, fastrand::Rng::with_seed(seed), Path::new(seed));
    let (mut rate_bps, mut longer_ms, mut download) = (None, 0.0, Download::default());
    path.set_config(link.config(rate_bps, longer_ms));
    for now_us in (0..seconds * 1_000_000).step_by(STEP_US as usize) {
        if (rate_bps, longer_ms) != (link.rate_bps(now_us), link.longer_ms(now_us)) {
            (rate_bps, longer_ms) = (link.rate_bps(now_us), link.longer_ms(now_us));
            path.set_config(link.config(rate_bps, longer_ms));
        }
        if link.download_from.is_some_and(|from| now_us as f64 / 1e6 >= from) {
            download.send(now_us as f64, &mut path, link);
        }
        for flow in flows.iter_mut().filter(|flow| flow.starts_us <= now_us) {
            flow.produce(now_us, &mut random);
            flow.send(now_us, &mut path);
            flow.report(now_us, path.queue_delay(Duration::from_micros(now_us)), link, &mut random);
            flow.handle_reports(now_us);
        }
    }
    flows.into_iter().map(|flow| flow.seconds).collect()
}

fn one(config: &Config, feedback: Feedback, link: &Link, seconds: u64, seed: u64) -> Vec<Second> {
    run(vec![Flow::new(config, feedback, 0)], link, seconds, seed).remove(0)
}

/// A single flow, with each of some seeds.
fn each_seed(link: &Link, seconds: u64) -> Vec<Vec<Second>> {
    SEEDS.map(|seed| one(&config(), Feedback::TransportWide, link, seconds, seed)).into()
}

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
fn a_path_that_carries_the_maximum_is_used_within_a_second() {
    for seconds in each_seed(&Link { delay_ms: 5.0, ..Link::default() }, 30) {
        plot("clean", &seconds);
        assert!(seconds[1..].iter().all(|second| second.target_bps > 2.6e6));
    }
}

#[test]
fn a_slow_path_is_used_without_long_queues() {
    let link = Link { delay_ms: 40.0, rates: vec![(0.0, 800e3)], ..Link::default() };
    for seconds in each_seed(&link, 40) {
        plot("slow", &seconds);
        let used = mean_bps(&seconds[5..]);
        assert!(used > 0.85 * 800e3, "{used}");
        let worst_ms = worst_queue_ms(&seconds[3..]);
        assert!(worst_ms < 180.0, "{worst_ms}");
    }
}

#[test]
fn the_target_follows_a_fall_of_the_rate_at_once_and_its_return_within_three_seconds() {
    let rates = vec![(0.0, 3e6), (15.0, 600e3), (30.0, 3e6)];
    let link = Link { rates, queue_ms: 500.0, reports_queue: true, ..Link::default() };
    for seconds in each_seed(&link, 45) {
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

/// A cellular link as it is recorded in a moving car (Winstein et al., Sprout, NSDI 2013): every 100 ms its rate is up
/// to 40 % more or less than before, from 0.3 to 6 Mbit/s, and now and then nothing goes for 300 ms.
fn cellular(seconds: u64, random: &mut fastrand::Rng) -> Vec<(f64, f64)> {
    let mut bps: f64 = 2e6;
    let mut stalled = 0;
    let mut rate = || {
        stalled = if random.f64() < 0.004 { 3 } else { stalled - 1 };
        bps = (bps * 1.4_f64.powf(2.0 * random.f64() - 1.0)).clamp(300e3, 6e6);
        if stalled > 0 { 20e3 } else { bps }
    };
    (0..seconds * 10).map(|step| (step as f64 / 10.0, rate())).collect()
}

#[test]
fn a_cellular_link_is_used_without_long_queues() {
    for seed in SEEDS {
        let rates = cellular(120, &mut fastrand::Rng::with_seed(seed));
        let useful = rates.iter().map(|&(_, bps)| bps.min(f64::from(MAX_BPS))).sum::<f64>() / rates.len() as f64;
        let link = Link { delay_ms: 30.0, queue_ms: 1000.0, rates, reports_queue: true, ..Link::default() };
        let seconds = one(&config(), Feedback::TransportWide, &link, 120, seed);
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
    for seconds in each_seed(&Link { jitter_ms: 60.0, ..Link::default() }, 30) {
        plot("jitter", &seconds);
        assert!(mean_bps(&seconds[3..]) > 2.2e6);
    }
}

#[test]
fn loss_of_a_radio_link_is_no_congestion() {
    for (delay_ms, loss, loss_run) in [(20.0, 0.05, 1.0), (50.0, 0.10, 1.0), (25.0, 0.05, 6.0)] {
        for seconds in each_seed(&Link { delay_ms, loss, loss_run, ..Link::default() }, 30) {
            plot("loss", &seconds);
            let used = mean_bps(&seconds[6..]);
            assert!(used > 2e6, "{loss} in runs of {loss_run}: {used}");
        }
    }
}

#[test]
fn a_policer_without_a_queue_is_noticed_by_its_loss() {
    let link = Link { rates: vec![(0.0, 1e6)], queue_ms: 20.0, ..Link::default() };
    for seconds in each_seed(&link, 30) {
        plot("policer", &seconds);
        let sent: f64 = seconds[8..].iter().map(|second| second.target_bps).sum::<f64>() / 22.0;
        assert!(sent < 1.5e6, "{sent}");
        assert!(mean_bps(&seconds[8..]) > 0.6e6);
    }
}

#[test]
fn two_flows_share_a_path() {
    let link = Link { rates: vec![(0.0, 3e6)], ..Link::default() };
    for seed in SEEDS {
        // Their frames come at different moments.
        let flow = |starts_us| Flow::new(&config(), Feedback::TransportWide, starts_us);
        let flows = run(vec![flow(0), flow(10_013_000)], &link, 60, seed);
        for flow in &flows {
            plot("two", flow);
        }
        let (first, second) = (mean_bps(&flows[0][30..]), mean_bps(&flows[1][20..]));
        assert!(first.min(second) > 0.25 * (first + second), "{first} {second}");
        assert!(first + second > 0.75 * 3e6, "{first} {second}");
    }
}

#[test]
fn a_download_does_not_starve_a_call() {
    let link = Link { rates: vec![(0.0, 2e6)], queue_ms: 200.0, download_from: Some(10.0), ..Link::default() };
    for seconds in each_seed(&link, 90) {
        plot("download", &seconds);
        let got = mean_bps(&seconds[20..]);
        assert!(got > 0.15 * 2e6, "{got}");
    }
}

/// Audio has its part of the target also while nothing is said.
#[test]
fn one_who_is_muted_comes_back_after_a_fall() {
    let link = Link { rates: vec![(0.0, 3e6), (10.0, 0.1e6), (20.0, 3e6)], ..Link::default() };
    for seed in SEEDS {
        let flow = Flow { is_muted: true, ..Flow::new(&config(), Feedback::TransportWide, 0) };
        let seconds = run(vec![flow], &link, 60, seed).remove(0);
        plot("muted", &seconds);
        assert!(mean_bps(&seconds[50..]) > 1.5e6);
    }
}

/// Audio alone is sent, which nothing can lower. The route is no download.
#[test]
fn a_longer_route_while_the_camera_is_off_is_no_queue() {
    let link = Link { rates: vec![(0.0, 1e6)], longer_from: Some((8.0, 150.0)), ..Link::default() };
    for seed in SEEDS {
        let flow = Flow { films_from_us: 14_000_000, ..Flow::new(&config(), Feedback::TransportWide, 0) };
        let seconds = run(vec![flow], &link, 40, seed).remove(0);
        plot("longer", &seconds);
        assert!(mean_bps(&seconds[24..]) > 0.6e6);
        assert!(worst_queue_ms(&seconds[16..]) < 150.0, "only loss would count: {}", worst_queue_ms(&seconds[16..]));
    }
}

#[test]
fn lost_reports_change_little_and_silence_halves_the_target() {
    for seconds in each_seed(&Link { feedback_loss: 0.3, ..Link::default() }, 20) {
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
    assert_eq!(controller.target_bps(), 70_000);
}

/// How a value of [`Config`] is chosen: by what it does to the longest queue and the rate.
#[test]
fn a_sweep_shows_that_the_longest_queue_grows_with_max_queue() {
    let link = Link { delay_ms: 40.0, rates: vec![(0.0, 800e3)], ..Link::default() };
    let longest_ms = [12, 25, 100].map(|ms| {
        let config = Config { max_queue: Duration::from_millis(ms), ..config() };
        let seconds = one(&config, Feedback::TransportWide, &link, 40, SEEDS[0]);
        let (used_bps, queue_ms) = (mean_bps(&seconds[5..]), worst_queue_ms(&seconds[5..]));
        println!("max_queue {ms} ms: {:.0} kbit/s, longest queue {queue_ms:.0} ms", used_bps / 1e3);
        queue_ms
    });
    assert!(longest_ms.is_sorted(), "{longest_ms:?}");
}

#[test]
fn without_transport_wide_feedback_a_free_path_is_used() {
    for seed in SEEDS {
        let seconds = one(&config(), Feedback::Receiver(Vec::new()), &Link::default(), 40, seed);
        plot("receiver reports", &seconds);
        assert!(seconds[20..].iter().all(|second| second.target_bps >= 2.5e6));
    }
}

#[test]
fn remb_is_followed_within_a_second() {
    let remb = vec![(0.0, 3e6), (20.0, 800e3), (30.0, 3e6)];
    let seconds = one(&config(), Feedback::Receiver(remb), &Link::default(), 40, SEEDS[0]);
    plot("remb", &seconds);
    assert!(seconds[19].target_bps > 2.5e6);
    assert!(seconds[21..30].iter().all(|second| second.target_bps <= 800e3));
    assert!(seconds[33].target_bps > 2e6, "and back");
}

#[test]
fn without_transport_wide_feedback_heavy_loss_lowers_the_target() {
    for seed in SEEDS {
        let link = Link { loss: 0.15, ..Link::default() };
        let seconds = one(&config(), Feedback::Receiver(Vec::new()), &link, 30, seed);
        plot("receiver reports, loss", &seconds);
        assert!(seconds[29].target_bps < 500e3);
        let link = Link { rates: vec![(0.0, 1e6)], queue_ms: 50.0, ..Link::default() };
        let seconds = one(&config(), Feedback::Receiver(Vec::new()), &link, 60, seed);
        plot("receiver reports, policer", &seconds);
        assert!(seconds[20..].iter().all(|second| second.target_bps < 1.5e6));
        assert!(mean_bps(&seconds[20..]) > 0.7 * 1e6);
    }
}

#[test]
fn without_transport_wide_feedback_a_long_queue_lowers_the_target() {
    let link = Link { rates: vec![(0.0, 1.5e6)], queue_ms: 1000.0, ..Link::default() };
    for seed in SEEDS {
        let seconds = one(&config(), Feedback::Receiver(Vec::new()), &link, 60, seed);
        plot("receiver reports, queue", &seconds);
        assert!(mean_bps(&seconds[10..]) > 0.8 * 1.5e6);
        let worst_ms = worst_queue_ms(&seconds[10..]);
        assert!(worst_ms < 500.0, "{worst_ms}");
    }
}
