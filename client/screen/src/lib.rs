//! Pictures of screens, windows and parts of a screen, for sharing them.
//!
//! [`Desktop`] lists what can be shared, and [`Capture`] gives a picture each time that it has changed. All calls wait for
//! the window system, each reply for five seconds at most: make them on a thread of their own.
//!
//! Backends stand behind `backend.rs`: X11 is one. Wayland's would be the screen-cast portal.
#![forbid(unsafe_code)]
#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "untried: what backends share waits for one there"))]

mod backend;
mod bands;
mod capture;
mod cursor;
mod desktop;
mod error;
mod picture;
mod target;
mod thumbnail;
#[cfg(target_os = "linux")]
mod x11;

pub use capture::{Capture, Options};
pub use desktop::Desktop;
pub use error::{ScreenError, Unsupported};
pub use target::{Area, ScreenId, Shareable, Source, Target, WindowId};
pub use thumbnail::Thumbnail;
