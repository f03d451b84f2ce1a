//! A video tile: the newest frame with a name on it, or a card with the name while there is no frame.

use egui::accesskit::Role;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, FontId, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::avatar::avatar;
use super::icons::{self, Icon};
use crate::app::theme::{Palette, ROUNDING};
use crate::app::video::{Picture, Source, Videos};
use crate::media::FrameSlot;

/// Below this width, text is smaller and a card shows no status.
const SMALL: f32 = 220.0;
/// Width of the ring around someone who speaks.
const RING: f32 = 3.0;

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
    /// The whole picture, without cutting its edges off.
    pub(crate) whole: bool,
    pub(crate) hand_raised: bool,
    /// Loss or delay is heard and seen.
    pub(crate) is_weak: bool,
    pub(crate) sense: Sense,
    /// The colour behind it.
    pub(crate) behind: Color32,
}

impl Tile<'_> {
    pub(crate) fn show(self, ui: &mut Ui, rect: Rect, videos: &mut Videos) -> Response {
        let response = ui.allocate_rect(rect, self.sense);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, self.label));
        let palette = Palette::of(ui);
        ui.painter().rect_filled(rect, ROUNDING, palette.stage);
        let picture = |slot| Picture { source: self.source, slot, whole: self.whole, behind: self.behind };
        let drawn = self.frames.is_some_and(|slot| videos.draw(ui, rect, picture(slot)));
        if drawn {
            if let Some(status) = self.status {
                // The last picture of someone who is not there looks like it.
                ui.painter().rect_filled(rect, ROUNDING, palette.veil);
                plate(ui, rect, Align2::CENTER_CENTER, &[], status);
            }
        } else {
            self.card(ui, rect, palette);
        }
        let ring = match (response.has_focus(), self.is_speaking) {
            (true, _) => Some(palette.focus),
            (false, true) => Some(palette.level),
            (false, false) => None,
        };
        if let Some(color) = ring {
            ui.painter().rect_stroke(rect, ROUNDING, Stroke::new(RING, color), StrokeKind::Inside);
        }
        let marks =
            [(self.hand_raised, Icon::Hand), (self.muted, Icon::MicrophoneOff), (self.is_weak, Icon::WeakConnection)];
        let marks: Vec<Icon> = marks.into_iter().filter(|(is_shown, _)| *is_shown).map(|(_, icon)| icon).collect();
        plate(ui, rect.shrink(6.0), Align2::LEFT_BOTTOM, &marks, self.name);
        response
    }

    fn card(&self, ui: &Ui, rect: Rect, palette: &Palette) {
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, ROUNDING, palette.card);
        let radius = (rect.width().min(rect.height()) * 0.2).clamp(12.0, 56.0);
        let is_small = rect.width() < SMALL;
        let center = rect.center() - if is_small { Vec2::ZERO } else { vec2(0.0, radius * 0.5) };
        avatar(&painter, palette, center, radius, self.initial_of);
        if let Some(status) = self.status.filter(|_| !is_small) {
            let width = (rect.width() - 24.0).max(1.0);
            let job = one_paragraph(status, 14.0, palette.weak_on_stage, width, 3);
            let galley = painter.layout_job(job);
            let top = center.y + radius + 12.0;
            painter.galley(pos2(rect.center().x - galley.size().x / 2.0, top), galley, palette.weak_on_stage);
        }
    }
}

/// A line of text on a dark plate within `rect`, with icons before it.
fn plate(ui: &Ui, rect: Rect, align: Align2, marks: &[Icon], text: &str) {
    let palette = Palette::of(ui);
    let (size, pad) = (if rect.width() < SMALL { 12.0 } else { 14.0 }, vec2(8.0, 4.0));
    let marks_width = (size + 6.0) * marks.len() as f32;
    let width = (rect.width() - 2.0 * pad.x - marks_width).max(1.0);
    let galley = ui.painter().layout_job(one_paragraph(text, size, palette.on_veil, width, 1));
    let plate = align.align_size_within_rect(galley.size() + 2.0 * pad + vec2(marks_width, 0.0), rect);
    let painter = ui.painter_at(rect);
    painter.rect_filled(plate, 6.0, palette.veil);
    for (index, mark) in marks.iter().enumerate() {
        let left = plate.left() + pad.x + (size + 6.0) * index as f32;
        let place = Rect::from_center_size(pos2(left + size / 2.0, plate.center().y), vec2(size, size) * 1.15);
        icons::paint(&painter, *mark, place, palette.on_veil);
    }
    painter.galley(plate.min + pad + vec2(marks_width, 0.0), galley, palette.on_veil);
}

/// `text` in at most `max_rows` rows, with `…` where it is cut.
fn one_paragraph(text: &str, size: f32, color: Color32, width: f32, max_rows: usize) -> LayoutJob {
    let format = TextFormat::simple(FontId::proportional(size), color);
    let mut job = LayoutJob::single_section(text.to_owned(), format);
    job.wrap = TextWrapping { max_width: width, max_rows, break_anywhere: max_rows == 1, ..TextWrapping::default() };
    job
}
