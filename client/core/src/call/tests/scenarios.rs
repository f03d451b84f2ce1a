//! What becomes of a room.

use maru_protocol::VERSION;
use maru_protocol::signal::ServerMessage;

use super::world::{MS, SECOND, World, good};
use crate::call::{Action, Command, ConnectionInput, EndReason, Estimate, Event, FrameKind, Participant};
use crate::media::{MAX_LAYERS, SharedMedia, VideoLayerId};

fn key(layer: usize) -> FrameKind {
    FrameKind { layer: VideoLayerId(layer), is_key: true, is_discardable: false }
}

fn joined(event: &Event) -> bool {
    matches!(event, Event::ParticipantJoined { .. })
}

fn left(event: &Event) -> bool {
    matches!(event, Event::ParticipantLeft { .. })
}

fn connected(event: &Event) -> bool {
    matches!(event, Event::ParticipantConnected { .. })
}

fn interrupted(event: &Event) -> bool {
    matches!(event, Event::ParticipantInterrupted { .. })
}

fn unreachable(event: &Event) -> bool {
    matches!(event, Event::ParticipantUnreachable { .. })
}

#[test]
fn two_meet_and_write_to_each_other() {
    let mut world = World::room(&["Jisu", "Min"]);
    world.write(0, 1, "안녕");
    world.write(1, 1, "hello");
    world.write(0, 2, "👋🏽");
    world.run(SECOND);
    assert_eq!((world.chat(1), world.chat(0)), (vec!["안녕".into(), "👋🏽".into()], vec!["hello".into()]));
    let delivered = |event: &Event| matches!(event, Event::ChatDelivered { .. });
    assert_eq!((world.count(0, delivered), world.count(1, delivered)), (2, 1));
    for client in 0..2 {
        assert_eq!(world.clients[client].opened.len(), 1, "one connection is enough");
        assert_eq!(world.clients[client].key_frames_made, 1);
    }
}

#[test]
fn eight_meet_with_one_connection_for_each_pair() {
    let world = World::room(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    for client in 0..8 {
        assert_eq!(world.clients[client].opened.len(), 7);
        assert_eq!((world.count(client, joined), world.count(client, unreachable)), (7, 0));
    }
}

#[test]
fn eight_who_join_in_the_same_instant_all_meet() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        world.join(name);
    }
    world.run(3 * SECOND);
    for client in 0..8 {
        assert_eq!(world.connected(client), 7);
    }
}

#[test]
fn what_one_tells_of_itself_reaches_the_others_once() {
    let mut world = World::room(&["a", "b", "c"]);
    world.tell(0, Command::SetMuted(true));
    world.tell(0, Command::SetMuted(true));
    world.tell(0, Command::Rename("A".parse().unwrap()));
    world.run(SECOND);
    for other in 1..3 {
        let muted = |event: &Event| matches!(event, Event::ParticipantState { muted: true, .. });
        // Once when it was muted, once with its new name.
        assert_eq!(world.count(other, muted), 2);
        let renamed = |event: &Event| matches!(event, Event::ParticipantRenamed { .. });
        assert_eq!(world.count(other, renamed), 1, "told by the server and by itself, shown once");
    }
}

#[test]
fn what_follows_a_greeting_of_another_version_is_ignored() {
    let mut world = World::room(&["a", "b"]);
    world.send_text(1, 0, r#"{"type":"hello","version":99,"name":"B","muted":true,"cameraOn":false}"#);
    world.send_text(1, 0, r#"{"type":"chat","id":1,"text":"in other words","sentUnixMs":0}"#);
    let sent = world.clients[0].texts_sent;
    world.run(SECOND);
    assert!(world.chat(0).is_empty());
    assert_eq!(world.clients[0].texts_sent, sent, "it is not acknowledged");
    assert_eq!(world.connected(0), 1);
    // The same app, updated during the call.
    world.tell(1, Command::SetMuted(true));
    world.write(1, 1, "in ours");
    world.run(SECOND);
    assert_eq!(world.chat(0), ["in ours"]);
}

#[test]
fn a_greeting_is_repeated_until_it_is_answered_and_no_longer() {
    let mut world = World::room(&["a", "b"]);
    let sent = world.clients[0].texts_sent;
    assert!(sent <= 4, "{sent} greetings");
    world.run(3600 * SECOND);
    assert_eq!(world.clients[0].texts_sent, sent);
}

#[test]
fn an_hour_of_interruption_ends_without_a_flood_of_greetings() {
    let mut world = World::room(&["a", "b"]);
    world.set_cut(0, 1, true);
    world.run(3600 * SECOND);
    let sent = world.clients[0].texts_sent;
    world.set_cut(0, 1, false);
    world.run(60 * SECOND);
    assert_eq!((world.connected(0), world.connected(1)), (1, 1));
    assert!(world.clients[0].texts_sent - sent < 6, "{} greetings", world.clients[0].texts_sent - sent);
}

#[test]
fn a_server_that_dies_and_returns_changes_nothing_for_a_call() {
    let mut world = World::room(&["a", "b", "c"]);
    world.crash_server();
    world.run(SECOND);
    world.write(0, 1, "still there?");
    world.run(60 * SECOND);
    assert_eq!(world.chat(2), ["still there?"]);
    world.restart_server();
    world.run(10 * SECOND);
    for client in 0..3 {
        let back = |event: &Event| matches!(event, Event::ServerBack { .. });
        assert_eq!(world.count(client, back), 1);
        assert_eq!((world.count(client, joined), world.count(client, left), world.count(client, connected)), (2, 0, 2));
    }
    let late = world.join("late");
    world.run(2 * SECOND);
    assert_eq!(world.connected(late), 3);
}

#[test]
fn a_short_cut_is_an_interruption_and_a_long_one_a_new_connection() {
    let mut world = World::room(&["a", "b"]);
    world.set_cut(0, 1, true);
    world.run(10 * SECOND);
    world.set_cut(0, 1, false);
    world.run(SECOND);
    assert_eq!((world.connected(0), world.count(0, interrupted)), (1, 1));
    world.set_cut(0, 1, true);
    world.run(400 * SECOND);
    assert_eq!((world.connected(0), world.count(0, unreachable)), (0, world.count(1, unreachable)));
    world.set_cut(0, 1, false);
    world.run(20 * SECOND);
    assert_eq!(world.connected(0), 1);
    assert_eq!((world.count(0, left), world.count(1, left)), (0, 0), "the server has both all the time");
}

#[test]
fn attempts_to_connect_go_on_slower_and_slower() {
    let mut world = World::room(&["a", "b"]);
    world.set_cut(0, 1, true);
    world.run(10 * 60 * SECOND);
    let opened = &world.clients[1].opened;
    let pauses: Vec<_> = opened.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
    assert!(pauses.len() > 15, "{} attempts", pauses.len());
    assert!(pauses[5..].iter().all(|pause| (10 * SECOND..40 * SECOND).contains(pause)), "{pauses:?}");
    world.set_cut(0, 1, false);
    world.run(40 * SECOND);
    assert_eq!((world.connected(0), world.connected(1)), (1, 1));
}

#[test]
fn what_is_written_through_any_trouble_arrives_once_and_in_order() {
    let mut world = World::room(&["a", "b"]);
    for id in 1..=60 {
        world.write(0, id, &id.to_string());
        // Ten seconds without any network, and forty without a path to each other.
        match id % 40 {
            5 => world.set_online(0, false),
            7 => world.set_online(0, true),
            25 => world.set_cut(0, 1, true),
            35 => world.set_cut(0, 1, false),
            _ => {}
        }
        world.run(4 * SECOND);
    }
    world.run(60 * SECOND);
    let numbers: Vec<String> = (1..=60).map(|id| id.to_string()).collect();
    assert_eq!(world.chat(1), numbers);
}

#[test]
fn an_answer_that_never_comes_is_no_end() {
    let mut world = World::new();
    let first = world.join("first");
    world.run(SECOND);
    world.mute_signals.insert(first);
    let second = world.join("second");
    world.run(9 * SECOND);
    assert_eq!(world.connected(second), 0);
    world.mute_signals.remove(&first);
    world.run(20 * SECOND);
    assert_eq!((world.connected(first), world.connected(second)), (1, 1));
}

#[test]
fn a_step_that_hangs_is_given_up() {
    let mut world = World::new();
    let first = world.join("first");
    world.run(SECOND);
    world.hangs.insert(first);
    let second = world.join("second");
    world.run(9 * SECOND);
    world.hangs.remove(&first);
    world.run(20 * SECOND);
    assert_eq!((world.connected(first), world.connected(second)), (1, 1));
    assert_eq!(world.count(first, unreachable), 1, "it did not react");
}

#[test]
fn after_an_offer_that_is_refused_a_good_one_is_answered() {
    let mut world = World::new();
    let first = world.join("first");
    world.run(SECOND);
    world.refuses_descriptions.insert(first);
    let second = world.join("second");
    world.run(SECOND);
    assert!(world.count(first, unreachable) > 0);
    world.refuses_descriptions.remove(&first);
    world.run(20 * SECOND);
    assert_eq!((world.connected(first), world.connected(second)), (1, 1));
}

#[test]
fn a_flood_of_offers_opens_few_connections_and_disturbs_nobody_else() {
    let mut world = World::room(&["a", "b", "hostile"]);
    let before = world.clients[0].opened.len();
    for round in 0..100 {
        world.send_signal(2, 0, 2 + round, "nonsense");
        world.run(50 * MS);
    }
    assert_eq!(world.clients[0].opened.len(), before, "nobody replaces a connection that works");
    world.set_cut(0, 2, true);
    world.run(6 * SECOND);
    // 20 a second for 20 seconds, as many as the server lets through.
    for round in 0..400 {
        world.send_signal(2, 0, 1_000 + round, "nonsense");
        world.run(50 * MS);
    }
    let opened = world.clients[0].opened.len() - before;
    assert!((10..30).contains(&opened), "{opened} connections were opened");
    assert_eq!(world.count(0, interrupted), 1, "of the hostile one only");
    assert_eq!(world.connected(0), 1);
}

#[test]
fn one_who_asks_for_key_frames_without_end_gets_few_of_a_layer_that_others_take() {
    let mut world = World::room(&["a", "b", "hostile"]);
    let before = world.clients[0].key_frames_made;
    for _ in 0..60 * 50 {
        world.says(0, 2, ConnectionInput::KeyFrameRequested);
        world.run(20 * MS);
    }
    let made = world.clients[0].key_frames_made - before;
    assert!((50..=75).contains(&made), "{made} key frames in a minute");
}

#[test]
fn whoever_changes_its_name_all_the_time_is_heard_now_and_then_and_the_last_name_stays() {
    let mut world = World::room(&["a", "hostile"]);
    let renamed = |event: &Event| matches!(event, Event::ParticipantRenamed { .. });
    for number in 0..500 {
        let muted = number % 2 == 0;
        let hello =
            format!(r#"{{"type":"hello","version":{VERSION},"name":"n{number}","muted":{muted},"cameraOn":true}}"#);
        world.send_text(1, 0, &hello);
    }
    world.run(SECOND);
    assert!(world.count(0, renamed) <= 22, "{} names", world.count(0, renamed));
    world.run(2 * SECOND);
    let last = world.clients[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::ParticipantRenamed { name, .. } => Some(name.to_string()),
        _ => None,
    });
    assert_eq!(last.as_deref(), Some("n499"));
}

#[test]
fn a_participant_without_our_video_codec_gets_sound_only_and_slows_nobody() {
    let mut world = World::room(&["a", "b", "no-h264"]);
    let agreed = |event: &Event| matches!(event, Event::MediaAgreed { .. });
    let shared = SharedMedia { audio: true, video: false };
    world.says(0, 2, ConnectionInput::MediaAgreed(shared));
    world.says(0, 2, ConnectionInput::MediaAgreed(shared));
    world.run(SECOND);
    assert_eq!(world.count(0, agreed), 1, "a person is told once");
    let call = &mut world.clients[0].call;
    let (all, seeing): (Vec<_>, Vec<_>) = (call.audio_receivers().collect(), call.video_receivers(key(0)).collect());
    assert_eq!((all.len(), seeing.as_slice()), (2, &all[..1]));
    let estimate = |connection, bitrate_bps| Estimate { bitrate_bps, needs_key_frame: true, ..good(connection) };
    let now = world.now;
    let call = &mut world.clients[0].call;
    call.handle_estimates(now, &[estimate(all[0], 3_000_000), estimate(all[1], 100_000)]);
    let receivers = std::iter::from_fn(|| call.poll_action()).filter_map(|action| match action {
        Action::SetVideoLayers(layers) => {
            Some(layers.into_iter().flat_map(|layer| layer.receivers).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(receivers.last(), Some(vec![all[0]]));
}

#[test]
fn whoever_makes_the_stack_hang_again_and_again_is_connected_with_less_and_less_often() {
    let mut world = World::room(&["a", "b", "hostile"]);
    let mut opened = Vec::new();
    for _ in 0..600 {
        world.run(SECOND);
        let id = world.clients[0].opened.last().expect("a connection").1;
        if id.participant.0 == 2 && opened.last() != Some(&id) {
            opened.push(id);
            world.says(0, 2, ConnectionInput::CutOff { reason: "it hung".into() });
        }
    }
    // At once, then after 30, 60, 120, 240 s.
    assert!((5..=7).contains(&opened.len()), "{opened:?}");
    assert_eq!(world.connected(1), 2, "who has no trouble with it is not concerned");
}

#[test]
fn a_connection_that_stays_interrupted_is_replaced_and_nobody_is_unreachable() {
    let mut world = World::room(&["a", "b"]);
    world.says(0, 1, ConnectionInput::Interrupted);
    world.run(10 * SECOND);
    assert_eq!((world.count(0, unreachable), world.connected(0), world.connected(1)), (0, 1, 1));
    assert_eq!(world.clients[0].opened.len(), 2);
}

#[test]
fn a_connection_whose_channel_was_closed_is_replaced() {
    let mut world = World::room(&["a", "b"]);
    world.says(0, 1, ConnectionInput::ChannelClosed);
    world.run(10 * SECOND);
    world.write(0, 1, "still there?");
    world.run(SECOND);
    assert_eq!(world.chat(1), ["still there?"]);
}

#[test]
fn a_connection_that_fails_whenever_it_is_established_is_tried_slower_and_slower() {
    let mut world = World::room(&["a", "b"]);
    let before = world.clients[0].opened.len();
    for _ in 0..600 {
        world.run(100 * MS);
        if world.connected(0) == 1 {
            world.says(0, 1, ConnectionInput::Failed { reason: "it flaps".into() });
        }
    }
    let opened = world.clients[0].opened.len() - before;
    assert!((4..20).contains(&opened), "{opened} connections in a minute");
    world.run(20 * SECOND);
    assert_eq!((world.connected(0), world.connected(1)), (1, 1));
}

#[test]
fn an_offer_of_one_who_has_forgotten_us_is_answered_with_the_next_generation() {
    let mut world = World::room(&["a", "b"]);
    world.set_cut(0, 1, true);
    world.run(120 * SECOND);
    while world.clients[0].call.participants.values().any(|b| Participant::connection(b).is_some()) {
        world.run(10 * MS);
    }
    let opened = world.clients[0].opened.clone();
    world.send_signal(1, 0, 1, "of a process that has just begun to count");
    world.run(100 * MS);
    let now = &world.clients[0].opened;
    assert_eq!(now.len(), opened.len() + 1);
    assert!(now.last().map(|(_, id)| id.generation) > opened.last().map(|(_, id)| id.generation));
}

#[test]
fn a_hundred_offers_a_second_do_not_make_the_server_disconnect_us() {
    let mut world = World::room(&["a", "b", "c", "hostile", "also hostile"]);
    for _ in 0..20 * 20 {
        for hostile in [3, 4] {
            for _ in 0..2 {
                world.send_signal(hostile, 0, 1, "an offer");
            }
        }
        world.run(50 * MS);
    }
    assert_eq!(world.count(0, |event| matches!(event, Event::ServerLost)), 0);
    let late = world.join("late");
    world.run(SECOND);
    assert!(
        world.clients[0].call.participants().count() == 5 && world.connected(late) >= 3,
        "{}",
        world.connected(late)
    );
}

#[test]
fn signals_of_an_earlier_connection_are_ignored() {
    let mut world = World::room(&["a", "b"]);
    world.set_cut(0, 1, true);
    world.run(400 * SECOND);
    world.set_cut(0, 1, false);
    world.run(20 * SECOND);
    let opened = world.clients[0].opened.len();
    world.send_signal(1, 0, 1, "nonsense");
    world.run(SECOND);
    assert_eq!((world.connected(0), world.clients[0].opened.len()), (1, opened));
}

#[test]
fn one_who_sleeps_is_away_and_comes_back_and_after_five_minutes_it_has_left() {
    let mut world = World::room(&["a", "b", "c"]);
    world.set_online(0, false);
    world.run(10 * SECOND);
    world.write(1, 1, "are you there?");
    world.run(50 * SECOND);
    let away = |event: &Event| matches!(event, Event::ParticipantAway { .. });
    assert_eq!((world.count(1, away), world.count(2, away)), (1, 1));
    world.set_online(0, true);
    world.run(3 * SECOND);
    for client in 0..3 {
        assert_eq!((world.connected(client), world.count(client, left), world.count(client, joined)), (2, 0, 2));
    }
    world.run(SECOND);
    assert_eq!(world.chat(0), ["are you there?"]);
    world.set_online(0, false);
    world.run(340 * SECOND);
    for client in 1..3 {
        assert_eq!((world.connected(client), world.count(client, left)), (1, 1));
    }
}

#[test]
fn a_picture_goes_only_to_those_who_show_it_and_begins_again_with_a_key_frame() {
    let mut world = World::room(&["a", "b", "c"]);
    let shows = |world: &mut World, client: usize, max_height| {
        let participant = world.clients[client].call.participants().next().expect("a");
        world.tell(client, Command::ShowVideo { participant, max_height });
        world.run(SECOND);
        world.estimate(0);
    };
    world.estimate(0);
    let receivers = |world: &mut World, is_key| {
        (0..MAX_LAYERS)
            .map(|layer| world.clients[0].call.video_receivers(FrameKind { is_key, ..key(layer) }).count())
            .sum()
    };
    assert_eq!((receivers(&mut world, true), receivers(&mut world, false)), (2usize, 2usize));
    shows(&mut world, 1, 0);
    assert_eq!((receivers(&mut world, true), receivers(&mut world, false)), (1, 1));
    // It is said again over a new connection.
    world.set_online(1, false);
    world.run(30 * SECOND);
    world.set_online(1, true);
    world.run(10 * SECOND);
    world.estimate(0);
    assert_eq!((world.connected(1), receivers(&mut world, true)), (2, 1));
    let made = world.clients[0].key_frames_made;
    shows(&mut world, 1, 720);
    assert!(world.clients[0].key_frames_made > made);
    assert_eq!((receivers(&mut world, false), receivers(&mut world, true), receivers(&mut world, false)), (1, 2, 2));
}

#[test]
fn one_whose_queue_grows_is_left_out_of_upper_frames_and_needs_no_key_frame() {
    let mut world = World::room(&["a", "b", "c"]);
    let now = world.now;
    let call = &mut world.clients[0].call;
    let all: Vec<_> = call.participants().filter_map(|id| call.established(id)).collect();
    let slow = Estimate { send_queue: 80 * MS, ..good(all[1]) };
    call.handle_estimates(now, &[good(all[0]), slow]);
    let upper = FrameKind { is_key: false, is_discardable: true, ..key(0) };
    let base = FrameKind { is_discardable: false, ..upper };
    let receivers = [key(0), upper, base, upper].map(|kind| call.video_receivers(kind).collect::<Vec<_>>());
    assert_eq!(receivers, [all.clone(), vec![all[0]], all.clone(), vec![all[0]]]);
    call.handle_estimates(now, &[good(all[0]), good(all[1])]);
    assert_eq!(call.video_receivers(upper).count(), 2);
}

#[test]
fn whoever_changes_the_size_all_the_time_costs_the_others_few_key_frames() {
    let mut world = World::room(&["a", "b", "c"]);
    let made = world.clients[0].key_frames_made;
    let mut last_made = made;
    for number in 0..600 {
        let height = if number % 2 == 0 { 0 } else { 720 };
        let subscribe = format!(r#"{{"type":"subscribe","streams":[{{"id":2,"maxHeight":{height}}}]}}"#);
        world.send_text(1, 0, &subscribe);
        world.run(50 * MS);
        world.estimate(0);
        let is_key = std::mem::replace(&mut last_made, world.clients[0].key_frames_made) != last_made;
        world.clients[0].call.video_receivers(FrameKind { is_key, ..key(0) }).count();
    }
    let made = world.clients[0].key_frames_made - made;
    assert!(made < 60, "{made} in 30 seconds");
    world.send_text(1, 0, r#"{"type":"subscribe","streams":[]}"#);
    world.run(3 * SECOND);
    world.estimate(0);
    assert_eq!(world.clients[0].call.video_receivers(key(0)).count(), 2);
}

#[test]
fn after_a_loss_any_address_may_be_the_way_and_a_better_network_is_tried_by_itself() {
    for (is_lost, only_best_address) in [(false, true), (true, false)] {
        let mut world = World::room(&["a", "b"]);
        let (now, call) = (world.now, &mut world.clients[0].call);
        let connection = call.participants().next().and_then(|id| call.established(id)).expect("a connection");
        call.network_changed(now, is_lost, &[connection]);
        world.tell(0, Command::SetMuted(false));
        world.run(SECOND);
        let a = &world.clients[0];
        assert!(a.opened.last().is_some_and(|(at, _)| *at >= now));
        assert_eq!(a.only_best_address, only_best_address, "lost: {is_lost}");
    }
}

#[test]
fn one_who_leaves_is_gone_at_once_for_all() {
    let mut world = World::room(&["a", "b", "c"]);
    world.tell(0, Command::Leave);
    world.run(SECOND);
    for other in 1..3 {
        let gone = |event: &Event| matches!(event, Event::ParticipantLeft { lost: false, .. });
        assert_eq!((world.count(other, gone), world.connected(other)), (1, 1));
    }
    assert_eq!(world.clients[0].events.last().map(|(_, event)| event), Some(&Event::Ended(EndReason::Left)));
    assert_eq!(world.clients[0].call.poll_timeout(), None);
}

#[test]
fn a_copy_of_a_client_replaces_it_once_and_the_call_goes_on() {
    let mut world = World::room(&["a", "b"]);
    let copy = world.join_as_copy_of(0);
    world.run(SECOND);
    let replaced = |event: &Event| *event == Event::Replaced;
    assert_eq!((world.count(0, replaced), world.connected(0)), (1, 1), "what is connected stays so");
    world.write(0, 1, "still here");
    world.run(3600 * SECOND);
    assert_eq!(world.chat(1), ["still here"]);
    assert_eq!((world.count(0, replaced), world.count(copy, replaced)), (1, 0), "it stays out");
    assert_eq!(world.count(0, |event| matches!(event, Event::ServerLost | Event::ServerBack { .. })), 0);
    // One who joins later meets the copy only, and learns of it once.
    let late = world.join("late");
    world.run(60 * SECOND);
    assert_eq!((world.count(late, joined), world.count(0, joined)), (2, 1));
}

#[test]
fn a_server_cannot_fill_the_memory() {
    let mut world = World::room(&["a", "b"]);
    let call = &mut world.clients[0].call;
    for number in 0..1_000u128 {
        let peer = maru_protocol::signal::PeerInfo {
            id: maru_protocol::PeerId::from_bits(1 << 64 | number),
            name: "x".parse().unwrap(),
            instance: maru_protocol::InstanceId::from_bits(1 << 64 | number),
            ext: None,
        };
        let text = ServerMessage::PeerJoined { peer }.encode().unwrap();
        call.server_text(world.now, &text);
    }
    assert_eq!(call.participants().count(), crate::call::MAX_PARTICIPANTS);
}
