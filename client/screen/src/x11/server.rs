//! A connection to the X server, with the extensions that capturing needs.

use std::time::Instant;

use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::ConnectError;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ImageOrder, Screen, Window};
use x11rb::reexports::x11rb_protocol::parse_display::{ConnectAddress, parse_display};
use x11rb::reexports::x11rb_protocol::xauth::get_auth;
use x11rb::rust_connection::{DefaultStream, RustConnection};

use super::stream::TimedStream;
use crate::error::{ScreenError, Unsupported};

const X11_PORT: u16 = 6000;

x11rb::atom_manager! {
    /// Names that windows and window managers agree upon (EWMH).
    pub(super) Atoms: AtomCookies {
        UTF8_STRING,
        _GTK_FRAME_EXTENTS,
        _NET_CLIENT_LIST,
        _NET_WM_NAME,
        _NET_WM_PID,
        _NET_WM_STATE,
        _NET_WM_STATE_HIDDEN,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_DESKTOP,
        _NET_WM_WINDOW_TYPE_DOCK,
    }
}

pub(super) struct Server {
    pub(super) x: RustConnection<TimedStream>,
    pub(super) root: Window,
    pub(super) root_depth: u8,
    pub(super) atoms: Atoms,
    /// On this machine: memory can be shared with it.
    pub(super) is_local: bool,
}

impl Server {
    /// # Errors
    /// The display is not there or refuses us, lacks an extension, or is that of a Wayland session.
    pub(super) fn connect(display: &str) -> Result<Self, ScreenError> {
        let (x, screen, is_local) = connect(display)
            .map_err(|error| ScreenError::Connect { display: display.to_owned(), reason: error.to_string() })?;
        let Screen { root, root_depth, .. } = x.setup().roots[screen];
        // Windows that are Wayland's do not reach it: its screens are black.
        if x.extension_information("XWAYLAND")?.is_some() {
            return Err(Unsupported::Wayland.into());
        }
        if x.setup().image_byte_order != ImageOrder::LSB_FIRST {
            return Err(ScreenError::Refused { reason: "its pixels are big endian".to_owned() });
        }
        require_extensions(&x)?;
        let atoms = Atoms::new(&x)?.reply()?;
        Ok(Self { x, root, root_depth, atoms, is_local })
    }

    /// # Errors
    /// Pixels of this depth are not 4 bytes of blue, green, red and anything.
    pub(super) fn check_depth(&self, depth: u8) -> Result<(), ScreenError> {
        let has_4_bytes = |depth: u8| {
            let formats = &self.x.setup().pixmap_formats;
            formats.iter().any(|format| format.depth == depth && format.bits_per_pixel == 32)
        };
        if matches!(depth, 24 | 32) && has_4_bytes(depth) { Ok(()) } else { Err(ScreenError::Depth { depth }) }
    }

    /// Waits for events until `until`.
    pub(super) fn wait_for_events(&self, until: Instant) -> Result<(), ScreenError> {
        self.x.flush()?;
        self.x.stream().wait_readable(until).map_err(lost)
    }

    /// Waits until `until`; events wait, too.
    pub(super) fn pause(&self, until: Instant) -> Result<(), ScreenError> {
        self.x.flush()?;
        self.x.stream().pause(until).map_err(lost)
    }
}

fn lost(error: std::io::Error) -> ScreenError {
    ScreenError::Lost { reason: error.to_string() }
}

/// The connection, the number of its screen, and whether the server is on this machine. As `RustConnection::connect`, but
/// with our stream.
fn connect(display: &str) -> Result<(RustConnection<TimedStream>, usize, bool), ConnectError> {
    let parsed = parse_display(Some(display))?;
    // x11rb adds it to the port of display 0, and overflows.
    if parsed.display > u16::MAX - X11_PORT {
        return Err(ConnectError::InvalidScreen);
    }
    let screen = usize::from(parsed.screen);
    let mut failed = ConnectError::UnknownError;
    for address in parsed.connect_instruction() {
        let (inner, (family, peer)) = match DefaultStream::connect(&address) {
            Ok(connected) => connected,
            Err(error) => {
                failed = error.into();
                continue;
            }
        };
        // Without a cookie the server says itself whether it wants one.
        let (name, data) = get_auth(family, &peer, parsed.display).ok().flatten().unwrap_or_default();
        let x = RustConnection::connect_to_stream_with_auth_info(TimedStream { inner }, screen, name, data)?;
        return Ok((x, screen, matches!(address, ConnectAddress::Socket(_))));
    }
    Err(failed)
}

/// Each is told which version is spoken: without that it answers nothing.
fn require_extensions(x: &RustConnection<TimedStream>) -> Result<(), ScreenError> {
    let needed = [
        composite::X11_EXTENSION_NAME,
        damage::X11_EXTENSION_NAME,
        randr::X11_EXTENSION_NAME,
        xfixes::X11_EXTENSION_NAME,
    ];
    for name in needed {
        if x.extension_information(name)?.is_none() {
            return Err(ScreenError::MissingExtension { name });
        }
    }
    let composite = x.composite_query_version(0, 4)?;
    let damage = x.damage_query_version(1, 1)?;
    let randr = x.randr_query_version(1, 5)?;
    let xfixes = x.xfixes_query_version(5, 0)?;
    composite.reply()?;
    damage.reply()?;
    let randr = randr.reply()?;
    xfixes.reply()?;
    // Monitors, and who they are.
    if (randr.major_version, randr.minor_version) < (1, 5) {
        return Err(ScreenError::MissingExtension { name: "RANDR 1.5" });
    }
    Ok(())
}
