//! Windows.

use maru_screen::{Capture, Options, ScreenError, Source};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _};

use crate::display::Display;
use crate::painter::{BLUE, GREEN, Painter, RED, WHITE};
use crate::shot::Shot;

#[test]
fn windows_are_listed_with_their_titles() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let slides = painter.window((0, 0, 200, 100), RED);
    painter.set_title(slides, "발표 자료 — 최종");
    painter.set_property(slides, "_NET_WM_PID", AtomEnum::CARDINAL, &[4321]);
    let ours = painter.window((0, 0, 50, 50), RED);
    painter.set_title(ours, "Maru");
    painter.set_property(ours, "_NET_WM_PID", AtomEnum::CARDINAL, &[1234]);
    let minimised = painter.window((0, 0, 50, 50), RED);
    painter.set_title(minimised, "minimised");
    painter.set_property(minimised, "_NET_WM_STATE", AtomEnum::ATOM, &[painter.atom("_NET_WM_STATE_HIDDEN")]);
    let elsewhere = painter.window((0, 0, 50, 50), RED);
    painter.set_title(elsewhere, "on another workspace");
    painter.unmap(elsewhere);
    let dock = painter.window((0, 0, 50, 50), RED);
    painter.set_title(dock, "dock");
    painter.set_property(dock, "_NET_WM_WINDOW_TYPE", AtomEnum::ATOM, &[painter.atom("_NET_WM_WINDOW_TYPE_DOCK")]);
    let nameless = painter.window((0, 0, 50, 50), RED);
    let closed = painter.window((0, 0, 50, 50), RED);
    painter.close(closed);
    painter.list(&[slides, ours, minimised, elsewhere, dock, nameless, closed]);

    let found = display.desktop().list(Some(1234)).expect("a list");
    let windows: Vec<_> = found.iter().filter(|found| matches!(found.source, Source::Window { .. })).collect();
    let [window] = windows[..] else { panic!("{windows:?}") };
    assert_eq!((window.title.as_str(), window.width, window.height), ("발표 자료 — 최종", 200, 100));
    assert!(matches!(window.source, Source::Window { pid: Some(4321), .. }), "{window:?}");
    let thumbnail = display.desktop().thumbnail(window, 20).expect("a picture").expect("it is to be seen");
    assert_eq!((thumbnail.width, thumbnail.height, &thumbnail.rgba[..4]), (20, 10, &[255, 0, 0, 255][..]));
    let all = display.desktop().list(None).expect("a list");
    assert!(all.iter().any(|found| found.title == "Maru"), "{all:?}");
}

#[test]
fn a_covered_window_is_captured_as_it_is() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.listed_window((50, 50, 100, 100), RED);
    let cover = painter.window((0, 0, 300, 300), BLUE);
    let mut shot = Shot::of(&display.desktop(), &display.only_window().target());
    assert_eq!(shot.size(), (100, 100));
    shot.until("no cover", |shot| shot.is(0, 0, RED) && shot.is(99, 99, RED));
    shot.rests();
    painter.fill(cover, (0, 0, 300, 300), WHITE);
    shot.stays();
    painter.fill(window, (10, 10, 20, 20), GREEN);
    shot.next();
    shot.assert_is(10, 10, GREEN);
    shot.assert_is(30, 30, RED);
    // Who looks at the screen sees what was there before.
    let screen = Shot::of(&display.desktop(), &display.screen().target());
    screen.assert_is(60, 60, WHITE);
}

#[test]
fn a_window_that_hangs_over_the_edge_is_captured_whole() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.listed_window((-50, 430, 100, 100), RED);
    let mut shot = Shot::of(&display.desktop(), &display.only_window().target());
    assert_eq!(shot.size(), (100, 100));
    painter.fill(window, (0, 90, 10, 10), GREEN);
    shot.until("what is outside", |shot| shot.is(0, 90, GREEN));
}

#[test]
fn a_resized_window_gives_pictures_of_its_new_size() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.listed_window((50, 50, 100, 100), RED);
    let mut shot = Shot::of(&display.desktop(), &display.only_window().target());
    for (width, height) in [(200, 150), (33, 21), (300, 300), (2, 2)] {
        painter.resize(window, width, height);
        shot.until("the new size", |shot| shot.size() == (width & !1, height & !1));
        painter.fill(window, (0, 0, 500, 500), GREEN);
        shot.until("what is drawn then", |shot| shot.is((width & !1) as usize - 1, (height & !1) as usize - 1, GREEN));
    }
    // Too small for a picture, and back.
    painter.resize(window, 1, 1);
    shot.rests();
    assert!(shot.capture.is_paused());
    painter.resize(window, 64, 64);
    shot.until("its size again", |shot| shot.size() == (64, 64));
}

#[test]
fn a_closed_window_is_gone() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.listed_window((50, 50, 100, 100), RED);
    let shareable = display.only_window();
    let mut shot = Shot::of(&display.desktop(), &shareable.target());
    painter.close(window);
    assert_eq!(shot.end(), ScreenError::Gone);
    let again = Capture::open(&display.desktop(), &shareable.target(), Options::default());
    assert_eq!(again.err(), Some(ScreenError::Gone));
    assert_eq!(display.desktop().thumbnail(&shareable, 100), Err(ScreenError::Gone));
}

#[test]
fn a_minimised_window_pauses() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.listed_window((50, 50, 100, 100), RED);
    let shareable = display.only_window();
    let mut shot = Shot::of(&display.desktop(), &shareable.target());
    assert!(!shot.capture.is_paused());
    painter.unmap(window);
    shot.rests();
    assert!(shot.capture.is_paused());
    assert_eq!(display.desktop().thumbnail(&shareable, 100), Ok(None));
    painter.map(window);
    shot.next();
    assert!(!shot.capture.is_paused());
    painter.fill(window, (10, 10, 20, 20), GREEN);
    shot.until("what is drawn then", |shot| shot.is(10, 10, GREEN));
}

#[test]
fn a_window_in_a_frame_pauses_with_it() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let frame = painter.window((20, 20, 200, 200), BLUE);
    let window = painter.listed_window((0, 0, 100, 100), RED);
    let mut shot = Shot::of(&display.desktop(), &display.only_window().target());
    painter.x.reparent_window(window, frame, 10, 30).expect("sent").check().expect("in a frame");
    shot.until("its colour", |shot| shot.is(50, 50, RED));
    shot.rests();
    painter.unmap(frame);
    shot.rests();
    painter.map(frame);
    painter.fill(window, (10, 10, 20, 20), GREEN);
    shot.until("what is drawn then", |shot| shot.is(10, 10, GREEN));
}

#[test]
fn borders_and_shadows_are_left_out() {
    let display = Display::start();
    let painter = Painter::on(&display);
    let window = painter.window_with_border((50, 50, 100, 100), RED, 7);
    painter.set_title(window, "border");
    painter.list(&[window]);
    let mut shot = Shot::of(&display.desktop(), &display.only_window().target());
    assert_eq!(shot.size(), (100, 100));
    shot.assert_is(0, 0, RED);
    shot.assert_is(99, 99, RED);
    painter.fill(window, (20, 10, 60, 60), GREEN);
    painter.set_property(window, "_GTK_FRAME_EXTENTS", AtomEnum::CARDINAL, &[20, 20, 10, 30]);
    shot.until("no shadow", |shot| shot.size() == (60, 60) && shot.is(0, 0, GREEN) && shot.is(59, 59, GREEN));
    shot.rests();
    painter.fill(window, (22, 14, 2, 2), BLUE);
    shot.next();
    shot.assert_is(2, 4, BLUE);
}
