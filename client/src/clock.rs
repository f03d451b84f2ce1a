//! The only place that reads the clocks of the system.
//!
//! The monotonic clock stands still while the machine sleeps, and does not follow when the clock is set. So the time of
//! day is compared with it at each reading, and followed when they have come apart.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use maru_core::time::Timestamp;

/// The first reading of the clock. Far above zero, so that times before it can be computed.
const START: Timestamp = Timestamp::from_micros(3_600_000_000);
/// Smaller differences are left alone: two readings are not made at the same instant, and a thread may wait in between.
const MAX_DIFFERENCE_MS: f64 = 100.0;

struct Clocks {
    monotonic: Instant,
    /// Unix time at [`START`], as first read.
    start_unix_ms: f64,
    time_of_day: Mutex<TimeOfDay>,
}

fn clocks() -> &'static Clocks {
    static CLOCKS: OnceLock<Clocks> = OnceLock::new();
    CLOCKS.get_or_init(|| {
        let (monotonic, start_unix_ms) = (Instant::now(), system_unix_ms());
        Clocks { monotonic, start_unix_ms, time_of_day: Mutex::new(TimeOfDay { start_unix_ms }) }
    })
}

/// Now, on the monotonic clock of this process.
pub fn now() -> Timestamp {
    timestamp(Instant::now())
}

/// `instant` on the same clock as [`now`].
pub fn timestamp(instant: Instant) -> Timestamp {
    START + instant.saturating_duration_since(clocks().monotonic)
}

/// `at` as Unix time in milliseconds, with a fraction: the time of day, as the system's clock tells it now.
pub fn unix_ms(at: Timestamp) -> f64 {
    let mut time_of_day = clocks().time_of_day.lock().unwrap_or_else(PoisonError::into_inner);
    time_of_day.follow(now(), system_unix_ms());
    time_of_day.unix_ms(at)
}

/// As [`unix_ms`], but never jumps: Unix time as if the clock had not been set since the start (RFC 3550, 6.4.1).
pub fn steady_unix_ms(at: Timestamp) -> f64 {
    clocks().start_unix_ms + ms_since_start(at)
}

/// Tells Unix time by the monotonic clock.
struct TimeOfDay {
    /// Unix time at [`START`].
    start_unix_ms: f64,
}

impl TimeOfDay {
    /// Both clocks were read.
    fn follow(&mut self, now: Timestamp, now_unix_ms: f64) {
        if (now_unix_ms - self.unix_ms(now)).abs() > MAX_DIFFERENCE_MS {
            self.start_unix_ms = now_unix_ms - ms_since_start(now);
        }
    }

    fn unix_ms(&self, at: Timestamp) -> f64 {
        self.start_unix_ms + ms_since_start(at)
    }
}

/// Unix time, as the system's clock tells it. It goes on while the machine sleeps, and jumps when the clock is set.
pub fn time_of_day() -> Duration {
    Duration::from_secs_f64(system_unix_ms().max(0.0) / 1e3)
}

fn ms_since_start(at: Timestamp) -> f64 {
    (at.as_micros() as f64 - START.as_micros() as f64) / 1e3
}

fn system_unix_ms() -> f64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64() * 1e3,
        Err(before) => -before.duration().as_secs_f64() * 1e3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE_MS: f64 = 1_700_000_000_000.0;

    fn after_secs(secs: u64) -> Timestamp {
        START + Duration::from_secs(secs)
    }

    #[test]
    fn the_time_of_day_is_right_after_a_sleep() {
        let mut time = TimeOfDay { start_unix_ms: BEFORE_MS };
        time.follow(after_secs(10), BEFORE_MS + 10_000.0);
        // Ten hours of sleep, which the monotonic clock does not count.
        let woken_ms = BEFORE_MS + 10_000.0 + 36_000_000.0;
        time.follow(after_secs(10), woken_ms);
        assert!((time.unix_ms(after_secs(12)) - (woken_ms + 2_000.0)).abs() < 0.01);
    }

    #[test]
    fn the_time_of_day_follows_a_clock_that_is_set_back() {
        let mut time = TimeOfDay { start_unix_ms: BEFORE_MS };
        time.follow(after_secs(60), BEFORE_MS - 3_540_000.0);
        assert!((time.unix_ms(after_secs(61)) - (BEFORE_MS - 3_539_000.0)).abs() < 0.01);
    }

    #[test]
    fn readings_a_little_apart_do_not_move_the_time_of_day() {
        let mut time = TimeOfDay { start_unix_ms: BEFORE_MS };
        time.follow(after_secs(1), BEFORE_MS + 1_030.0);
        time.follow(after_secs(2), BEFORE_MS + 1_980.0);
        assert!((time.unix_ms(after_secs(3)) - (BEFORE_MS + 3_000.0)).abs() < 0.01);
    }
}
