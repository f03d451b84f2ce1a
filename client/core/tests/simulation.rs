//! Video over bad networks, in virtual time: what arrives, when, and what it costs.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::time::Duration;

use maru_core::time::Timestamp;
use support::{Network, simulate};

const DELAY: Duration = Duration::from_millis(20);
const ROUND_TRIP: Duration = Duration::from_millis(40);
const FRAME: Duration = Duration::from_micros(33_333);
/// Four round trips: see [`maru_core::video_receiver::VideoReceiver::set_round_trip`].
const HOLD: Duration = Duration::from_millis(160);

#[test]
fn a_clean_network_adds_no_delay() {
    let outcome = simulate(1, &Network::clean(DELAY), 900);
    assert!(outcome.all_delivered());
    for &(index, delivered) in &outcome.delivered {
        assert_eq!(delivered, outcome.complete[&index], "frame {index}");
    }
    assert!(outcome.requests.is_empty());
    let stats = outcome.receiver.stats();
    assert_eq!((stats.received, stats.abandoned_frames, stats.late, stats.duplicates), (stats.expected, 0, 0, 0));
    assert!(stats.jitter_ms < 0.1, "{}", stats.jitter_ms);
}

#[test]
fn reordered_and_duplicated_packets_wait_for_each_other_only() {
    for seed in 0..20 {
        let reordering = Duration::from_millis(50);
        let network = Network { reordering, duplication: 0.1, ..Network::clean(DELAY) };
        let outcome = simulate(seed, &network, 300);
        assert!(outcome.all_delivered(), "seed {seed}");
        outcome.assert_decodable();
        assert!(outcome.requests.is_empty(), "seed {seed}");
        let stats = outcome.receiver.stats();
        assert_eq!(stats.received - stats.duplicates, stats.expected, "seed {seed}");
        let last_sent = Timestamp::ZERO + FRAME * 299;
        let (_, last_delivered) = outcome.delivered[299];
        assert!(last_delivered.since(last_sent) <= DELAY + reordering, "seed {seed}");
    }
}

#[test]
fn retransmissions_make_up_for_five_per_cent_of_loss() {
    for seed in 0..20 {
        let network = Network { loss: 0.05, retransmits: true, ..Network::clean(DELAY) };
        let outcome = simulate(seed, &network, 900);
        assert!(outcome.all_delivered(), "seed {seed}");
        assert!(outcome.requests.is_empty(), "seed {seed}");
        for &(index, delivered) in &outcome.delivered {
            let captured = Timestamp::ZERO + FRAME * index as u32;
            assert!(delivered.since(captured) <= DELAY + ROUND_TRIP, "seed {seed}, frame {index}");
        }
    }
}

#[test]
fn with_fec_hardly_a_frame_waits_for_a_retransmission() {
    for (loss, most_late) in [(0.05, 0.05), (0.1, 0.08)] {
        for seed in 0..10 {
            let network = Network { loss, protection: loss, retransmits: true, ..Network::clean(DELAY) };
            let outcome = simulate(seed, &network, 900);
            assert!(outcome.all_delivered(), "seed {seed}");
            assert!(outcome.requests.is_empty(), "seed {seed}");
            let captured = |index: usize| Timestamp::ZERO + FRAME * index as u32;
            let late = outcome.delivered.iter().filter(|(index, at)| at.since(captured(*index)) > DELAY).count();
            assert!((late as f64) < 900.0 * most_late, "seed {seed}: {late} of 900 at {loss}");
            assert!(outcome.receiver.stats().rebuilt > 200, "seed {seed}");
        }
    }
}

#[test]
fn fec_changes_nothing_without_loss() {
    let network = Network { protection: 0.05, ..Network::clean(DELAY) };
    let outcome = simulate(3, &network, 300);
    assert!(outcome.all_delivered());
    for &(index, delivered) in &outcome.delivered {
        assert_eq!(delivered, Timestamp::ZERO + FRAME * index as u32 + DELAY, "frame {index}");
    }
    let stats = outcome.receiver.stats();
    assert_eq!((stats.rebuilt, stats.abandoned_frames, stats.malformed), (0, 0, 0));
}

#[test]
fn a_lost_frame_costs_the_hold_time_a_round_trip_and_a_frame() {
    for lost in [1, 2, 17, 100, 200] {
        let network = Network { lost_frames: vec![lost], ..Network::clean(DELAY) };
        let outcome = simulate(7, &network, 300);
        outcome.assert_decodable();
        assert_eq!(outcome.requests.len(), 1, "frame {lost}");
        let requested = outcome.requests[0];
        let noticed = Timestamp::ZERO + FRAME * (lost as u32 + 1) + DELAY;
        assert_eq!(requested, noticed + HOLD);
        let &(next, recovered) = outcome.delivered.iter().find(|&&(index, _)| index > lost).expect("delivery goes on");
        assert!(outcome.sent[next].is_key);
        assert!(recovered.since(requested) <= ROUND_TRIP + FRAME, "frame {lost}");
        let (last, _) = outcome.delivered[outcome.delivered.len() - 1];
        assert_eq!(last, 299);
    }
}

#[test]
fn loss_without_retransmission_never_shows_garbage_and_never_stops() {
    for seed in 0..20 {
        let network = Network { loss: 0.01, ..Network::clean(DELAY) };
        let outcome = simulate(seed, &network, 1_800);
        outcome.assert_decodable();
        let too_often = outcome.requests.windows(2).find(|pair| pair[1].since(pair[0]) < Duration::from_millis(300));
        assert_eq!(too_often, None, "seed {seed}");
        let longest = outcome.delivered.windows(2).map(|pair| pair[1].1.since(pair[0].1)).max();
        assert!(longest.is_some_and(|longest| longest < Duration::from_secs(3)), "seed {seed}: {longest:?}");
        assert!(outcome.delivered.len() > 600, "seed {seed}: {}", outcome.delivered.len());
    }
}

#[test]
fn everything_at_once_never_shows_garbage_and_never_stops() {
    // Without retransmissions, at round trips up to 300 ms and with two of five key frames damaged, most of the time is
    // spent waiting for key frames.
    let mut delivered = [0, 0];
    for seed in 0..50 {
        let network = Network {
            reordering: Duration::from_millis(30),
            loss: 0.02,
            duplication: 0.05,
            lost_frames: (50..56).collect(),
            retransmits: seed % 2 == 0,
            ..Network::clean(Duration::from_millis(5 + seed * 3))
        };
        let outcome = simulate(seed, &network, 300);
        outcome.assert_decodable();
        assert!(outcome.delivered.last().is_some_and(|&(index, _)| index > 200), "seed {seed} stopped");
        delivered[usize::from(network.retransmits)] += outcome.delivered.len();
    }
    println!("{delivered:?} of 25 times 300 frames without and with retransmissions");
    assert!(delivered[0] > 25 * 60, "{delivered:?}");
    assert_eq!(delivered[1], 25 * 300);
}
