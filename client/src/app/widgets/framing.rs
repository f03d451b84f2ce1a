//! How a picture fills its tile.

use egui::{Rect, Vec2};

/// At most this part of the width or the height is cut off. A picture that would lose more is shown whole.
const MAX_CUT: f32 = 0.45;

/// Where a picture is drawn, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Framing {
    pub(crate) rect: Rect,
    /// The part of the picture's width and height that is shown, 0 to 1: the middle.
    pub(crate) shown: Vec2,
}

impl Framing {
    /// A picture of `shape` fills `tile`, with its edges cut off. Upright pictures (phones) are shown whole, and all if
    /// `whole`.
    pub(crate) fn of(shape: Vec2, tile: Rect, whole: bool) -> Self {
        let (width, height) = (shape.x.max(1.0), shape.y.max(1.0));
        let (by_width, by_height) = (tile.width() / width, tile.height() / height);
        let shown = Vec2::new(by_width, by_height) / by_width.max(by_height).max(f32::MIN_POSITIVE);
        if whole || height > width || shown.min_elem() < 1.0 - MAX_CUT {
            let size = Vec2::new(width, height) * by_width.min(by_height);
            return Self { rect: Rect::from_center_size(tile.center(), size), shown: Vec2::splat(1.0) };
        }
        Self { rect: tile, shown }
    }

    /// The height of the whole picture at the scale in which it is shown.
    pub(crate) fn picture_height(&self) -> f32 {
        self.rect.height() / self.shown.y.max(0.01)
    }
}

#[cfg(test)]
mod tests {
    use egui::{pos2, vec2};

    use super::*;

    fn tile(width: f32, height: f32) -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height))
    }

    #[test]
    fn a_picture_fills_a_tile_of_nearly_its_shape() {
        let framing = Framing::of(vec2(1280.0, 720.0), tile(400.0, 300.0), false);
        assert_eq!(framing.rect, tile(400.0, 300.0));
        assert!((framing.shown - vec2(0.75, 1.0)).length() < 1e-3, "{:?}", framing.shown);
        assert!((framing.picture_height() - 300.0).abs() < 1e-3);
        let wide = Framing::of(vec2(640.0, 480.0), tile(400.0, 225.0), false);
        assert!((wide.shown - vec2(1.0, 0.75)).length() < 1e-3, "{:?}", wide.shown);
        assert!((wide.picture_height() - 300.0).abs() < 1e-3);
    }

    #[test]
    fn upright_pictures_and_those_that_would_lose_half_are_whole() {
        for (shape, tile, whole) in [
            (vec2(480.0, 640.0), tile(400.0, 300.0), false),
            (vec2(1280.0, 720.0), tile(100.0, 400.0), false),
            (vec2(1280.0, 720.0), tile(400.0, 300.0), true),
        ] {
            let framing = Framing::of(shape, tile, whole);
            assert_eq!(framing.shown, vec2(1.0, 1.0));
            assert!(tile.expand(0.01).contains_rect(framing.rect));
            let kept = framing.rect.width() / framing.rect.height() - shape.x / shape.y;
            assert!(kept.abs() < 1e-3, "{framing:?}");
        }
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        for (shape, tile) in [(Vec2::ZERO, tile(100.0, 50.0)), (vec2(1280.0, 720.0), tile(0.0, 0.0))] {
            let framing = Framing::of(shape, tile, false);
            assert!(framing.rect.is_finite() && framing.shown.is_finite() && framing.picture_height().is_finite());
        }
    }
}
