//! The window comes back where it was and as large as it was.

use eframe::CreationContext;
use egui::{Context, Pos2, Rect, Vec2, ViewportBuilder, pos2, vec2};

use crate::settings::WindowPlace;

pub(super) const SMALLEST: Vec2 = Vec2::new(360.0, 480.0);
const FIRST: Vec2 = Vec2::new(1120.0, 740.0);
/// Larger than any screen: a size from a broken file must not fill the memory.
const LARGEST: Vec2 = Vec2::new(8192.0, 8192.0);
/// So much of the title bar has to be on a screen.
const GRIP: Vec2 = Vec2::new(80.0, 24.0);

pub(super) fn restored(viewport: ViewportBuilder, place: Option<WindowPlace>) -> ViewportBuilder {
    let viewport = viewport.with_inner_size(size(place)).with_min_inner_size(SMALLEST);
    match place.and_then(position) {
        Some(position) => viewport.with_position(position),
        None => viewport,
    }
}

/// Where the window is. `None` while its size is not its own: minimised, maximised or on the full screen.
pub(super) fn current(ctx: &Context) -> Option<WindowPlace> {
    // The person's zoom changes points, not the window.
    let zoom = ctx.zoom_factor();
    ctx.input(|input| {
        let viewport = input.viewport();
        if [viewport.minimized, viewport.maximized, viewport.fullscreen].contains(&Some(true)) {
            return None;
        }
        let size = input.viewport_rect().size() * zoom;
        let position = viewport.outer_rect.map(|rect| rect.min.to_vec2() * zoom);
        Some(WindowPlace {
            width: size.x.round() as u32,
            height: size.y.round() as u32,
            position: position.map(|at| [at.x.round() as i32, at.y.round() as i32]),
        })
    })
}

/// Moves the window to a screen if the one where it was is gone.
pub(super) fn bring_back(creation: &CreationContext<'_>, place: Option<WindowPlace>) {
    let (Some(position), Some(window)) = (place.and_then(position), creation.winit_window()) else { return };
    let scale = window.scale_factor() as f32;
    let screens: Vec<_> = window.available_monitors().collect();
    let rects = screens.iter().map(|screen| {
        let (at, size) = (screen.position(), screen.size());
        Rect::from_min_size(pos2(at.x as f32, at.y as f32), vec2(size.width as f32, size.height as f32))
    });
    let corner = (position.to_vec2() * scale).to_pos2();
    let title = Rect::from_min_size(corner, vec2(size(place).x, GRIP.y) * scale);
    if let Some(screen) = screens.first()
        && !is_reachable(title, rects)
    {
        window.set_outer_position(screen.position());
    }
}

fn is_reachable(title: Rect, mut screens: impl Iterator<Item = Rect>) -> bool {
    screens.any(|screen| {
        let visible = title.intersect(screen);
        visible.width() >= GRIP.x && visible.height() >= GRIP.y / 2.0
    })
}

fn size(place: Option<WindowPlace>) -> Vec2 {
    place.map_or(FIRST, |place| vec2(place.width as f32, place.height as f32).clamp(SMALLEST, LARGEST))
}

fn position(place: WindowPlace) -> Option<Pos2> {
    place.position.map(|[x, y]| pos2(x as f32, y as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_comes_back_within_limits() {
        let of =
            |width, height| restored(ViewportBuilder::default(), Some(WindowPlace { width, height, position: None }));
        assert_eq!(of(800, 600).inner_size, Some(vec2(800.0, 600.0)));
        assert_eq!(of(0, 7).inner_size, Some(SMALLEST));
        assert_eq!(of(u32::MAX, 600).inner_size, Some(vec2(LARGEST.x, 600.0)));
        assert_eq!(restored(ViewportBuilder::default(), None).inner_size, Some(FIRST));
        let place = WindowPlace { width: 800, height: 600, position: Some([-40, 7]) };
        assert_eq!(restored(ViewportBuilder::default(), Some(place)).position, Some(pos2(-40.0, 7.0)));
    }

    #[test]
    fn a_window_on_a_screen_that_is_gone_is_brought_back() {
        let screen = |x: f32| Rect::from_min_size(pos2(x, 0.0), vec2(1920.0, 1080.0));
        let title = |x, y| Rect::from_min_size(pos2(x, y), vec2(800.0, GRIP.y));
        assert!(is_reachable(title(2000.0, 100.0), [screen(0.0), screen(1920.0)].into_iter()));
        assert!(is_reachable(title(-600.0, -5.0), [screen(0.0)].into_iter()));
        for gone in [title(2000.0, 100.0), title(-790.0, 0.0), title(100.0, 1075.0), title(100.0, -30.0)] {
            assert!(!is_reachable(gone, [screen(0.0)].into_iter()), "{gone:?}");
        }
    }
}
