//! The resolution ladder: which frame size a bitrate is enough for.

use std::time::Duration;

use crate::time::Timestamp;

/// A frame size, and the least bitrate at which it looks better than the next smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// In pixels.
    pub max_width: u32,
    /// In pixels.
    pub max_height: u32,
    /// In bit/s, of the video alone.
    pub min_bps: u32,
    /// In bit/s, of the video alone: with more it looks no better worth mentioning.
    pub max_bps: u32,
}

/// The largest first.
const RUNGS: [Rung; 6] = [
    Rung { max_width: 1920, max_height: 1080, min_bps: 2_500_000, max_bps: u32::MAX },
    Rung { max_width: 1280, max_height: 720, min_bps: 900_000, max_bps: 2_500_000 },
    Rung { max_width: 960, max_height: 540, min_bps: 450_000, max_bps: 1_200_000 },
    Rung { max_width: 640, max_height: 360, min_bps: 220_000, max_bps: 600_000 },
    Rung { max_width: 480, max_height: 270, min_bps: 120_000, max_bps: 350_000 },
    Rung { max_width: 320, max_height: 180, min_bps: 0, max_bps: 200_000 },
];

/// A picture may be shown larger than it is by this factor.
const ENLARGED: f64 = 1.2;

/// The size that is enough for a picture that is shown with this height, in pixels.
pub fn enough_for(theirs_shown_at: u32) -> Rung {
    let is_enough = |rung: &&Rung| f64::from(rung.max_height) * ENLARGED >= f64::from(theirs_shown_at);
    *RUNGS.iter().rev().find(is_enough).unwrap_or(&RUNGS[0])
}

/// The size that loses nothing of a camera's picture of this height, in pixels.
pub fn of_source(height: u32) -> Rung {
    *RUNGS.iter().rev().find(|rung| rung.max_height >= height).unwrap_or(&RUNGS[0])
}

/// A fall of the bitrate by more than this factor is a collapse.
const COLLAPSE: u32 = 3;
/// A larger size needs its bitrate times this, for this time.
const MARGIN: f64 = 1.2;
const UP_AFTER: Duration = Duration::from_millis(1500);

/// Steps down at once and up after a while: each change costs a key frame, and a size that changes often looks worse
/// than a small one.
#[derive(Debug)]
pub struct Ladder {
    rung: usize,
    last_bps: u32,
    /// Since when the bitrate has been enough for a larger size, and its minimum since.
    enough: Option<(Timestamp, u32)>,
}

/// The size of the first frame: it has to pass soon over a path of which nothing is known.
const FIRST: usize = 3;

impl Ladder {
    /// Begins with a small size.
    pub fn new() -> Self {
        Self { rung: FIRST, last_bps: 0, enough: None }
    }

    /// The size to begin with.
    pub fn first() -> Rung {
        RUNGS[FIRST]
    }

    /// The frame size for video of `bitrate_bps`.
    pub fn choose(&mut self, now: Timestamp, bitrate_bps: u32) -> Rung {
        while bitrate_bps < RUNGS[self.rung].min_bps {
            self.rung += 1;
            self.enough = None;
        }
        // After a collapse the key frame has to be small.
        if bitrate_bps < self.last_bps / COLLAPSE && self.rung + 1 < RUNGS.len() {
            self.rung += 1;
        }
        self.last_bps = bitrate_bps;
        let (since, least_bps) = self.enough.unwrap_or((now, bitrate_bps));
        let least_bps = least_bps.min(bitrate_bps);
        let enough_for = RUNGS.iter().position(|rung| f64::from(least_bps) > f64::from(rung.min_bps) * MARGIN);
        let larger = enough_for.filter(|&rung| rung < self.rung);
        self.enough = larger.map(|_| (since, least_bps));
        if let Some(rung) = larger.filter(|_| now.since(since) >= UP_AFTER) {
            self.rung = rung;
            self.enough = None;
        }
        RUNGS[self.rung]
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    fn ladder_at_720() -> Ladder {
        let mut ladder = Ladder::new();
        assert_eq!(ladder.choose(Timestamp::ZERO, 2_500_000).max_height, 360);
        ladder.rung = 1;
        ladder.enough = None;
        ladder
    }

    #[test]
    fn the_first_size_is_small_and_the_next_the_largest_that_fits() {
        let mut ladder = Ladder::new();
        let heights: Vec<u32> = (0..60).map(|i| ladder.choose(at(i * 50), 2_500_000).max_height).collect();
        assert_eq!((heights[0], heights[29], heights[30]), (360, 360, 720));
        assert_eq!(Ladder::new().choose(at(0), 200_000).max_height, 270);
    }

    #[test]
    fn the_size_falls_at_once_and_rises_to_what_the_least_bitrate_since_allows() {
        let mut ladder = ladder_at_720();
        assert_eq!(ladder.choose(at(50), 1_000_000).max_height, 720);
        assert_eq!(ladder.choose(at(60), 850_000).max_height, 540);
        assert_eq!(ladder.choose(at(70), 400_000).max_height, 360);
        let heights: Vec<u32> = (2..100).map(|i| ladder.choose(at(i * 50), 2_500_000).max_height).collect();
        assert!(heights.is_sorted());
        assert_eq!((heights[0], heights[29], heights[30], heights[97]), (360, 360, 720, 720));
        ladder.choose(at(5000), 400_000);
        let growing = (0..70).map(|i| ladder.choose(at(5050 + i * 50), 600_000 + i as u32 * 40_000).max_height);
        let heights: Vec<u32> = growing.collect();
        assert_eq!((heights[28], heights[29], heights[69]), (270, 360, 720), "400 kbit/s was not enough for more");
    }

    #[test]
    fn a_bitrate_that_varies_around_a_rung_does_not_change_the_size() {
        let mut ladder = ladder_at_720();
        ladder.choose(at(0), 850_000);
        for i in 1..400 {
            assert_eq!(ladder.choose(at(i * 50), if i % 3 == 0 { 870_000 } else { 1_300_000 }).max_height, 540);
        }
    }

    #[test]
    fn a_collapse_takes_one_more_step_down() {
        let mut ladder = ladder_at_720();
        assert_eq!(ladder.choose(at(50), 400_000).max_height, 270);
        assert_eq!(ladder.choose(at(100), 390_000).max_height, 270);
        assert_eq!(ladder.choose(at(1000), 400_000).max_height, 270);
        assert_eq!(ladder.choose(at(2000), 400_000).max_height, 360);
    }

    #[test]
    fn a_picture_is_as_large_as_it_is_shown_or_somewhat_smaller() {
        let sizes = [0, 216, 217, 324, 432, 433, 600, 648, 649, 864, 865, u32::MAX];
        assert_eq!(
            sizes.map(|height| enough_for(height).max_height),
            [180, 180, 270, 270, 360, 540, 540, 540, 720, 720, 1080, 1080]
        );
        assert_eq!([120, 480, 720, 768, 2_160].map(|height| of_source(height).max_height), [180, 540, 720, 1080, 1080]);
    }

    #[test]
    fn full_hd_needs_three_megabits() {
        let mut ladder = ladder_at_720();
        let height_at = |ladder: &mut Ladder, from_ms: u64, bps| {
            (0..60).map(|i| ladder.choose(at(from_ms + i * 50), bps).max_height).last()
        };
        assert_eq!(height_at(&mut ladder, 0, 2_900_000), Some(720));
        assert_eq!(height_at(&mut ladder, 3_000, 3_100_000), Some(1080));
        assert_eq!(height_at(&mut ladder, 6_000, 2_400_000), Some(720));
    }

    #[test]
    fn there_is_a_size_for_no_bitrate() {
        assert_eq!(Ladder::new().choose(at(0), 0).max_height, 180);
    }
}
