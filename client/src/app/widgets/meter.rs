//! A bar that shows the level of a microphone.

use egui::accesskit::Role;
use egui::{Rect, Sense, Ui, WidgetInfo, vec2};

use crate::app::theme::Palette;

/// The level of an empty bar, in dBFS.
const FLOOR_DB: f32 = -60.0;

/// `level`: the highest sample, 0 to 1.
pub(crate) fn meter(ui: &mut Ui, label: &str, level: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 8.0), Sense::hover());
    let share = share_of(level);
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, label));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(100.0);
        node.set_numeric_value(f64::from((share * 100.0).round()));
    });
    let palette = Palette::of(ui);
    ui.painter().rect_filled(rect, 4.0, palette.button);
    if share > 0.0 {
        let filled = Rect::from_min_size(rect.min, vec2((rect.width() * share).max(8.0), rect.height()));
        ui.painter().rect_filled(filled, 4.0, palette.level);
    }
}

/// The part of the bar to fill, 0 to 1: linear in decibels.
fn share_of(level: f32) -> f32 {
    let db = 20.0 * level.max(1e-6).log10();
    (1.0 - db / FLOOR_DB).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::share_of;

    #[test]
    fn silence_is_empty_and_full_scale_is_full() {
        assert_eq!(share_of(0.0), 0.0);
        assert_eq!(share_of(1.0), 1.0);
        assert_eq!(share_of(7.0), 1.0);
        assert!((share_of(0.0316) - 0.5).abs() < 0.01, "-30 dB is the middle");
        assert!((0.0..=1.0).contains(&share_of(f32::NAN)));
    }
}
