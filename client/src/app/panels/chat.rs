//! The chat panel: messages, notices, and a field to write in.

mod links;
mod list;
mod row;
mod rows;

use egui::{Frame, Key, KeyboardShortcut, Label, Margin, Modifiers, Panel, RichText, ScrollArea, TextEdit, Ui};
use maru_protocol::peer::MAX_CHAT_CHARS;

use crate::app::chat_log::ChatLog;
use crate::app::commands::Command;
use crate::app::theme::Palette;
use crate::app::widgets::appeared::appeared;
use crate::app::widgets::field::problem_sentence;
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::icons::Icon;
use crate::i18n::Texts;

pub(super) fn show(ui: &mut Ui, texts: &Texts, chat: &ChatLog, commands: &mut Vec<Command>) {
    Panel::bottom("chat-input").frame(Frame::new()).resizable(false).show_separator_line(false).show(ui, |ui| {
        input(ui, texts, chat, commands);
    });
    let rows = rows::rows(chat);
    if rows.is_empty() {
        ui.add(Label::new(RichText::new(texts.tr("chat-empty")).color(Palette::of(ui).weak_text)).wrap());
    } else {
        list::show(ui, texts, &rows);
    }
}

fn input(ui: &mut Ui, texts: &Texts, chat: &ChatLog, commands: &mut Vec<Command>) {
    ui.add_space(8.0);
    let mut draft = chat.draft.clone();
    let mut send = false;
    ui.horizontal(|ui| {
        let button = 40.0;
        let width = ui.available_width() - button - ui.spacing().item_spacing.x;
        ScrollArea::vertical().max_height(110.0).max_width(width).auto_shrink([false, true]).show(ui, |ui| {
            let new_line = KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter);
            let edit = TextEdit::multiline(&mut draft)
                .id_salt("chat-text")
                .hint_text(texts.tr("chat-input-hint"))
                .desired_rows(1)
                .desired_width(f32::INFINITY)
                .margin(Margin::symmetric(10, 8))
                .return_key(new_line);
            let response = ui.add(edit).accessible_name(texts.tr("chat-input"));
            if appeared(ui, "chat") {
                response.request_focus();
            }
            send = response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter) && !input.modifiers.shift);
            if response.changed() {
                commands.push(Command::TypeChat(draft.clone()));
            }
        });
        send |= IconButton::new(Icon::Send, &texts.tr("chat-send"), Look::Bare).show(ui).clicked();
    });
    if let Some(length) = chat.draft_excess() {
        let lengths = [("length", length.into()), ("limit", MAX_CHAT_CHARS.into())];
        problem_sentence(ui, &texts.tr_with("chat-too-long", &lengths));
    }
    if send {
        commands.push(Command::SendChat);
    }
}
