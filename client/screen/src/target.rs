//! What can be shared, and what is.

/// A screen's name, by RandR: `HDMI-1`. The same after it was unplugged and plugged in again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScreenId(pub(crate) String);

/// A window's id at the X server, as long as the window exists. Ids of closed windows may return after hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowId(pub(crate) u32);

/// In pixels, from the upper left corner of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// What is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Screen(ScreenId),
    Window(WindowId),
    /// What of the area lies on the screen.
    Part {
        screen: ScreenId,
        area: Area,
    },
}

/// A screen or a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shareable {
    pub source: Source,
    /// For people: a window's title, or a screen's name. One line.
    pub title: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Screen {
        id: ScreenId,
        /// Left edge in the desktop, in pixels.
        x: i32,
        /// Upper edge in the desktop, in pixels.
        y: i32,
        is_primary: bool,
    },
    Window {
        id: WindowId,
        /// The process that says it owns it.
        pid: Option<u32>,
    },
}

impl Shareable {
    /// To capture all of it.
    pub fn target(&self) -> Target {
        match &self.source {
            Source::Screen { id, .. } => Target::Screen(id.clone()),
            Source::Window { id, .. } => Target::Window(*id),
        }
    }
}
