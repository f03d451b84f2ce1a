//! Screens: RandR's monitors.

use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::list::MAX_TITLE_BYTES;
use super::server::Server;
use super::view::View;
use crate::error::ScreenError;
use crate::target::Area;

/// More than that nobody has.
const MAX_SCREENS: usize = 64;

pub(super) struct Screen {
    pub(super) name: String,
    pub(super) monitor: MonitorInfo,
}

/// # Errors
/// The server hangs.
pub(super) fn all(server: &Server) -> Result<Vec<Screen>, ScreenError> {
    let monitors = server.x.randr_get_monitors(server.root, true)?.reply()?.monitors;
    let named = monitors.into_iter().take(MAX_SCREENS).map(|monitor| {
        let name = server.x.get_atom_name(monitor.name)?.reply()?.name;
        let name = String::from_utf8_lossy(&name[..name.len().min(MAX_TITLE_BYTES)]).into_owned();
        Ok(Screen { name, monitor })
    });
    named.collect()
}

/// Where the screen is now, or what of `part` lies on it.
///
/// # Errors
/// [`ScreenError::Gone`]: it is unplugged, or nothing of `part` lies on it.
pub(super) fn view(server: &Server, name: &str, part: Option<Area>) -> Result<View, ScreenError> {
    server.check_depth(server.root_depth)?;
    let root = server.x.get_geometry(server.root)?;
    let screen = all(server)?.into_iter().find(|screen| screen.name == name).ok_or(ScreenError::Gone)?.monitor;
    let root = root.reply()?;
    let across = part.map_or((0, u32::MAX), |part| (part.x, part.width));
    let down = part.map_or((0, u32::MAX), |part| (part.y, part.height));
    let (x, width) = within(screen.x, screen.width, across, root.width).ok_or(ScreenError::Gone)?;
    let (y, height) = within(screen.y, screen.height, down, root.height).ok_or(ScreenError::Gone)?;
    let (grab_x, grab_y) = (x, y);
    let (x, y) = (i32::from(x), i32::from(y));
    Ok(View { drawable: server.root, grab_x, grab_y, x, y, width, height })
}

/// Start and length of what of `part` (start, length; from the start of the screen) lies on the screen and in the root
/// window. `None`: less than the two pixels that an I420 frame needs.
fn within(start: i16, length: u16, part: (u32, u32), root: u16) -> Option<(i16, u32)> {
    let screen = i64::from(start)..i64::from(start) + i64::from(length);
    let wanted = screen.start + i64::from(part.0);
    let first = wanted.max(screen.start).max(0);
    let end = (wanted + i64::from(part.1)).min(screen.end).min(i64::from(root));
    let length = u32::try_from(end - first).ok().filter(|length| *length >= 2)?;
    Some((i16::try_from(first).ok()?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_to_its_screen() {
        let whole = (0, u32::MAX);
        assert_eq!(within(1920, 1080, whole, 3000), Some((1920, 1080)));
        assert_eq!(within(1920, 1080, whole, 2920), Some((1920, 1000)));
        assert_eq!(within(0, 1080, whole, 0), None);
        assert_eq!(within(100, 500, (20, 30), 3000), Some((120, 30)));
        assert_eq!(within(100, 500, (480, 30), 3000), Some((580, 20)));
        assert_eq!(within(100, 500, (499, 30), 3000), None);
        assert_eq!(within(100, 500, (u32::MAX, u32::MAX), 3000), None);
        assert_eq!(within(-50, 500, whole, 3000), Some((0, 450)));
    }
}
