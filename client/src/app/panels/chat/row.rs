//! One row: a message or a notice, with what is above it. Its height is that of its text and a few constants.

use std::ops::Range;
use std::sync::Arc;

use chrono::{Local, TimeZone};
use egui::accesskit::{Live, Role};
use egui::text::{LayoutJob, TextFormat};
use egui::text_selection::LabelSelectionState;
use egui::{
    Align2, Button, FontId, Galley, Id, OpenUrl, Pos2, Rect, Response, Sense, Stroke, StrokeKind, TextStyle, Ui,
    WidgetInfo, pos2, vec2,
};

use super::links::{Link, links};
use super::rows::{Divider, Row};
use crate::app::chat_log::{Content, Delivery};
use crate::app::theme::Palette;
use crate::app::widgets::icons::{self, Icon};
use crate::i18n::Texts;

/// Around the text of a message.
const PADDING: egui::Vec2 = vec2(10.0, 6.0);
/// Beside it: ours are on the right, theirs on the left.
const INDENT: f32 = 28.0;
const HEADER: f32 = 20.0;
const DIVIDER: f32 = 24.0;
/// Above a group, and between the messages of one.
const GAPS: [f32; 2] = [6.0, 2.0];
const MARK: f32 = 14.0;
/// Of a typical letter, for heights that nobody has seen yet. A Hangul syllable has three bytes and twice the width.
const POINTS_PER_BYTE: f32 = 6.0;
const LINE_HEIGHT: f32 = 18.0;

impl Row<'_> {
    /// The height of all but the text.
    pub(super) fn frame_height(&self) -> f32 {
        let divider = if self.divider.is_some() { DIVIDER } else { 0.0 };
        divider
            + match (&self.line.content, self.has_header) {
                (Content::Notice(_), _) => GAPS[0],
                (_, true) => GAPS[0] + HEADER + 2.0 * PADDING.y,
                (_, false) => GAPS[1] + 2.0 * PADDING.y,
            }
    }

    fn text_width(&self, width: f32) -> f32 {
        let taken = match self.line.content {
            Content::Notice(_) => 0.0,
            Content::Theirs { .. } => INDENT + 2.0 * PADDING.x,
            Content::Ours { .. } => INDENT + 2.0 * PADDING.x + MARK + 4.0,
        };
        (width - taken).max(20.0)
    }

    /// Without looking at the text.
    pub(super) fn estimated_text_height(&self, width: f32) -> f32 {
        let bytes = match &self.line.content {
            Content::Notice(_) => 0,
            Content::Theirs { text, .. } | Content::Ours { text, .. } => text.len(),
        };
        (bytes as f32 * POINTS_PER_BYTE / self.text_width(width)).ceil().max(1.0) * LINE_HEIGHT
    }

    /// The text as it is drawn. egui keeps it while it is asked for in each pass.
    pub(super) fn lay_out(&self, ui: &Ui, texts: &Texts, width: f32) -> Arc<Galley> {
        let palette = Palette::of(ui);
        let mut job = LayoutJob::default();
        job.wrap.max_width = self.text_width(width);
        match &self.line.content {
            Content::Notice(notice) => {
                let text = format!("{}  {}", clock_time(self.line.unix_ms), notice.sentence(texts));
                job.append(&text, 0.0, TextFormat::simple(FontId::proportional(13.0), palette.weak_text));
            }
            Content::Theirs { text, .. } | Content::Ours { text, .. } => {
                let plain = TextFormat::simple(TextStyle::Body.resolve(ui.style()), palette.text);
                let underline = Stroke::new(1.0, palette.accent);
                let linked = TextFormat { color: palette.accent, underline, ..plain.clone() };
                let mut end = 0;
                for Link { range, .. } in links(text) {
                    job.append(&text[end..range.start], 0.0, plain.clone());
                    job.append(&text[range.clone()], 0.0, linked.clone());
                    end = range.end;
                }
                job.append(&text[end..], 0.0, plain);
            }
        }
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    }

    /// `galley` is the text, and `rect` is as high as that and [`Self::frame_height`].
    pub(super) fn draw(&self, ui: &Ui, texts: &Texts, mut rect: Rect, galley: Arc<Galley>, is_newest: bool) {
        if let Some(divider) = self.divider {
            let (above, below) = rect.split_top_bottom_at_y(rect.top() + DIVIDER);
            draw_divider(ui, texts, above, divider);
            rect = below;
        }
        rect.min.y += GAPS[usize::from(!self.has_header && !matches!(self.line.content, Content::Notice(_)))];
        let palette = Palette::of(ui);
        let time = clock_time(self.line.unix_ms);
        let you;
        let (name, text, fill) = match &self.line.content {
            Content::Notice(_) => {
                let spoken = galley.text().to_owned();
                self.draw_text(ui, rect.min, galley, &spoken);
                return;
            }
            Content::Theirs { name, text, .. } => {
                rect.max.x -= INDENT;
                (name.as_str(), text, palette.their_message)
            }
            Content::Ours { text, .. } => {
                rect.min.x += INDENT;
                you = texts.tr("you");
                (you.as_str(), text, palette.own_message)
            }
        };
        ui.painter().rect_filled(rect, 8.0, fill);
        let mut inner = rect.shrink2(PADDING);
        if self.has_header {
            draw_header(ui, inner, name, &time);
            inner.min.y += HEADER;
        }
        let response = self.draw_text(ui, inner.min, galley.clone(), &format!("{name}, {time}: {text}"));
        if is_newest && matches!(self.line.content, Content::Theirs { .. }) {
            // Screen readers speak it when it comes.
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(Live::Polite));
        }
        response.context_menu(|ui| copy_button(ui, &texts.tr("chat-copy"), text));
        for (index, link) in links(text).into_iter().enumerate() {
            self.draw_link(ui, texts, inner.min, &galley, text, (index, &link));
        }
        if let Content::Ours { delivery, .. } = &self.line.content {
            let mark = Rect::from_min_size(inner.right_bottom() - vec2(MARK - 4.0, MARK + 2.0), vec2(MARK, MARK));
            self.draw_delivery(ui, texts, mark, delivery);
        }
    }

    /// Text that can be selected, also over several messages. `spoken` is for screen readers.
    fn draw_text(&self, ui: &Ui, at: Pos2, galley: Arc<Galley>, spoken: &str) -> Response {
        let id = Id::unique(("chat-text", self.line.number));
        // On a touch screen, dragging scrolls.
        let selects =
            if ui.input(|input| input.has_touch_screen()) { Sense::CLICK } else { Sense::CLICK | Sense::DRAG };
        let response = ui.interact(Rect::from_min_size(at, galley.size()), id, selects);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), spoken));
        let color = Palette::of(ui).text;
        LabelSelectionState::label_text_selection(ui, &response, at, galley, color, Stroke::NONE);
        response
    }

    fn draw_link(&self, ui: &Ui, texts: &Texts, at: Pos2, galley: &Galley, text: &str, (index, link): (usize, &Link)) {
        let pieces: Vec<Rect> = pieces(galley, &link.range).map(|piece| piece.translate(at.to_vec2())).collect();
        let mut responses = vec![];
        for (piece, rect) in pieces.iter().enumerate() {
            let id = Id::unique(("chat-link", self.line.number, index, piece));
            // Tab stops once, however many lines the link takes.
            let response = ui.interact(*rect, id, if piece == 0 { Sense::click() } else { Sense::CLICK });
            if piece == 0 {
                response.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), &link.url));
            }
            responses.push(response);
        }
        let has_focus = responses.first().is_some_and(Response::has_focus);
        for (response, rect) in responses.iter().zip(&pieces) {
            if has_focus {
                let stroke = Stroke::new(2.0, Palette::of(ui).focus);
                ui.painter().rect_stroke(rect.expand(1.0), 3.0, stroke, StrokeKind::Outside);
            }
            if response.hovered() {
                ui.set_cursor_icon(egui::CursorIcon::PointingHand);
            }
            if response.clicked() {
                ui.ctx().open_url(OpenUrl::new_tab(&link.url));
            }
            response.context_menu(|ui| {
                copy_button(ui, &texts.tr("chat-copy-link"), &link.url);
                copy_button(ui, &texts.tr("chat-copy"), text);
            });
        }
    }

    fn draw_delivery(&self, ui: &Ui, texts: &Texts, rect: Rect, delivery: &Delivery) {
        let (count, total) = (delivery.delivered(), delivery.total());
        let sentence = match (count, total) {
            (_, 0) => texts.tr("chat-nobody"),
            (0, total) => texts.tr_with("chat-pending", &[("total", total.into())]),
            (count, total) => texts.tr_with("chat-delivered", &[("count", count.into()), ("total", total.into())]),
        };
        let response = ui.interact(rect, Id::unique(("chat-delivery", self.line.number)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &sentence));
        let palette = Palette::of(ui);
        match count {
            0 => icons::paint(ui.painter(), Icon::Waiting, rect, palette.weak_text),
            _ if count < total => icons::paint(ui.painter(), Icon::Check, rect, palette.weak_text),
            _ => icons::paint(ui.painter(), Icon::Check, rect, palette.level),
        }
        response.on_hover_text(sentence);
    }
}

/// Only painted: each message speaks its name and time.
fn draw_header(ui: &Ui, rect: Rect, name: &str, time: &str) {
    let palette = Palette::of(ui);
    let time = ui.painter().layout_no_wrap(time.to_owned(), FontId::proportional(12.0), palette.weak_text);
    let mut job = LayoutJob::simple_singleline(name.to_owned(), FontId::proportional(13.0), palette.text);
    job.wrap.max_width = (rect.width() - time.size().x - 8.0).max(20.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    let name = ui.painter().layout_job(job);
    let baseline = rect.top() + 8.0;
    let after = rect.left() + name.size().x + 8.0;
    ui.painter().galley(pos2(rect.left(), baseline - name.size().y / 2.0), name, palette.text);
    ui.painter().galley(pos2(after, baseline - time.size().y / 2.0), time, palette.weak_text);
}

fn draw_divider(ui: &Ui, texts: &Texts, rect: Rect, divider: Divider) {
    let palette = Palette::of(ui);
    let (key, color) = match divider {
        Divider::Earlier => ("chat-earlier", palette.weak_text),
        Divider::Unread => ("chat-unread", palette.accent),
    };
    let sentence = texts.tr(key);
    let response = ui.interact(rect, Id::unique(key), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &sentence));
    let y = rect.center().y + 3.0;
    let text = ui.painter().text(
        pos2(rect.center().x, y),
        Align2::CENTER_CENTER,
        &sentence,
        FontId::proportional(12.0),
        color,
    );
    for side in [rect.left()..=text.left() - 8.0, text.right() + 8.0..=rect.right()] {
        ui.painter().hline(side, y, Stroke::new(1.0, color));
    }
}

fn copy_button(ui: &mut Ui, label: &str, text: &str) {
    if ui.add(Button::new(label)).clicked() {
        ui.ctx().copy_text(text.to_owned());
        ui.close();
    }
}

/// Where the bytes of `range` are in `galley`: one rectangle for each line of text.
fn pieces(galley: &Galley, range: &Range<usize>) -> impl Iterator<Item = Rect> {
    let mut end = 0;
    galley.rows.iter().filter_map(move |row| {
        let mut piece: Option<Rect> = None;
        for glyph in &row.glyphs {
            let start = end;
            end += glyph.chr.len_utf8();
            if range.contains(&start) {
                let left = row.pos.x + glyph.pos.x;
                let rect = Rect::from_min_max(pos2(left, row.min_y()), pos2(left + glyph.advance_width, row.max_y()));
                piece = Some(piece.map_or(rect, |piece| piece.union(rect)));
            }
        }
        end += usize::from(row.ends_with_newline);
        piece
    })
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
