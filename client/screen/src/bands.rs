//! Which rows of a picture have to be read again.

use std::ops::Range;

/// Rows that are read although nothing changed there, rather than asking the server twice. Bounds the number of bands, too.
const MAX_GAP_ROWS: u32 = 64;

/// Rows of a picture of `height` that `spans` touch: in order, none next to another. A span is a first row and
/// a number of rows, and may lie outside.
pub(crate) fn bands(spans: impl Iterator<Item = (i32, u32)>, height: u32) -> Vec<Range<u32>> {
    let inside = |row: i64| u32::try_from(row.clamp(0, i64::from(height))).unwrap_or(height);
    let clipped = spans.map(|(first, rows)| inside(i64::from(first))..inside(i64::from(first) + i64::from(rows)));
    let mut rows: Vec<_> = clipped.filter(|band| !band.is_empty()).collect();
    rows.sort_unstable_by_key(|band| band.start);
    let mut merged: Vec<Range<u32>> = Vec::new();
    for band in rows {
        match merged.last_mut() {
            Some(last) if band.start <= last.end.saturating_add(MAX_GAP_ROWS) => last.end = last.end.max(band.end),
            _ => merged.push(band),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ones_are_read_together_and_those_outside_not_at_all() {
        let of = |spans: &[(i32, u32)]| bands(spans.iter().copied(), 1000);
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[(500, 10), (0, 20), (530, 5)]), [0..20, 500..535]);
        assert_eq!(of(&[(10, 500), (20, 5), (700, 1)]), [10..510, 700..701]);
        assert_eq!(of(&[(-20, 10), (1000, 5), (3, 0)]), []);
        assert_eq!(of(&[(-20, 30), (990, u32::MAX)]), [0..10, 990..1000]);
    }
}
