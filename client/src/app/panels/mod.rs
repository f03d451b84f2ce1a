//! The panels beside the video: chat, devices with settings, and statistics.

pub(crate) mod chat;
pub(crate) mod devices;
mod statistics;

use egui::{Align, Layout, RichText, Ui};

use super::call_state::CallState;
use super::commands::{Command, Side};
use super::screens::Live;
use super::shortcuts::Shortcut;
use super::state::State;
use super::widgets::icon_button::{IconButton, Look};
use super::widgets::icons::Icon;

pub(crate) fn show(
    ui: &mut Ui,
    side: Side,
    state: &State,
    call: &CallState,
    live: &Live<'_>,
    commands: &mut Vec<Command>,
) {
    let texts = &state.texts;
    let title = match side {
        Side::Chat => texts.tr("chat-title"),
        Side::Devices => texts.tr("devices-title"),
        Side::Statistics => texts.tr("stats-title"),
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).strong().size(17.0));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let close = texts.tr_with("close", &[("key", Shortcut::Close.name().into())]);
            if IconButton::new(Icon::Close, &close, Look::Bare).show(ui).clicked() {
                commands.push(Command::CloseSide);
            }
        });
    });
    match side {
        Side::Chat => chat::show(ui, texts, &call.chat, commands),
        Side::Devices => devices::show(ui, state, call, live, commands),
        Side::Statistics => statistics::show(ui, texts, call, commands),
    }
}
