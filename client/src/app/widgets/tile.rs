//! A video tile: the newest frame with a name on it, or a card with the name while there is no frame.

use egui::accesskit::Role;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, FontId, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::icons::{self, Icon};
use crate::app::theme::{Palette, ROUNDING};
use crate::app::video::{Source, Videos};
use crate::media::FrameSlot;

/// Below this width, text is smaller and a card shows no status.
const SMALL: f32 = 220.0;
/// Width of the ring around someone who speaks.
const RING: f32 = 3.0;
/// Room for the name at the bottom of a tile.
const NAME_HEIGHT: f32 = 38.0;

pub(crate) struct Tile<'a> {
    pub(crate) source: Source,
    pub(crate) name: &'a str,
    /// Whose first letter stands for the frame while there is none.
    pub(crate) initial_of: &'a str,
    /// For screen readers.
    pub(crate) label: &'a str,
    pub(crate) muted: bool,
    /// A ring around it.
    pub(crate) is_speaking: bool,
    /// Shown on the card, or over a frozen frame.
    pub(crate) status: Option<&'a str>,
    /// `None`: the camera is off, or there is no connection yet.
    pub(crate) frames: Option<&'a FrameSlot>,
    /// One line each, drawn over the frame.
    pub(crate) statistics: &'a [String],
}

impl Tile<'_> {
    pub(crate) fn show(self, ui: &mut Ui, rect: Rect, videos: &mut Videos) {
        let response = ui.allocate_rect(rect, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.label));
        if !self.statistics.is_empty() {
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(self.statistics.join("\n")));
        }
        let palette = Palette::of(ui);
        ui.painter().rect_filled(rect, ROUNDING, palette.stage);
        let drawn = self.frames.is_some_and(|slot| videos.draw(ui, rect, self.source, slot));
        if drawn {
            if let Some(status) = self.status {
                // The last picture of someone who is not there looks like it.
                ui.painter().rect_filled(rect, ROUNDING, palette.veil);
                plate(ui, rect, Align2::CENTER_CENTER, None, status);
            }
        } else {
            self.card(ui, rect, palette);
        }
        if self.is_speaking {
            ui.painter().rect_stroke(rect, ROUNDING, Stroke::new(RING, palette.level), StrokeKind::Inside);
        }
        let muted = self.muted.then_some(Icon::MicrophoneOff);
        plate(ui, rect.shrink(6.0), Align2::LEFT_BOTTOM, muted, self.name);
        if !self.statistics.is_empty() {
            statistics(ui, rect.shrink(6.0), self.statistics);
        }
    }

    fn card(&self, ui: &Ui, rect: Rect, palette: &Palette) {
        let painter = ui.painter_at(rect);
        let radius = (rect.width().min(rect.height()) * 0.2).clamp(12.0, 56.0);
        let is_small = rect.width() < SMALL;
        let center = rect.center() - if is_small { Vec2::ZERO } else { vec2(0.0, radius * 0.5) };
        painter.circle_filled(center, radius, palette.avatar);
        let initial: String = self.initial_of.chars().next().into_iter().flat_map(char::to_uppercase).collect();
        let font = FontId::proportional(radius);
        painter.text(center, Align2::CENTER_CENTER, initial, font, palette.on_stage);
        if let Some(status) = self.status.filter(|_| !is_small) {
            let width = (rect.width() - 24.0).max(1.0);
            let job = one_paragraph(status, 14.0, palette.weak_on_stage, width, 3);
            let galley = painter.layout_job(job);
            let top = center.y + radius + 12.0;
            painter.galley(pos2(rect.center().x - galley.size().x / 2.0, top), galley, palette.weak_on_stage);
        }
    }
}

/// A line of text on a dark plate within `rect`.
fn plate(ui: &Ui, rect: Rect, align: Align2, icon: Option<Icon>, text: &str) {
    let palette = Palette::of(ui);
    let (size, pad) = (if rect.width() < SMALL { 12.0 } else { 14.0 }, vec2(8.0, 4.0));
    let icon_width = if icon.is_some() { size + 6.0 } else { 0.0 };
    let width = (rect.width() - 2.0 * pad.x - icon_width).max(1.0);
    let galley = ui.painter().layout_job(one_paragraph(text, size, palette.on_veil, width, 1));
    let plate = align.align_size_within_rect(galley.size() + 2.0 * pad + vec2(icon_width, 0.0), rect);
    let painter = ui.painter_at(rect);
    painter.rect_filled(plate, 6.0, palette.veil);
    if let Some(icon) = icon {
        let place = pos2(plate.left() + pad.x + size / 2.0, plate.center().y);
        icons::paint(&painter, icon, Rect::from_center_size(place, vec2(size, size) * 1.15), palette.on_veil);
    }
    painter.galley(plate.min + pad + vec2(icon_width, 0.0), galley, palette.on_veil);
}

fn statistics(ui: &Ui, rect: Rect, lines: &[String]) {
    let palette = Palette::of(ui);
    let painter = ui.painter_at(rect);
    // As many lines as fit above the name.
    let rows = ((rect.height() - NAME_HEIGHT) / 15.0).max(0.0) as usize;
    if rows == 0 {
        return;
    }
    let shown = lines[..lines.len().min(rows)].join("\n");
    let galley = painter.layout_no_wrap(shown, FontId::proportional(12.0), palette.on_veil);
    let plate = Rect::from_min_size(rect.min, galley.size() + vec2(16.0, 8.0));
    painter.rect_filled(plate, 6.0, palette.veil);
    painter.galley(plate.min + vec2(8.0, 4.0), galley, palette.on_veil);
}

/// `text` in at most `max_rows` rows, with `…` where it is cut.
fn one_paragraph(text: &str, size: f32, color: Color32, width: f32, max_rows: usize) -> LayoutJob {
    let format = TextFormat::simple(FontId::proportional(size), color);
    let mut job = LayoutJob::single_section(text.to_owned(), format);
    job.wrap = TextWrapping { max_width: width, max_rows, break_anywhere: max_rows == 1, ..TextWrapping::default() };
    job
}
