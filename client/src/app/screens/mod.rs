//! The screens. Each draws the state and returns what the person wants.

mod call;
mod closing;
mod joining;
mod start;

use egui::Ui;
use maru_core::time::Timestamp;

use super::commands::Command;
use super::state::{Screen, State};
use super::video::Videos;
use crate::media::{FrameSlot, MicrophoneState};

/// What changes with every repaint and is not in the state.
pub(crate) struct Live<'a> {
    pub(crate) now: Timestamp,
    pub(crate) self_view: FrameSlot,
    pub(crate) microphone: MicrophoneState,
    pub(crate) videos: &'a mut Videos,
}

pub(crate) use call::hide_all;

/// Draws the screen that `state` is on.
pub(crate) fn show(ui: &mut Ui, state: &State, live: &mut Live<'_>) -> Vec<Command> {
    let mut commands = Vec::new();
    match state.screen() {
        Screen::Start => start::show(ui, state, live, &mut commands),
        Screen::Joining(call) => joining::show(ui, state, call, &mut commands),
        Screen::Call(call) => call::show(ui, state, call, live, &mut commands),
    }
    closing::show(ui, state, &mut commands);
    commands
}
