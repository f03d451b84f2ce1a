//! Sentences that appear over the pictures for some seconds.

use egui::accesskit::Role;
use egui::{Align2, Color32, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

use crate::app::call_state::CallState;
use crate::app::screens::Live;
use crate::app::theme::Palette;
use crate::i18n::Texts;

const WIDEST: f32 = 520.0;

pub(super) fn show(ui: &Ui, area: Rect, texts: &Texts, call: &CallState, live: &Live<'_>) {
    let width = (area.width() - 48.0).clamp(40.0, WIDEST);
    let look = Look { size: 14.0, pad: vec2(10.0, 5.0), color: Palette::of(ui).text };
    let mut top = area.top() + 8.0;
    for (index, notice) in call.notices(live.now).enumerate() {
        let at = (Align2::CENTER_TOP, pos2(area.center().x, top));
        top = plate(ui, ("notice", index), &notice.sentence(texts), &look, width, at).bottom() + 4.0;
    }
}

/// `free`: the part of the stage that the own picture does not cover.
pub(super) fn above_buttons(ui: &Ui, free: Rect, sentence: &str) {
    let width = (free.width() - 24.0).clamp(40.0, WIDEST);
    let look = Look { size: 15.0, pad: vec2(12.0, 7.0), color: Palette::of(ui).problem_text };
    // Above the name of a tile.
    let at = (Align2::CENTER_BOTTOM, pos2(free.center().x, free.bottom() - 44.0));
    plate(ui, "speaking-muted", sentence, &look, width, at);
}

/// Of a sentence, in points.
struct Look {
    size: f32,
    pad: Vec2,
    color: Color32,
}

/// `at`: which of its points lies where. Returns where it is.
fn plate(
    ui: &Ui,
    id: impl std::hash::Hash + std::fmt::Debug,
    sentence: &str,
    look: &Look,
    width: f32,
    (align, at): (Align2, Pos2),
) -> Rect {
    let (palette, font) = (Palette::of(ui), FontId::proportional(look.size));
    let galley = ui.painter().layout(sentence.to_owned(), font, look.color, width - 2.0 * look.pad.x);
    let rect = align.anchor_size(at, galley.size() + 2.0 * look.pad);
    let response = ui.interact(rect, ui.scope_id().with(id), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, sentence));
    ui.painter().rect(rect, 6.0, palette.surface, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    ui.painter().galley(rect.min + look.pad, galley, look.color);
    rect
}
