//! The chat panel: messages, notices, and a field to write in.

use chrono::{Local, TimeZone};
use egui::accesskit::Role;
use egui::{
    Frame, Key, KeyboardShortcut, Label, Margin, Modifiers, Panel, RichText, ScrollArea, Sense, TextEdit, Ui,
    WidgetInfo, vec2,
};
use maru_protocol::peer::MAX_CHAT_CHARS;

use crate::app::chat_log::{ChatLine, ChatLog, Content, Delivery};
use crate::app::commands::Command;
use crate::app::theme::Palette;
use crate::app::widgets::appeared::appeared;
use crate::app::widgets::field::problem_sentence;
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::icons::{self, Icon};
use crate::i18n::Texts;

pub(super) fn show(ui: &mut Ui, texts: &Texts, chat: &ChatLog, commands: &mut Vec<Command>) {
    Panel::bottom("chat-input").frame(Frame::new()).resizable(false).show_separator_line(false).show(ui, |ui| {
        input(ui, texts, chat, commands);
    });
    ScrollArea::vertical().auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        if chat.lines().len() == 0 {
            ui.add(Label::new(RichText::new(texts.tr("chat-empty")).color(Palette::of(ui).weak_text)).wrap());
        }
        for line in chat.lines() {
            show_line(ui, texts, line);
        }
    });
}

fn show_line(ui: &mut Ui, texts: &Texts, line: &ChatLine) {
    let palette = Palette::of(ui);
    let time = clock_time(line.unix_ms);
    match &line.content {
        Content::Notice(notice) => {
            let text = format!("{time}  {}", notice.sentence(texts));
            ui.add(Label::new(RichText::new(text).size(13.0).color(palette.weak_text)).wrap());
        }
        Content::Theirs { name, text, .. } => {
            message(ui, palette.their_message, name.as_str(), &time, text, |_| {});
        }
        Content::Ours { id: _, text, delivery } => {
            message(ui, palette.own_message, &texts.tr("you"), &time, text, |ui| delivered_mark(ui, texts, delivery));
        }
    }
}

fn message(ui: &mut Ui, fill: egui::Color32, name: &str, time: &str, text: &str, mark: impl FnOnce(&mut Ui)) {
    Frame::new().fill(fill).corner_radius(8.0).inner_margin(Margin::symmetric(10, 6)).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 84.0).max(20.0);
            ui.scope(|ui| {
                ui.set_max_width(width);
                ui.add(Label::new(RichText::new(name).strong().size(13.0)).truncate());
            });
            ui.label(RichText::new(time).size(12.0).color(Palette::of(ui).weak_text));
            mark(ui);
        });
        ui.add(Label::new(text).wrap());
    });
}

fn delivered_mark(ui: &mut Ui, texts: &Texts, delivery: &Delivery) {
    let (count, total) = (delivery.delivered(), delivery.total());
    let sentence = match (count, total) {
        (_, 0) => texts.tr("chat-nobody"),
        (0, total) => texts.tr_with("chat-pending", &[("total", total.into())]),
        (count, total) => texts.tr_with("chat-delivered", &[("count", count.into()), ("total", total.into())]),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &sentence));
    let palette = Palette::of(ui);
    match count {
        0 => icons::paint(ui.painter(), Icon::Waiting, rect, palette.weak_text),
        _ if count < total => icons::paint(ui.painter(), Icon::Check, rect, palette.weak_text),
        _ => icons::paint(ui.painter(), Icon::Check, rect, palette.level),
    }
    response.on_hover_text(sentence);
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

/// Local hours and minutes. The time comes from a peer, so it may be outside of every calendar.
fn clock_time(unix_ms: u64) -> String {
    let millis = i64::try_from(unix_ms).ok();
    let time = millis.and_then(|millis| Local.timestamp_millis_opt(millis).single());
    time.map_or_else(|| "--:--".to_owned(), |time| time.format("%H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::clock_time;

    #[test]
    fn any_time_from_a_peer_can_be_shown() {
        assert_eq!(clock_time(1_700_000_000_000).len(), 5);
        assert_eq!(clock_time(0).len(), 5);
        assert_eq!(clock_time(u64::MAX), "--:--");
        assert_eq!(clock_time(i64::MAX as u64), "--:--");
    }
}
