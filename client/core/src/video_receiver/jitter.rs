//! Interarrival jitter (RFC 3550, 6.4.1 and A.8).

use crate::rtp::RtpTime;
use crate::time::Timestamp;

/// A change of transit time above this is a pause or another clock, not jitter.
const MAX_CHANGE_SECS: f64 = 5.0;

#[derive(Debug)]
pub(super) struct Jitter {
    clock_hz: f64,
    last: Option<(Timestamp, RtpTime)>,
    jitter_secs: f64,
}

impl Jitter {
    pub(super) fn new(clock_hz: u32) -> Self {
        Self { clock_hz: f64::from(clock_hz), last: None, jitter_secs: 0.0 }
    }

    /// A packet arrived. Only for packets in order: the transit time of a retransmission is no jitter.
    pub(super) fn update(&mut self, arrived: Timestamp, rtp_time: RtpTime) {
        if let Some((last_arrived, last_rtp_time)) = self.last {
            let sent_secs = (rtp_time - last_rtp_time) as f64 / self.clock_hz;
            let change_secs = (arrived.since(last_arrived).as_secs_f64() - sent_secs).abs();
            if change_secs < MAX_CHANGE_SECS {
                self.jitter_secs += (change_secs - self.jitter_secs) / 16.0;
            }
        }
        self.last = Some((arrived, rtp_time));
    }

    /// A new stream has begun: its timestamps have nothing to do with the last ones.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    pub(super) fn ms(&self) -> f64 {
        self.jitter_secs * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jitter_of(arrivals_ms: impl Iterator<Item = u64>) -> f64 {
        let mut jitter = Jitter::new(90_000);
        for (index, arrived_ms) in (0..).zip(arrivals_ms) {
            let rtp_time = RtpTime::new(index * 900);
            jitter.update(Timestamp::from_micros(arrived_ms * 1_000), rtp_time);
        }
        jitter.ms()
    }

    #[test]
    fn an_even_stream_has_no_jitter() {
        assert!(jitter_of((0..500).map(|index| index * 10)) < 1e-9);
    }

    #[test]
    fn the_jitter_of_an_alternating_delay_is_the_difference() {
        let jitter_ms = jitter_of((0..500).map(|index| index * 10 + index % 2 * 4));
        assert!((jitter_ms - 4.0).abs() < 0.01, "{jitter_ms}");
    }

    #[test]
    fn a_pause_is_no_jitter() {
        assert!(jitter_of((0..100).map(|index| index * 10 + if index < 50 { 0 } else { 60_000 })) < 1e-9);
    }
}
