//! What arrives, by the time of its arrival. By the time of the feedback it would come in heaps.

use std::collections::VecDeque;
use std::time::Duration;

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
    /// The path was busy with others before.
    waited: bool,
}

impl Throughput {
    /// `waited`: in a queue on the way.
    pub(super) fn add(&mut self, at: Duration, bytes: usize, waited: bool) {
        let place = self.packets.partition_point(|other| other.at <= at);
        self.packets.insert(place, Arrival { at, bytes, waited });
        self.bytes += bytes;
        let Some(&Arrival { at: newest, .. }) = self.packets.back() else { return };
        while let Some(&Arrival { at: oldest, bytes, .. }) = self.packets.front()
            && (newest - oldest > WINDOW || self.packets.len() > MAX_PACKETS)
        {
            self.bytes -= bytes;
            self.packets.pop_front();
        }
    }

    /// So many bytes more came about when the last ones did.
    pub(super) fn add_to_last(&mut self, bytes: f64) {
        if let Some(last) = self.packets.back_mut() {
            last.bytes += bytes as usize;
            self.bytes += bytes as usize;
        }
    }

    /// `None` before there is enough to tell.
    pub(super) fn bps(&self) -> Option<f64> {
        let (&Arrival { at: oldest, bytes: first, .. }, newest) = self.packets.front().zip(self.packets.back())?;
        let span = newest.at.checked_sub(oldest).filter(|&span| span > WINDOW / 2)?;
        // The first packet began before the span.
        Some((self.bytes - first) as f64 * 8.0 / span.as_secs_f64())
    }

    /// What the path carries: the rate while it was busy last. `None` if it hardly was.
    pub(super) fn carried_bps(&self) -> Option<f64> {
        let (mut span, mut bytes) = (Duration::ZERO, 0);
        for (arrival, before) in self.packets.iter().rev().zip(self.packets.iter().rev().skip(1)) {
            if span > BUSY {
                break;
            }
            if arrival.waited {
                span += arrival.at - before.at;
                bytes += arrival.bytes;
            }
        }
        (span > BUSY / 2).then(|| bytes as f64 * 8.0 / span.as_secs_f64())
    }
}

/// Ten frames.
const WINDOW: Duration = Duration::from_millis(340);
const MAX_PACKETS: usize = 4096;
/// Three frames that just fit, or a part of one that does not.
const BUSY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_is_measured_exactly_whatever_the_order_of_the_reports() {
        let mut throughput = Throughput::default();
        for i in 0..100_u64 {
            // Neighbours change places: 1000 bytes every 5 ms.
            throughput.add(Duration::from_millis((i ^ 1) * 5), 1000, true);
            assert!(i > 30 || throughput.bps().is_none_or(|bps| bps < 2e6));
        }
        let bps = throughput.bps().expect("enough");
        assert!((bps - 1.6e6).abs() < 1e4, "{bps}");
    }

    #[test]
    fn what_the_path_carries_is_measured_while_it_is_busy() {
        let mut throughput = Throughput::default();
        // Every 100 ms ten packets, which the path takes 4 ms for each.
        for i in 0..40_u64 {
            throughput.add(Duration::from_millis(i / 10 * 100 + i % 10 * 4), 1000, i % 10 > 0);
        }
        let (bps, carried_bps) = (throughput.bps().expect("enough"), throughput.carried_bps().expect("enough"));
        assert!((0.8e6..1e6).contains(&bps), "{bps}");
        assert!((carried_bps - 2e6).abs() < 1e4, "{carried_bps}");
    }
}
