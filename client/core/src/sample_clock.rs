//! When a device plays or captures each sample: a straight line through noisy readings. A device delivers and takes blocks,
//! so a reading is off by up to a block, and its clock is not ours: 100 ppm are usual.
//!
//! The line follows by a second-order loop (critically damped): a mean of all readings at first, of the last five seconds
//! later.

use crate::time::Timestamp;

/// Least gain of the loop per reading: with one every 10 ms, a time constant of five seconds.
const MIN_GAIN: f64 = 0.002;
/// The rate is learnt from this number of readings on: the first ones say little about it.
const RATE_FROM: u32 = 100;
/// The rate of a device is off by at most this much.
const MAX_DRIFT: f64 = 1e-3;
/// A reading that is further off begins a new line, in µs: the device stalled, or was opened again.
const MAX_ERROR_US: f64 = 60_000.0;

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct SampleClock {
    nominal_period_us: f64,
    line: Option<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    /// Of the last reading.
    index: u64,
    /// Its time by the line.
    at_us: f64,
    period_us: f64,
    readings: u32,
}

impl SampleClock {
    pub fn new(rate_hz: u32) -> Self {
        Self { nominal_period_us: 1e6 / f64::from(rate_hz), line: None }
    }

    /// Sample `index` is played or captured at `at`. Returns whether a new line begins.
    pub fn observe(&mut self, index: u64, at: Timestamp) -> bool {
        let at_us = at.as_micros() as f64;
        let nominal_us = self.nominal_period_us;
        let Some(line) = &mut self.line else {
            self.line = Some(Line { index, at_us, period_us: nominal_us, readings: 1 });
            return true;
        };
        let elapsed = index.saturating_sub(line.index) as f64;
        let predicted_us = line.at_us + elapsed * line.period_us;
        let error_us = at_us - predicted_us;
        if error_us.abs() > MAX_ERROR_US {
            self.line = Some(Line { index, at_us, period_us: nominal_us, readings: 1 });
            return true;
        }
        line.readings = line.readings.saturating_add(1);
        let gain = (1.0 / f64::from(line.readings)).max(MIN_GAIN);
        if line.readings > RATE_FROM && elapsed > 0.0 {
            let period_us = line.period_us + gain * gain / 4.0 * error_us / elapsed;
            line.period_us = period_us.clamp(nominal_us * (1.0 - MAX_DRIFT), nominal_us * (1.0 + MAX_DRIFT));
        }
        line.at_us = predicted_us + gain * error_us;
        line.index = index;
        false
    }

    /// When sample `index` is played or captured, in µs on the clock of [`Timestamp`]. `None` before the first reading.
    pub fn time_of(&self, index: u64) -> Option<f64> {
        self.line.map(|line| line.at_us + (index as f64 - line.index as f64) * line.period_us)
    }

    /// Which sample is played or captured at `at_us`, with a fraction.
    pub fn index_at(&self, at_us: f64) -> Option<f64> {
        self.line.map(|line| line.index as f64 + (at_us - line.at_us) / line.period_us)
    }

    /// Forgets all readings.
    pub fn restart(&mut self) {
        self.line = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings of a device that is `ppm` too fast, each off by up to 10 ms. Gives the largest error from `settled` on, in µs.
    fn largest_error_us(ppm: f64, settled: u64) -> f64 {
        let mut clock = SampleClock::new(48_000);
        let mut random = fastrand::Rng::with_seed(7);
        let period_us = 1e6 / (48_000.0 * (1.0 + ppm * 1e-6));
        let mut largest = 0.0_f64;
        for block in 0..6000_u64 {
            let index = block * 480;
            let true_us = 5e6 + index as f64 * period_us;
            clock.observe(index, Timestamp::from_micros((true_us + random.f64() * 10_000.0) as u64));
            // The mean of the readings is 5 ms late.
            let error = clock.time_of(index).unwrap() - (true_us + 5_000.0);
            if block > settled {
                largest = largest.max(error.abs());
            }
        }
        largest
    }

    #[test]
    fn noisy_readings_give_a_line_also_of_a_device_with_another_clock() {
        for ppm in [0.0, 100.0, -100.0, 300.0] {
            let error_us = largest_error_us(ppm, 2000);
            assert!(error_us < 700.0, "{ppm} ppm: {error_us} µs");
        }
    }

    #[test]
    fn a_stall_begins_a_new_line() {
        let mut clock = SampleClock::new(48_000);
        let at = |ms: u64| Timestamp::from_micros(1_000_000 + ms * 1000);
        assert!(clock.observe(0, at(0)));
        assert!(!clock.observe(480, at(10)));
        assert!(clock.observe(960, at(420)));
        assert_eq!(clock.time_of(960), Some(1_420_000.0));
        let index = clock.index_at(1_430_000.0).unwrap();
        assert!((index - 1440.0).abs() < 1e-6);
    }
}
