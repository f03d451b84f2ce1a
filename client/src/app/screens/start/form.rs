//! Name, room and the button that joins.

use egui::{Button, Event, Label, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::{concerns_server, recent, suggestion};
use crate::app::commands::Command;
use crate::app::form::RoomProblem;
use crate::app::state::State;
use crate::app::theme::Palette;
use crate::app::widgets::appeared::appeared;
use crate::app::widgets::field::{Field, Typed, calm_sentence, problem_sentence};
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::icons::Icon;
use crate::i18n::{self, Texts};
use crate::session::EndReason;

/// The side of a bare [`IconButton`], and the space before it.
const ICON: f32 = 32.0;
const ICON_GAP: f32 = 6.0;

pub(super) fn show(ui: &mut Ui, state: &State, is_tall: bool, commands: &mut Vec<Command>) {
    let (texts, form) = (&state.texts, &state.form);
    ui.heading(RichText::new("Maru").size(if is_tall { 34.0 } else { 24.0 }).strong());
    if is_tall {
        calm_sentence(ui, &texts.tr("app-tagline"));
        ui.add_space(12.0);
    }
    if let Some(path) = &state.settings.set_aside {
        calm_sentence(ui, &texts.tr_with("settings-set-aside", &[("path", path.to_string_lossy().into())]));
        ui.add_space(6.0);
    }

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

    let room = room(ui, state, commands);
    if appeared(ui, "start") {
        let first = if form.name.is_empty() { &name.response } else { &room.response };
        first.request_focus();
    }
    recent::show(ui, state, if is_tall { usize::MAX } else { 3 }, commands);
    ui.add_space(6.0);

    let join = Button::new(RichText::new(texts.tr("join")).color(Palette::of(ui).on_accent).size(17.0).strong())
        .fill(Palette::of(ui).accent);
    // `add_sized` centres the text.
    let joined = ui.add_sized(vec2(ui.available_width(), 42.0), join).clicked();
    ended(ui, state);
    if joined || name.entered || room.entered {
        commands.push(Command::Join);
    }
}

/// The field, with a button beside it that suggests a name.
fn room(ui: &mut Ui, state: &State, commands: &mut Vec<Command>) -> Typed {
    let (texts, form) = (&state.texts, &state.form);
    let full = state.ended.as_ref().filter(|reason| matches!(reason, EndReason::RoomFull { .. }));
    let typed = form.problems.room.as_ref().map(|problem| room_problem(texts, problem));
    let room = ui
        .scope(|ui| {
            ui.set_max_width(ui.available_width() - ICON - ICON_GAP);
            Field {
                id: "room",
                label: &texts.tr("room-label"),
                hint: &texts.tr("room-hint"),
                text: &form.room,
                problem: typed.or_else(|| full.map(|reason| i18n::end_reason(texts, reason))),
            }
            .show(ui)
        })
        .inner;
    let field = room.response.rect;
    let place = Rect::from_min_size(pos2(field.right() + ICON_GAP, field.center().y - ICON / 2.0), vec2(ICON, ICON));
    // A child, so that what follows stays below the field's problem.
    let mut beside = ui.new_child(UiBuilder::new().max_rect(place));
    if IconButton::new(Icon::Dice, &texts.tr("suggest-room"), Look::Bare).show(&mut beside).clicked() {
        commands.extend(suggestion::new(texts.language()).map(Command::TypeRoom));
    }
    if let Some(text) = &room.text {
        commands.push(Command::TypeRoom(text.clone()));
        // Not while a link is being typed: it would be taken before its end.
        if ui.input(|input| input.events.iter().any(|event| matches!(event, Event::Paste(_)))) {
            commands.push(Command::ReadLink);
        }
    }
    let server = form.server.trim();
    if !server.is_empty() {
        let text = texts.tr_with("room-on-server", &[("server", server.into())]);
        let text = RichText::new(text).color(Palette::of(ui).weak_text).size(13.0);
        ui.add(Label::new(text).truncate());
    }
    room
}

fn room_problem(texts: &Texts, problem: &RoomProblem) -> String {
    match problem {
        RoomProblem::Name(error) => i18n::room_error(texts, error),
        RoomProblem::Link => texts.tr("room-link"),
    }
}

/// Why the last call ended, unless a field says it.
fn ended(ui: &mut Ui, state: &State) {
    let Some(reason) = &state.ended else { return };
    let sentence = i18n::end_reason(&state.texts, reason);
    match reason {
        EndReason::Left => calm_sentence(ui, &sentence),
        EndReason::RoomFull { .. } => {}
        reason if concerns_server(reason) => {}
        _ => problem_sentence(ui, &sentence),
    }
}
