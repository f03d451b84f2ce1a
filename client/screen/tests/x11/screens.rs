//! Screens, and parts of them.

use std::time::{Duration, Instant};

use maru_screen::{Area, Capture, Options, ScreenError, Source, Target};

use crate::display::Display;
use crate::painter::{BLUE, GREEN, Painter, RED, WHITE};
use crate::shot::Shot;

#[test]
fn a_screen_is_listed_and_captured() {
    let display = Display::start();
    let painter = Painter::on(&display);
    painter.window((10, 20, 100, 50), RED);
    let screen = display.screen();
    assert_eq!((screen.width, screen.height), (640, 480));
    assert!(matches!(screen.source, Source::Screen { x: 0, y: 0, .. }), "{screen:?}");
    let shot = Shot::of(&display.desktop(), &screen.target());
    assert_eq!(shot.size(), (640, 480));
    shot.assert_is(0, 0, 0);
    shot.assert_is(10, 20, RED);
    shot.assert_is(109, 69, RED);
    shot.assert_is(110, 70, 0);
    let thumbnail = display.desktop().thumbnail(&screen, 64).expect("a picture").expect("it is to be seen");
    assert_eq!((thumbnail.width, thumbnail.height), (64, 48));
    // Pixels 50 to 59 and 40 to 49 of the screen.
    assert_eq!(thumbnail.rgba[(4 * 64 + 5) * 4..][..4], [255, 0, 0, 255]);
}

#[test]
fn only_a_change_makes_a_picture() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.window((10, 20, 100, 50), RED);
    let mut shot = Shot::of(&display.desktop(), &display.screen().target());
    shot.rests();
    painter.fill(window, (0, 0, 10, 10), GREEN);
    shot.next();
    shot.assert_is(10, 20, GREEN);
    shot.assert_is(19, 29, GREEN);
    shot.assert_is(20, 30, RED);
    shot.assert_is(0, 0, 0);
    shot.rests();
    // Far apart: only these rows are read.
    painter.fill(painter.root, (0, 0, 640, 2), BLUE);
    painter.fill(painter.root, (0, 470, 640, 2), WHITE);
    shot.until("both", |shot| shot.is(300, 0, BLUE) && shot.is(300, 470, WHITE));
    shot.assert_is(10, 20, GREEN);
}

#[test]
fn pictures_come_no_faster_than_wanted() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let options = Options { pointer: false, max_fps: 20 };
    let target = display.screen().target();
    let start = Instant::now();
    let mut shot = Shot::with(&display.desktop(), &target, options);
    for y in 0..4 {
        painter.fill(painter.root, (0, 2 * y, 640, 2), RED);
        shot.next();
        shot.assert_is(0, 2 * y as usize, RED);
    }
    assert!(start.elapsed() >= Duration::from_millis(4 * 50));
}

#[test]
fn a_part_of_a_screen_is_captured_alone() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.window((100, 100, 100, 100), RED);
    let Source::Screen { id, .. } = display.screen().source else { panic!("a screen") };
    let part = |x, y, width, height| Target::Part { screen: id.clone(), area: Area { x, y, width, height } };
    let mut shot = Shot::of(&display.desktop(), &part(90, 90, 51, 33));
    assert_eq!(shot.size(), (50, 32), "even");
    shot.assert_is(0, 0, 0);
    shot.assert_is(10, 10, RED);
    shot.rests();
    painter.fill(window, (60, 60, 10, 10), GREEN);
    painter.fill(painter.root, (400, 100, 10, 10), GREEN);
    shot.stays();
    painter.fill(window, (0, 0, 10, 10), BLUE);
    shot.next();
    shot.assert_is(10, 10, BLUE);
    // What hangs over the edge is cut; outside there is nothing.
    assert_eq!(Shot::of(&display.desktop(), &part(600, 400, u32::MAX, u32::MAX)).size(), (40, 80));
    for outside in [part(640, 0, 10, 10), part(0, 0, 0, 0), part(u32::MAX, u32::MAX, u32::MAX, u32::MAX)] {
        let refused = Capture::open(&display.desktop(), &outside, Options::default());
        assert_eq!(refused.err(), Some(ScreenError::Gone), "{outside:?}");
    }
}

#[test]
fn screens_are_told_apart_and_one_that_is_unplugged_is_gone() {
    let display = Display::start();
    let painter = Painter::on(&display);
    painter.window((300, 0, 340, 480), BLUE);
    painter.plug("LEFT", (0, 0, 300, 480), false);
    painter.plug("RIGHT", (300, 0, 340, 480), true);
    let screens = display.desktop().list(None).expect("a list");
    let named = |name: &str| screens.iter().find(|screen| screen.title == name).expect("listed").clone();
    let right = named("RIGHT");
    assert_eq!((right.width, right.height), (340, 480));
    assert!(matches!(right.source, Source::Screen { x: 300, y: 0, is_primary: true, .. }), "{right:?}");
    assert!(matches!(named("LEFT").source, Source::Screen { is_primary: false, .. }));
    let mut shot = Shot::of(&display.desktop(), &right.target());
    assert_eq!(shot.size(), (340, 480));
    shot.assert_is(0, 0, BLUE);
    let left = Shot::of(&display.desktop(), &named("LEFT").target());
    left.assert_is(299, 100, 0);
    painter.unplug("RIGHT");
    assert_eq!(shot.end(), ScreenError::Gone);
    let again = Capture::open(&display.desktop(), &right.target(), Options::default());
    assert_eq!(again.err(), Some(ScreenError::Gone));
}
