//! Captures from an X server of its own (Xvfb), on which the test draws.
#![cfg(target_os = "linux")]

mod display;
mod painter;
mod pointer;
mod screens;
mod servers;
mod shot;
mod windows;
