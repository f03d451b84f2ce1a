//! The loudest sample of the last 50 ms.

use std::sync::atomic::{AtomicU32, Ordering};

use maru_core::media::AUDIO_CLOCK_HZ;

const WINDOW_SAMPLES: usize = AUDIO_CLOCK_HZ as usize / 20;

#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Of the window before and of the one that is being filled.
    last_peak: f32,
    peak: f32,
    samples: usize,
}

impl Meter {
    pub(super) fn add(&mut self, sound: &[f32]) {
        self.peak = sound.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
        self.samples += sound.len();
        if self.samples >= WINDOW_SAMPLES {
            *self = Self { last_peak: self.peak, peak: 0.0, samples: 0 };
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
    fn it_shows_a_peak_for_50_to_100_ms() {
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
