//! Maru: video calls directly between computers.
//!
//! - [`app`]: the window. Screens draw the state and return commands.
//! - [`session`]: one tokio task owns the call: the signaling and one connection per peer.
//! - [`media`]: named threads for camera, codecs and audio.
//! - `maru-core`, a crate of its own: the logic, without I/O.

pub mod app;
pub mod cli;
pub mod clock;
pub mod demo;
mod device_status;
pub mod headless;
pub mod i18n;
pub mod invitation;
pub mod media;
pub mod participants;
pub mod report;
pub mod server_url;
pub mod session;
pub mod settings;
pub mod signals;
