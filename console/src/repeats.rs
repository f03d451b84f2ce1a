//! Bounds how often the same kind of line is logged.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Lines of one kind in each [`INTERVAL`].
const MAX_LINES: u32 = 5;
const INTERVAL: Duration = Duration::from_secs(10);
/// Kinds are places in the source, so there are few. Above this the oldest knowledge is forgotten.
const MAX_KINDS: usize = 4096;

#[derive(Default)]
pub(crate) struct Repeats {
    kinds: HashMap<String, Kind>,
}

struct Kind {
    since: Instant,
    lines: u32,
    left_out: u64,
}

impl Repeats {
    /// `None`: a line of this kind is to be left out. Otherwise how many were left out since the last one.
    pub(crate) fn next(&mut self, now: Instant, kind: &str) -> Option<u64> {
        if let Some(known) = self.kinds.get_mut(kind) {
            if now.saturating_duration_since(known.since) >= INTERVAL {
                (known.since, known.lines) = (now, 0);
            }
            if known.lines >= MAX_LINES {
                known.left_out += 1;
                return None;
            }
            known.lines += 1;
            return Some(std::mem::take(&mut known.left_out));
        }
        if self.kinds.len() >= MAX_KINDS {
            self.kinds.clear();
        }
        self.kinds.insert(kind.to_owned(), Kind { since: now, lines: 1, left_out: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_kind_becomes_a_few_lines_and_a_count() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        // 12,000 lines in 25 s.
        let at = |n: u32| start + Duration::from_micros(2_083) * n;
        let logged: Vec<(u32, u64)> = (0..12_000).filter_map(|n| Some((n, repeats.next(at(n), "no route")?))).collect();
        assert_eq!(logged.len() as u32, 3 * MAX_LINES);
        let told: u64 = logged.iter().map(|(_, left_out)| left_out + 1).sum();
        assert_eq!(told, u64::from(logged.last().expect("a line").0) + 1, "each line is logged or counted");
    }

    #[test]
    fn other_kinds_are_logged_meanwhile() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let logged = (0..100).filter(|_| repeats.next(now, "flood").is_some()).count();
        assert_eq!(logged as u32, MAX_LINES);
        assert_eq!(repeats.next(now, "other"), Some(0));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for n in 0..3 * MAX_KINDS {
            repeats.next(now, &n.to_string());
        }
        assert!(repeats.kinds.len() <= MAX_KINDS);
    }
}
