//! What is captured: a screen or a part of it, or a window.

use x11rb::protocol::xproto::Window;

use super::screens;
use super::server::Server;
use super::view::View;
use super::window::SharedWindow;
use crate::error::ScreenError;
use crate::target::{Area, ScreenId, Target};

pub(super) enum Surface {
    Screen { name: String, part: Option<Area>, view: View },
    Window(SharedWindow),
}

impl Surface {
    /// # Errors
    /// [`ScreenError::Gone`], or it has another depth than 24 and 32.
    pub(super) fn open(server: &Server, target: &Target) -> Result<Self, ScreenError> {
        let of_screen = |name: &str, part| {
            let view = screens::view(server, name, part)?;
            Ok(Self::Screen { name: name.to_owned(), part, view })
        };
        match target {
            Target::Screen(ScreenId(name)) => of_screen(name, None),
            Target::Part { screen: ScreenId(name), area } => of_screen(name, Some(*area)),
            Target::Window(id) => Ok(Self::Window(SharedWindow::open(server, id.0)?)),
        }
    }

    /// Whose changes count, and from whose corner they are reported.
    pub(super) fn window(&self, server: &Server) -> Window {
        match self {
            Self::Screen { .. } => server.root,
            Self::Window(window) => window.window,
        }
    }

    /// The window below the root that has to be under the pointer; `None`: any.
    pub(super) fn top_level(&self) -> Option<Window> {
        match self {
            Self::Screen { .. } => None,
            Self::Window(window) => Some(window.top_level),
        }
    }

    /// Where its pixels are. `None`: it is not to be seen. To be released with [`Self::release`].
    ///
    /// # Errors
    /// [`ScreenError::Gone`].
    pub(super) fn view(&mut self, server: &Server, screens_changed: bool) -> Result<Option<View>, ScreenError> {
        match self {
            Self::Screen { name, part, view } => {
                if screens_changed {
                    *view = screens::view(server, name, *part)?;
                }
                Ok(Some(*view))
            }
            Self::Window(window) => window.view(server),
        }
    }

    pub(super) fn release(&self, server: &Server) -> Result<(), ScreenError> {
        match self {
            Self::Screen { .. } => Ok(()),
            Self::Window(window) => window.release(server),
        }
    }

    pub(super) fn has_new_parent(&mut self, server: &Server) -> Result<(), ScreenError> {
        match self {
            Self::Screen { .. } => Ok(()),
            Self::Window(window) => window.find_top_level(server),
        }
    }

    pub(super) fn has_new_margins(&mut self, server: &Server) -> Result<(), ScreenError> {
        match self {
            Self::Screen { .. } => Ok(()),
            Self::Window(window) => window.read_margins(server),
        }
    }
}
