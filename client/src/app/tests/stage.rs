//! Which pictures are large, and where one's own is.

use egui::{Key, Rect};
use egui_kittest::kittest::Queryable;

use super::*;

fn call_with(others: u32) -> Bench {
    let mut bench = Bench::in_call(Language::English);
    for (key, name) in (1..=others).zip(["Mina", "Jun", "Bo", "Ida"]) {
        bench.connects(key, name);
    }
    bench
}

fn picture(harness: &Harness<'_, Bench>, of: &str) -> Rect {
    harness.get_by_label(of).rect()
}

#[test]
fn the_own_picture_covers_nobody_among_several() {
    let harness = open(call_with(3), WIDE);
    let own = picture(&harness, "Your own video");
    for name in ["Video of Mina", "Video of Jun", "Video of Bo"] {
        let other = picture(&harness, name);
        assert!(!own.intersects(other.shrink(0.5)), "{own:?} {other:?}");
        assert!((own.width() - other.width()).abs() < 1.0, "all alike");
    }
    let harness = open(call_with(1), WIDE);
    let (own, other) = (picture(&harness, "Your own video"), picture(&harness, "Video of Mina"));
    assert!(other.contains_rect(own) && own.width() < 0.25 * other.width(), "with one other it is small");
}

#[test]
fn a_key_hides_the_own_picture_and_brings_it_back() {
    let mut harness = open(call_with(1), WIDE);
    let next = |harness: &mut Harness<'_, Bench>| {
        harness.key_press(Key::H);
        harness.run();
        harness.query_by_label("Your own video").map(|own| own.rect().width())
    };
    let small = picture(&harness, "Your own video").width();
    assert!(next(&mut harness).is_some_and(|width| width > 2.0 * small), "beside the other");
    assert_eq!(next(&mut harness), None);
    assert_eq!(next(&mut harness), Some(small));
}

#[test]
fn the_small_own_picture_is_dragged_into_another_corner() {
    let mut harness = open(call_with(1), WIDE);
    let from = picture(&harness, "Your own video").center();
    harness.drag_at(from);
    harness.run();
    harness.hover_at(egui::pos2(300.0, 200.0));
    harness.run();
    assert!(picture(&harness, "Your own video").center().x < 600.0, "it follows the pointer");
    harness.drop_at(egui::pos2(300.0, 200.0));
    harness.run();
    let own = picture(&harness, "Your own video");
    let other = picture(&harness, "Video of Mina");
    assert!(own.left() - other.left() < 20.0 && own.top() - other.top() < 20.0, "{own:?}");
}

#[test]
fn enter_makes_a_picture_large_and_small_again() {
    let mut harness = open(call_with(3), WIDE);
    let before = picture(&harness, "Video of Jun");
    harness.get_by_label("Video of Jun").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    let large = picture(&harness, "Video of Jun");
    assert!(large.area() > 1.8 * before.area(), "{before:?} {large:?}");
    for name in ["Video of Mina", "Video of Bo", "Your own video"] {
        assert!(!picture(&harness, name).intersects(large.shrink(0.5)), "{name} is beside it");
    }
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(picture(&harness, "Video of Jun"), before);
}

#[test]
fn the_speaker_view_shows_one_large_and_whoever_leaves_makes_room() {
    let mut harness = open(call_with(2), WIDE);
    harness.get_by_label("Show whoever speaks large (G)").click();
    harness.run();
    let (mina, jun) = (picture(&harness, "Video of Mina"), picture(&harness, "Video of Jun"));
    assert!(mina.area() > 3.0 * jun.area(), "nobody speaks yet: the first one");
    harness.state_mut().event(CallEvent::Call(Event::ParticipantLeft {
        participant: ParticipantId(1),
        name: nickname("Mina"),
        lost: false,
    }));
    harness.run();
    assert!(picture(&harness, "Video of Jun").width() > 600.0);
    harness.get_by_label("Show all alike (G)").click();
    harness.run();
}
