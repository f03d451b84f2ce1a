//! The one place where the process reads its clocks.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use maru_core::time::Timestamp;

struct Epoch {
    monotonic: Instant,
    unix_ms: f64,
}

fn epoch() -> &'static Epoch {
    static EPOCH: OnceLock<Epoch> = OnceLock::new();
    EPOCH.get_or_init(|| Epoch {
        monotonic: Instant::now(),
        unix_ms: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64() * 1e3),
    })
}

/// Now, on this process's monotonic clock. Starts well above zero, so that a moment before the first call exists.
pub fn now() -> Timestamp {
    timestamp(Instant::now())
}

/// `instant` on the same clock as [`now`].
pub fn timestamp(instant: Instant) -> Timestamp {
    const START_MICROS: u64 = 3_600_000_000;
    let since = instant.saturating_duration_since(epoch().monotonic);
    Timestamp::from_micros(START_MICROS) + since
}

/// `at` as Unix time in milliseconds, with fraction.
pub fn unix_ms(at: Timestamp) -> f64 {
    epoch().unix_ms + (at.as_micros() as f64 - 3_600_000_000.0) / 1e3
}
