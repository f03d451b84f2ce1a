//! The rows that can be seen. Only they are laid out: the height of the others is remembered, or estimated until they
//! are seen. What is read stays where it is while heights become known, and while lines come and go.

use std::collections::HashMap;

use egui::accesskit::Role;
use egui::{Align2, Button, Id, Rect, RichText, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::rows::{Divider, Row};
use crate::app::chat_log::Content;
use crate::app::theme::Palette;
use crate::app::widgets::appeared::appeared;
use crate::i18n::Texts;

/// More remembered heights than rows are forgotten at this number.
const MAX_HEIGHTS: usize = 2_000;

/// What is remembered from one pass to the next.
#[derive(Debug, Clone, Default)]
struct List {
    /// Of the rows, in points, and the scale of the screen: heights are for these.
    width: f32,
    pixels_per_point: f32,
    /// Of the texts, by line number.
    heights: HashMap<u64, f32>,
    /// The newest line stays in view.
    is_at_end: bool,
    /// The line at the upper edge, and how much of it is above.
    anchor: (u64, f32),
    offset: f32,
    newest: u64,
    /// The newest message that was in view.
    newest_seen: u64,
}

pub(super) fn show(ui: &mut Ui, texts: &Texts, rows: &[Row<'_>]) {
    let id = Id::unique("chat-list");
    let mut list: List = ui.data_mut(|data| data.remove_temp(id)).unwrap_or_default();
    let log = UiBuilder::new().accessibility_role(Role::Log).accessibility_label(texts.tr("chat-title"));
    ui.scope_builder(log, |ui| {
        // An area that springs back takes what it does not know yet for its end.
        ui.spacing_mut().scroll.kinetic.rubber_band = false;
        list.show(ui, texts, rows);
    });
    ui.data_mut(|data| data.insert_temp(id, list));
}

impl List {
    fn show(&mut self, ui: &mut Ui, texts: &Texts, rows: &[Row<'_>]) {
        let view = ui.available_height();
        if self.width == 0.0 {
            self.width = ui.available_width();
        }
        if self.pixels_per_point != ui.pixels_per_point() || self.heights.len() > MAX_HEIGHTS {
            self.pixels_per_point = ui.pixels_per_point();
            self.heights.clear();
        }
        let newest = rows.last().map_or(0, |row| row.line.number);
        let has_written = rows.iter().rev().take_while(|row| row.line.number > self.newest).any(is_ours);
        self.newest = newest;
        if appeared(ui, "chat-list") {
            self.open(ui, texts, rows, view);
        } else if has_written {
            self.is_at_end = true;
        }

        let begun = self.wanted_offset(ui, texts, rows, view);
        let mut area = ScrollArea::vertical().id_salt("chat-log").auto_shrink(false);
        if (begun - self.offset).abs() > 0.5 {
            area = area.vertical_scroll_offset(begun);
        }
        let shown = area.show_viewport(ui, |ui, viewport| self.draw(ui, texts, rows, viewport));
        let width = shown.inner;
        if (width - self.width).abs() > 0.1 {
            self.width = width;
            self.heights.clear();
            ui.ctx().request_discard("the width of the chat changed");
        }

        let end = (shown.content_size.y - shown.inner_rect.height()).max(0.0);
        self.offset = shown.state.unclamped_offset().y;
        // A log of 500 long messages is a million points high: single precision is 0.1 points there.
        let went_up = self.offset < begun - 0.01 - end * 3e-7;
        self.is_at_end = !went_up && (self.is_at_end || self.offset >= end - 1.0);
        self.anchor = self.anchor_at(rows, self.offset);
        self.jump_button(ui, texts, rows, shown.inner_rect);
    }

    /// To the end; or to the first unread message, if not all of them fit.
    fn open(&mut self, ui: &Ui, texts: &Texts, rows: &[Row<'_>], view: f32) {
        self.is_at_end = true;
        self.newest_seen = self.newest;
        let Some(first) = rows.iter().position(|row| row.divider == Some(Divider::Unread)) else { return };
        let mut height = 0.0;
        for row in rows[first..].iter().rev() {
            height += self.measure(ui, texts, row);
            if height > view {
                self.is_at_end = false;
                self.anchor = (rows[first].line.number, 0.0);
                return;
            }
        }
    }

    /// Where the view belongs, with all heights measured that matter for it.
    fn wanted_offset(&mut self, ui: &Ui, texts: &Texts, rows: &[Row<'_>], view: f32) -> f32 {
        let anchor = rows.iter().position(|row| row.line.number >= self.anchor.0);
        let (from, above, below) = match anchor {
            Some(anchor) if !self.is_at_end => (anchor, view, self.anchor.1 + 2.0 * view),
            _ => (rows.len(), 2.0 * view, 0.0),
        };
        let mut measured = 0.0;
        for row in rows[..from].iter().rev() {
            if measured > above {
                break;
            }
            measured += self.measure(ui, texts, row);
        }
        let mut measured = 0.0;
        for row in &rows[from..] {
            if measured > below {
                break;
            }
            measured += self.measure(ui, texts, row);
        }
        let total: f32 = rows.iter().map(|row| self.height(row)).sum();
        let end = (total - view).max(0.0);
        if self.is_at_end {
            return end;
        }
        let top: f32 = rows[..from].iter().map(|row| self.height(row)).sum();
        let is_there = rows.get(from).is_some_and(|row| row.line.number == self.anchor.0);
        (top + if is_there { self.anchor.1 } else { 0.0 }).clamp(0.0, end)
    }

    /// Returns the width of the rows.
    fn draw(&mut self, ui: &mut Ui, texts: &Texts, rows: &[Row<'_>], viewport: Rect) -> f32 {
        let (width, corner) = (ui.available_width(), ui.max_rect().left_top());
        ui.set_height(rows.iter().map(|row| self.height(row)).sum());
        let mut top = 0.0;
        for row in rows {
            if top > viewport.max.y {
                break;
            }
            let mut height = self.height(row);
            if top + height >= viewport.min.y {
                let galley = row.lay_out(ui, texts, width);
                let text_height = galley.size().y;
                if self.heights.insert(row.line.number, text_height) != Some(text_height) {
                    ui.ctx().request_repaint();
                }
                height = self.height(row);
                let rect = Rect::from_min_size(corner + vec2(0.0, top), vec2(width, height));
                row.draw(ui, texts, rect, galley, row.line.number == self.newest);
            }
            top += height;
        }
        width
    }

    fn measure(&mut self, ui: &Ui, texts: &Texts, row: &Row<'_>) -> f32 {
        let width = self.width;
        self.heights.entry(row.line.number).or_insert_with(|| row.lay_out(ui, texts, width).size().y);
        self.height(row)
    }

    fn height(&self, row: &Row<'_>) -> f32 {
        let known = self.heights.get(&row.line.number).copied();
        row.frame_height() + known.unwrap_or_else(|| row.estimated_text_height(self.width))
    }

    fn anchor_at(&self, rows: &[Row<'_>], offset: f32) -> (u64, f32) {
        let mut top = 0.0;
        for row in rows {
            let height = self.height(row);
            if top + height > offset {
                return (row.line.number, offset - top);
            }
            top += height;
        }
        (self.newest, 0.0)
    }

    /// Shown while new messages come out of view.
    fn jump_button(&mut self, ui: &mut Ui, texts: &Texts, rows: &[Row<'_>], view: Rect) {
        let is_message = |row: &&Row<'_>| !matches!(row.line.content, Content::Notice(_));
        let newest = rows.iter().rev().find(is_message).map_or(0, |row| row.line.number);
        if self.is_at_end {
            self.newest_seen = newest;
        }
        if newest <= self.newest_seen {
            return;
        }
        let palette = Palette::of(ui);
        let text = RichText::new(texts.tr("chat-newest")).color(palette.on_accent).size(13.0);
        let place = Align2::CENTER_BOTTOM.anchor_rect(Rect::from_min_size(
            pos2(view.center().x, view.bottom() - 8.0),
            vec2(190.0_f32.min(view.width()), 30.0),
        ));
        if ui.put(place, Button::new(text).fill(palette.accent).corner_radius(15.0)).clicked() {
            self.is_at_end = true;
            ui.ctx().request_repaint();
        }
    }
}

fn is_ours(row: &Row<'_>) -> bool {
    matches!(row.line.content, Content::Ours { .. })
}
