//! Maru: video calls from machine to machine.
//!
//! - [`app`]: the window. Draws state, returns commands.
//! - [`session`]: one tokio task owns the call: the signaling link and one peer link for each peer.
//! - [`media`]: named threads for camera, codecs and sound.
//! - `maru-core` (a crate beside this one): the logic, without I/O.

pub mod app;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod headless;
pub mod i18n;
pub mod invitation;
pub mod media;
pub mod report;
pub mod roll_call;
pub mod session;
pub mod settings;
pub mod signals;
