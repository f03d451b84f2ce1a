//! The seam between this crate's interface and a window system.

use std::time::Duration;

use maru_core::frame::I420;

use crate::capture::Options;
use crate::error::ScreenError;
use crate::picture::Picture;
use crate::target::{Shareable, Target};

/// A window system.
pub(crate) trait Backend: Send + Sync {
    fn list(&self) -> Result<Vec<Shareable>, ScreenError>;

    /// All of the target as it is now. `None`: it is not to be seen.
    fn picture(&self, target: &Target) -> Result<Option<Picture>, ScreenError>;

    fn open(&self, target: &Target, options: Options) -> Result<Box<dyn Frames>, ScreenError>;
}

/// An open capture. See [`crate::Capture`].
pub(crate) trait Frames: Send {
    fn next(&mut self, image: &mut I420, timeout: Duration) -> Result<bool, ScreenError>;

    fn is_paused(&self) -> bool;
}
