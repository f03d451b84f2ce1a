//! Time, which is passed as an argument.

use std::ops::{Add, Sub};
use std::time::Duration;

use crate::rtp::RtpTime;

/// Microseconds on the monotonic clock of this process. Its zero is arbitrary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The earliest one.
    pub const ZERO: Self = Self(0);

    /// In µs since the arbitrary zero.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In µs since the arbitrary zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The RTP time of this instant at `clock_rate_hz`, before the stream's random offset (RFC 3550, 5.1).
    pub const fn rtp_time(self, clock_rate_hz: u32) -> RtpTime {
        RtpTime::new((self.0 as u128 * clock_rate_hz as u128 / 1_000_000) as u64)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}
