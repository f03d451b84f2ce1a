//! Networks that change, machines that sleep, links that are slow: what becomes of the one who has the trouble, and of the
//! others. As in `room_sim.rs`.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod event_log;
mod simulation;

use std::time::Duration;

use maru::session::{CallCommand, Event};
use maru_simnet::PathConfig;

use simulation::{Client, MS, SECOND, World, connected, frame_times, interrupted, joined, left, longest_freeze};

/// How long after `from` each of two sees the other again.
fn back_after(one: &Client, other: &Client, from: Duration) -> Duration {
    let seen =
        |watcher: &Client, sender: &Client| frame_times(watcher, &sender.name, from).first().map(|at| *at - from);
    let frames = seen(one, other).zip(seen(other, one)).map(|(there, here)| there.max(here));
    frames.expect("frames come again")
}

#[test]
fn ten_or_thirty_seconds_without_a_network_are_an_interruption_and_nothing_written_is_lost() {
    for (seed, seconds, limit) in [(9, 10, 1500 * MS), (90, 30, 2 * SECOND)] {
        let world = World::new(seed, PathConfig::delay(20 * MS));
        world.run(async {
            let room = world.room(&["a", "b"]).await;
            room[0].write(1, "before");
            world.sim.sleep(2 * SECOND).await;
            world.set_online(&room[0], false);
            world.sim.sleep(5 * SECOND).await;
            room[0].write(2, "meanwhile");
            room[1].write(1, "are you there?");
            world.sim.sleep((seconds - 5) * SECOND).await;
            world.set_online(&room[0], true);
            let restored = world.sim.elapsed();
            world.sim.sleep(5 * SECOND).await;
            let back = back_after(&room[0], &room[1], restored);
            println!("after {seconds} s: frames again {back:?} after the network");
            assert!(back < limit, "{back:?}");
            let freeze = longest_freeze(&room[1], "a", restored + limit, world.sim.elapsed());
            assert!(freeze < 300 * MS, "then {freeze:?}");
            world.sim.sleep(5 * SECOND).await;
            let texts = |client: &Client| client.chat().into_iter().map(|(_, text)| text).collect::<Vec<_>>();
            assert_eq!(
                (texts(&room[1]), texts(&room[0])),
                (vec!["before".into(), "meanwhile".into()], vec!["are you there?".into()])
            );
            assert_eq!((room[1].count(interrupted), room[1].count(left)), (1, 0));
        });
    }
}

#[test]
fn a_changed_address_is_followed_within_two_seconds() {
    for seed in [10, 100, 101, 102] {
        let world = World::new(seed, PathConfig::delay(20 * MS));
        world.run(async {
            let room = world.room(&["a", "b", "c"]).await;
            world.sim.sleep(2 * SECOND + u32::try_from(seed).unwrap() * 13 * MS).await;
            let changed = world.sim.elapsed();
            room[0].host.change_address();
            room[0].write(1, "from elsewhere");
            world.sim.sleep(6 * SECOND).await;
            // What was under way when it changed still arrives.
            let from = changed + 100 * MS;
            for other in &room[1..] {
                let back = back_after(&room[0], other, from) + 100 * MS;
                println!("frames again {back:?} after the change");
                assert!(back < 2 * SECOND, "{back:?}");
                assert_eq!((other.count(left), other.chat().len()), (0, 1));
            }
            let freeze = longest_freeze(&room[1], "c", changed, world.sim.elapsed());
            assert!(freeze < 100 * MS, "c is seen as before: {freeze:?}");
        });
    }
}

#[test]
fn a_cable_plugged_in_beside_wireless_takes_over_without_a_gap() {
    for seed in [110, 111, 112] {
        let world = World::new(seed, PathConfig::delay(20 * MS));
        world.run(async {
            let room = world.room(&["a", "b"]).await;
            world.sim.sleep(2 * SECOND).await;
            let changed = world.sim.elapsed();
            let wireless = room[0].host.addresses()[0];
            room[0].host.add_preferred_address();
            world.sim.sleep(5 * SECOND).await;
            room[0].host.remove_address(wireless);
            world.sim.sleep(5 * SECOND).await;
            let now = world.sim.elapsed();
            for (watcher, sender) in [(&room[0], "b"), (&room[1], "a")] {
                let freeze = longest_freeze(watcher, sender, changed, now);
                println!("{} sees {sender} with a gap of at most {freeze:?}", watcher.name);
                assert!(freeze < 300 * MS, "{freeze:?}");
                assert_eq!((watcher.count(interrupted), watcher.count(left)), (0, 0));
            }
            room[1].write(1, "still there?");
            world.sim.sleep(SECOND).await;
            assert_eq!(room[0].chat().len(), 1);
        });
    }
}

#[test]
fn bridges_that_come_and_go_change_nothing() {
    let world = World::new(12, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        world.sim.sleep(2 * SECOND).await;
        let from = world.sim.elapsed();
        room[0].host.add_address();
        world.sim.sleep(5 * SECOND).await;
        let freeze = longest_freeze(&room[1], "a", from, world.sim.elapsed());
        assert!(freeze < 100 * MS, "{freeze:?}");
        assert_eq!(room[1].count(connected), 1, "nothing was built anew");
    });
}

/// One of three sleeps for 70 s. `falls_asleep` and `wakes_up` say what that does to its machine. On the way it writes.
fn one_who_sleeps(seed: u64, falls_asleep: impl Fn(&World, &Client), wakes_up: impl Fn(&World, &Client)) {
    let world = World::new(seed, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "c"]).await;
        world.sim.sleep(2 * SECOND).await;
        falls_asleep(&world, &room[0]);
        let away = |event: &Event| matches!(event, Event::ParticipantAway { .. });
        world.within(30 * SECOND, room[1].wait(away), "it is away").await;
        room[1].write(1, "sleep well");
        world.sim.sleep(70 * SECOND).await;
        wakes_up(&world, &room[0]);
        let woken = world.sim.elapsed();
        world.sim.sleep(5 * SECOND).await;
        for other in &room[1..] {
            let back = back_after(&room[0], other, woken);
            println!("frames again {back:?} after waking");
            assert!(back < 3 * SECOND, "{back:?}");
            assert_eq!((other.count(left), other.count(joined)), (0, 2));
            assert!(other.chat().contains(&("a".into(), "before I sleep".into())), "{:?}", other.events());
        }
        assert_eq!(room[0].chat(), [("b".into(), "sleep well".into())]);
        assert_eq!((room[0].count(left), room[0].count(joined)), (0, 2));
        falls_asleep(&world, &room[0]);
        world.within(400 * SECOND, room[1].wait(left), "after five minutes it has left").await;
    });
}

#[test]
fn one_who_is_stopped_is_away_and_back_within_three_seconds() {
    let falls_asleep = |world: &World, one: &Client| {
        world.set_online(one, false);
        one.write(1, "before I sleep");
    };
    one_who_sleeps(11, falls_asleep, |world, one| world.set_online(one, true));
}

/// The monotonic clock does not count the time asleep: to the one who wakes no time has passed.
#[test]
fn one_whose_clock_stands_still_while_it_sleeps_is_back_within_three_seconds_of_waking() {
    let falls_asleep = |_: &World, one: &Client| {
        one.write(1, "before I sleep");
        one.host.fall_asleep();
    };
    one_who_sleeps(11, falls_asleep, |_, one| one.host.wake_up());
}

#[test]
fn a_third_behind_a_narrow_path_sees_and_hears_both() {
    let world = World::new(21, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "slow"]).await;
        let narrow = PathConfig { rate_bps: Some(300_000), queue_bytes: 20_000, ..PathConfig::delay(40 * MS) };
        for other in &room[..2] {
            world.connect(other, &room[2], narrow);
        }
        world.sim.sleep(10 * SECOND).await;
        let from = world.sim.elapsed();
        let heard = room[2].media.of("a").audio().len();
        world.sim.sleep(10 * SECOND).await;
        for sender in ["a", "b"] {
            let frames = frame_times(&room[2], sender, from).len();
            assert!(frames > 150, "{frames} frames of {sender}");
        }
        let heard = room[2].media.of("a").audio().len() - heard;
        assert!(heard > 480, "{heard} packets of audio in 10 s");
        assert_eq!((room[0].count(interrupted), room[2].count(interrupted)), (0, 0));
    });
}

/// The longest gap between frames of each other that two of a room see, and the height they are sent at the end.
fn undisturbed(world: &World, room: &[Client], from: Duration) -> Duration {
    let now = world.sim.elapsed();
    let [a, b, ..] = room else { unreachable!("at least two") };
    for client in [a, b] {
        let heights: Vec<_> = client.media.targets().iter().map(|target| target.max_height).collect();
        assert_eq!(heights.iter().max(), Some(&720), "{} sends {heights:?}", client.name);
    }
    longest_freeze(a, "b", from, now).max(longest_freeze(b, "a", from, now))
}

#[test]
fn one_whose_network_is_cut_freezes_nobody_else() {
    let world = World::new(22, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "dead"]).await;
        world.sim.sleep(5 * SECOND).await;
        let from = world.sim.elapsed();
        world.set_online(&room[2], false);
        world.sim.sleep(20 * SECOND).await;
        let freeze = undisturbed(&world, &room, from);
        assert!(freeze < 100 * MS, "{freeze:?}");
    });
}

#[test]
fn a_slow_third_costs_the_others_neither_size_nor_frames() {
    let world = World::new(23, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b"]).await;
        world.sim.sleep(5 * SECOND).await;
        let from = world.sim.elapsed();
        let slow = world.join("slow");
        let narrow = PathConfig { rate_bps: Some(300_000), queue_bytes: 20_000, ..PathConfig::delay(40 * MS) };
        for other in &room {
            world.connect(other, &slow, narrow);
        }
        world.within(10 * SECOND, slow.connected_to(2), "it connects").await;
        world.sim.sleep(15 * SECOND).await;
        let freeze = undisturbed(&world, &room, from);
        assert!(freeze < 100 * MS, "{freeze:?}");
        for sender in ["a", "b"] {
            let frames = frame_times(&slow, sender, from + 5 * SECOND).len();
            println!("{frames} frames of {sender} in 10 s at the slow one");
            assert!(frames > 180, "{frames} frames of {sender}");
        }
        assert!(room[0].media.targets().len() == 2, "{:?}", room[0].media.targets());
    });
}

/// Calls take each other's packets in the queue for a download where they share a slow link: it was full then, and each was
/// seen with 8 frames a second and gaps of seconds.
#[test]
fn those_who_send_over_one_slow_link_share_it() {
    for (seed, rate_bps, names) in [
        (25, 300_000, &["a", "b"][..]),
        (26, 300_000, &["a", "b"]),
        (27, 400_000, &["a", "b"]),
        (28, 600_000, &["a", "b"]),
        (29, 450_000, &["a", "b", "c"]),
    ] {
        let world = World::new(seed, PathConfig::delay(5 * MS));
        world.run(async {
            let room = world.room(names).await;
            world.sim.sleep(5 * SECOND).await;
            let queue_bytes = rate_bps as usize / 8 / 2;
            let link = PathConfig { rate_bps: Some(rate_bps), queue_bytes, ..PathConfig::delay(40 * MS) };
            let slow = world.join("slow");
            world.sim.set_link(&slow.host, link);
            world.within(10 * SECOND, slow.connected_to(names.len()), "it connects").await;
            world.sim.sleep(3 * SECOND).await;
            let from = world.sim.elapsed();
            world.sim.sleep(20 * SECOND).await;
            let now = world.sim.elapsed();
            for one in &room {
                for (watcher, sender) in [(&slow, one), (one, &slow)] {
                    let fps = frame_times(watcher, &sender.name, from).len() / 20;
                    let freeze = longest_freeze(watcher, &sender.name, from, now);
                    let sound = watcher.media.of(&sender.name);
                    let silence = sound.longest_silence(from, now);
                    let delays = sound.sound_delays(from, now);
                    let [median, late, latest] = [50, 95, 100].map(|percent| delays[(delays.len() - 1) * percent / 100]);
                    let what = format!("{rate_bps} bit/s, {} sees {}", watcher.name, sender.name);
                    println!("{what}: {fps} fps, frozen for {freeze:?}, silent for {silence:?}, sound takes {median:?}, {late:?}, {latest:?}");
                    assert!(fps >= 25 && freeze < 1000 * MS && silence < 100 * MS && late < 400 * MS, "{what}");
                }
            }
            assert!(longest_freeze(&room[0], "b", from, now) < 100 * MS);
        });
    }
}

/// Six in a room. Each in turn has the trouble that `begins`, and is rid of it after ten seconds. Nobody else notices: the
/// others go on seeing and hearing each other, and nobody is told of any of them.
fn six_of_whom_each_has(
    trouble: &str,
    seed: u64,
    begins: impl Fn(&World, &[Client], usize),
    ends: impl Fn(&World, &[Client], usize),
) {
    let world = World::new(seed, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "c", "d", "e", "f"]).await;
        world.sim.sleep(3 * SECOND).await;
        for victim in 0..room.len() {
            let others: Vec<_> = room.iter().enumerate().filter(|(index, _)| *index != victim).map(|(_, one)| one).collect();
            let from = world.sim.elapsed();
            begins(&world, &room, victim);
            world.sim.sleep(10 * SECOND).await;
            ends(&world, &room, victim);
            world.sim.sleep(10 * SECOND).await;
            let now = world.sim.elapsed();
            let pairs = || others.iter().flat_map(|one| others.iter().map(move |other| (*one, *other))).filter(|(one, other)| one.name != other.name);
            let freeze = pairs().map(|(one, other)| longest_freeze(one, &other.name, from, now)).max().unwrap();
            let silence = pairs().map(|(one, other)| one.media.of(&other.name).longest_silence(from, now)).max().unwrap();
            println!("{trouble} of {}: the others freeze for {freeze:?}, are silent for {silence:?}", room[victim].name);
            assert!(freeze < 200 * MS, "{trouble} of {}: {freeze:?}", room[victim].name);
            assert!(silence < 100 * MS, "{trouble} of {}: {silence:?}", room[victim].name);
            for (one, other) in pairs() {
                let other = one.key_of(&other.name);
                let of_it = |event: &Event| matches!(event, Event::ParticipantInterrupted { participant } | Event::ParticipantAway { participant } | Event::ParticipantLeft { participant, .. } if *participant == other);
                let told = one.events().iter().filter(|(at, event)| *at >= from && of_it(event)).count();
                assert_eq!(told, 0, "{trouble} of {}", room[victim].name);
            }
            for other in &others {
                let back = frame_times(other, &room[victim].name, now - SECOND).len();
                assert!(back > 10, "{trouble} of {}: then {} sees {back} frames in a second", room[victim].name, other.name);
            }
        }
    });
}

fn for_all(world: &World, room: &[Client], victim: usize, path: PathConfig) {
    for other in room.iter().enumerate().filter(|(index, _)| *index != victim).map(|(_, other)| other) {
        world.connect(&room[victim], other, path);
    }
}

fn good(world: &World, room: &[Client], victim: usize) {
    for_all(world, room, victim, PathConfig::delay(20 * MS));
}

#[test]
fn six_of_whom_each_is_cut_off() {
    six_of_whom_each_has(
        "a cut",
        40,
        |world, room, victim| world.set_online(&room[victim], false),
        |world, room, victim| world.set_online(&room[victim], true),
    );
}

#[test]
fn six_of_whom_each_is_slow() {
    let narrow = PathConfig { rate_bps: Some(100_000), queue_bytes: 12_000, ..PathConfig::delay(40 * MS) };
    six_of_whom_each_has("a slow link", 41, |world, room, victim| for_all(world, room, victim, narrow), good);
}

#[test]
fn six_of_whom_each_loses_packets() {
    let lossy = PathConfig { loss: 0.1, jitter: 20 * MS, ..PathConfig::delay(40 * MS) };
    six_of_whom_each_has("loss", 42, |world, room, victim| for_all(world, room, victim, lossy), good);
}

#[test]
fn six_of_whom_each_gets_another_address() {
    let moves = |_: &World, room: &[Client], victim: usize| {
        room[victim].host.change_address();
    };
    six_of_whom_each_has("another address", 43, moves, |_, _, _| {});
}

#[test]
fn six_of_whom_each_loses_the_server() {
    six_of_whom_each_has(
        "no server",
        44,
        |world, room, victim| world.server.set_reachable(&room[victim].host, false),
        |world, room, victim| world.server.set_reachable(&room[victim].host, true),
    );
}

#[test]
fn six_of_whom_each_cannot_reach_one_other() {
    let cut = |path: PathConfig| {
        move |world: &World, room: &[Client], victim: usize| {
            world.connect(&room[victim], &room[(victim + 1) % room.len()], path);
        }
    };
    six_of_whom_each_has("a cut to one", 45, cut(PathConfig::cut()), cut(PathConfig::delay(20 * MS)));
}

#[test]
fn one_with_a_small_tile_gets_a_small_picture_and_one_who_hides_it_none() {
    let world = World::new(46, PathConfig::delay(20 * MS));
    world.run(async {
        let room = world.room(&["a", "b", "c"]).await;
        let shows = |client: &Client, max_height| {
            client.tell(CallCommand::ShowVideo { participant: client.key_of("a"), max_height });
        };
        world.sim.sleep(4 * SECOND).await;
        let sizes =
            || room[0].media.targets().iter().map(|target| (target.max_height, target.bitrate_bps)).collect::<Vec<_>>();
        assert_eq!(sizes(), [(720, 1_600_000)]);
        let from = world.sim.elapsed();
        shows(&room[1], 180);
        world.sim.sleep(4 * SECOND).await;
        assert_eq!(sizes(), [(720, 1_600_000), (180, 200_000)]);
        shows(&room[1], 0);
        world.sim.sleep(SECOND).await;
        let hidden = world.sim.elapsed();
        world.sim.sleep(4 * SECOND).await;
        assert_eq!((sizes(), frame_times(&room[1], "a", hidden).len()), (vec![(720, 1_600_000)], 0));
        let heard = room[1].media.of("a").longest_silence(hidden, world.sim.elapsed());
        assert!(heard < 100 * MS, "sound goes on: {heard:?}");
        shows(&room[1], 720);
        let shown = world.sim.elapsed();
        world.sim.sleep(4 * SECOND).await;
        let first = frame_times(&room[1], "a", shown)[0] - shown;
        println!("the first frame {first:?} after it is shown again");
        assert!(first < 300 * MS, "{first:?}");
        let freeze = longest_freeze(&room[2], "a", from, world.sim.elapsed());
        assert!(freeze < 100 * MS, "c sees a as before: {freeze:?}");
    });
}
