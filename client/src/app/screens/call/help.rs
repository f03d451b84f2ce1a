//! The sheet that names all keys.

use egui::{Align2, Key, Label, RichText, ScrollArea, Ui, Window, vec2};

use crate::app::call_state::CallState;
use crate::app::commands::Command;
use crate::app::shortcuts::{HOLD, Shortcut};
use crate::app::theme::Palette;
use crate::i18n::Texts;

const WIDTH: f32 = 440.0;
const KEYS_WIDTH: f32 = 64.0;

pub(super) fn show(ui: &Ui, texts: &Texts, call: &CallState, commands: &mut Vec<Command>) {
    if !call.shows_help {
        return;
    }
    let mut is_open = true;
    let weak = Palette::of(ui).weak_text;
    let window = ui.ctx().content_rect().size();
    Window::new(texts.tr("help-title"))
        .open(&mut is_open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
        .fixed_size(vec2(WIDTH.min(window.x - 48.0), (window.y - 96.0).max(40.0)))
        .show(ui.ctx(), |ui| {
            ScrollArea::vertical().show(ui, |ui| {
                for shortcut in Shortcut::ALL {
                    row(ui, shortcut.name(), &texts.tr(shortcut.help()));
                }
                row(ui, HOLD.name(), &texts.tr("help-hold"));
                row(ui, Key::Tab.name(), &texts.tr("help-tab"));
                row(ui, Key::Enter.name(), &texts.tr("help-enter"));
                ui.add_space(6.0);
                ui.add(Label::new(RichText::new(texts.tr("help-mouse")).color(weak)).wrap());
            });
        });
    if !is_open {
        commands.push(Command::ToggleHelp);
    }
}

fn row(ui: &mut Ui, keys: &str, text: &str) {
    ui.horizontal_top(|ui| {
        ui.allocate_ui(vec2(KEYS_WIDTH, 20.0), |ui| {
            ui.set_min_width(KEYS_WIDTH);
            ui.label(RichText::new(keys).strong());
        });
        ui.add(Label::new(text).wrap());
    });
}
