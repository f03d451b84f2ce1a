//! The call's screen.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use super::*;
use crate::app::commands::Side;
use crate::invitation::Invitation;
use crate::media::{DeviceKind, DeviceProblem, MediaEvent};
use crate::session::{CallCommand, CallStats, EndReason, Event, ParticipantId, ParticipantStats};

fn call_commands(bench: &Bench) -> Vec<String> {
    bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            // Depends on the window, not on what is pressed.
            Effect::CallCommand(CallCommand::ShowVideo { .. }) => None,
            Effect::CallCommand(command) => Some(format!("{command:?}")),
            _ => None,
        })
        .collect()
}

#[test]
fn someone_alone_sees_how_others_join_and_can_copy_a_link() {
    let mut bench = Bench::in_call(Language::English);
    let link = "http://10.0.0.7:4460/r/standup";
    bench.event(CallEvent::Invitation(Invitation { link: link.into(), with_camera: false }));
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Nobody else is here yet.");
    harness.get_by_label(
        "Others join by typing the room name “standup”, or by opening an invitation link in a browser. The button above \
         copies the link.",
    );
    harness.get_by_label("Copy an invitation link").click();
    harness.run();
    assert!(harness.state().effects.iter().any(|effect| matches!(effect, Effect::CopyText(text) if text == link)));
    harness.get_by_label(
        "The link is copied. Anyone who opens it in a browser can watch, listen and chat. To use a camera and microphone \
         they need a server with https, or the app.",
    );
}

#[test]
fn the_microphone_button_and_its_key_mute() {
    let mut harness = open(Bench::in_call(Language::English), WIDE);
    harness.get_by_label("Turn the microphone off (M)").click();
    harness.run();
    assert_eq!(call_commands(harness.state()), ["SetMuted(true)"]);
    assert!(harness.state().effects.iter().any(|effect| matches!(effect, Effect::SetMuted(true))));
    harness.get_by_label("Turn the microphone on (M)");
    harness.key_press(Key::M);
    harness.run();
    assert_eq!(call_commands(harness.state()), ["SetMuted(true)", "SetMuted(false)"]);
}

#[test]
fn without_a_device_its_button_says_so() {
    let mut bench = Bench::in_call(Language::English);
    for device in [DeviceKind::Camera, DeviceKind::Microphone] {
        bench.state.apply_media(MediaEvent::Failed { device, problem: DeviceProblem::NoDevice }, bench.now);
    }
    let harness = open(bench, WIDE);
    harness.get_by_label("No camera: the others do not see you (V)");
    harness.get_by_label("No microphone: the others do not hear you (M)");
}

#[test]
fn every_key_does_what_its_tooltip_says() {
    let mut harness = open(Bench::in_call(Language::English), WIDE);
    harness.key_press(Key::V);
    harness.run();
    assert_eq!(call_commands(harness.state()), ["SetCameraOn(false)"]);
    for label in ["Lower your hand (R)", "Raise your hand (R)"] {
        harness.key_press(Key::R);
        harness.run();
        harness.get_by_label(label);
    }
    let told = ["SetCameraOn(false)", "SetHandRaised(true)", "SetHandRaised(false)"];
    assert_eq!(call_commands(harness.state()), told);
    harness.get_by_label("Your own video, camera off");
    harness.key_press(Key::D);
    harness.run();
    harness.get_by_role_and_label(Role::ComboBox, "Camera");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_role_and_label(Role::ComboBox, "Camera").is_none());
    harness.key_press(Key::S);
    harness.run();
    harness.get_by_label("Save for a bug report");
    harness.key_press(Key::F1);
    harness.run();
    harness.get_by_label("hold: microphone on (or off) for as long as the key is down");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("whoever speaks large, or all alike").is_none());
    harness.key_press(Key::F);
    harness.run();
    assert!(harness.state().effects.iter().any(|effect| matches!(effect, Effect::FullScreen(true))));
    harness.key_press_modifiers(Modifiers::CTRL, Key::L);
    harness.run();
    assert!(harness.state().state.call.is_none());
}

#[test]
fn key_repeat_is_ignored() {
    let mut harness = open(Bench::in_call(Language::English), WIDE);
    let down = |repeat| egui::Event::Key {
        key: Key::M,
        physical_key: None,
        pressed: true,
        repeat,
        modifiers: Modifiers::NONE,
    };
    harness.event(down(false));
    harness.run();
    harness.event(down(true));
    harness.run();
    harness.event(down(true));
    harness.run();
    assert_eq!(call_commands(harness.state()), ["SetMuted(true)"]);
}

#[test]
fn shortcuts_do_nothing_while_a_message_is_typed_and_sent() {
    let mut bench = Bench::in_call(Language::English);
    let mina = bench.connects(1, "Mina");
    bench.connects(2, "Jun");
    let mut harness = open(bench, WIDE);
    harness.key_press(Key::C);
    harness.run();
    assert!(harness.get_by_label("Message").is_focused(), "typing can start at once");
    for key in [Key::M, Key::V, Key::D, Key::S, Key::C] {
        harness.key_press(key);
    }
    harness.get_by_label("Message").type_text("안녕 mvdsc 🎈");
    harness.run();
    assert_eq!(call_commands(harness.state()), [""; 0]);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    harness.run();
    harness.get_by_label("Message").type_text("second line");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(call_commands(harness.state()), ["SendChat { id: 1, text: \"안녕 mvdsc 🎈\\nsecond line\" }"]);
    assert_eq!(harness.get_by_label("Message").value().as_deref().unwrap_or_default(), "");
    harness.get_by_label("not delivered yet (0 of 2)");
    harness.state_mut().event(CallEvent::Call(Event::ChatDelivered { participant: mina, id: 1 }));
    harness.run();
    harness.get_by_label("delivered to 1 of 2");
    assert!(harness.get_by_label("Message").is_focused(), "the next message can be typed");
}

#[test]
fn unread_messages_are_counted_until_the_chat_opens() {
    let mut bench = Bench::in_call(Language::English);
    let mina = bench.connects(1, "Mina");
    for text in ["one", "two\nlines"] {
        bench.event(CallEvent::Call(Event::Chat {
            participant: mina,
            text: text.into(),
            sent_unix_ms: 1_790_000_000_000,
        }));
    }
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Chat, 2 unread (C)").click();
    harness.run();
    harness.get_by_label("Chat (C)");
    harness.get_by_label_contains("two\nlines");
}

#[test]
fn screen_readers_speak_whose_video_it_is_and_what_is_off() {
    let mut bench = Bench::in_call(Language::English);
    let mina = bench.connects(1, "Mina");
    bench.joins(2, "Jun");
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Video of Mina");
    harness.state_mut().event(CallEvent::Call(Event::ParticipantState {
        participant: mina,
        muted: true,
        camera_on: false,
        hand_raised: true,
    }));
    harness.run();
    harness.get_by_label("Video of Mina, camera and microphone off, hand raised");
    harness.get_by_label("Mina raises a hand.");
    harness.get_by_label("Video of Jun");
    harness.state_mut().event(CallEvent::Call(Event::ParticipantLeft {
        participant: mina,
        name: nickname("Mina"),
        lost: false,
    }));
    harness.run();
    assert!(harness.query_by_label_contains("Video of Mina").is_none());
    harness.get_by_label("Mina left.");
}

#[test]
fn notices_disappear_after_their_time() {
    let mut bench = Bench::in_call(Language::English);
    let problem = DeviceProblem::Unplugged { name: "Brio".into() };
    bench.state.apply_media(MediaEvent::Failed { device: DeviceKind::Camera, problem }, bench.now);
    bench.event(CallEvent::Call(Event::ServerLost));
    let mut harness = open(bench, NARROW);
    harness.get_by_label_contains("The camera “Brio” was unplugged.");
    harness.get_by_label("The server does not respond. The call continues.");
    let later = harness.state().now + Duration::from_secs(10);
    harness.state_mut().now = later;
    harness.run();
    assert!(harness.query_by_label_contains("was unplugged").is_none());
    harness.get_by_label_contains("nobody new can join until it is back");
}

#[test]
fn one_whose_place_was_taken_is_told_what_to_do() {
    for (language, text) in
        [(Language::English, "To return, leave and join again"), (Language::Korean, "나갔다가 다시")]
    {
        let mut bench = Bench::in_call(language);
        bench.event(CallEvent::Call(Event::Replaced));
        let harness = open(bench, NARROW);
        harness.get_by_label_contains(text);
    }
}

#[test]
fn the_tile_of_one_who_is_away_says_since_when() {
    let mut bench = Bench::in_call(Language::English);
    let mina = bench.connects(1, "Mina");
    bench.event(CallEvent::Call(Event::ParticipantInterrupted { participant: mina }));
    bench.now = bench.now + Duration::from_secs(20);
    bench.event(CallEvent::Call(Event::ParticipantAway { participant: mina }));
    bench.now = bench.now + Duration::from_secs(45);
    let label = |bench: &Bench| bench.state.call.as_ref()?.absent_for(mina, bench.now);
    assert_eq!(label(&bench), Some(Duration::from_secs(65)));
    bench.event(CallEvent::Call(Event::ParticipantConnected { participant: mina }));
    assert_eq!(label(&bench), None);
}

#[test]
fn the_name_can_be_changed() {
    let mut harness = open(Bench::in_call(Language::English), WIDE);
    harness.key_press(Key::D);
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Your name").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Your name").type_text(" Kim");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(call_commands(harness.state()), ["Rename(Nickname(\"Yuna Kim\"))"]);
    harness.state_mut().command(Command::TypeName("  ".into()));
    harness.state_mut().command(Command::Rename);
    harness.run();
    harness.get_by_label("Type your name first.");
    assert_eq!(call_commands(harness.state()).len(), 1);
}

#[test]
fn statistics_are_shown_beside_the_pictures_and_can_be_saved() {
    let mut bench = Bench::in_call(Language::English);
    bench.connects(1, "Mina");
    let statistics = ParticipantStats {
        participant: ParticipantId(1),
        name: "Mina".into(),
        received_bitrate_bps: 2_400_000,
        fps: 29.97,
        width: 1280,
        height: 720,
        queue_ms: 12.3,
        limited_by: "none".into(),
        ..ParticipantStats::default()
    };
    bench.event(CallEvent::Stats(CallStats { participants: vec![statistics], ..CallStats::default() }));
    let mut harness = open(bench, WIDE);
    assert!(harness.query_by_label("1280×720 · 30 fps").is_none());
    harness.key_press(Key::S);
    harness.run();
    harness.get_by_label("1280×720 · 30 fps");
    harness.get_by_label("received 2400 · sent 0 kbit/s");
    harness.get_by_label("send queue 0 ms · network queue 12 ms");
    harness.get_by_label("Save for a bug report").click();
    harness.run();
    let saved = harness.state().effects.iter().find_map(|effect| match effect {
        Effect::SaveStatistics(report) => Some(report),
        _ => None,
    });
    assert!(saved.is_some_and(|report| report.contains("2400000") && !report.contains("Mina")), "{saved:?}");
}

#[test]
fn a_window_with_a_call_asks_before_it_closes() {
    let closes = |bench: &Bench| bench.effects.iter().any(|effect| matches!(effect, Effect::CloseWindow));
    let mut alone = Bench::in_call(Language::English);
    alone.command(Command::Close);
    assert!(closes(&alone), "nobody else is here");

    let mut bench = Bench::in_call(Language::English);
    bench.connects(1, "Mina");
    bench.command(Command::Close);
    let mut harness = open(bench, WIDE);
    assert!(!closes(harness.state()));
    harness.get_by_label("Leave the call?");
    harness.get_by_label("Stay").click();
    harness.run();
    assert!(harness.query_by_label("Leave the call?").is_none());
    harness.state_mut().command(Command::Close);
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("Leave the call?").is_none() && !closes(harness.state()));
    harness.state_mut().command(Command::Close);
    harness.run();
    harness.get_by_label("Leave and close").click();
    harness.run();
    assert!(closes(harness.state()));
    harness.state_mut().event(CallEvent::Call(Event::Ended(EndReason::Left)));
    harness.state_mut().command(Command::Join);
    harness.run();
    assert!(harness.query_by_label("Leave the call?").is_none(), "it was about the call before");
}

#[test]
fn the_own_tile_without_a_picture_shows_ones_own_initial() {
    let mut bench = Bench::new(Language::English);
    bench.command(Command::TypeName("하은".into()));
    bench.command(Command::TypeRoom("standup".into()));
    bench.command(Command::Join);
    let server = Server { url: "ws://10.0.0.7:4460".into(), is_own: false };
    bench.event(CallEvent::Call(Event::Joined { server, present: 0 }));
    let harness = open(bench, WIDE);
    let texts = harness.output().shapes.iter().filter_map(|clipped| match &clipped.shape {
        egui::Shape::Text(text) => Some(text.galley.text()),
        _ => None,
    });
    let painted: Vec<_> = texts.collect();
    assert!(painted.contains(&"하") && painted.contains(&"You") && !painted.contains(&"Y"), "{painted:?}");
}

#[test]
fn a_participant_is_told_how_large_its_picture_is_shown() {
    let told = |bench: &Bench| {
        let heights = bench.effects.iter().filter_map(|effect| match effect {
            Effect::CallCommand(CallCommand::ShowVideo { participant, max_height }) => {
                Some((participant.0, *max_height))
            }
            _ => None,
        });
        heights.collect::<Vec<_>>()
    };
    let mut bench = Bench::in_call(Language::English);
    for key in 1..=2 {
        bench.connects(key, "Mina");
    }
    let mut harness = open(bench, NARROW);
    assert_eq!(told(harness.state()), [(1, 270), (2, 270)]);
    harness.run();
    assert_eq!(told(harness.state()).len(), 2, "once");
    harness.state_mut().effects.clear();
    harness.state_mut().command(Command::ToggleSide(Side::Chat));
    harness.run();
    let hidden = told(harness.state());
    assert!(hidden.ends_with(&[(1, 0), (2, 0)]), "the chat covers them: {hidden:?}");
    harness.set_size(egui::vec2(2560.0, 1440.0));
    harness.run();
    let shown = told(harness.state());
    assert!(shown.ends_with(&[(1, 720), (2, 720)]), "{shown:?}");
}
