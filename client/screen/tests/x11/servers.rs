//! Servers that lack something, hang or end, and sessions without one.

use maru_screen::{Capture, Desktop, Options, ScreenError, Unsupported};

use crate::display::Display;
use crate::painter::{GREEN, Painter, RED};
use crate::shot::Shot;

#[test]
fn without_a_display_a_person_is_told_so() {
    let of = |display, wayland| Desktop::of_variables(display, wayland).err();
    assert_eq!(of(None, None), Some(Unsupported::NoDisplay.into()));
    assert_eq!(of(Some(""), Some("")), Some(Unsupported::NoDisplay.into()));
    assert_eq!(of(None, Some("wayland-0")), Some(Unsupported::Wayland.into()));
    let nowhere = Desktop::of_variables(Some(":64999"), None).expect("not connected to yet");
    assert!(matches!(nowhere.list(None), Err(ScreenError::Connect { .. })));
    let nonsense = Desktop::of_variables(Some("nonsense"), None).expect("not connected to yet");
    assert!(matches!(nonsense.list(None), Err(ScreenError::Connect { .. })));
}

#[test]
fn without_shared_memory_pixels_are_copied() {
    let display = Display::with(&["-extension", "MIT-SHM", "-screen", "0", "1920x1080x24"]);
    let painter = Painter::on(&display);
    let window = painter.window((10, 20, 100, 50), RED);
    let mut shot = Shot::of(&display.desktop(), &display.screen().target());
    assert_eq!(shot.size(), (1920, 1080));
    shot.assert_is(109, 69, RED);
    painter.fill(painter.root, (1910, 1070, 10, 10), RED);
    painter.fill(window, (0, 0, 10, 10), GREEN);
    shot.until("both changes", |shot| shot.is(10, 20, GREEN) && shot.is(1919, 1079, RED));
}

#[test]
fn what_cannot_be_captured_is_an_error() {
    let display = Display::with(&["-extension", "Composite"]);
    assert_eq!(display.desktop().list(None), Err(ScreenError::MissingExtension { name: "Composite" }));
    let display = Display::with(&["-screen", "0", "640x480x16"]);
    let refused = Capture::open(&display.desktop(), &display.screen().target(), Options::default());
    assert_eq!(refused.err(), Some(ScreenError::Depth { depth: 16 }));
}

#[test]
fn a_server_that_hangs_or_ends_is_an_error() {
    let mut display = Display::start();
    let screen = display.screen();
    let mut shot = Shot::with(&display.desktop(), &screen.target(), Options::default());
    display.stop_answering();
    assert!(matches!(shot.end(), ScreenError::Lost { .. }));
    assert!(matches!(display.desktop().list(None), Err(ScreenError::Connect { .. })));
    display.end();
    assert!(matches!(display.desktop().list(None), Err(ScreenError::Connect { .. })));
    let mut display = Display::start();
    let mut shot = Shot::of(&display.desktop(), &display.screen().target());
    display.end();
    assert!(matches!(shot.end(), ScreenError::Lost { .. }));
}
