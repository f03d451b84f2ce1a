//! Reads pixels: through memory that is shared with the server (MIT-SHM 1.2), or else through the connection.
//!
//! The memory is a file (`memfd`) that is read, not mapped. That copies once more, but what another process may change or
//! cut at any time never is a slice of ours, and nothing here is unsafe.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::MemfdFlags;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};

use super::server::Server;
use super::view::View;
use crate::error::ScreenError;
use crate::picture::Picture;

const ALL_PLANES: u32 = u32::MAX;
/// How much is asked for at once where it goes through the connection.
const MAX_REPLY_BYTES: usize = 4 << 20;

/// Owns the shared memory, if any.
pub(super) struct Pixels {
    can_share: bool,
    shared: Option<Shared>,
}

/// Laid out like the picture: each row at its place.
struct Shared {
    segment: shm::Seg,
    memory: File,
    bytes: usize,
}

impl Pixels {
    /// # Errors
    /// The server hangs.
    pub(super) fn new(server: &Server) -> Result<Self, ScreenError> {
        // File descriptors do not travel over a network.
        let can_share = server.is_local && server.x.extension_information(shm::X11_EXTENSION_NAME)?.is_some() && {
            let version = server.x.shm_query_version()?.reply()?;
            (version.major_version, version.minor_version) >= (1, 2)
        };
        Ok(Self { can_share, shared: None })
    }

    /// Reads the rows in `bands` of what is in `view` into `picture`, whose size is that of the view or a pixel less.
    ///
    /// # Errors
    /// The view no longer fits the drawable, or the server hangs.
    pub(super) fn read(
        &mut self,
        server: &Server,
        view: &View,
        bands: &[Range<u32>],
        picture: &mut Picture,
    ) -> Result<(), ScreenError> {
        self.make_room(server, picture.pixels.len())?;
        match &self.shared {
            Some(shared) => shared.read(server, view, bands, picture),
            None => bands.iter().try_for_each(|band| read_copied(server, view, band, picture)),
        }
    }

    fn make_room(&mut self, server: &Server, bytes: usize) -> Result<(), ScreenError> {
        let fits = |shared: &Shared| shared.bytes >= bytes && shared.bytes / 4 <= bytes;
        if !self.can_share || self.shared.as_ref().is_some_and(fits) {
            return Ok(());
        }
        if let Some(old) = self.shared.take() {
            server.x.shm_detach(old.segment)?;
        }
        let memory = make_memory(bytes).map_err(|error| ScreenError::Memory { reason: error.to_string() })?;
        let for_server = memory.try_clone().map_err(|error| ScreenError::Memory { reason: error.to_string() })?;
        let segment = server.x.generate_id()?;
        // A server that cannot map it (in a container, as another user) still answers with copies.
        match server.x.shm_attach_fd(segment, for_server, false)?.check() {
            Ok(()) => self.shared = Some(Shared { segment, memory, bytes }),
            Err(x11rb::errors::ReplyError::X11Error(_)) => self.can_share = false,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn make_memory(bytes: usize) -> std::io::Result<File> {
    let memory = File::from(rustix::fs::memfd_create(c"maru-screen", MemfdFlags::CLOEXEC)?);
    memory.set_len(bytes as u64)?;
    Ok(memory)
}

impl Shared {
    fn read(
        &self,
        server: &Server,
        view: &View,
        bands: &[Range<u32>],
        picture: &mut Picture,
    ) -> Result<(), ScreenError> {
        let stride = picture.stride();
        let width = picture.width() as u16;
        let format = ImageFormat::Z_PIXMAP.into();
        let requests = bands.iter().map(|band| {
            let (y, rows) = place(view, band);
            // Below 2^31: a picture's sides are bounded.
            let offset = (band.start as usize * stride) as u32;
            let (x, drawable) = (view.grab_x, view.drawable);
            server.x.shm_get_image(drawable, x, y, width, rows, ALL_PLANES, format, self.segment, offset)
        });
        let requests: Vec<_> = requests.collect::<Result<_, _>>()?;
        for (request, band) in requests.into_iter().zip(bands) {
            server.check_depth(request.reply()?.depth)?;
            let bytes = band.start as usize * stride..band.end as usize * stride;
            let start = bytes.start as u64;
            self.memory
                .read_exact_at(&mut picture.pixels[bytes], start)
                .map_err(|error| ScreenError::Memory { reason: error.to_string() })?;
        }
        Ok(())
    }
}

fn read_copied(server: &Server, view: &View, band: &Range<u32>, picture: &mut Picture) -> Result<(), ScreenError> {
    let stride = picture.stride();
    let width = picture.width() as u16;
    let rows_at_once = (MAX_REPLY_BYTES / stride).max(1);
    for start in band.clone().step_by(rows_at_once) {
        let part = start..band.end.min(start + rows_at_once as u32);
        let (y, rows) = place(view, &part);
        let format = ImageFormat::Z_PIXMAP;
        let reply = server.x.get_image(format, view.drawable, view.grab_x, y, width, rows, ALL_PLANES)?.reply()?;
        server.check_depth(reply.depth)?;
        let target = &mut picture.pixels[part.start as usize * stride..part.end as usize * stride];
        if reply.data.len() != target.len() {
            return Err(ScreenError::Lost { reason: format!("{} bytes for {}", reply.data.len(), target.len()) });
        }
        target.copy_from_slice(&reply.data);
    }
    Ok(())
}

/// First row in the drawable and number of rows; both fit, since a drawable has less than 2^15 rows.
fn place(view: &View, band: &Range<u32>) -> (i16, u16) {
    (view.grab_y.saturating_add(band.start as i16), (band.end - band.start) as u16)
}
