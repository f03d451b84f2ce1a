//! What a call is made of, without devices: negotiation and video over real WebRTC stacks, in virtual time.

mod link_support;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use maru::session::link::LinkConfig;
use maru_simnet::{Host, PathConfig, Sim};

use link_support::party::{Party, introduce};

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
    let sim = link_support::new_sim(seed);
    let (polite, impolite) = (sim.host(), sim.host());
    sim.connect(&polite, &impolite, path);
    World { sim, polite, impolite }
}

impl World {
    async fn introduce(&self, signaling_delay: Duration) -> (Party, Party) {
        let config = |host: &Host| LinkConfig {
            runtime: host.runtime(),
            ice_servers: Vec::new(),
            local_addresses: vec![host.address()],
        };
        introduce(config(&self.polite), config(&self.impolite), signaling_delay).await
    }

    async fn ready(&self, parties: [&Party; 2]) {
        for party in parties {
            let ready = party.until(|heard| heard.connected && heard.channel_open && heard.settled);
            self.sim.timeout(20 * SECOND, ready).await.expect("they connect and agree");
        }
    }
}

/// Access units by their RTP time, each of which must be as it was sent.
fn arrived(party: &Party, sent: &BTreeMap<u32, Bytes>) -> usize {
    let heard = party.heard();
    for (_, unit) in &heard.units {
        assert!(sent.get(&unit.rtp_time) == Some(&unit.data), "a picture was changed on the way");
    }
    heard.units.len()
}

/// The longest time without a picture.
fn longest_freeze(party: &Party) -> Duration {
    let heard = party.heard();
    heard.units.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default()
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

            polite.link.send_text("yes").await.expect("sent");
            impolite.link.send_text("no").await.expect("sent");
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
fn pictures_survive_loss() {
    let world = world(7, PathConfig { loss: 0.05, jitter: 5 * MS, ..PathConfig::delay(20 * MS) });
    world.sim.run(async {
        let (polite, impolite) = world.introduce(30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let sent = polite.clone().film(20 * SECOND, FPS, PICTURE_BYTES).await;
        world.sim.sleep(SECOND).await;
        let arrived = arrived(&impolite, &sent);
        let freeze = longest_freeze(&impolite);
        let asked = polite.heard().key_frames_wanted;
        println!("{arrived} of {} pictures, frozen for at most {freeze:?}, {asked} key frames asked for", sent.len());
        assert!(arrived * 100 >= sent.len() * 97, "{arrived} of {}", sent.len());
        assert!(freeze < 500 * MS, "{freeze:?}");
    });
}

#[test]
fn pictures_come_back_after_an_outage() {
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
        println!("pictures again {:?} after the network", first - restored);
        assert!(first - restored < 500 * MS, "{:?}", first - restored);
    });
}

#[test]
fn a_slow_network_delays_but_does_not_corrupt() {
    // A key frame overflows the queue before it.
    let path = PathConfig { rate_bps: Some(4_000_000), queue_bytes: 24_000, ..PathConfig::delay(20 * MS) };
    let world = world(9, path);
    world.sim.run(async {
        let (polite, impolite) = world.introduce(30 * MS).await;
        polite.offer();
        world.ready([&polite, &impolite]).await;
        let before = world.sim.path_stats(&world.polite, &world.impolite);
        let sent = polite.clone().film(10 * SECOND, FPS, PICTURE_BYTES).await;
        world.sim.sleep(SECOND).await;
        let after = world.sim.path_stats(&world.polite, &world.impolite);
        let (overflowed, bytes) = (after.overflowed - before.overflowed, after.sent_bytes - before.sent_bytes);
        let media_bytes: usize = sent.values().map(Bytes::len).sum();
        let arrived = arrived(&impolite, &sent);
        println!(
            "{arrived} of {} pictures, {overflowed} packets overflowed, {bytes} bytes for {media_bytes}",
            sent.len()
        );
        assert!(overflowed > 0, "the queue was long enough");
        assert!(arrived * 100 >= sent.len() * 90, "{arrived} of {}", sent.len());
        // What is sent again must not fill the queue on its own.
        assert!(bytes < media_bytes as u64 * 3 / 2, "{bytes} bytes for {media_bytes}");
    });
}
