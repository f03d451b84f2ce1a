//! Captures from an X server of its own (Xvfb), on which the test draws.
#![cfg(target_os = "linux")]

mod display;
mod painter;
mod pointer;
mod screens;
mod servers;
mod shot;
mod windows;
#[path = "../../../tests/support/xvfb.rs"]
#[allow(unreachable_pub, reason = "the client's tests have it, too")]
mod xvfb;
