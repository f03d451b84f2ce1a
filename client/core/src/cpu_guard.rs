//! Makes the video smaller while this machine cannot encode it in time: sound and the other participants' video need the
//! CPU, too.

/// Heights of the video, largest first. The first limits nothing.
const HEIGHTS: [u32; 5] = [u32::MAX, 720, 540, 360, 180];
/// In so many seconds, one after the other, more than a tenth of the frames found the encoder busy.
const STRAINED_SECONDS: u32 = 3;
/// Seconds without strain after which a larger size is tried. Doubled each time that this was too much.
const CALM_SECONDS: u32 = 20;
const LONGEST_CALM_SECONDS: u32 = 320;

/// See the [module](self).
#[derive(Debug)]
pub struct CpuGuard {
    step: usize,
    strained: u32,
    calm: u32,
    /// Calm seconds before the next larger size is tried.
    patience: u32,
    /// The present size is on trial: it was made larger last.
    is_on_trial: bool,
}

impl Default for CpuGuard {
    fn default() -> Self {
        Self { step: 0, strained: 0, calm: 0, patience: CALM_SECONDS, is_on_trial: false }
    }
}

impl CpuGuard {
    /// What happened in the last second: frames from the camera, and those of them that found the encoder busy. Without
    /// us the video would have `wanted_height`. Returns whether the height has changed.
    pub fn second_passed(&mut self, captured: u64, dropped_busy: u64, wanted_height: u32) -> bool {
        if captured == 0 {
            return false;
        }
        let before = self.step;
        if dropped_busy * 10 > captured {
            (self.strained, self.calm) = (self.strained + 1, 0);
        } else {
            (self.strained, self.calm) = (0, self.calm + 1);
        }
        if self.strained >= STRAINED_SECONDS && self.step + 1 < HEIGHTS.len() {
            let smaller = (self.step + 1..HEIGHTS.len()).find(|&step| HEIGHTS[step] < wanted_height);
            self.step = smaller.unwrap_or(HEIGHTS.len() - 1);
            self.strained = 0;
            if std::mem::take(&mut self.is_on_trial) {
                self.patience = (self.patience * 2).min(LONGEST_CALM_SECONDS);
            }
        } else if self.calm >= self.patience && self.step > 0 {
            self.step -= 1;
            if self.max_height() >= wanted_height {
                self.step = 0;
            }
            self.calm = 0;
            self.is_on_trial = true;
        }
        self.step != before
    }

    /// Whether the machine limits the video.
    pub fn is_limiting(&self) -> bool {
        self.step > 0
    }

    pub fn max_height(&self) -> u32 {
        HEIGHTS.get(self.step).copied().unwrap_or(u32::MAX)
    }

    /// Of 16:9.
    pub fn max_width(&self) -> u32 {
        self.max_height().saturating_mul(16) / 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heights at the end of each second, on a machine that encodes frames up to `most` in time.
    fn heights(seconds: usize, most: impl Fn(usize) -> u32) -> Vec<u32> {
        let mut guard = CpuGuard::default();
        (0..seconds)
            .map(|second| {
                let is_too_much = guard.max_height().min(720) > most(second);
                guard.second_passed(30, if is_too_much { 10 } else { 0 }, 720);
                guard.max_height().min(720)
            })
            .collect()
    }

    #[test]
    fn a_machine_that_keeps_up_is_not_limited() {
        assert_eq!(heights(1_000, |_| 720), [720; 1_000]);
        let mut guard = CpuGuard::default();
        for second in 0..1_000 {
            guard.second_passed(30, if second % 3 < 2 { 20 } else { 0 }, 720);
        }
        assert!(!guard.is_limiting(), "two bad seconds are none");
    }

    #[test]
    fn a_slow_machine_gets_the_size_that_it_can_encode_and_larger_ones_are_tried_less_and_less_often() {
        let heights = heights(1_000, |_| 360);
        assert_eq!(heights[..7], [720, 720, 540, 540, 540, 360, 360]);
        let trials = heights.windows(2).filter(|pair| pair[1] > pair[0]).count();
        assert!((3..=7).contains(&trials), "{trials} trials");
        assert!(heights.iter().filter(|height| **height > 360).count() < 40);
    }

    #[test]
    fn when_the_machine_is_free_again_the_size_is_back() {
        let heights = heights(200, |second| if second < 30 { 180 } else { 720 });
        assert_eq!((heights[20], heights.last()), (180, Some(&720)));
    }

    #[test]
    fn without_a_camera_nothing_changes() {
        let mut guard = CpuGuard::default();
        assert!((0..100).all(|_| !guard.second_passed(0, 0, 720)));
    }
}
