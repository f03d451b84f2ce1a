//! Peak level.

use std::sync::atomic::{AtomicU32, Ordering};

use maru_core::media::AUDIO_CLOCK_HZ;

const WINDOW_SAMPLES: usize = AUDIO_CLOCK_HZ as usize / 20;

/// The peak of the last 50 to 100 ms: of the current window and of the one before.
#[derive(Debug, Default)]
pub(super) struct Meter {
    last_peak: f32,
    peak: f32,
    /// Samples in the current window.
    count: usize,
}

impl Meter {
    pub(super) fn add(&mut self, samples: &[f32]) {
        self.peak = samples.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
        self.count += samples.len();
        if self.count >= WINDOW_SAMPLES {
            *self = Self { last_peak: self.peak, peak: 0.0, count: 0 };
        }
    }

    /// 0 to 1.
    pub(super) fn level(&self) -> f32 {
        self.peak.max(self.last_peak).min(1.0)
    }
}

/// An `f32` that threads share.
#[derive(Debug, Default)]
pub(super) struct AtomicF32(AtomicU32);

impl AtomicF32 {
    pub(super) fn load(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn store(&self, value: f32) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;

    #[test]
    fn a_peak_is_shown_for_50_to_100_ms() {
        let mut meter = Meter::default();
        meter.add(&[-0.5]);
        meter.add(&[0.1; 480]);
        assert_eq!(meter.level(), 0.5);
        meter.add(&[0.1; 2400]);
        assert_eq!(meter.level(), 0.5);
        meter.add(&[0.1; 2400]);
        assert_eq!(meter.level(), 0.1);
    }
}
