//! Where the pointer is, and what it looks like.

use x11rb::connection::RequestConnection;
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask};
use x11rb::protocol::xinput::{self, ConnectionExt as _, Device, XIEventMask};
use x11rb::protocol::xproto::{ConnectionExt as _, Window};

use super::server::Server;
use super::view::View;
use crate::cursor::Cursor;
use crate::error::ScreenError;

/// Those of people who see badly have 256. A larger image is a picture, not a pointer: it is not drawn.
const MAX_SIDE: u16 = 1024;

pub(super) struct Pointer {
    pub(super) cursor: Cursor,
    /// Another image has been set.
    pub(super) has_changed: bool,
}

impl Pointer {
    /// Asks the server for events when it moves, and when its image changes.
    ///
    /// # Errors
    /// The server hangs.
    pub(super) fn watch(server: &Server) -> Result<Self, ScreenError> {
        server.x.xfixes_select_cursor_input(server.root, CursorNotifyMask::DISPLAY_CURSOR)?;
        // Core events of moves go to one window only; raw ones reach everyone. Without XInput 2 moves are seen
        // later, when it is looked for.
        if server.x.extension_information(xinput::X11_EXTENSION_NAME)?.is_some() {
            let version = server.x.xinput_xi_query_version(2, 2)?.reply()?;
            if version.major_version >= 2 {
                let deviceid = Device::ALL_MASTER.into();
                let moves = xinput::EventMask { deviceid, mask: vec![XIEventMask::RAW_MOTION] };
                server.x.xinput_xi_select_events(server.root, &[moves])?;
            }
        }
        Ok(Self { cursor: Cursor::default(), has_changed: true })
    }

    /// Where it points within the target, from its corner. `None`: it is elsewhere, or over a window that covers the target.
    ///
    /// # Errors
    /// The window is gone, or the server hangs.
    pub(super) fn place(
        server: &Server,
        window: Window,
        top_level: Option<Window>,
        view: &View,
    ) -> Result<Option<(i32, i32)>, ScreenError> {
        let on_root = server.x.query_pointer(server.root)?;
        let on_window = server.x.query_pointer(window)?.reply()?;
        let on_root = on_root.reply()?;
        let is_covered = top_level.is_some_and(|top_level| on_root.child != top_level);
        if !on_window.same_screen || is_covered {
            return Ok(None);
        }
        Ok(view.inside(on_window.win_x, on_window.win_y))
    }

    /// Fetches its image if that has changed. Returns whether it has.
    ///
    /// # Errors
    /// The server hangs.
    pub(super) fn update(&mut self, server: &Server) -> Result<bool, ScreenError> {
        if !std::mem::take(&mut self.has_changed) {
            return Ok(false);
        }
        let image = server.x.xfixes_get_cursor_image()?.reply()?;
        let pixels = usize::from(image.width) * usize::from(image.height);
        let is_sound = image.width.max(image.height) <= MAX_SIDE && pixels > 0 && image.cursor_image.len() == pixels;
        self.cursor = if is_sound {
            Cursor {
                width: image.width.into(),
                height: image.height.into(),
                hot_x: image.xhot.into(),
                hot_y: image.yhot.into(),
                pixels: image.cursor_image,
            }
        } else {
            Cursor::default()
        };
        Ok(true)
    }
}
