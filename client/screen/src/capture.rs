//! An open capture.

use std::time::Duration;

use maru_core::frame::I420;

use crate::backend::Frames;
use crate::desktop::Desktop;
use crate::error::ScreenError;
use crate::target::Target;

/// What a capture shows, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the pointer is drawn while it is over the target.
    pub pointer: bool,
    /// Pictures per second; 0 counts as 1.
    pub max_fps: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { pointer: true, max_fps: 30 }
    }
}

/// Pictures of one target. While it is open the window system reports changes: one that is not asked for pictures should be
/// dropped.
pub struct Capture {
    frames: Box<dyn Frames>,
}

impl Capture {
    /// # Errors
    /// [`ScreenError::Gone`] if there is no such target; the window system is missing, hangs or lacks what capturing needs;
    /// the target is too large or has another colour depth than 24 and 32.
    pub fn open(desktop: &Desktop, target: &Target, options: Options) -> Result<Self, ScreenError> {
        Ok(Self { frames: desktop.backend().open(target, options)? })
    }

    /// Waits up to `timeout` until the target has changed and the next picture is due, and writes it into `image`. `false`:
    /// nothing has changed, and `image` is as it was. The first picture comes at once.
    ///
    /// `image` gets the target's size, unscaled; of an odd side the last row or column is left out. The size may change from
    /// one picture to the next. The pointer is followed as it moves, and four times a second where no event tells of it.
    ///
    /// # Errors
    /// After each of them the capture has ended: [`ScreenError::Gone`] if the target is closed or unplugged, or the window
    /// system hangs.
    pub fn next(&mut self, image: &mut I420, timeout: Duration) -> Result<bool, ScreenError> {
        self.frames.next(image, timeout)
    }

    /// Whether the window is minimised or on another workspace: no pictures come until it is back.
    pub fn is_paused(&self) -> bool {
        self.frames.is_paused()
    }
}
