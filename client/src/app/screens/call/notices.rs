//! Sentences that appear over the pictures for some seconds.

use egui::accesskit::Role;
use egui::{FontId, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::app::call_state::CallState;
use crate::app::screens::Live;
use crate::app::theme::Palette;
use crate::i18n::Texts;

pub(super) fn show(ui: &Ui, area: Rect, texts: &Texts, call: &CallState, live: &Live<'_>) {
    let palette = Palette::of(ui);
    let pad = vec2(10.0, 5.0);
    let width = (area.width() - 48.0).clamp(40.0, 520.0) - 2.0 * pad.x;
    let mut top = area.top() + 8.0;
    for (index, notice) in call.notices(live.now).enumerate() {
        let sentence = notice.sentence(texts);
        let galley = ui.painter().layout(sentence.clone(), FontId::proportional(14.0), palette.text, width);
        let size = galley.size() + 2.0 * pad;
        let rect = Rect::from_min_size(pos2(area.center().x - size.x / 2.0, top), size);
        let response = ui.interact(rect, ui.scope_id().with(("notice", index)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &sentence));
        ui.painter().rect(rect, 6.0, palette.surface, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
        ui.painter().galley(rect.min + pad, galley, palette.text);
        top = rect.bottom() + 4.0;
    }
}

/// `free`: the part of the stage that the own picture does not cover.
pub(super) fn above_buttons(ui: &Ui, free: Rect, sentence: &str) {
    let palette = Palette::of(ui);
    let pad = vec2(12.0, 7.0);
    // Above the name of a tile.
    let free = Rect::from_min_max(free.min, free.max - vec2(0.0, 44.0));
    let width = (free.width() - 24.0).clamp(40.0, 520.0) - 2.0 * pad.x;
    let galley = ui.painter().layout(sentence.to_owned(), FontId::proportional(15.0), palette.problem_text, width);
    let size = galley.size() + 2.0 * pad;
    let rect = Rect::from_min_size(pos2(free.center().x - size.x / 2.0, free.bottom() - size.y), size);
    let response = ui.interact(rect, ui.scope_id().with("speaking-muted"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, sentence));
    ui.painter().rect(rect, 6.0, palette.surface, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    ui.painter().galley(rect.min + pad, galley, palette.problem_text);
}
