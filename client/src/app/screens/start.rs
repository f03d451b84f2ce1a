//! The start screen: name, room, server and devices.

use egui::{Button, CentralPanel, CollapsingHeader, RichText, ScrollArea, Ui, UiBuilder, vec2};

use super::Live;
use crate::app::commands::Command;
use crate::app::panels::devices::{language_picker, pickers};
use crate::app::state::State;
use crate::app::theme::Palette;
use crate::app::video::Source;
use crate::app::widgets::appeared::appeared;
use crate::app::widgets::field::{Field, problem_sentence};
use crate::app::widgets::tile::Tile;
use crate::i18n;
use crate::session::EndReason;

/// From this width on, the form is beside the video.
const TWO_COLUMNS: f32 = 760.0;
const FORM_WIDTH: f32 = 360.0;
const GAP: f32 = 32.0;

pub(super) fn show(ui: &mut Ui, state: &State, live: &mut Live<'_>, commands: &mut Vec<Command>) {
    CentralPanel::default().show(ui, |ui| {
        let height = ui.available_height();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let available = ui.available_width();
            if available >= TWO_COLUMNS {
                let width = available.min(1_040.0);
                let margin = (available - width) / 2.0;
                let top = ui.cursor().min + vec2(margin, (height * 0.06).max(12.0));
                let form = egui::Rect::from_min_size(top, vec2(FORM_WIDTH, f32::INFINITY));
                let devices = egui::Rect::from_min_max(
                    egui::pos2(form.right() + GAP, top.y),
                    egui::pos2(top.x + width - 12.0, f32::INFINITY),
                );
                ui.scope_builder(UiBuilder::new().max_rect(form), |ui| form_column(ui, state, commands));
                ui.scope_builder(UiBuilder::new().max_rect(devices), |ui| devices_column(ui, state, live, commands));
            } else {
                let width = (available - 24.0).min(480.0);
                let top = ui.cursor().min + vec2((available - width) / 2.0, 12.0);
                let column = egui::Rect::from_min_size(top, vec2(width, f32::INFINITY));
                ui.scope_builder(UiBuilder::new().max_rect(column), |ui| {
                    form_column(ui, state, commands);
                    ui.add_space(12.0);
                    devices_column(ui, state, live, commands);
                    ui.add_space(12.0);
                });
            }
        });
    });
}

fn form_column(ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
    let (texts, form) = (&state.texts, &state.form);
    ui.heading(RichText::new("Maru").size(34.0).strong());
    ui.label(RichText::new(texts.tr("app-tagline")).color(Palette::of(ui).weak_text));
    ui.add_space(12.0);

    let name = Field {
        id: "name",
        label: &texts.tr("name-label"),
        hint: &texts.tr("name-hint"),
        text: &form.name,
        problem: form.problems.name.as_ref().map(|error| i18n::name_error(texts, error)),
    }
    .show(ui);
    commands.extend(name.text.map(Command::TypeName));
    ui.add_space(6.0);

    let is_full = matches!(state.ended, Some(EndReason::RoomFull { .. }));
    let ended = state.ended.as_ref().map(|reason| i18n::end_reason(texts, reason));
    let room = Field {
        id: "room",
        label: &texts.tr("room-label"),
        hint: &texts.tr("room-hint"),
        text: &form.room,
        problem: form
            .problems
            .room
            .as_ref()
            .map(|error| i18n::room_error(texts, error))
            .or(ended.clone().filter(|_| is_full)),
    }
    .show(ui);
    commands.extend(room.text.map(Command::TypeRoom));
    if appeared(ui, "start") {
        let first = if form.name.is_empty() { &name.response } else { &room.response };
        first.request_focus();
    }
    ui.add_space(6.0);

    let join = Button::new(RichText::new(texts.tr("join")).color(Palette::of(ui).on_accent).size(17.0).strong())
        .fill(Palette::of(ui).accent);
    // `add_sized` centres the text.
    let joined = ui.add_sized(vec2(ui.available_width(), 42.0), join).clicked();
    let about_server = state.ended.as_ref().is_some_and(concerns_server);
    match (&state.ended, ended.clone()) {
        (Some(EndReason::Left), Some(sentence)) => {
            ui.label(RichText::new(sentence).color(Palette::of(ui).weak_text));
        }
        (Some(_), Some(sentence)) if !is_full && !about_server => problem_sentence(ui, &sentence),
        _ => {}
    }
    ui.add_space(6.0);

    let server_problem = match ended {
        _ if form.problems.server => Some(texts.tr("server-scheme")),
        sentence => sentence.filter(|_| about_server),
    };
    let open = (server_problem.is_some()).then_some(true);
    let mut server_entered = false;
    CollapsingHeader::new(texts.tr("settings")).id_salt("settings").open(open).show(ui, |ui| {
        let server = Field {
            id: "server",
            label: &texts.tr("server-label"),
            hint: &texts.tr("server-hint"),
            text: &form.server,
            problem: server_problem,
        }
        .show(ui);
        server_entered = server.entered;
        commands.extend(server.text.map(Command::TypeServer));
        language_picker(ui, state, commands);
    });

    if joined || name.entered || room.entered || server_entered {
        commands.push(Command::Join);
    }
}

fn devices_column(ui: &mut Ui, state: &State, live: &mut Live<'_>, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    let width = ui.available_width();
    let (_, rect) = ui.allocate_space(vec2(width, (width * 9.0 / 16.0).min(360.0)));
    let has_camera = state.devices.camera_in_use();
    let (name, you) = (state.form.name.trim(), texts.tr("you"));
    let status = texts.tr(if has_camera { "peer-waiting" } else { "peer-camera-off" });
    Tile {
        source: Source::Own,
        name: if name.is_empty() { &you } else { name },
        initial_of: name,
        label: &texts.tr(if has_camera { "own-video" } else { "own-video-off" }),
        muted: false,
        is_speaking: false,
        status: live.self_view.get().is_none().then_some(status.as_str()),
        frames: has_camera.then_some(&live.self_view),
        whole: false,
        hand_raised: false,
        is_weak: false,
        sense: egui::Sense::hover(),
    }
    .show(ui, rect, live.videos);
    pickers(ui, state, live.microphone, commands);
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
