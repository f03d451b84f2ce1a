//! Where the target's pixels are at this moment.

use x11rb::protocol::xproto::{Drawable, Rectangle};

use crate::bands::bands;

/// A rectangle of a drawable. `x` and `y` are the target's corner where changes and the pointer are reported: in the root
/// window for a screen, in the window itself for a window. `grab_x` and `grab_y` are the same corner in the drawable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    pub(super) drawable: Drawable,
    pub(super) grab_x: i16,
    pub(super) grab_y: i16,
    pub(super) x: i32,
    pub(super) y: i32,
    /// In pixels, at least 2.
    pub(super) width: u32,
    /// In pixels, at least 2.
    pub(super) height: u32,
}

impl View {
    /// Its rows that changes in `rectangles` touch.
    pub(super) fn bands(&self, rectangles: &[Rectangle], height: u32) -> Vec<std::ops::Range<u32>> {
        let columns = self.x..self.x + i32::try_from(self.width).unwrap_or(i32::MAX / 2);
        let touching = rectangles.iter().filter(|changed| {
            let left = i32::from(changed.x);
            left < columns.end && left + i32::from(changed.width) > columns.start
        });
        bands(touching.map(|changed| (i32::from(changed.y) - self.y, u32::from(changed.height))), height)
    }

    /// A place where the pointer is reported, from the target's corner; `None` outside.
    pub(super) fn inside(&self, x: i16, y: i16) -> Option<(i32, i32)> {
        let (x, y) = (i32::from(x) - self.x, i32::from(y) - self.y);
        let is_inside = |at: i32, length: u32| u32::try_from(at).is_ok_and(|at| at < length);
        (is_inside(x, self.width) && is_inside(y, self.height)).then_some((x, y))
    }
}
