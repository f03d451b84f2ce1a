//! The start screen.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};

use super::*;
use crate::media::{DeviceChoice, DeviceKind, DeviceList, DeviceProblem, MediaEvent};
use crate::session::{CallCommand, CallConfig, EndReason, Event};
use crate::settings::RecentRoom;

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
    assert!(harness.query_by_label("Test pattern").is_none(), "it is no camera of theirs");
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
    // On which server it is, only the command line said.
    let recent_rooms = vec![RecentRoom { room: "family".into(), server: None }];
    let settings = Settings { room: "family".into(), recent_rooms, ..settings };
    assert_eq!(saved(&mut state), Some(settings.clone()));

    // Without launch options a name that is changed back is saved like any other.
    let options = LaunchOptions { room: None, name: None, server: ServerChoice::Lan, addresses: vec![] };
    let recent_rooms = vec![RecentRoom { room: "family".into(), server: Some("ws://old".into()) }];
    let settings = Settings { recent_rooms, ..settings.clone() };
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

fn types(harness: &mut Harness<'_, Bench>, field: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.run();
    harness.get_by_role_and_label(Role::TextInput, field).type_text(text);
    harness.run();
}

pub(super) fn no_devices(language: Language) -> Bench {
    let mut bench = Bench::new(language);
    for device in [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker] {
        bench.state.apply_media(MediaEvent::Failed { device, problem: DeviceProblem::NoDevice }, bench.now);
    }
    bench
}

#[test]
fn microphone_and_camera_are_switched_before_joining() {
    let mut bench = Bench::new(Language::English);
    let opened = |device| MediaEvent::Opened { device, name: "Webcam".into(), instead_of: None };
    for device in [DeviceKind::Camera, DeviceKind::Microphone] {
        bench.state.apply_media(opened(device), bench.now);
    }
    let mut harness = open(bench, WIDE);
    harness.get_by_role_and_label(Role::Meter, "Microphone level");
    harness.get_by_label("Turn the microphone off (M)").click();
    harness.run();
    harness.get_by_label("Turn the camera off (V)").click();
    harness.run();
    harness.get_by_label("Your own video, camera off");
    types(&mut harness, "Your name", "mv");
    types(&mut harness, "Room", "mv");
    harness.key_press(Key::Enter);
    harness.run();
    let config = started(harness.state()).expect("a call is started");
    assert!(config.muted && !config.camera_on, "what was typed switched nothing");
    // After the call both can be turned on again.
    harness.state_mut().command(Command::Leave);
    harness.run();
    harness.get_by_label("Turn the microphone on (M)").focus();
    harness.run();
    harness.key_press(Key::M);
    harness.key_press(Key::V);
    harness.run();
    let devices = &harness.state().state.devices;
    assert!(!devices.muted && devices.camera_on);
    let set = |wanted: fn(&Effect) -> bool| harness.state().effects.iter().any(wanted);
    assert!(set(|effect| matches!(effect, Effect::SetMuted(false))));
    assert!(set(|effect| matches!(effect, Effect::SetCameraOn(true))));
}

#[test]
fn without_any_device_nothing_looks_wrong() {
    let harness = open(no_devices(Language::English), WIDE);
    harness.get_by_label("No microphone. You can join without one.");
    harness.get_by_label("No speaker. You can join without one.");
    harness.get_by_label("No camera: the others do not see you (V)");
    assert!(harness.query_by_role_and_label(Role::ComboBox, "Camera").is_none(), "the menu stays closed");
    assert!(harness.query_by_label_contains("was found").is_none());
}

#[test]
fn the_devices_open_when_one_fails_and_can_be_closed() {
    let mut harness = open(Bench::new(Language::English), WIDE);
    assert!(harness.query_by_role_and_label(Role::ComboBox, "Camera").is_none());
    let problem = DeviceProblem::Busy { name: "Brio".into() };
    let bench = harness.state_mut();
    bench.state.apply_media(MediaEvent::Failed { device: DeviceKind::Camera, problem }, bench.now);
    harness.run();
    harness.get_by_role_and_label(Role::ComboBox, "Camera");
    harness.get_by_label("Camera, microphone and speaker").click();
    harness.run();
    assert!(harness.query_by_role_and_label(Role::ComboBox, "Camera").is_none());
}

#[test]
fn the_keyboard_goes_from_field_to_field_and_to_the_switches() {
    let mut bench = Bench::new(Language::English);
    bench.command(Command::TypeName(String::new()));
    let mut harness = open(bench, WIDE);
    for label in [
        "Your name",
        "Room",
        "Suggest a room name that nobody guesses",
        "Join",
        "Turn the microphone off (M)",
        "Turn the camera off (V)",
        "Camera, microphone and speaker",
        "Settings",
    ] {
        let focused = harness
            .root()
            .children_recursive()
            .find(|node| node.is_focused())
            .and_then(|node| node.accesskit_node().label());
        assert_eq!(focused.as_deref(), Some(label));
        harness.key_press(Key::Tab);
        harness.run();
    }
}

#[test]
fn a_room_name_is_suggested() {
    let mut harness = open(Bench::new(Language::English), WIDE);
    harness.get_by_label("Suggest a room name that nobody guesses").click();
    harness.run();
    let room = harness.state().state.form.room.clone();
    assert_eq!(room.split(' ').count(), 5, "{room}");
    assert!(started(harness.state()).is_none());
}

fn with_recent(rooms: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(Language::English);
    bench.state.settings.recent_rooms = rooms
        .iter()
        .map(|(room, server)| RecentRoom { room: (*room).into(), server: Some((*server).into()) })
        .collect();
    bench
}

#[test]
fn a_click_on_a_recent_room_joins_it_where_it_is() {
    let mut bench = with_recent(&[("family", "wss://example.org"), ("standup", "")]);
    bench.command(Command::TypeName("Mina".into()));
    bench.command(Command::TypeServer("ws://other".into()));
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Join the room “standup”").click();
    harness.run();
    let config = started(harness.state()).expect("a call is started");
    assert_eq!((config.room.as_str(), &config.server), ("standup", &ServerChoice::Lan));
    let recent = &harness.state().state.settings.recent_rooms;
    assert_eq!(recent.iter().map(|recent| &*recent.room).collect::<Vec<_>>(), ["standup", "family"], "newest first");
}

#[test]
fn a_recent_room_is_removed_by_a_key_or_its_menu() {
    let mut harness = open(with_recent(&[("family", ""), ("standup", "")]), WIDE);
    harness.get_by_label("Join the room “family”").focus();
    harness.run();
    harness.key_press(Key::Delete);
    harness.run();
    assert!(harness.query_by_label("Join the room “family”").is_none());
    harness.get_by_label("Join the room “standup”").click_secondary();
    harness.run();
    harness.get_by_label("Remove from the list").click();
    harness.run();
    assert!(harness.query_by_label("Join the room “standup”").is_none());
    let saved = |effect: &Effect| matches!(effect, Effect::Save(saved) if saved.recent_rooms.is_empty());
    assert!(harness.state().effects.iter().any(saved));
}

#[test]
fn the_room_of_the_command_line_is_not_kept() {
    let settings = Settings::default();
    let media = settings.media();
    let options = LaunchOptions {
        room: Some("demo".parse().expect("a room")),
        name: Some("Demo".parse().expect("a name")),
        server: ServerChoice::Lan,
        addresses: vec![],
    };
    let mut state = State::new(Texts::new(Language::English), settings, &media, options);
    state.handle(Command::Join, Timestamp::ZERO);
    assert!(state.settings.recent_rooms.is_empty());
}

#[test]
fn a_pasted_link_fills_room_and_server() {
    let mut harness = open(Bench::new(Language::English), WIDE);
    let paste = |harness: &mut Harness<'_, Bench>, text: &str| {
        harness.state_mut().command(Command::TypeRoom(String::new()));
        harness.get_by_role_and_label(Role::TextInput, "Room").focus();
        harness.run();
        harness.event(egui::Event::Paste(text.into()));
        harness.run();
    };
    paste(&mut harness, "https://call.example.org/r/family");
    let form = harness.state().state.form.clone();
    assert_eq!((&*form.room, &*form.server), ("family", "wss://call.example.org"));
    harness.get_by_label("On the server wss://call.example.org");
    paste(&mut harness, "https://example.org/watch");
    let problem = harness.get_by_label_contains("This link leads to no room.").rect();
    assert!(problem.bottom() <= harness.get_by_label_contains("On the server").rect().top(), "nothing covers it");
    let form = harness.state().state.form.clone();
    assert_eq!((&*form.room, &*form.server), ("https://example.org/watch", "wss://call.example.org"));
}

#[test]
fn settings_that_were_set_aside_are_told_until_one_joins() {
    let mut bench = Bench::new(Language::English);
    bench.state.settings.set_aside = Some("/home/mina/settings.json.broken".into());
    bench.command(Command::TypeName("Mina".into()));
    bench.command(Command::TypeRoom("standup".into()));
    let mut harness = open(bench, WIDE);
    harness.get_by_label_contains("/home/mina/settings.json.broken");
    harness.get_by_label("Join").click();
    harness.run();
    harness.get_by_label("Cancel").click();
    harness.run();
    assert!(harness.query_by_label_contains("settings.json.broken").is_none());
}
