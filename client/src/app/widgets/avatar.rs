//! What stands for the picture of someone without one.

use egui::{Align2, FontId, Painter, Pos2, Rect, Vec2};

use super::icons::{self, Icon};
use crate::app::theme::Palette;

/// The first letter of `name` in a circle; a camera while there is no name.
pub(crate) fn avatar(painter: &Painter, palette: &Palette, center: Pos2, radius: f32, name: &str) {
    painter.circle_filled(center, radius, palette.avatar);
    match name.chars().next() {
        Some(first) => {
            let initial: String = first.to_uppercase().collect();
            painter.text(center, Align2::CENTER_CENTER, initial, FontId::proportional(radius), palette.on_stage);
        }
        None => {
            let place = Rect::from_center_size(center, Vec2::splat(radius));
            icons::paint(painter, Icon::Camera, place, palette.on_stage);
        }
    }
}
