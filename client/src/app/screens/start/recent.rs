//! The rooms joined last: a click joins again.

use egui::accesskit::Role;
use egui::{Button, Key, RichText, Ui, WidgetInfo, vec2};

use crate::app::commands::Command;
use crate::app::state::State;
use crate::app::theme::Palette;
use crate::i18n::Texts;
use crate::settings::RecentRoom;

/// Longer names are cut, in characters.
const SHOWN: usize = 16;

/// At most `limit` of them.
pub(super) fn show(ui: &mut Ui, state: &State, limit: usize, commands: &mut Vec<Command>) {
    let (texts, rooms) = (&state.texts, &state.settings.recent_rooms);
    if rooms.is_empty() {
        return;
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.spacing_mut().button_padding = vec2(10.0, 3.0);
        ui.spacing_mut().interact_size.y = 26.0;
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(texts.tr("recent-rooms")).color(Palette::of(ui).weak_text).size(13.0));
            for recent in rooms.iter().take(limit) {
                button(ui, texts, recent, commands);
            }
        });
    });
}

fn button(ui: &mut Ui, texts: &Texts, recent: &RecentRoom, commands: &mut Vec<Command>) {
    let text = RichText::new(shortened(&recent.room)).size(13.0);
    let response = ui.add(Button::new(text).corner_radius(13.0));
    let label = texts.tr_with("recent-room", &[("room", recent.room.as_str().into())]);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    let deleted = response.has_focus() && ui.input(|input| input.key_pressed(Key::Delete));
    response.context_menu(|ui| {
        if ui.button(texts.tr("recent-remove")).clicked() {
            commands.push(Command::ForgetRoom(recent.clone()));
        }
    });
    if deleted {
        commands.push(Command::ForgetRoom(recent.clone()));
    }
    let server = recent.server.as_deref().filter(|server| !server.is_empty());
    let on_server = server.map(|server| texts.tr_with("room-on-server", &[("server", server.into())]));
    let hover = [Some(label), on_server, Some(texts.tr("recent-hint"))].into_iter().flatten().collect::<Vec<_>>();
    if response.on_hover_text(hover.join("\n")).clicked() {
        commands.push(Command::JoinRecent(recent.clone()));
    }
}

fn shortened(room: &str) -> String {
    if room.chars().count() <= SHOWN {
        return room.to_owned();
    }
    room.chars().take(SHOWN - 1).chain(['…']).collect()
}
