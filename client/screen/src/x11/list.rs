//! What can be shared: screens, and windows by the window manager's list (EWMH, `_NET_CLIENT_LIST`).

use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, MapState, Window};

use super::screens;
use super::server::Server;
use crate::error::ScreenError;
use crate::target::{ScreenId, Shareable, Source, WindowId};

/// Nobody chooses from more.
const MAX_WINDOWS: u32 = 256;
/// Longer titles are cut.
pub(super) const MAX_TITLE_BYTES: usize = 1024;
const MAX_ATOMS: u32 = 64;

/// # Errors
/// The server hangs.
pub(super) fn screens(server: &Server) -> Result<Vec<Shareable>, ScreenError> {
    let screens = screens::all(server)?.into_iter().map(|screen| Shareable {
        title: one_line(&screen.name),
        width: screen.monitor.width.into(),
        height: screen.monitor.height.into(),
        source: Source::Screen {
            id: ScreenId(screen.name),
            x: screen.monitor.x.into(),
            y: screen.monitor.y.into(),
            is_primary: screen.monitor.primary,
        },
    });
    Ok(screens.collect())
}

/// Without a window manager there are none.
///
/// # Errors
/// The server hangs.
pub(super) fn windows(server: &Server) -> Result<Vec<Shareable>, ScreenError> {
    let list = property(server, server.root, server.atoms._NET_CLIENT_LIST, AtomEnum::WINDOW.into(), MAX_WINDOWS)?;
    let mut found = Vec::new();
    for window in list.value32().into_iter().flatten() {
        match describe(server, window) {
            Ok(described) => found.extend(described),
            // Closed since it was listed.
            Err(ScreenError::Gone) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// `None`: nobody would recognise it, or it is not to be seen.
fn describe(server: &Server, window: Window) -> Result<Option<Shareable>, ScreenError> {
    let atoms = &server.atoms;
    // All requests first: one wait for all replies.
    let attributes = server.x.get_window_attributes(window)?;
    let geometry = server.x.get_geometry(window)?;
    let ask = |name: Atom, kind: Atom, length: u32| server.x.get_property(false, window, name, kind, 0, length);
    let title_length = (MAX_TITLE_BYTES / 4) as u32;
    let name = ask(atoms._NET_WM_NAME, atoms.UTF8_STRING, title_length)?;
    let old_name = ask(AtomEnum::WM_NAME.into(), AtomEnum::ANY.into(), title_length)?;
    let class = ask(AtomEnum::WM_CLASS.into(), AtomEnum::STRING.into(), title_length)?;
    let pid = ask(atoms._NET_WM_PID, AtomEnum::CARDINAL.into(), 1)?;
    let state = ask(atoms._NET_WM_STATE, AtomEnum::ATOM.into(), MAX_ATOMS)?;
    let kind = ask(atoms._NET_WM_WINDOW_TYPE, AtomEnum::ATOM.into(), MAX_ATOMS)?;
    let (attributes, geometry) = (attributes.reply()?, geometry.reply()?);
    let (name, old_name, class) = (name.reply()?, old_name.reply()?, class.reply()?);
    let (pid, state, kind) = (pid.reply()?, state.reply()?, kind.reply()?);

    let has = |reply: &GetPropertyReply, atom: Atom| reply.value32().into_iter().flatten().any(|value| value == atom);
    let is_hidden = attributes.map_state != MapState::VIEWABLE || has(&state, atoms._NET_WM_STATE_HIDDEN);
    let is_furniture = has(&kind, atoms._NET_WM_WINDOW_TYPE_DOCK) || has(&kind, atoms._NET_WM_WINDOW_TYPE_DESKTOP);
    if is_hidden || is_furniture {
        return Ok(None);
    }
    // WM_CLASS is two strings with a NUL after each; the second is the program's class.
    let class = class.value.split(|byte| *byte == 0).nth(1).unwrap_or_default();
    let titles = [text(&name.value), latin1_or_utf8(&old_name.value), latin1_or_utf8(class)];
    let Some(title) = titles.into_iter().find(|title| !title.is_empty()) else { return Ok(None) };
    let pid = pid.value32().and_then(|mut values| values.next());
    Ok(Some(Shareable {
        source: Source::Window { id: WindowId(window), pid },
        title,
        width: geometry.width.into(),
        height: geometry.height.into(),
    }))
}

/// `length` is in units of 4 bytes.
pub(super) fn property(
    server: &Server,
    window: Window,
    name: Atom,
    kind: Atom,
    length: u32,
) -> Result<GetPropertyReply, ScreenError> {
    Ok(server.x.get_property(false, window, name, kind, 0, length)?.reply()?)
}

/// UTF-8, of which the last character may be cut.
fn text(bytes: &[u8]) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Ok(text) => return one_line(text),
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        Err(_) => bytes,
    };
    one_line(&String::from_utf8_lossy(whole))
}

/// Latin-1, as ICCCM says, unless it is the UTF-8 that many programs write.
fn latin1_or_utf8(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => one_line(text),
        Err(_) => one_line(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    }
}

/// Without line breaks, other control characters, and those that turn the direction of what is beside them.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !turns(*c)).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_any_bytes_are_one_line() {
        assert_eq!(text("발표 자료".as_bytes()), "발표 자료");
        assert_eq!(text(&"발표".as_bytes()[..5]), "발", "cut in the middle of a character");
        assert_eq!(text(b"a\nb\0\x1b[31m"), "a b  [31m");
        assert_eq!(text("\u{202e}txt.exe".as_bytes()), "txt.exe");
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(latin1_or_utf8(b"caf\xe9"), "café");
        assert_eq!(latin1_or_utf8("발표".as_bytes()), "발표");
    }
}
