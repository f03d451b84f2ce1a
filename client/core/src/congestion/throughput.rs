//! The received rate, by the time of arrival. By the time of the reports it would come in batches.

use std::collections::VecDeque;
use std::time::Duration;

use super::Config;

/// Bounds the memory.
const MAX_PACKETS: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Throughput {
    /// In order of arrival.
    packets: VecDeque<Arrival>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: Duration,
    bytes: usize,
    queued: bool,
}

impl Throughput {
    /// `queued`: the bottleneck was busy before this packet.
    pub(super) fn add(&mut self, config: &Config, at: Duration, bytes: usize, queued: bool) {
        let place = self.packets.partition_point(|other| other.at <= at);
        self.packets.insert(place, Arrival { at, bytes, queued });
        self.bytes += bytes;
        let Some(&Arrival { at: newest, .. }) = self.packets.back() else { return };
        while let Some(&Arrival { at: oldest, bytes, .. }) = self.packets.front()
            && (newest.saturating_sub(oldest) > config.throughput_window || self.packets.len() > MAX_PACKETS)
        {
            self.bytes -= bytes;
            self.packets.pop_front();
        }
    }

    /// So many more bytes arrived about when the newest packet did.
    pub(super) fn add_to_newest(&mut self, bytes: f64) {
        if let Some(newest) = self.packets.back_mut() {
            newest.bytes += bytes as usize;
            self.bytes += bytes as usize;
        }
    }

    /// The received rate. `None` before there is half a window.
    pub(super) fn bps(&self, config: &Config) -> Option<f64> {
        let (&Arrival { at: oldest, bytes: first, .. }, newest) = self.packets.front().zip(self.packets.back())?;
        let span = newest.at.checked_sub(oldest).filter(|&span| span > config.throughput_window / 2)?;
        // The first packet began before the span.
        Some((self.bytes - first) as f64 * 8.0 / span.as_secs_f64())
    }

    /// The capacity: the rate over the last [`Config::busy_time`] in which packets queued. `None` if they hardly did.
    pub(super) fn capacity_bps(&self, config: &Config) -> Option<f64> {
        let (mut span, mut bytes) = (Duration::ZERO, 0);
        for (arrival, before) in self.packets.iter().rev().zip(self.packets.iter().rev().skip(1)) {
            if span > config.busy_time {
                break;
            }
            if arrival.queued {
                span += arrival.at.saturating_sub(before.at);
                bytes += arrival.bytes;
            }
        }
        (span > config.busy_time / 2).then(|| bytes as f64 * 8.0 / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_is_measured_exactly_in_any_order_of_reports() {
        let (config, mut throughput) = (Config::default(), Throughput::default());
        for i in 0..100_u64 {
            // Neighbours change places: 1000 bytes every 5 ms.
            throughput.add(&config, Duration::from_millis((i ^ 1) * 5), 1000, true);
            assert!(i > 30 || throughput.bps(&config).is_none_or(|bps| bps < 2e6));
        }
        let bps = throughput.bps(&config).expect("enough");
        assert!((bps - 1.6e6).abs() < 1e4, "{bps}");
    }

    #[test]
    fn the_capacity_is_measured_while_packets_queue() {
        let (config, mut throughput) = (Config::default(), Throughput::default());
        // Every 100 ms ten packets, each of which takes the bottleneck 4 ms.
        for i in 0..40_u64 {
            throughput.add(&config, Duration::from_millis(i / 10 * 100 + i % 10 * 4), 1000, i % 10 > 0);
        }
        let bps = throughput.bps(&config).expect("enough");
        let capacity_bps = throughput.capacity_bps(&config).expect("enough");
        assert!((0.8e6..1e6).contains(&bps), "{bps}");
        assert!((capacity_bps - 2e6).abs() < 1e4, "{capacity_bps}");
    }
}
