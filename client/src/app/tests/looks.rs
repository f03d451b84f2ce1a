//! Every screen in every language and size: nothing is outside of the window, and no glyph is missing.

use egui::accesskit::Role;
use egui::{FontId, Rect};
use egui_kittest::kittest::{NodeT, Queryable};
use maru_core::media::SharedMedia;

use super::*;
use crate::app::commands::Side;
use crate::media::{DeviceKind, DeviceProblem, MediaEvent};
use crate::session::{CallStats, EndReason, Event, ParticipantStats};

const SCREENS: [(&str, fn(Language) -> Bench); 14] = [
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
    ("speaker", speaker),
    ("statistics", statistics),
    ("help", help),
    ("closing", closing),
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
            hand_raised: key == 1,
        }));
    }
    bench.event(CallEvent::Call(Event::ParticipantInterrupted { participant: ParticipantId(2) }));
    let shared = SharedMedia { audio: true, video: false };
    bench.event(CallEvent::Call(Event::MediaAgreed { participant: ParticipantId(1), shared }));
    bench.event(CallEvent::Call(Event::ServerLost));
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

fn speaker(language: Language) -> Bench {
    let mut bench = full_call(language, 4);
    bench.command(Command::ToggleView);
    bench
}

fn statistics(language: Language) -> Bench {
    let mut bench = full_call(language, 2);
    for second in 0..90_u32 {
        let of = |key: u32| ParticipantStats {
            participant: ParticipantId(key),
            received_bitrate_bps: u64::from(2_000_000 + 10_000 * second * key),
            sent_bitrate_bps: 2_500_000,
            path_bitrate_bps: 4_000_000,
            round_trip_ms: Some(40.0 + (second % 7) as f32),
            video_delay_ms: Some(60.0),
            audio_delay_ms: Some(45.0),
            limited_by: "network".into(),
            ..ParticipantStats::default()
        };
        bench.event(CallEvent::Stats(CallStats { participants: vec![of(1), of(2)], ..CallStats::default() }));
    }
    bench.command(Command::ToggleSide(Side::Statistics));
    bench
}

fn help(language: Language) -> Bench {
    let mut bench = full_call(language, 2);
    bench.command(Command::ToggleHelp);
    bench
}

fn closing(language: Language) -> Bench {
    let mut bench = full_call(language, 2);
    bench.command(Command::Close);
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
    assert_eq!(buttons.len(), 11, "nine in the bar, one to copy the invitation and one for the keys");
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

/// Writes a picture of each screen into the folder `MARU_LOOKS`, to be looked at.
#[test]
#[ignore = "for people: MARU_LOOKS=FOLDER"]
fn pictures_of_all_screens() {
    let folder = std::path::PathBuf::from(std::env::var("MARU_LOOKS").expect("MARU_LOOKS names a folder"));
    for (name, screen) in SCREENS {
        for (language, code) in [(Language::English, "en"), (Language::Korean, "ko")] {
            for (theme, shade) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
                for size in [WIDE, Vec2::new(640.0, 480.0), Vec2::new(2560.0, 1440.0)] {
                    let mut harness = open_themed(screen(language), size, theme);
                    let picture = harness.render().expect("a software renderer");
                    let file = format!("{name}-{code}-{shade}-{}x{}.png", size.x, size.y);
                    picture.save(folder.join(file)).expect("a file");
                }
            }
        }
    }
}
