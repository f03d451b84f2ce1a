//! The call: the pictures of all, a bar of buttons, and a panel beside the pictures.

mod alone;
mod bars;
mod help;
mod notices;
mod stage;
mod tiles;

use egui::{Align2, Area, CentralPanel, Frame, Id, Margin, Order, Panel, Ui, vec2};

use super::Live;
use crate::app::call_state::CallState;
use crate::app::commands::Command;
use crate::app::panels;
use crate::app::shortcuts::{self, Shortcut};
use crate::app::state::State;
use crate::app::theme::Palette;
use crate::participants::Participant;

/// From this width on, panels are beside the pictures. In narrower windows they replace them.
const BESIDE: f32 = 720.0;
const SIDE_WIDTH: f32 = 330.0;
/// In full screen the bars disappear when the pointer has not moved for this time.
const IDLE_SECONDS: f32 = 3.0;

pub(super) fn show(ui: &mut Ui, state: &State, call: &CallState, live: &mut Live<'_>, commands: &mut Vec<Command>) {
    commands.extend(shortcuts::pressed(ui.ctx(), call));
    let surface = Frame::new().fill(Palette::of(ui).surface).inner_margin(Margin::symmetric(10, 6));
    let is_full_screen = crate::app::is_full_screen(ui.ctx());
    if !is_full_screen {
        Panel::top("call-top").frame(surface).resizable(false).show(ui, |ui| bars::top(ui, state, call, commands));
        Panel::bottom("call-bar").frame(surface).resizable(false).show(ui, |ui| {
            bars::buttons(ui, state, call, commands);
        });
    }

    let side_frame = surface.inner_margin(Margin::same(12));
    match call.side {
        Some(side) if ui.available_width() >= BESIDE => {
            Panel::right("call-side").frame(side_frame).resizable(false).exact_size(SIDE_WIDTH).show(ui, |ui| {
                panels::show(ui, side, state, call, live, commands);
            });
        }
        Some(side) => {
            CentralPanel::default().frame(side_frame).show(ui, |ui| {
                panels::show(ui, side, state, call, live, commands);
            });
            commands.extend(hide_all(call));
            help::show(ui, &state.texts, call, commands);
            return;
        }
        None => {}
    }
    let margin = if is_full_screen { 0 } else { 6 };
    let stage = Frame::new().fill(Palette::of(ui).background).inner_margin(Margin::same(margin));
    CentralPanel::default().frame(stage).show(ui, |ui| {
        let area = ui.available_rect_before_wrap();
        if call.participants.iter().len() == 0 {
            alone::show(ui, area, &state.texts, call);
        }
        let free = stage::show(ui, area, state, call, live, commands);
        notices::show(ui, area, &state.texts, call, live);
        if state.devices.muted && live.microphone.is_speaking {
            let sentence = state.texts.tr_with("speaking-muted", &[("key", Shortcut::Microphone.name().into())]);
            notices::above_buttons(ui, free, &sentence);
        }
    });
    if is_full_screen {
        fading_bar(ui, state, call, commands);
    }
    help::show(ui, &state.texts, call, commands);
}

/// The buttons, over the pictures, while the pointer moves.
fn fading_bar(ui: &Ui, state: &State, call: &CallState, commands: &mut Vec<Command>) {
    let ctx = ui.ctx();
    let idle = ctx.input(|input| input.pointer.time_since_last_movement());
    if idle > IDLE_SECONDS {
        ctx.set_cursor_icon(egui::CursorIcon::None);
        return;
    }
    // A little later than that, or the time would not be over yet.
    ctx.request_repaint_after_secs(IDLE_SECONDS - idle + 0.05);
    let palette = Palette::of(ui);
    Area::new(Id::unique("full-screen-bar"))
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -16.0))
        .order(Order::Foreground)
        .show(ctx, |ui| {
            Frame::new().fill(palette.surface).corner_radius(14.0).inner_margin(Margin::same(8)).show(ui, |ui| {
                ui.set_max_width(bars::buttons_width(ui));
                bars::buttons(ui, state, call, commands);
            });
        });
}

/// No participant's picture is on the screen.
pub(crate) fn hide_all(call: &CallState) -> impl Iterator<Item = Command> {
    call.participants.iter().filter_map(|peer| show_video(call, peer, 0))
}

fn show_video(call: &CallState, peer: &Participant, height: u32) -> Option<Command> {
    call.viewing.change(peer.key, height).map(|height| Command::ShowVideo(peer.key, height))
}
