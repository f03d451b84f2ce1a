//! A window, captured as it is even where others cover it.
//!
//! The Composite extension keeps its pixels in a pixmap of its own (`Automatic`: what is to be seen on the screen stays the
//! same). The pixmap is named again for each picture: a window that is resized or shown again has another one.

use x11rb::connection::Connection;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Pixmap, Window, WindowClass,
};

use super::list::property;
use super::server::Server;
use super::view::View;
use crate::error::ScreenError;

/// Of a window inside frames and frames' frames.
const MAX_DEPTH: usize = 32;

pub(super) struct SharedWindow {
    pub(super) window: Window,
    pixmap: Pixmap,
    margins: Margins,
    /// The one below the root that it is in: its frame, mostly.
    pub(super) top_level: Window,
}

/// Shadows that the window draws around itself, which nobody wants to see (`_GTK_FRAME_EXTENTS`), in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Margins {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

impl SharedWindow {
    /// # Errors
    /// [`ScreenError::Gone`], or it has no pixels that can be read.
    pub(super) fn open(server: &Server, window: Window) -> Result<Self, ScreenError> {
        let events = EventMask::STRUCTURE_NOTIFY | EventMask::VISIBILITY_CHANGE | EventMask::PROPERTY_CHANGE;
        server.x.change_window_attributes(window, &ChangeWindowAttributesAux::new().event_mask(events))?.check()?;
        let attributes = server.x.get_window_attributes(window)?;
        let geometry = server.x.get_geometry(window)?;
        if attributes.reply()?.class == WindowClass::INPUT_ONLY {
            return Err(ScreenError::Refused { reason: "the window shows nothing".to_owned() });
        }
        server.check_depth(geometry.reply()?.depth)?;
        server.x.composite_redirect_window(window, Redirect::AUTOMATIC)?.check()?;
        let pixmap = server.x.generate_id()?;
        let mut this = Self { window, pixmap, margins: Margins::default(), top_level: window };
        this.read_margins(server)?;
        this.find_top_level(server)?;
        Ok(this)
    }

    /// Where its pixels are. `None`: it is minimised or on another workspace. To be released with [`Self::release`].
    ///
    /// # Errors
    /// [`ScreenError::Gone`].
    pub(super) fn view(&self, server: &Server) -> Result<Option<View>, ScreenError> {
        // A window that is not viewable has no pixmap: then this fails, and the pixmap's geometry with it.
        server.x.composite_name_window_pixmap(self.window, self.pixmap)?;
        let pixmap = server.x.get_geometry(self.pixmap)?;
        let window = server.x.get_geometry(self.window)?.reply()?;
        let pixmap = match pixmap.reply().map_err(ScreenError::from) {
            Ok(pixmap) => pixmap,
            Err(ScreenError::Gone) => return Ok(None),
            Err(error) => return Err(error),
        };
        server.check_depth(pixmap.depth)?;
        let border = u32::from(window.border_width);
        // The pixmap has the border, too.
        let inner = |outer: u16| u32::from(outer).saturating_sub(2 * border);
        let Margins { left, right, top, bottom } = self.margins;
        let across = without_margins(inner(pixmap.width), left, right);
        let down = without_margins(inner(pixmap.height), top, bottom);
        let (Some((x, width)), Some((y, height))) = (across, down) else {
            self.release(server)?;
            return Ok(None);
        };
        let grab = |inner: u32| i16::try_from(inner + border);
        let (Ok(grab_x), Ok(grab_y)) = (grab(x), grab(y)) else {
            self.release(server)?;
            return Ok(None);
        };
        // Below 2^15, as they fit with the border.
        let (x, y) = (x as i32, y as i32);
        Ok(Some(View { drawable: self.pixmap, grab_x, grab_y, x, y, width, height }))
    }

    /// Gives back the pixmap of [`Self::view`]; its id is used again.
    pub(super) fn release(&self, server: &Server) -> Result<(), ScreenError> {
        server.x.free_pixmap(self.pixmap)?;
        Ok(())
    }

    /// After the property has changed.
    pub(super) fn read_margins(&mut self, server: &Server) -> Result<(), ScreenError> {
        let kind = AtomEnum::CARDINAL.into();
        let extents = property(server, self.window, server.atoms._GTK_FRAME_EXTENTS, kind, 4)?;
        let values: Vec<u32> = extents.value32().into_iter().flatten().collect();
        self.margins = match values[..] {
            [left, right, top, bottom] => Margins { left, right, top, bottom },
            _ => Margins::default(),
        };
        Ok(())
    }

    /// After it got another parent. A frame that vanishes meanwhile (the window manager ends) makes a new parent again.
    pub(super) fn find_top_level(&mut self, server: &Server) -> Result<(), ScreenError> {
        self.top_level = self.window;
        for _ in 0..MAX_DEPTH {
            let parent = match server.x.query_tree(self.top_level)?.reply().map_err(ScreenError::from) {
                Ok(tree) => tree.parent,
                Err(ScreenError::Gone) => break,
                Err(error) => return Err(error),
            };
            if parent == server.root || parent == x11rb::NONE {
                break;
            }
            self.top_level = parent;
        }
        Ok(())
    }
}

/// Start and length of what is left of `length`. `None`: less than the two pixels that an I420 frame needs. Margins that leave
/// nothing are the mistake of a program: it is shown whole.
fn without_margins(length: u32, before: u32, after: u32) -> Option<(u32, u32)> {
    let left = length.checked_sub(before).and_then(|rest| rest.checked_sub(after)).filter(|left| *left >= 2);
    left.map_or((length >= 2).then_some((0, length)), |left| Some((before, left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_left_out_unless_they_are_nonsense() {
        assert_eq!(without_margins(100, 0, 0), Some((0, 100)));
        assert_eq!(without_margins(100, 26, 23), Some((26, 51)));
        assert_eq!(without_margins(100, 60, 60), Some((0, 100)));
        assert_eq!(without_margins(100, u32::MAX, u32::MAX), Some((0, 100)));
        assert_eq!(without_margins(1, 0, 0), None);
    }
}
