//! The desktop: what can be shared from it.

use std::sync::Arc;

use crate::backend::Backend;
use crate::error::{ScreenError, Unsupported};
use crate::target::{Shareable, Source};
use crate::thumbnail::Thumbnail;

/// Where screens and windows are. Clones share it. It keeps no connection: each call opens its own.
#[derive(Clone)]
pub struct Desktop {
    backend: Arc<dyn Backend>,
}

impl Desktop {
    /// The one that this process runs in, by DISPLAY and WAYLAND_DISPLAY.
    ///
    /// # Errors
    /// [`ScreenError::Unsupported`]. Nothing is connected to yet.
    pub fn of_process() -> Result<Self, ScreenError> {
        let variable = |name| std::env::var(name).ok();
        Self::of_variables(variable("DISPLAY").as_deref(), variable("WAYLAND_DISPLAY").as_deref())
    }

    /// The one that these values of DISPLAY and WAYLAND_DISPLAY name.
    ///
    /// # Errors
    /// [`ScreenError::Unsupported`]. Nothing is connected to yet.
    #[cfg(target_os = "linux")]
    pub fn of_variables(display: Option<&str>, wayland: Option<&str>) -> Result<Self, ScreenError> {
        let is_set = |value: &&str| !value.is_empty();
        match (display.filter(is_set), wayland.filter(is_set)) {
            // Within a Wayland session this is Xwayland, which says so once it is connected to.
            (Some(display), _) => Ok(Self { backend: Arc::new(crate::x11::X11::new(display)) }),
            (None, Some(_)) => Err(Unsupported::Wayland.into()),
            (None, None) => Err(Unsupported::NoDisplay.into()),
        }
    }

    /// Untried: there is no backend for this system. One for Windows or macOS goes here.
    ///
    /// # Errors
    /// [`Unsupported::System`], always.
    #[cfg(not(target_os = "linux"))]
    pub fn of_variables(_display: Option<&str>, _wayland: Option<&str>) -> Result<Self, ScreenError> {
        Err(Unsupported::System.into())
    }

    /// Screens, then the windows that a person would recognise, in the order in which they were opened. Left out: windows
    /// that are minimised or on another workspace, docks, and those of the process `without_pid`.
    ///
    /// # Errors
    /// The window system is missing, hangs or lacks what capturing needs.
    pub fn list(&self, without_pid: Option<u32>) -> Result<Vec<Shareable>, ScreenError> {
        let is_ours = |shareable: &Shareable| match shareable.source {
            Source::Window { pid, .. } => pid.is_some() && pid == without_pid,
            Source::Screen { .. } => false,
        };
        let mut found = self.backend.list()?;
        found.retain(|shareable| !is_ours(shareable));
        Ok(found)
    }

    /// A small picture without the pointer, `max_width` pixels wide at most. `None`: nothing of it is to be seen now.
    ///
    /// # Errors
    /// As [`Self::list`], and [`ScreenError::Gone`].
    pub fn thumbnail(&self, of: &Shareable, max_width: u32) -> Result<Option<Thumbnail>, ScreenError> {
        Ok(self.backend.picture(&of.target())?.map(|picture| Thumbnail::of(&picture, max_width)))
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }
}
