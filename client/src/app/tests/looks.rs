//! Every screen in every language and size: nothing is outside of the window, and no glyph is missing.

use egui::accesskit::Role;
use egui::{FontId, Rect};
use egui_kittest::kittest::{NodeT, Queryable};
use maru_core::media::SharedMedia;

use super::*;
use crate::app::commands::Side;
use crate::media::{DeviceKind, DeviceProblem, MediaEvent};
use crate::session::{CallStats, EndReason, Event, ParticipantStats};

const SCREENS: [(&str, fn(Language) -> Bench); 10] = [
    ("start", start),
    ("returning", returning),
    ("without devices", start::no_devices),
    ("problems", problems),
    ("joining", joining),
    ("alone", Bench::in_call),
    ("call", |language| full_call(language, 3)),
    ("full", |language| full_call(language, 7)),
    ("chat", chat),
    ("devices", devices),
];

fn start(language: Language) -> Bench {
    let mut bench = Bench::new(language);
    bench.command(Command::TypeName("미나 Kim".into()));
    bench.command(Command::TypeRoom("standup".into()));
    bench.state.apply_media(
        MediaEvent::Opened {
            device: DeviceKind::Microphone,
            name: "Built-in Audio Analog Stereo, a long name".into(),
            instead_of: None,
        },
        bench.now,
    );
    bench
}

/// Someone who has been here before, with long names.
pub(super) fn returning(language: Language) -> Bench {
    let mut bench = start(language);
    bench.command(Command::TypeServer("wss://calls.a-long-name.example.org:8443/signal".into()));
    for room in ["family", "가족 모임", "구름 나비 기차 호두 042", "standup", &"w".repeat(64), "🎈"] {
        bench.command(Command::TypeRoom(room.into()));
        bench.command(Command::Join);
        bench.command(Command::Leave);
    }
    bench
}

fn problems(language: Language) -> Bench {
    let mut bench = Bench::new(language);
    bench.command(Command::TypeName("n".repeat(33)));
    bench.command(Command::TypeServer("example.org".into()));
    bench.command(Command::Join);
    bench.state.ended = Some(EndReason::Internal { reason: "the call's task stopped".into() });
    for (device, problem) in [
        (DeviceKind::Camera, DeviceProblem::Busy { name: "HD Pro Webcam C920".into() }),
        (DeviceKind::Microphone, DeviceProblem::NoDevice),
        (DeviceKind::Speaker, DeviceProblem::Unplugged { name: "USB Headset".into() }),
    ] {
        bench.state.apply_media(MediaEvent::Failed { device, problem }, bench.now);
    }
    bench
}

fn joining(language: Language) -> Bench {
    let mut bench = start(language);
    bench.command(Command::Join);
    bench
}

fn full_call(language: Language, peers: u32) -> Bench {
    let mut bench = Bench::in_call(language);
    for (key, name) in (1..=peers).zip(["Mina", "준호", "Aleksandra Wójcik-Kowalska", "Jun", "하은", "Bo", "Ida"])
    {
        let peer = bench.connects(key, name);
        bench.event(CallEvent::Call(Event::ParticipantState {
            participant: peer,
            muted: key % 2 == 0,
            camera_on: key % 3 != 0,
        }));
    }
    bench.event(CallEvent::Call(Event::ParticipantInterrupted { participant: ParticipantId(2) }));
    let shared = SharedMedia { audio: true, video: false };
    bench.event(CallEvent::Call(Event::MediaAgreed { participant: ParticipantId(1), shared }));
    bench.event(CallEvent::Call(Event::ServerLost));
    bench.command(Command::ToggleStats);
    let statistics = |key| ParticipantStats {
        participant: ParticipantId(key),
        fps: 30.0,
        width: 1280,
        height: 720,
        ..ParticipantStats::default()
    };
    bench.event(CallEvent::Stats(CallStats {
        participants: (1..=peers).map(statistics).collect(),
        ..CallStats::default()
    }));
    bench
}

fn chat(language: Language) -> Bench {
    let mut bench = full_call(language, 2);
    bench.command(Command::ToggleSide(Side::Chat));
    let sent_unix_ms = 1_790_000_000_000;
    for text in ["안녕하세요! 🎈😀", "One\ntwo\nthree", &"a".repeat(300), &"several words ".repeat(20)] {
        bench.event(CallEvent::Call(Event::Chat { participant: ParticipantId(1), text: text.into(), sent_unix_ms }));
        bench.command(Command::TypeChat(text.into()));
        bench.command(Command::SendChat);
    }
    bench.event(CallEvent::Call(Event::ChatDelivered { participant: ParticipantId(1), id: 1 }));
    bench.event(CallEvent::Call(Event::ChatDelivered { participant: ParticipantId(2), id: 1 }));
    bench.event(CallEvent::Call(Event::ChatDelivered { participant: ParticipantId(1), id: 4 }));
    bench.command(Command::TypeChat("a draft".into()));
    bench
}

fn devices(language: Language) -> Bench {
    let mut bench = full_call(language, 1);
    bench.command(Command::ToggleSide(Side::Devices));
    bench
}

/// Buttons and fields have to be inside the window, or in something that scrolls.
fn assert_nothing_is_outside(harness: &Harness<'_, Bench>, size: Vec2, what: &str) {
    let window = Rect::from_min_size(egui::Pos2::ZERO, size).expand(0.5);
    for node in harness.root().children_recursive() {
        let accessible = node.accesskit_node();
        let is_control = matches!(
            accessible.role(),
            Role::Button | Role::TextInput | Role::MultilineTextInput | Role::ComboBox | Role::Image | Role::Label
        );
        if is_control {
            let rect = node.rect();
            let horizontally = rect.left() >= window.left() && rect.right() <= window.right();
            assert!(horizontally, "{what} at {size}: {:?} {:?} {rect:?}", accessible.role(), accessible.label());
        }
    }
}

#[test]
fn nothing_is_outside_of_the_window_at_any_size_in_any_language() {
    for (name, screen) in SCREENS {
        for language in Language::ALL {
            let mut harness = open(screen(language), WIDE);
            for size in [WIDE, NARROW, SMALLEST] {
                harness.set_size(size);
                harness.run();
                assert_nothing_is_outside(&harness, size, name);
            }
        }
    }
}

#[test]
fn the_smallest_window_shows_all_buttons_of_a_call() {
    let harness = open(full_call(Language::Korean, 7), SMALLEST);
    let window = Rect::from_min_size(egui::Pos2::ZERO, SMALLEST);
    let buttons: Vec<Rect> = harness.get_all_by_role(Role::Button).map(|button| button.rect()).collect();
    assert_eq!(buttons.len(), 7, "six in the bar and one to copy the room's name");
    assert!(buttons.iter().all(|button| window.contains_rect(*button)), "{buttons:?}");
}

#[test]
fn the_fonts_have_every_character_of_the_texts() {
    let harness = open(Bench::new(Language::English), SMALLEST);
    let ctx = &harness.ctx;
    for (language, source) in
        [("en", include_str!("../../../../assets/i18n/en.ftl")), ("ko", include_str!("../../../../assets/i18n/ko.ftl"))]
    {
        let shown: String = source.lines().filter(|line| !line.starts_with('#')).collect();
        for font in [FontId::proportional(15.0), FontId::monospace(13.0)] {
            for character in shown.chars() {
                let known = ctx.fonts_mut(|fonts| fonts.has_glyph(&font, character));
                assert!(known, "{language}: no glyph for {character:?} in {font:?}");
            }
        }
    }
    let known = ctx.fonts_mut(|fonts| fonts.has_glyphs(&FontId::proportional(15.0), "힣뷁🎈😀👍–…“”"));
    assert!(known, "Korean and emoji as people write them");
}
