//! The only place that reads the clocks of the system.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use maru_core::time::Timestamp;

/// The first reading of the clock. Far above zero, so that times before it can be computed.
const START: Timestamp = Timestamp::from_micros(3_600_000_000);

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

/// Now, on the monotonic clock of this process.
pub fn now() -> Timestamp {
    timestamp(Instant::now())
}

/// `instant` on the same clock as [`now`].
pub fn timestamp(instant: Instant) -> Timestamp {
    START + instant.saturating_duration_since(epoch().monotonic)
}

/// `at` as Unix time in milliseconds, with a fraction.
pub fn unix_ms(at: Timestamp) -> f64 {
    epoch().unix_ms + (at.as_micros() as f64 - START.as_micros() as f64) / 1e3
}
