//! An open capture: waits for changes (XDamage), and reads only the rows that have changed.

use std::ops::Range;
use std::time::{Duration, Instant};

use maru_core::frame::I420;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, Damage, ReportLevel};
use x11rb::protocol::randr::{ConnectionExt as _, NotifyMask};
use x11rb::protocol::xfixes::{ConnectionExt as _, Region};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask};

use super::pixels::Pixels;
use super::pointer::Pointer;
use super::server::Server;
use super::surface::Surface;
use super::view::View;
use crate::backend::Frames;
use crate::capture::Options;
use crate::cursor::Hidden;
use crate::error::ScreenError;
use crate::picture::Picture;
use crate::target::Target;

/// A longer timeout is cut to it.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Programs move the pointer, and windows come between it and the target, without an event: so often it is looked for.
const POINTER_INTERVAL: Duration = Duration::from_millis(250);
/// The target changes between two requests: then the server refuses the second, and an event follows. A server that
/// refuses more pictures in a row has another reason.
const MAX_REFUSED: u32 = 60;

pub(super) struct X11Capture {
    server: Server,
    surface: Surface,
    damage: Damage,
    /// Receives what was damaged.
    region: Region,
    pixels: Pixels,
    /// As it was last seen, without the pointer.
    picture: Picture,
    /// Of `picture`.
    view: Option<View>,
    pointer: Option<Pointer>,
    /// Where it was drawn last.
    pointed_at: Option<(i32, i32)>,
    hidden: Hidden,
    changes: Changes,
    interval: Duration,
    /// When the next picture may be taken.
    due: Instant,
    /// When the pointer is looked for without an event.
    pointer_due: Instant,
    refused: u32,
}

/// What events have reported since the last look.
#[derive(Default)]
struct Changes {
    /// All of the target has to be read.
    whole: bool,
    /// What the damage says.
    damaged: bool,
    pointer: bool,
    /// Screens were moved, resized, plugged in or unplugged.
    screens: bool,
}

impl Changes {
    fn any(&self) -> bool {
        self.whole || self.damaged || self.pointer || self.screens
    }
}

impl X11Capture {
    /// # Errors
    /// See [`crate::Capture::open`].
    pub(super) fn open(server: Server, target: &Target, options: Options) -> Result<Self, ScreenError> {
        let of_screens = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE | NotifyMask::OUTPUT_CHANGE;
        server.x.randr_select_input(server.root, of_screens)?;
        // Monitors that a person divides a screen into are reported only so: the root window is configured.
        let of_root = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        server.x.change_window_attributes(server.root, &of_root)?;
        let surface = Surface::open(&server, target)?;
        let damage = server.x.generate_id()?;
        server.x.damage_create(damage, surface.window(&server), ReportLevel::NON_EMPTY)?.check()?;
        let region = server.x.generate_id()?;
        server.x.xfixes_create_region(region, &[])?;
        let pointer = if options.pointer { Some(Pointer::watch(&server)?) } else { None };
        let pixels = Pixels::new(&server)?;
        Ok(Self {
            server,
            surface,
            damage,
            region,
            pixels,
            picture: Picture::default(),
            view: None,
            pointer,
            pointed_at: None,
            hidden: Hidden::default(),
            changes: Changes { whole: true, screens: true, ..Changes::default() },
            interval: Duration::from_secs(1) / options.max_fps.max(1),
            due: Instant::now(),
            pointer_due: Instant::now(),
            refused: 0,
        })
    }

    /// All of the target as it is now. `None`: it is not to be seen.
    ///
    /// # Errors
    /// As [`Frames::next`].
    pub(super) fn picture(mut self) -> Result<Option<Picture>, ScreenError> {
        Ok(self.look()?.then_some(self.picture))
    }

    /// Notes what has changed.
    fn take_events(&mut self) -> Result<(), ScreenError> {
        let target = self.surface.window(&self.server);
        while let Some(event) = self.server.x.poll_for_event()? {
            match event {
                Event::XinputRawMotion(_) => self.changes.pointer = true,
                Event::XfixesCursorNotify(_) => {
                    self.changes.pointer = true;
                    if let Some(pointer) = &mut self.pointer {
                        pointer.has_changed = true;
                    }
                }
                Event::RandrNotify(_) | Event::RandrScreenChangeNotify(_) => self.changes.screens = true,
                Event::DestroyNotify(event) if event.window == target => return Err(ScreenError::Gone),
                // Shown again it has other pixels.
                Event::MapNotify(_) | Event::UnmapNotify(_) | Event::VisibilityNotify(_) => self.changes.whole = true,
                Event::ConfigureNotify(event) if event.window == self.server.root => self.changes.screens = true,
                // A window that is configured may have been resized: looking shows that.
                Event::DamageNotify(_) | Event::ConfigureNotify(_) => self.changes.damaged = true,
                Event::ReparentNotify(_) => self.surface.has_new_parent(&self.server)?,
                Event::PropertyNotify(event) if event.atom == self.server.atoms._GTK_FRAME_EXTENTS => {
                    self.surface.has_new_margins(&self.server)?;
                    self.changes.whole = true;
                }
                // Answers to requests of which nobody waits for errors: what fails there fails again where somebody does.
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings `picture` up to date. Returns whether there is something new in it, or the pointer is.
    fn look(&mut self) -> Result<bool, ScreenError> {
        let changes = std::mem::take(&mut self.changes);
        // Before the pixels are read: what changes from here on is reported again.
        if changes.whole || changes.damaged {
            self.server.x.damage_subtract(self.damage, x11rb::NONE, self.region)?;
        }
        let Some(view) = self.surface.view(&self.server, changes.screens)? else {
            self.view = None;
            return Ok(false);
        };
        let looked = self.look_at(&view, &changes);
        self.surface.release(&self.server)?;
        match looked {
            Err(ScreenError::Refused { reason }) => {
                self.refused += 1;
                if self.refused >= MAX_REFUSED {
                    return Err(ScreenError::Refused { reason });
                }
                self.view = None;
                self.changes = Changes { whole: true, screens: true, ..Changes::default() };
                Ok(false)
            }
            Ok(is_new) => {
                self.refused = 0;
                Ok(is_new)
            }
            Err(error) => Err(error),
        }
    }

    fn look_at(&mut self, view: &View, changes: &Changes) -> Result<bool, ScreenError> {
        self.picture.fit(view.width, view.height)?;
        let is_known = self.view.replace(*view) == Some(*view);
        let bands = self.changed_rows(view, changes, is_known)?;
        let pointer_is_new = self.look_for_pointer(view)?;
        self.pixels.read(&self.server, view, &bands, &mut self.picture)?;
        Ok(!bands.is_empty() || pointer_is_new)
    }

    /// Returns whether it has to be drawn elsewhere, no longer, or with another image.
    fn look_for_pointer(&mut self, view: &View) -> Result<bool, ScreenError> {
        let Some(pointer) = &mut self.pointer else { return Ok(false) };
        let (window, top_level) = (self.surface.window(&self.server), self.surface.top_level());
        let place = Pointer::place(&self.server, window, top_level, view)?;
        // Elsewhere it may change its image as it likes.
        let has_new_image = place.is_some() && pointer.update(&self.server)?;
        let has_moved = std::mem::replace(&mut self.pointed_at, place) != place;
        Ok(has_moved || has_new_image)
    }

    fn changed_rows(&self, view: &View, changes: &Changes, is_known: bool) -> Result<Vec<Range<u32>>, ScreenError> {
        let height = self.picture.height();
        if changes.whole || !is_known {
            return Ok(std::iter::once(0..height).collect());
        }
        if !changes.damaged {
            return Ok(Vec::new());
        }
        let damaged = self.server.x.xfixes_fetch_region(self.region)?.reply()?.rectangles;
        Ok(view.bands(&damaged, height))
    }

    fn write_to(&mut self, image: &mut I420) -> Result<(), ScreenError> {
        let (Some(pointer), Some((x, y))) = (&self.pointer, self.pointed_at) else {
            return self.picture.write_to(image);
        };
        pointer.cursor.draw(&mut self.picture, x, y, &mut self.hidden);
        let written = self.picture.write_to(image);
        self.hidden.put_back(&mut self.picture);
        written
    }
}

impl Frames for X11Capture {
    fn next(&mut self, image: &mut I420, timeout: Duration) -> Result<bool, ScreenError> {
        let deadline = Instant::now() + timeout.min(MAX_WAIT);
        loop {
            self.take_events()?;
            let now = Instant::now();
            if self.pointer.is_some() && now >= self.pointer_due {
                self.pointer_due = now + POINTER_INTERVAL;
                self.changes.pointer = true;
            }
            if self.changes.any() && now >= self.due {
                self.due = now + self.interval;
                if self.look()? {
                    self.write_to(image)?;
                    return Ok(true);
                }
            } else if now >= deadline {
                return Ok(false);
            } else if self.changes.any() {
                self.server.pause(self.due.min(deadline))?;
            } else {
                let pointer_due = if self.pointer.is_some() { self.pointer_due } else { deadline };
                self.server.wait_for_events(deadline.min(pointer_due))?;
            }
        }
    }

    fn is_paused(&self) -> bool {
        self.view.is_none() && !self.changes.whole
    }
}
