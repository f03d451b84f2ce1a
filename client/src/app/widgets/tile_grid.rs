//! The layout of the video tiles.

use egui::{Rect, Vec2, pos2, vec2};

use super::framing::Framing;

/// Expected width over height of a frame.
const ASPECT: f32 = 16.0 / 9.0;

/// The largest equal tiles for `count` frames in `area`, row by row; a last row that is not full is centred.
pub(crate) fn tiles(count: usize, area: Rect, gap: f32) -> Vec<Rect> {
    let columns = (1..=count).max_by(|a, b| {
        let frame = |columns| frame_area(tile_size(count, columns, area.size(), gap));
        frame(*a).total_cmp(&frame(*b))
    });
    let Some(columns) = columns else { return vec![] };
    let rows = count.div_ceil(columns);
    let size = tile_size(count, columns, area.size(), gap);
    (0..count)
        .map(|index| {
            let (row, column) = (index / columns, index % columns);
            let in_row = if row + 1 == rows { count - row * columns } else { columns };
            let row_width = in_row as f32 * (size.x + gap) - gap;
            let left = area.center().x - row_width / 2.0 + column as f32 * (size.x + gap);
            Rect::from_min_size(pos2(left, area.top() + row as f32 * (size.y + gap)), size)
        })
        .collect()
}

/// A large tile, and `others` small ones beside or below it.
pub(crate) fn with_large(others: usize, area: Rect, gap: f32) -> (Rect, Vec<Rect>) {
    if others == 0 {
        return (area, vec![]);
    }
    let is_wide = area.width() > area.height() * ASPECT * 0.8;
    let (length, across) = if is_wide { (area.height(), area.width()) } else { (area.width(), area.height()) };
    let each = ((length + gap) / others as f32 - gap).max(1.0);
    // All small tiles fit side by side, and take at most a quarter.
    let strip = (if is_wide { each * ASPECT } else { each / ASPECT }).clamp(1.0, (across * 0.25).max(1.0));
    let along = each.min(if is_wide { strip / ASPECT } else { strip * ASPECT });
    let start = (length - (others as f32 * (along + gap) - gap)) / 2.0;
    let small = |index: usize| {
        let at = start + index as f32 * (along + gap);
        if is_wide {
            Rect::from_min_size(pos2(area.right() - strip, area.top() + at), vec2(strip, along))
        } else {
            Rect::from_min_size(pos2(area.left() + at, area.bottom() - strip), vec2(along, strip))
        }
    };
    let rest = (across - strip - gap).max(1.0);
    let large = if is_wide { vec2(rest, area.height()) } else { vec2(area.width(), rest) };
    (Rect::from_min_size(area.min, large), (0..others).map(small).collect())
}

fn tile_size(count: usize, columns: usize, area: Vec2, gap: f32) -> Vec2 {
    let rows = count.div_ceil(columns);
    let one = |length: f32, parts: usize| ((length + gap) / parts as f32 - gap).max(1.0);
    vec2(one(area.x, columns), one(area.y, rows))
}

fn frame_area(tile: Vec2) -> f32 {
    Framing::of(vec2(ASPECT, 1.0), Rect::from_min_size(pos2(0.0, 0.0), tile), true).rect.area()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(width: f32, height: f32) -> Rect {
        Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height))
    }

    fn columns(rects: &[Rect]) -> usize {
        rects.iter().filter(|rect| rect.top() == rects[0].top()).count()
    }

    #[test]
    fn tiles_stay_inside_and_apart() {
        for count in 0..=12 {
            for (width, height) in [(1280.0, 700.0), (480.0, 600.0), (360.0, 380.0), (2000.0, 200.0), (3.0, 3.0)] {
                let rects = tiles(count, area(width, height), 6.0);
                assert_eq!(rects.len(), count);
                for (index, rect) in rects.iter().enumerate() {
                    assert!(width < 10.0 || area(width, height).expand(0.1).contains_rect(*rect), "{rect:?}");
                    assert!(rects[..index].iter().all(|other| !other.shrink(0.5).intersects(rect.shrink(0.5))));
                }
            }
        }
    }

    #[test]
    fn small_tiles_stay_inside_and_beside_the_large_one() {
        for others in 0..=8 {
            for (width, height) in [(1280.0, 700.0), (480.0, 600.0), (360.0, 380.0), (2000.0, 200.0), (200.0, 150.0)] {
                let area = area(width, height);
                let (large, small) = with_large(others, area, 6.0);
                assert_eq!(small.len(), others);
                assert!(area.expand(0.1).contains_rect(large));
                for (index, rect) in small.iter().enumerate() {
                    assert!(area.expand(0.1).contains_rect(*rect), "{others} in {area:?}: {rect:?}");
                    assert!(!rect.shrink(0.5).intersects(large.shrink(0.5)));
                    assert!(small[..index].iter().all(|other| !other.shrink(0.5).intersects(rect.shrink(0.5))));
                }
                assert!(small.iter().all(|rect| rect.area() <= large.area()), "{others} in {area:?}");
            }
        }
    }

    #[test]
    fn the_shape_of_the_window_decides_the_columns() {
        assert_eq!(columns(&tiles(2, area(1280.0, 700.0), 6.0)), 2);
        assert_eq!(columns(&tiles(2, area(480.0, 700.0), 6.0)), 1);
        assert_eq!(columns(&tiles(4, area(1280.0, 700.0), 6.0)), 2);
        assert_eq!(columns(&tiles(7, area(1280.0, 700.0), 6.0)), 3);
    }
}
