//! The pointer in the picture.

use maru_screen::Options;

use crate::display::Display;
use crate::painter::{BLUE, GREEN, Painter, RED};
use crate::shot::Shot;

const ORANGE: u32 = 0x00ff_8000;
const WITH_POINTER: Options = Options { pointer: true, max_fps: 200 };

/// A screen with an orange pointer of 8x8 in the middle.
fn screen() -> (Display, Painter) {
    let display = Display::start();
    let painter = Painter::on(&display);
    painter.set_pointer(painter.root, 8, (0xffff, 0x8080, 0));
    painter.warp_pointer(300, 200);
    (display, painter)
}

#[test]
fn it_is_drawn_where_it_points_and_nowhere_else() {
    let (display, painter) = screen();
    let mut shot = Shot::with(&display.desktop(), &display.screen().target(), WITH_POINTER);
    shot.until("the pointer", |shot| shot.is(300, 200, ORANGE) && shot.is(307, 207, ORANGE));
    shot.assert_is(298, 200, 0);
    shot.assert_is(308, 207, 0);
    shot.rests();
    painter.move_pointer(100, 100);
    shot.next();
    shot.assert_is(100, 100, ORANGE);
    shot.assert_is(300, 200, 0);
    painter.warp_pointer(400, 400);
    shot.until("a pointer that a program moves", |shot| shot.is(400, 400, ORANGE) && shot.is(100, 100, 0));
    painter.set_pointer(painter.root, 8, (0, 0xffff, 0));
    shot.until("another image", |shot| shot.is(400, 400, GREEN));
    // Without it there is nothing but the screen.
    Shot::of(&display.desktop(), &display.screen().target()).assert_is(400, 400, 0);
    painter.move_pointer(638, 478);
    shot.until("its corner", |shot| shot.is(639, 479, GREEN));
    shot.rests();
}

#[test]
fn it_is_drawn_only_while_it_is_over_the_window() {
    let (display, painter) = screen();
    let window = painter.listed_window((100, 100, 100, 100), RED);
    let mut shot = Shot::with(&display.desktop(), &display.only_window().target(), WITH_POINTER);
    shot.until("a red window", |shot| shot.is(50, 50, RED));
    shot.rests();
    // Beside it, and back and forth there: no picture.
    painter.move_pointer(202, 150);
    painter.move_pointer(98, 150);
    shot.stays();
    painter.move_pointer(150, 150);
    shot.next();
    shot.assert_is(50, 50, ORANGE);
    shot.assert_is(58, 58, RED);
    let cover = painter.window((140, 140, 100, 100), BLUE);
    shot.until("no pointer on what covers it", |shot| shot.is(50, 50, RED));
    painter.close(cover);
    shot.until("the pointer again", |shot| shot.is(50, 50, ORANGE));
    painter.fill(window, (48, 48, 20, 20), GREEN);
    shot.until("the window under it", |shot| shot.is(48, 48, GREEN));
    shot.assert_is(50, 50, ORANGE);
    painter.move_pointer(10, 10);
    shot.until("what it hid", |shot| shot.is(50, 50, GREEN));
}
