//! The question before a window with a running call is closed.

use egui::{Button, Frame, Id, Key, Modal, RichText, Ui};

use crate::app::commands::Command;
use crate::app::state::State;
use crate::app::theme::Palette;
use crate::app::widgets::appeared::appeared;

pub(super) fn show(ui: &Ui, state: &State, commands: &mut Vec<Command>) {
    if !state.asks_to_close {
        return;
    }
    let texts = &state.texts;
    let shown =
        Modal::new(Id::unique("closing")).frame(Frame::popup(ui.style()).inner_margin(20)).show(ui.ctx(), |ui| {
            ui.set_max_width(320.0);
            ui.label(RichText::new(texts.tr("close-title")).size(18.0).strong());
            ui.label(texts.tr("close-text"));
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                let palette = Palette::of(ui);
                let leave = RichText::new(texts.tr("close-leave")).color(palette.on_danger);
                if ui.add(Button::new(leave).fill(palette.danger)).clicked() {
                    commands.push(Command::CloseAnyway);
                }
                let stay = ui.button(texts.tr("close-stay"));
                if appeared(ui, "closing") {
                    stay.request_focus();
                }
                if stay.clicked() {
                    commands.push(Command::KeepOpen);
                }
            });
        });
    if shown.should_close() || ui.input(|input| input.key_pressed(Key::Escape)) {
        commands.push(Command::KeepOpen);
    }
}
