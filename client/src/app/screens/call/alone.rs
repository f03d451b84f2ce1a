//! What someone sees to whom nobody has come yet.

use egui::{Align, Label, Layout, Rect, RichText, Ui, vec2};

use crate::app::call_state::CallState;
use crate::app::theme::Palette;
use crate::i18n::Texts;

pub(super) fn show(ui: &mut Ui, area: Rect, texts: &Texts, call: &CallState) {
    let center = Rect::from_center_size(area.center() - vec2(0.0, 40.0), vec2(area.width().min(420.0), 120.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(center), |ui| {
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.label(RichText::new(texts.tr("alone")).size(20.0));
            let hint = texts.tr_with("alone-hint", &[("room", call.room.as_str().into())]);
            ui.add(Label::new(RichText::new(hint).color(Palette::of(ui).weak_text)).wrap());
        });
    });
}
