//! A button with an icon. Its label is the tooltip and what screen readers speak.

use egui::accesskit::Role;
use egui::{FontId, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use super::icons::{self, Icon};
use crate::app::theme::Palette;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    /// Its panel is open, or it is on.
    Selected,
    /// The microphone or camera is off, or the button ends the call.
    Danger,
    /// Without a background, for panels.
    Bare,
}

pub(crate) struct IconButton<'a> {
    icon: Icon,
    label: &'a str,
    look: Look,
    badge: usize,
    size: Vec2,
}

impl<'a> IconButton<'a> {
    /// `label` says what a click does and names the shortcut.
    pub(crate) fn new(icon: Icon, label: &'a str, look: Look) -> Self {
        let size = if look == Look::Bare { vec2(32.0, 32.0) } else { vec2(48.0, 44.0) };
        Self { icon, label, look, badge: 0, size }
    }

    /// A number in the corner; 0 shows none.
    pub(crate) fn badge(self, badge: usize) -> Self {
        Self { badge, ..self }
    }

    /// In points.
    pub(crate) fn width(mut self, width: f32) -> Self {
        self.size.x = width;
        self
    }

    pub(crate) fn show(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(self.size, Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), self.label));
        if ui.is_rect_visible(rect) {
            self.paint(ui, rect, &response);
        }
        response.on_hover_text(self.label)
    }

    fn paint(&self, ui: &Ui, rect: Rect, response: &Response) {
        let palette = Palette::of(ui);
        let painter = ui.painter();
        let is_lit = response.hovered() || response.has_focus();
        let (fill, color) = match self.look {
            Look::Danger => (Some(palette.danger), palette.on_danger),
            Look::Selected => (Some(palette.accent), palette.on_accent),
            Look::Plain if is_lit => (Some(palette.button_hovered), palette.text),
            Look::Plain => (Some(palette.button), palette.text),
            Look::Bare => (is_lit.then_some(palette.button_hovered), palette.text),
        };
        let radius = self.size.y * 0.25;
        if let Some(fill) = fill {
            painter.rect_filled(rect, radius, fill);
        }
        if response.has_focus() {
            painter.rect_stroke(rect.shrink(1.0), radius, Stroke::new(2.0, palette.focus), StrokeKind::Inside);
        }
        let side = self.size.y * 0.5;
        icons::paint(painter, self.icon, Rect::from_center_size(rect.center(), vec2(side, side)), color);
        if self.badge > 0 {
            let text = if self.badge > 99 { "99+".to_owned() } else { self.badge.to_string() };
            let galley = painter.layout_no_wrap(text, FontId::proportional(11.0), palette.on_danger);
            let width = (galley.size().x + 8.0).max(18.0);
            let badge = Rect::from_center_size(rect.right_top() + vec2(-10.0, 9.0), vec2(width, 16.0));
            painter.rect_filled(badge, 8.0, palette.danger);
            painter.galley(badge.center() - galley.size() / 2.0, galley, palette.on_danger);
        }
    }
}
