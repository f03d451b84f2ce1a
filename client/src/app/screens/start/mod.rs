//! The start screen: name and room, one's own picture with its switches, devices and settings.

mod form;
mod menus;
mod preview;
mod recent;
mod suggestion;
mod words;

use egui::{CentralPanel, Pos2, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::Live;
use crate::app::commands::Command;
use crate::app::state::State;
use crate::session::EndReason;

/// From this width on, the form is beside the picture.
const TWO_COLUMNS: f32 = 600.0;
const WIDEST: f32 = 1_400.0;
const HIGHEST: f32 = 560.0;
/// Below this height only what is needed to join is shown.
const TALL: f32 = 600.0;
const MARGIN: f32 = 12.0;

pub(super) fn show(ui: &mut Ui, state: &State, live: &mut Live<'_>, commands: &mut Vec<Command>) {
    commands.extend(preview::pressed(ui.ctx()));
    CentralPanel::default().show(ui, |ui| {
        let (height, is_tall) = (ui.available_height(), ui.available_height() >= TALL);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let available = ui.available_width();
            if available >= TWO_COLUMNS {
                let width = (available * 0.6).clamp(1_080.0, WIDEST).min(available - 2.0 * MARGIN);
                let gap = (width * 0.05).clamp(20.0, 48.0);
                let form_width = (width * 0.38).clamp(250.0, 400.0);
                // Where a person looks first: above the middle.
                let top = ((height - 560.0) * 0.4).max(MARGIN);
                let start = ui.cursor().min + vec2((available - width) / 2.0, top);
                let right = pos2(start.x + form_width + gap, start.y);
                column(ui, start, form_width, |ui| form::show(ui, state, is_tall, commands));
                column(ui, right, width - form_width - gap, |ui| {
                    preview::show(ui, state, live, HIGHEST, commands);
                    menus::show(ui, state, live, commands);
                    ui.add_space(MARGIN);
                });
            } else {
                let width = (available - 2.0 * MARGIN).min(480.0);
                let start = ui.cursor().min + vec2((available - width) / 2.0, MARGIN);
                column(ui, start, width, |ui| {
                    let top = ui.cursor().top();
                    form::show(ui, state, is_tall, commands);
                    ui.add_space(4.0);
                    // Its switches are to be seen without scrolling, if that is possible.
                    let left = height - (ui.cursor().top() - top) - 2.0 * MARGIN;
                    preview::show(ui, state, live, left.max(150.0), commands);
                    menus::show(ui, state, live, commands);
                    ui.add_space(MARGIN);
                });
            }
        });
    });
}

fn column(ui: &mut Ui, start: Pos2, width: f32, contents: impl FnOnce(&mut Ui)) {
    let rect = Rect::from_min_size(start, vec2(width, f32::INFINITY));
    ui.scope_builder(UiBuilder::new().max_rect(rect), contents);
}

fn concerns_server(reason: &EndReason) -> bool {
    match reason {
        EndReason::BadUrl { .. }
        | EndReason::NoServer { .. }
        | EndReason::BadCertificate { .. }
        | EndReason::NotAServer { .. }
        | EndReason::OtherVersion { .. }
        | EndReason::ServerFull => true,
        EndReason::Left | EndReason::RoomFull { .. } | EndReason::Internal { .. } => false,
    }
}
