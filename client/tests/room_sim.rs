//! Rooms of two to eight clients, in virtual time: the session's own code on real WebRTC stacks.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod event_log;
mod simulation;

use std::time::Duration;

use maru::session::{CallCommand, Event};
use maru_simnet::{NatKind, PathConfig};

use simulation::{Client, MS, SECOND, World, connected, frame_times, interrupted, joined, left, longest_freeze};

/// Every frame that arrived is one that was sent, byte for byte. Gives how many arrived.
fn arrived_whole(watcher: &Client, sender: &Client) -> usize {
    let sent = sender.media.sent();
    let units = watcher.media.of(&sender.name).units();
    for (at, unit) in &units {
        let copies = sent.get(&unit.rtp_time.truncated());
        assert!(copies.is_some_and(|copies| copies.contains(&unit.data)), "at {at:?} a frame was changed on the way");
    }
    units.len()
}

#[test]
fn two_meet_see_hear_and_write_to_each_other() {
    let world = World::new(1, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["Jisu", "Min"]).await;
        let [jisu, min] = &room[..] else { unreachable!("two") };
        jisu.write(1, "안녕하세요 👋");
        min.write(1, "반가워요");
        jisu.write(2, "네!");
        world.sim.sleep(5 * SECOND).await;
        for (one, other) in [(jisu, min), (min, jisu)] {
            let frames = arrived_whole(one, other);
            assert!(frames >= 140, "{} got {frames} frames", one.name);
            let audio = one.media.of(&other.name).audio();
            assert!(audio.windows(2).all(|pair| pair[1] == pair[0] + 1) && audio.len() > 240, "{}", audio.len());
            // One to begin with, and one for each size on the way up.
            assert!(other.media.key_frames() <= 4, "{} key frames", other.media.key_frames());
        }
        let line = |from: &str, text: &str| (from.to_owned(), text.to_owned());
        assert_eq!(min.chat(), [line("Jisu", "안녕하세요 👋"), line("Jisu", "네!")]);
        assert_eq!(jisu.chat(), [line("Min", "반가워요")]);
        assert_eq!((jisu.delivered(), min.delivered()), (vec![1, 2], vec![1]));
    });
}

/// Two cameras of 1080p. The paths carry it, or half of it.
#[test]
fn full_hd_is_sent_to_one_receiver_whose_path_carries_it() {
    for (rate_bps, height) in [(10_000_000, 1080), (2_500_000, 720)] {
        let queue_bytes = rate_bps as usize / 8 / 10;
        let path = PathConfig { rate_bps: Some(rate_bps), queue_bytes, ..PathConfig::delay(10 * MS) };
        let world = World::new(31, path);
        world.run(async {
            let one = world.join("one");
            let other = world.join("other");
            for client in [&one, &other] {
                client.media.set_source_height(1080);
                world.within(5 * SECOND, client.connected_to(1), "they connect").await;
            }
            world.sim.sleep(12 * SECOND).await;
            let sent = || one.media.targets().iter().map(|target| target.max_height).max();
            println!("{rate_bps} bit/s carry {:?}", one.media.targets());
            assert_eq!(sent(), Some(height), "{rate_bps} bit/s");
            let from = world.sim.elapsed();
            world.sim.sleep(3 * SECOND).await;
            assert!(frame_times(&other, "one", from).len() > 80);
            one.media.set_source_height(480);
            world.sim.sleep(2 * SECOND).await;
            assert_eq!(sent(), Some(540), "a smaller camera gives no more");
            one.media.set_source_height(1080);
            let _third = world.join("third");
            world.sim.sleep(5 * SECOND).await;
            assert_eq!(sent(), Some(720), "with two receivers");
        });
    }
}

#[test]
fn eight_meet_and_all_see_all() {
    let world = World::new(2, PathConfig::delay(20 * MS));
    world.run(async {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let room = world.room(&names).await;
        room[7].write(1, "all here?");
        world.sim.sleep(3 * SECOND).await;
        for watcher in &room {
            for sender in room.iter().filter(|sender| sender.name != watcher.name) {
                let frames = arrived_whole(watcher, sender);
                assert!(frames >= 60, "{} got {frames} frames of {}", watcher.name, sender.name);
            }
            assert_eq!(watcher.count(joined), 7);
        }
        assert_eq!(room[7].delivered().len(), 7);
    });
}

#[test]
fn mute_camera_and_name_are_told() {
    let world = World::new(3, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["Jisu", "Min"]).await;
        let [jisu, min] = &room[..] else { unreachable!("two") };
        world.sim.sleep(SECOND).await;
        jisu.tell(CallCommand::SetMuted(true));
        jisu.tell(CallCommand::SetCameraOn(false));
        jisu.tell(CallCommand::Rename("Jisu K.".parse().unwrap()));
        let off = |event: &Event| matches!(event, Event::ParticipantState { muted: true, camera_on: false, .. });
        world.within(SECOND, min.wait(off), "Min is told").await;
        let renamed =
            |event: &Event| matches!(event, Event::ParticipantRenamed { name, .. } if name.as_str() == "Jisu K.");
        world.within(SECOND, min.wait(renamed), "Min is told").await;
        let (frames, audio) = (min.media.of("Jisu").units().len(), min.media.of("Jisu").audio().len());
        world.sim.sleep(SECOND).await;
        assert_eq!(min.media.of("Jisu").units().len(), frames);
        assert!(min.media.of("Jisu").audio().len() <= audio + 2);
    });
}

#[test]
fn one_who_leaves_is_said_to_have_left() {
    let world = World::new(4, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "c"]).await;
        room[0].tell(CallCommand::Leave);
        for other in &room[1..] {
            let gone = |event: &Event| matches!(event, Event::ParticipantLeft { lost: false, .. });
            world.within(SECOND, other.wait(gone), "the others are told").await;
        }
        world.within(SECOND, room[0].wait(|event| matches!(event, Event::Ended(_))), "the call ends").await;
        assert_eq!(world.server.registrations(), 2);
    });
}

#[test]
fn without_a_server_a_goodbye_goes_over_the_connection() {
    let world = World::new(20, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        world.sim.sleep(SECOND).await;
        world.server.crash();
        world.sim.sleep(SECOND).await;
        room[0].tell(CallCommand::Leave);
        let gone = |event: &Event| matches!(event, Event::ParticipantLeft { lost: false, .. });
        world.within(SECOND, room[1].wait(gone), "it is told").await;
    });
}

#[test]
fn offers_that_cross_do_no_harm() {
    let world = World::new(5, PathConfig::delay(20 * MS));
    world.run(async {
        let first = world.join("first");
        world.sim.sleep(SECOND).await;
        // What the newcomer says takes as long as the other is ready to wait for its offer.
        let host = world.sim.host();
        let second = world.join_on(host.clone(), "second");
        world.sim.sleep(45 * MS).await;
        world.server.delay_from(&host, 9_990 * MS);
        for client in [&first, &second] {
            world.within(40 * SECOND, client.connected_to(1), "they connect").await;
        }
        world.sim.sleep(2 * SECOND).await;
        assert!(arrived_whole(&first, &second) > 30 && arrived_whole(&second, &first) > 30);
        assert_eq!(first.count(connected), 1);
    });
}

#[test]
fn a_server_that_dies_disturbs_no_call() {
    let world = World::new(6, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "c"]).await;
        world.sim.sleep(SECOND).await;
        let crashed = world.sim.elapsed();
        world.server.crash();
        for client in &room {
            world.within(4 * SECOND, client.wait(|event| matches!(event, Event::ServerLost)), "it is noticed").await;
        }
        room[0].write(1, "still there?");
        world.sim.sleep(30 * SECOND).await;
        world.server.restart();
        for client in &room {
            world
                .within(3 * SECOND, client.wait(|event| matches!(event, Event::ServerBack { .. })), "all return")
                .await;
        }
        world.sim.sleep(SECOND).await;
        let now = world.sim.elapsed();
        for watcher in &room {
            assert_eq!((watcher.count(joined), watcher.count(left), watcher.count(connected)), (2, 0, 2));
            for sender in room.iter().filter(|sender| sender.name != watcher.name) {
                let freeze = longest_freeze(watcher, &sender.name, crashed, now);
                assert!(freeze < 150 * MS, "{freeze:?}");
            }
        }
        assert_eq!((room[1].chat().len(), room[2].chat().len()), (1, 1));
    });
}

#[test]
fn a_newcomer_after_a_restart_meets_everyone() {
    let world = World::new(7, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        world.server.crash();
        world.server.restart();
        world.sim.sleep(3 * SECOND).await;
        let late = world.join("late");
        world.within(10 * SECOND, late.connected_to(2), "the newcomer connects").await;
        assert_eq!((room[0].count(joined), room[0].count(left)), (2, 0));
    });
}

#[test]
fn an_outage_of_a_second_is_no_interruption() {
    let world = World::new(8, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        world.sim.sleep(2 * SECOND).await;
        world.connect(&room[0], &room[1], PathConfig::cut());
        world.sim.sleep(SECOND).await;
        world.connect(&room[0], &room[1], PathConfig::delay(20 * MS));
        let restored = world.sim.elapsed();
        world.sim.sleep(SECOND).await;
        let first = frame_times(&room[1], "a", restored)[0];
        println!("frames again {:?} after the network", first - restored);
        assert!(first - restored < 500 * MS, "{:?}", first - restored);
        assert_eq!(room[1].count(interrupted), 0);
        arrived_whole(&room[1], &room[0]);
    });
}

#[test]
fn while_all_links_are_good_there_is_one_layer() {
    let world = World::new(24, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "c", "d"]).await;
        world.sim.sleep(10 * SECOND).await;
        for client in &room {
            assert_eq!(client.media.targets().len(), 1, "{:?}", client.media.targets());
        }
    });
}

#[test]
fn homes_behind_routers_meet() {
    for (seed, kinds) in [
        (12, [None, Some(NatKind::PortRestricted)]),
        (13, [Some(NatKind::PortRestricted), None]),
        (14, [Some(NatKind::PortRestricted), Some(NatKind::PortRestricted)]),
        (15, [None, Some(NatKind::Symmetric)]),
    ] {
        let world = World::new(seed, PathConfig::delay(20 * MS));
        world.run(async {
            let host = |kind: Option<NatKind>| match kind {
                Some(kind) => world.sim.host_behind(&world.sim.nat(kind)),
                None => world.sim.host(),
            };
            let one = world.join_on(host(kinds[0]), "one");
            world.sim.sleep(100 * MS).await;
            let other = world.join_on(host(kinds[1]), "other");
            for client in [&one, &other] {
                world.within(10 * SECOND, client.connected_to(1), &format!("{kinds:?}")).await;
            }
            world.sim.sleep(2 * SECOND).await;
            assert!(arrived_whole(&one, &other) > 30 && arrived_whole(&other, &one) > 30, "{kinds:?}");
        });
    }
}

#[test]
fn a_key_frame_is_spread_so_that_a_short_queue_holds_it() {
    let path = PathConfig { rate_bps: Some(4_000_000), queue_bytes: 24_000, ..PathConfig::delay(20 * MS) };
    let world = World::new(16, path);
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        world.sim.sleep(SECOND).await;
        let before = world.sim.path_stats(&room[0].host, &room[1].host);
        world.sim.sleep(10 * SECOND).await;
        let after = world.sim.path_stats(&room[0].host, &room[1].host);
        assert_eq!(after.overflowed - before.overflowed, 0);
        arrived_whole(&room[1], &room[0]);
    });
}

#[test]
fn frames_survive_loss() {
    for seed in 30..32 {
        let world = World::new(seed, PathConfig { loss: 0.05, jitter: 5 * MS, ..PathConfig::delay(20 * MS) });
        world.run(async {
            let room = world.room(&["a", "b"]).await;
            let from = world.sim.elapsed() + SECOND;
            world.sim.sleep(21 * SECOND).await;
            let arrived = frame_times(&room[1], "a", from).len();
            let freeze = longest_freeze(&room[1], "a", from, world.sim.elapsed());
            println!("{arrived} frames, frozen for at most {freeze:?}, {} key frames", room[0].media.key_frames());
            assert!(arrived >= 20 * 29, "{arrived}");
            assert!(freeze < 500 * MS, "{freeze:?}");
            arrived_whole(&room[1], &room[0]);
        });
    }
}

#[test]
fn video_follows_a_path_that_loses_its_rate_and_gets_it_back() {
    let at_rate = |rate_bps| PathConfig { rate_bps: Some(rate_bps), queue_bytes: 37_500, ..PathConfig::delay(20 * MS) };
    let world = World::new(18, at_rate(3_000_000));
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        let mut parts = Vec::new();
        for (rate_bps, seconds) in [(3_000_000, 6), (600_000, 3), (600_000, 7), (3_000_000, 6), (3_000_000, 4)] {
            world.connect(&room[0], &room[1], at_rate(rate_bps));
            let from = world.sim.elapsed();
            world.sim.sleep(seconds * SECOND).await;
            let units = room[1].media.of("a").units();
            let units: Vec<_> = units.iter().filter(|(at, _)| *at >= from).collect();
            let bps = units.iter().map(|(_, unit)| unit.data.len() as f64 * 8.0).sum::<f64>() / f64::from(seconds);
            println!("{rate_bps} bit/s for {seconds} s: {} frames, {bps:.0} bit/s", units.len());
            parts.push((units.len(), bps));
        }
        let [full, _, slow, _, back] = parts[..] else { unreachable!("five parts") };
        assert!(full.0 > 160 && full.1 > 1.8e6, "{full:?}");
        assert!(slow.0 > 150 && slow.1 > 0.35e6, "{slow:?}");
        assert!(back.0 > 110 && back.1 > 1.8e6, "{back:?}");
    });
}

#[test]
fn both_ways_lose_their_rate_at_once_and_the_frames_go_on() {
    let at_rate = |rate_bps: u64| PathConfig {
        rate_bps: Some(rate_bps),
        queue_bytes: rate_bps as usize / 8 / 2,
        ..PathConfig::delay(20 * MS)
    };
    for phase in 0..5 {
        let world = World::new(19, at_rate(3_000_000));
        world.run(async {
            let room = world.room(&["a", "b"]).await;
            world.sim.sleep(6 * SECOND + phase * 7 * MS).await;
            world.connect(&room[0], &room[1], at_rate(600_000));
            let from = world.sim.elapsed();
            world.sim.sleep(8 * SECOND).await;
            let mut times = vec![from];
            times.extend(frame_times(&room[1], "a", from));
            let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
            let frozen: Duration = gaps.filter(|gap| *gap > 200 * MS).sum();
            println!("{} frames, frozen {frozen:?}", times.len());
            assert!(times.len() > 200 && frozen < 300 * MS, "{} frames, frozen {frozen:?}", times.len());
        });
    }
}
