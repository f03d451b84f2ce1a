//! Maru: video calls from machine to machine.
//!
//! - [`app`]: the window. Draws state, returns commands.
//! - [`session`]: one tokio task owns the call: the signaling link and one peer link for each peer.
//! - [`media`]: named threads for camera, codecs and sound.
//! - [`i18n`]: the sentences that a person reads, in each language; [`settings`]: what was used last.
//! - `maru-core` (a crate beside this one): the logic, without I/O.

pub mod app;
pub mod clock;
pub mod i18n;
pub mod media;
pub mod report;
pub mod session;
pub mod settings;
