//! What arrives, by the time of its arrival. By the time of the feedback it would come in heaps.

use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Throughput {
    /// (arrived, bytes), in order of arrival.
    packets: VecDeque<(Duration, usize)>,
    bytes: usize,
}

impl Throughput {
    pub(super) fn add(&mut self, arrived: Duration, bytes: usize) {
        let at = self.packets.partition_point(|&(other, _)| other <= arrived);
        self.packets.insert(at, (arrived, bytes));
        self.bytes += bytes;
        let Some(&(newest, _)) = self.packets.back() else { return };
        while let Some(&(oldest, bytes)) = self.packets.front()
            && (newest - oldest > WINDOW || self.packets.len() > MAX_PACKETS)
        {
            self.bytes -= bytes;
            self.packets.pop_front();
        }
    }

    /// So many bytes more came about when the last ones did.
    pub(super) fn add_to_last(&mut self, bytes: f64) {
        if let Some((_, last)) = self.packets.back_mut() {
            *last += bytes as usize;
            self.bytes += bytes as usize;
        }
    }

    /// `None` before there is enough to tell.
    pub(super) fn bps(&self) -> Option<f64> {
        let (&(oldest, first), &(newest, _)) = self.packets.front().zip(self.packets.back())?;
        let span = newest.checked_sub(oldest).filter(|&span| span > WINDOW / 2)?;
        // The first packet began before the span.
        Some((self.bytes - first) as f64 * 8.0 / span.as_secs_f64())
    }
}

/// Ten pictures.
const WINDOW: Duration = Duration::from_millis(340);
const MAX_PACKETS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_is_measured_exactly_whatever_the_order_of_the_reports() {
        let mut throughput = Throughput::default();
        for i in 0..100_u64 {
            // Neighbours change places: 1000 bytes every 5 ms.
            throughput.add(Duration::from_millis((i ^ 1) * 5), 1000);
            assert!(i > 30 || throughput.bps().is_none_or(|bps| bps < 2e6));
        }
        let bps = throughput.bps().expect("enough");
        assert!((bps - 1.6e6).abs() < 1e4, "{bps}");
    }
}
