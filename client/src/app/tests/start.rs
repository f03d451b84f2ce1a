//! The start screen.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::media::{DeviceChoice, DeviceKind, DeviceList, DeviceProblem, MediaEvent};
use crate::session::{CallCommand, CallConfig, EndReason, Event};

fn started(bench: &Bench) -> Option<&CallConfig> {
    bench.effects.iter().find_map(|effect| match effect {
        Effect::StartCall(config) => Some(config),
        _ => None,
    })
}

#[test]
fn enter_joins_with_what_was_typed() {
    let mut harness = open(Bench::new(Language::English), WIDE);
    assert!(harness.get_by_role_and_label(Role::TextInput, "Your name").is_focused(), "typing can start at once");
    harness.get_by_role_and_label(Role::TextInput, "Your name").type_text("미나");
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Room").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Room").type_text("standup");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    let bench = harness.state();
    let config = started(bench).expect("a call is started");
    assert_eq!((config.name.as_str(), config.room.as_str()), ("미나", "standup"));
    assert_eq!((&config.server, config.muted, config.camera_on), (&ServerChoice::Lan, false, true));
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Save(saved) if saved.room == "standup")));
    harness.get_by_label("Looking for a server on the local network…");
}

#[test]
fn an_incomplete_form_shows_each_problem_and_keeps_the_text() {
    let mut harness = open(Bench::new(Language::English), WIDE);
    harness.get_by_role_and_label(Role::TextInput, "Your name").type_text(&"n".repeat(33));
    harness.run();
    harness.get_by_label("Join").click();
    harness.run();
    harness.get_by_label("The name is 33 characters long. The limit is 32.");
    harness.get_by_label("Type a room name first. Everyone who types the same name joins the same call.");
    assert!(started(harness.state()).is_none());
    assert_eq!(harness.state().state.form.name, "n".repeat(33));
}

#[test]
fn a_wrong_server_address_opens_the_settings() {
    let mut bench = Bench::new(Language::English);
    bench.command(Command::TypeName("a".into()));
    bench.command(Command::TypeRoom("b".into()));
    bench.command(Command::TypeServer("example.org".into()));
    bench.command(Command::Join);
    assert!(started(&bench).is_none());
    let mut harness = open(bench, WIDE);
    harness.get_by_label(
        "A server address starts with ws:// or wss://. Leave the field empty to search the local network.",
    );
    harness.get_by_role_and_label(Role::TextInput, "Server").focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, "Server").type_text("x");
    harness.run();
    assert!(harness.query_by_label_contains("A server address starts with").is_none(), "it goes as soon as one types");
}

#[test]
fn joining_can_be_cancelled() {
    let mut bench = Bench::new(Language::English);
    bench.command(Command::TypeName("a".into()));
    bench.command(Command::TypeRoom("b".into()));
    bench.command(Command::Join);
    bench.event(CallEvent::Call(Event::Connecting { url: "wss://example.org".into() }));
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Connecting to wss://example.org…");
    harness.get_by_label("Cancel").click();
    harness.run();
    assert!(harness.state().effects.iter().any(|effect| matches!(effect, Effect::LeaveCall)));
    harness.get_by_label("Join");
    assert_eq!(harness.state().state.form.room, "b");
}

#[test]
fn the_start_screen_says_why_the_call_ended_and_keeps_the_text() {
    for (reason, sentence) in [
        (EndReason::RoomFull { capacity: Some(8) }, "The room is full: it holds 8 people."),
        (
            EndReason::NoServer { url: "ws://x".into(), reason: "refused".into() },
            "No server responds at ws://x (refused).",
        ),
        (EndReason::Internal { reason: "bug".into() }, "The call ended because of an error in Maru: bug."),
    ] {
        let mut bench = Bench::in_call(Language::English);
        bench.event(CallEvent::Call(Event::Ended(reason)));
        let harness = open(bench, NARROW);
        harness.get_by_label_contains(sentence);
        assert_eq!(harness.get_by_role_and_label(Role::TextInput, "Room").value().as_deref(), Some("standup"));
    }
}

#[test]
fn a_camera_problem_is_shown_until_another_camera_is_chosen() {
    let mut bench = Bench::new(Language::English);
    bench.state.apply_device_list(DeviceList { cameras: vec!["Brio 4K".into()], ..DeviceList::default() });
    let problem = DeviceProblem::Busy { name: "Brio 4K".into() };
    bench.state.apply_media(MediaEvent::Failed { device: DeviceKind::Camera, problem }, bench.now);
    let mut harness = open(bench, WIDE);
    harness.get_by_label_contains("The camera “Brio 4K” is in use by another program.");
    harness.get_by_role_and_label(Role::ComboBox, "Camera").click();
    harness.run();
    assert!(harness.state().effects.iter().any(|effect| matches!(effect, Effect::ListDevices)), "the list is fresh");
    harness.get_by_label("Test pattern");
    harness.get_by_label("Brio 4K").click();
    harness.run();
    let chosen = DeviceChoice::Named("Brio 4K".into());
    assert_eq!(harness.state().state.devices.camera, chosen);
    let set = |effect: &Effect| matches!(effect, Effect::SetCamera(camera) if *camera == chosen);
    assert!(harness.state().effects.iter().any(set));
    assert!(harness.query_by_label_contains("is in use by another program").is_none());
}

#[test]
fn the_language_can_be_changed() {
    let mut harness = open(Bench::new(Language::English), WIDE);
    harness.get_by_label("Settings").click();
    harness.run();
    harness.get_by_role_and_label(Role::ComboBox, "Language").click();
    harness.run();
    harness.get_by_label("한국어").click();
    harness.run();
    harness.get_by_label("들어가기");
    assert!(
        harness
            .state()
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Save(saved) if saved.language == Some(Language::Korean)))
    );
}

#[test]
fn launch_options_override_the_settings() {
    let settings =
        Settings { name: "old".into(), room: "old".into(), server: "ws://old".into(), ..Settings::default() };
    let media = settings.media();
    let options = LaunchOptions {
        room: Some("new".parse().expect("a room")),
        name: None,
        server: ServerChoice::Url("ws://new".into()),
        addresses: vec![],
    };
    let state = State::new(Texts::new(Language::English), settings, &media, options);
    assert_eq!((&*state.form.name, &*state.form.room, &*state.form.server), ("old", "new", "ws://new"));
}

#[test]
fn what_the_command_line_gave_is_not_saved_and_what_was_typed_is() {
    let settings = Settings { name: "old".into(), server: "ws://old".into(), ..Settings::default() };
    let options = LaunchOptions {
        room: Some("demo".parse().expect("a room")),
        name: Some("Demo".parse().expect("a name")),
        server: ServerChoice::Url("ws://new".into()),
        addresses: vec![],
    };
    let media = settings.media();
    let mut state = State::new(Texts::new(Language::English), settings.clone(), &media, options);
    let saved = |state: &mut State| {
        let effects = state.handle(Command::Join, Timestamp::ZERO);
        state.handle(Command::Leave, Timestamp::ZERO);
        effects.into_iter().find_map(|effect| if let Effect::Save(saved) = effect { Some(saved) } else { None })
    };
    assert_eq!(saved(&mut state), Some(settings.clone()));
    state.handle(Command::TypeRoom("family".into()), Timestamp::ZERO);
    assert_eq!(saved(&mut state), Some(Settings { room: "family".into(), ..settings.clone() }));

    // Without launch options a name that is changed back is saved like any other.
    let options = LaunchOptions { room: None, name: None, server: ServerChoice::Lan, addresses: vec![] };
    let settings = Settings { room: "family".into(), ..settings };
    let mut state = State::new(Texts::new(Language::English), settings.clone(), &media, options);
    for name in ["new", "old"] {
        state.handle(Command::TypeName(name.into()), Timestamp::ZERO);
        assert_eq!(saved(&mut state), Some(Settings { name: name.into(), ..settings.clone() }));
    }
}

#[test]
fn leaving_twice_leaves_once() {
    let mut bench = Bench::in_call(Language::English);
    bench.command(Command::Leave);
    bench.command(Command::Leave);
    assert_eq!(bench.effects.iter().filter(|effect| matches!(effect, Effect::LeaveCall)).count(), 1);
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::CallCommand(CallCommand::Leave))));
}
