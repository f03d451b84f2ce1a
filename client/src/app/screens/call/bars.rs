//! The bar with the room's name, and the bar with the buttons.

use egui::{Align, Label, Layout, RichText, Ui};

use crate::app::call_state::{CallState, ServerState};
use crate::app::commands::{Command, Side};
use crate::app::shortcuts::Shortcut;
use crate::app::stage::View;
use crate::app::state::State;
use crate::app::theme::Palette;
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::icons::Icon;
use crate::app::widgets::switches;

const BUTTONS: usize = 9;
const BUTTON_WIDTH: f32 = 48.0;

/// Of the bar of buttons, in points.
pub(super) fn buttons_width(ui: &Ui) -> f32 {
    let gap = ui.spacing().item_spacing.x;
    BUTTONS as f32 * (BUTTON_WIDTH + gap) - gap
}

pub(super) fn top(ui: &mut Ui, state: &State, call: &CallState, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    ui.horizontal(|ui| {
        let room = texts.tr_with("room-name", &[("room", call.room.as_str().into())]);
        let invite = texts.tr("invite");
        let has_words = ui.available_width() > 420.0;
        let width = (ui.available_width() - if has_words { 230.0 } else { 96.0 }).max(40.0);
        ui.scope(|ui| {
            ui.set_max_width(width);
            ui.add(Label::new(RichText::new(room).strong()).truncate());
        });
        let clicked = if has_words {
            ui.button(RichText::new(&invite).size(14.0)).clicked()
        } else {
            IconButton::new(Icon::Copy, &invite, Look::Bare).show(ui).clicked()
        };
        if clicked {
            commands.push(Command::Invite);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let help = texts.tr_with("help", &[("key", Shortcut::Help.name().into())]);
            if IconButton::new(Icon::Help, &help, Look::Bare).show(ui).clicked() {
                commands.push(Command::ToggleHelp);
            }
        });
    });
    let problem = match call.server {
        ServerState::There => return,
        ServerState::Lost => "server-lost-bar",
        ServerState::Replaced => "replaced-bar",
    };
    let color = Palette::of(ui).problem_text;
    ui.add(Label::new(RichText::new(texts.tr(problem)).color(color).size(13.0)).wrap());
}

pub(super) fn buttons(ui: &mut Ui, state: &State, call: &CallState, commands: &mut Vec<Command>) {
    let (texts, devices) = (&state.texts, &state.devices);
    let named = |key: &str, shortcut: Shortcut| texts.tr_with(key, &[("key", shortcut.name().into())]);
    let unread = call.chat.unread;
    let chat = match unread {
        0 => named("chat-button", Shortcut::Chat),
        _ => texts.tr_with("chat-button-unread", &[("count", unread.into()), ("key", Shortcut::Chat.name().into())]),
    };
    let selected = |is_selected: bool| if is_selected { Look::Selected } else { Look::Plain };
    let switch = |(icon, key, look), shortcut| (icon, named(key, shortcut), look);
    let microphone = switch(switches::microphone(devices, Look::Danger), Shortcut::Microphone);
    let camera = switch(switches::camera(devices, Look::Danger), Shortcut::Camera);
    let is_open = |side| selected(call.side == Some(side));
    let (view_icon, view_key) = match call.stage.view {
        View::Grid => (Icon::Speaker, "view-speaker"),
        View::Speaker => (Icon::Grid, "view-grid"),
    };
    let hand = if call.hand_raised { "hand-lower" } else { "hand-raise" };
    let is_full_screen = crate::app::is_full_screen(ui.ctx());
    let full_screen = if is_full_screen { "full-screen-leave" } else { "full-screen" };
    let side = |icon, key, shortcut, side| ((icon, named(key, shortcut), is_open(side)), 0, Command::ToggleSide(side));
    let buttons = [
        (microphone, 0, Command::ToggleMicrophone),
        (camera, 0, Command::ToggleCamera),
        ((Icon::Chat, chat, is_open(Side::Chat)), unread, Command::ToggleSide(Side::Chat)),
        ((Icon::Hand, named(hand, Shortcut::Hand), selected(call.hand_raised)), 0, Command::ToggleHand),
        ((view_icon, named(view_key, Shortcut::View), Look::Plain), 0, Command::ToggleView),
        (
            (Icon::FullScreen, named(full_screen, Shortcut::FullScreen), selected(is_full_screen)),
            0,
            Command::FullScreen(!is_full_screen),
        ),
        side(Icon::Devices, "devices-button", Shortcut::Devices, Side::Devices),
        side(Icon::Statistics, "stats-button", Shortcut::Statistics, Side::Statistics),
        ((Icon::Leave, named("leave", Shortcut::Leave), Look::Danger), 0, Command::Leave),
    ];
    let (width, gap) = (buttons_width(ui), ui.spacing().item_spacing.x);
    // In a narrow window they are smaller.
    let each = ((ui.available_width() + gap) / BUTTONS as f32 - gap).min(BUTTON_WIDTH);
    ui.horizontal(|ui| {
        ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
        for ((icon, label, look), badge, command) in buttons {
            if IconButton::new(icon, &label, look).badge(badge).width(each).show(ui).clicked() {
                commands.push(command);
            }
        }
    });
}
