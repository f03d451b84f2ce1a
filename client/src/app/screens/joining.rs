//! Between pressing Join and being in the room.

use egui::{Align, Button, CentralPanel, Key, Layout, RichText, Ui, vec2};

use crate::app::call_state::{CallState, Progress};
use crate::app::commands::Command;
use crate::app::state::State;

pub(super) fn show(ui: &mut Ui, state: &State, call: &CallState, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    let progress = match &call.progress {
        Progress::Searching | Progress::Joined => texts.tr("searching-server"),
        Progress::Connecting { url } => texts.tr_with("connecting-to-server", &[("server", url.as_str().into())]),
    };
    CentralPanel::default().show(ui, |ui| {
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.add_space(ui.available_height() * 0.35);
            ui.heading(texts.tr_with("room-name", &[("room", call.room.as_str().into())]));
            ui.label(RichText::new(progress).size(16.0));
            ui.add_space(12.0);
            let cancel = ui.add_sized(vec2(140.0, 36.0), Button::new(texts.tr("cancel")));
            if cancel.clicked() || ui.input(|input| input.key_pressed(Key::Escape)) {
                commands.push(Command::Leave);
            }
        });
    });
}
