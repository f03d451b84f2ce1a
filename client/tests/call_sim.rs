//! What a call is made of, without devices: negotiation and video over real WebRTC stacks, in virtual time.

mod connection_support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use maru::clock;
use maru::session::connection::{ConnectionConfig, PathState};
use maru_core::media::AccessUnit;
use maru_simnet::{Host, PathConfig, Sim};

use connection_support::party::{Party, introduce};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const FPS: u32 = 30;
/// With [`FPS`] about 2 Mbit/s.
const PICTURE_BYTES: usize = 8_000;

struct World {
    sim: Sim,
    polite: Host,
    impolite: Host,
}

fn world(seed: u64, path: PathConfig) -> World {
    let sim = connection_support::new_sim(seed);
    let (polite, impolite) = (sim.host(), sim.host());
    sim.connect(&polite, &impolite, path);
    World { sim, polite, impolite }
}

impl World {
    async fn introduce(&self, signaling_delay: Duration) -> (Party, Party) {
        self.introduce_over([Arc::default(), Arc::default()], signaling_delay).await
    }

    /// `paths`: of the polite one, and of the other.
    async fn introduce_over(&self, paths: [Arc<PathState>; 2], signaling_delay: Duration) -> (Party, Party) {
        let config = |host: &Host, path| ConnectionConfig {
            runtime: host.runtime(),
            ice_servers: Vec::new(),
            local_addresses: host.addresses(),
            path,
        };
        let [polite, impolite] = paths;
        introduce(config(&self.polite, polite), config(&self.impolite, impolite), signaling_delay).await
    }

    async fn ready(&self, parties: [&Party; 2]) {
        for party in parties {
            let ready = party.until(|heard| heard.connected && heard.channel_open && heard.settled);
            self.sim.timeout(20 * SECOND, ready).await.expect("they connect and agree");
        }
    }
}

/// Frames of the size that the path carries, at most [`PICTURE_BYTES`]; none while the last ones wait.
fn as_told(path: &Arc<PathState>) -> impl FnMut(bool) -> Option<usize> + use<> {
    let path = Arc::clone(path);
    move |is_urgent| {
        let waits = path.backlog().get() > 50 * MS;
        (!waits || is_urgent).then(|| (path.target_bps() as usize * 9 / 10 / 8 / FPS as usize).min(PICTURE_BYTES))
    }
}

/// Access units by their RTP time, each of which must be as it was sent.
fn arrived(party: &Party, sent: &BTreeMap<u32, Bytes>) -> usize {
    let heard = party.heard();
    for (_, unit) in &heard.units {
        assert!(sent.get(&unit.rtp_time) == Some(&unit.data), "a frame was changed on the way");
    }
    heard.units.len()
}

/// The longest time without a frame.
fn longest_freeze(party: &Party) -> Duration {
    let heard = party.heard();
    heard.units.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default()
}

/// From capture to arrival, the 95th percentile.
fn delay_p95_ms(units: &[(Instant, AccessUnit)]) -> Option<u32> {
    let delay_ms =
        |(at, unit): &(Instant, AccessUnit)| clock::timestamp(*at).rtp_time(90_000).wrapping_sub(unit.rtp_time) / 90;
    let mut delays_ms: Vec<u32> = units.iter().map(delay_ms).collect();
    delays_ms.sort_unstable();
    delays_ms.get(delays_ms.len() * 95 / 100).copied()
}

#[test]
fn offers_that_cross_do_no_harm() {
    for (seed, polite_starts, impolite_starts) in [(1, 0, 0), (2, 0, 5), (3, 5, 0), (4, 0, 29), (5, 29, 0)] {
        let world = world(seed, PathConfig::delay(10 * MS));
        world.sim.run(async {
            let (polite, impolite) = world.introduce(30 * MS).await;
            let (first, second) =
                if polite_starts <= impolite_starts { (&polite, &impolite) } else { (&impolite, &polite) };
            first.offer();
            world.sim.sleep(MS * u32::abs_diff(polite_starts, impolite_starts)).await;
            second.offer();
            world.ready([&polite, &impolite]).await;

            polite.connection.send_text("yes").await.expect("sent");
            impolite.connection.send_text("no").await.expect("sent");
            let from_polite = polite.clone().film(SECOND, FPS, PICTURE_BYTES).await;
            world.sim.sleep(SECOND).await;
            assert_eq!(arrived(&impolite, &from_polite), from_polite.len());
            let from_impolite = impolite.clone().film(SECOND, FPS, PICTURE_BYTES).await;
            world.sim.sleep(SECOND).await;
            assert_eq!(arrived(&polite, &from_impolite), from_impolite.len());
            assert_eq!(
                (polite.heard().texts.clone(), impolite.heard().texts.clone()),
                (vec!["no".into()], vec!["yes".into()])
            );
            assert!(!polite.heard().broken && !impolite.heard().broken);
            assert_eq!((polite.heard().dropped, impolite.heard().dropped), (0, 0));
        });
    }
}

#[test]
fn offers_that_cross_in_the_middle_of_a_call_do_no_harm() {
    let world = world(6, PathConfig::delay(10 * MS));
    world.sim.run(async {
        let (polite, impolite) = world.introduce(30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let film = polite.clone().film(3 * SECOND, FPS, PICTURE_BYTES);
        let renegotiate = async {
            world.sim.sleep(SECOND).await;
            polite.offer();
            impolite.offer();
        };
        let (sent, ()) = tokio::join!(film, renegotiate);
        world.sim.sleep(SECOND).await;
        assert_eq!(arrived(&impolite, &sent), sent.len());
        world.ready([&polite, &impolite]).await;
        assert_eq!((polite.heard().dropped, impolite.heard().dropped), (0, 0));
    });
}

#[test]
fn frames_survive_loss() {
    let world = world(7, PathConfig { loss: 0.05, jitter: 5 * MS, ..PathConfig::delay(20 * MS) });
    world.sim.run(async {
        let path = Arc::<PathState>::default();
        let (polite, impolite) = world.introduce_over([Arc::clone(&path), Arc::default()], 30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let sent = polite.clone().film_of(20 * SECOND, FPS, as_told(&path)).await;
        world.sim.sleep(SECOND).await;
        let arrived = arrived(&impolite, &sent);
        let freeze = longest_freeze(&impolite);
        let asked = polite.heard().key_frames_wanted;
        println!("{arrived} of {} frames, frozen for at most {freeze:?}, {asked} key frames asked for", sent.len());
        assert!(arrived * 100 >= sent.len() * 97, "{arrived} of {}", sent.len());
        assert!(freeze < 500 * MS, "{freeze:?}");
    });
}

#[test]
fn frames_come_back_after_an_outage() {
    let path = PathConfig::delay(20 * MS);
    let world = world(8, path);
    world.sim.run(async {
        let (polite, impolite) = world.introduce(30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let film = polite.clone().film(6 * SECOND, FPS, PICTURE_BYTES);
        let outage = async {
            world.sim.sleep(2 * SECOND).await;
            world.sim.connect(&world.polite, &world.impolite, PathConfig::cut());
            world.sim.sleep(SECOND).await;
            world.sim.connect(&world.polite, &world.impolite, path);
            world.sim.now()
        };
        let (sent, restored) = tokio::join!(film, outage);
        world.sim.sleep(SECOND).await;
        arrived(&impolite, &sent);
        let first = impolite.heard().units.iter().map(|(at, _)| *at).find(|at| *at > restored).expect("they come back");
        println!("frames again {:?} after the network", first - restored);
        assert!(first - restored < 500 * MS, "{:?}", first - restored);
    });
}

/// Films over a network with room for so much in its queue. Returns the share of frames that arrived, the packets that
/// found no room, and how many bytes were sent for each of media.
fn film_over_a_queue(queue_bytes: usize) -> (f64, u64, f64) {
    let path = PathConfig { rate_bps: Some(4_000_000), queue_bytes, ..PathConfig::delay(20 * MS) };
    let world = world(9, path);
    let result = world.sim.run(async {
        let known = Arc::<PathState>::default();
        let (polite, impolite) = world.introduce_over([Arc::clone(&known), Arc::default()], 30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let before = world.sim.path_stats(&world.polite, &world.impolite);
        let sent = polite.clone().film_of(10 * SECOND, FPS, as_told(&known)).await;
        world.sim.sleep(SECOND).await;
        let after = world.sim.path_stats(&world.polite, &world.impolite);
        let media_bytes: usize = sent.values().map(Bytes::len).sum();
        let arrived = arrived(&impolite, &sent) as f64 / sent.len() as f64;
        let bytes = (after.sent_bytes - before.sent_bytes) as f64 / media_bytes as f64;
        (arrived, after.overflowed - before.overflowed, bytes)
    });
    println!("{queue_bytes}: {result:?}");
    result
}

#[test]
fn a_key_frame_is_spread_so_that_a_short_queue_holds_it() {
    // A key frame has 32,000 bytes.
    let (arrived, overflowed, _) = film_over_a_queue(24_000);
    assert_eq!((arrived, overflowed), (1.0, 0));
}

#[test]
fn a_queue_that_overflows_delays_but_does_not_corrupt() {
    let (arrived, overflowed, bytes) = film_over_a_queue(8_000);
    assert!(overflowed > 0, "the queue was long enough");
    assert!(arrived >= 0.9, "{arrived}");
    // What is sent again must not fill the queue on its own.
    assert!(bytes < 1.5, "{bytes}");
}

#[test]
fn the_frame_follows_a_path_that_loses_its_rate_and_gets_it_back() {
    let at_rate = |rate_bps| PathConfig { rate_bps: Some(rate_bps), queue_bytes: 37_500, ..PathConfig::delay(20 * MS) };
    let world = world(11, at_rate(3_000_000));
    world.sim.run(async {
        let path = Arc::<PathState>::default();
        let (polite, impolite) = world.introduce_over([Arc::clone(&path), Arc::default()], 30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        // (from, delays of the frames in ms, bytes that arrived)
        let mut parts = Vec::new();
        for (rate_bps, seconds) in [(3_000_000, 6), (600_000, 3), (600_000, 7), (3_000_000, 6), (3_000_000, 4)] {
            world.sim.connect(&world.polite, &world.impolite, at_rate(rate_bps));
            let before = impolite.heard().units.len();
            polite.clone().film_of(seconds * SECOND, FPS, as_told(&path)).await;
            let heard = impolite.heard();
            let units = &heard.units[before..];
            let p95_ms = delay_p95_ms(units);
            let bps = units.iter().map(|(_, unit)| unit.data.len() as f64 * 8.0).sum::<f64>() / f64::from(seconds);
            println!("{rate_bps} bit/s for {seconds} s: {} frames, {bps:.0} bit/s, p95 {p95_ms:?} ms", units.len());
            parts.push((units.len(), bps, p95_ms.unwrap_or(u32::MAX)));
        }
        let [full, _, slow, _, back] = parts[..] else { unreachable!("five parts") };
        assert!(full.0 > 160 && full.1 > 1.8e6, "{full:?}");
        assert!(slow.0 > 150 && slow.1 > 0.35e6 && slow.2 < 250, "{slow:?}");
        assert!(back.0 > 110 && back.1 > 1.8e6, "{back:?}");
    });
}

/// Both film while the path loses its rate after six seconds and `phase`. Of what one of them sees in the eight seconds
/// after that: frames, time frozen (gaps over 200 ms), the 95th percentile of delay in ms.
fn film_through_a_drop(phase: Duration) -> (usize, Duration, u32) {
    let at_rate = |rate_bps| PathConfig {
        rate_bps: Some(rate_bps),
        queue_bytes: rate_bps as usize / 8 / 2,
        ..PathConfig::delay(20 * MS)
    };
    let world = world(11, at_rate(3_000_000));
    world.sim.run(async {
        let paths = [Arc::<PathState>::default(), Arc::default()];
        let (polite, impolite) = world.introduce_over(paths.clone(), 30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let drop = async {
            world.sim.sleep(6 * SECOND + phase).await;
            world.sim.connect(&world.polite, &world.impolite, at_rate(600_000));
            world.sim.now()
        };
        let films = (
            polite.clone().film_of(14 * SECOND, FPS, as_told(&paths[0])),
            impolite.clone().film_of(14 * SECOND, FPS, as_told(&paths[1])),
        );
        let (dropped, _, _) = tokio::join!(drop, films.0, films.1);
        let heard = impolite.heard();
        let after = heard.units.iter().position(|&(at, _)| at > dropped).expect("frames after it");
        let gaps = heard.units[after - 1..].windows(2).map(|pair| pair[1].0 - pair[0].0);
        let frozen = gaps.filter(|&gap| gap > 200 * MS).sum();
        let seen = &heard.units[after..];
        (seen.len(), frozen, delay_p95_ms(seen).expect("frames after it"))
    })
}

#[test]
fn both_ways_lose_their_rate_at_once_and_the_frames_go_on() {
    for phase in 0..5 {
        let (frames, frozen, p95_ms) = film_through_a_drop(phase * 7 * MS);
        println!("{frames} frames, frozen {frozen:?}, p95 {p95_ms} ms");
        assert!(frames > 200 && frozen < 300 * MS && p95_ms < 160);
    }
}
