//! What happens to packets on the way from one host to another.

use std::time::Duration;

use crate::rng::Rng;

/// One direction of a connection. The default is perfect: no delay, no loss, no limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathConfig {
    /// Every packet takes at least this long.
    pub delay: Duration,
    /// On top of `delay`, evenly spread between zero and this.
    pub jitter: Duration,
    /// Whether jitter lets later packets overtake earlier ones. Otherwise they keep their order.
    pub jitter_overtakes: bool,
    /// Share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// How many packets in a row are lost, on average (Gilbert's model). 1: each on its own.
    pub loss_run: f64,
    /// Share of packets, 0 to 1, that are held back by `reorder_delay`, so that later ones overtake them.
    pub reorder: f64,
    pub reorder_delay: Duration,
    /// Packets leave the queue at this rate. `None`: at once.
    pub rate_bps: Option<u64>,
    /// With a rate: what finds this much waiting before it is dropped (drop-tail).
    pub queue_bytes: usize,
}

impl Default for PathConfig {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            jitter_overtakes: false,
            loss: 0.0,
            loss_run: 1.0,
            reorder: 0.0,
            reorder_delay: Duration::ZERO,
            rate_bps: None,
            queue_bytes: 64 * 1024,
        }
    }
}

impl PathConfig {
    /// Only a delay.
    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// Nothing gets through: a cable that was pulled out.
    pub fn cut() -> Self {
        Self { loss: 1.0, ..Self::default() }
    }
}

/// What became of the packets of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathStats {
    pub sent: u64,
    pub sent_bytes: u64,
    /// By [`PathConfig::loss`].
    pub lost: u64,
    /// By a full queue.
    pub overflowed: u64,
}

/// IP and UDP headers, which the rate has to carry as well.
const HEADER_BYTES: usize = 28;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    ArrivesAt(Duration),
    Lost,
    /// The queue before the slow part was full.
    Overflowed,
}

/// One direction of a connection, packet by packet. It has no clock: times are those of its caller.
#[derive(Debug)]
pub struct Path {
    config: PathConfig,
    rng: Rng,
    /// The last packet was lost.
    losing: bool,
    /// When the last packet in the queue will have left it.
    busy_until: Duration,
    /// The latest arrival of a packet that was not held back.
    last_arrival: Duration,
    stats: PathStats,
}

impl Path {
    /// A perfect path until [`Self::set_config`]. `seed` decides the fate of every packet.
    pub fn new(seed: u64) -> Self {
        Self {
            config: PathConfig::default(),
            rng: Rng::new(seed),
            losing: false,
            busy_until: Duration::ZERO,
            last_arrival: Duration::ZERO,
            stats: PathStats::default(),
        }
    }

    /// Holds for the packets that set out from now on.
    pub fn set_config(&mut self, config: PathConfig) {
        self.config = config;
    }

    pub fn stats(&self) -> PathStats {
        self.stats
    }

    /// A UDP packet with `payload_bytes` sets out at `now`.
    pub fn send(&mut self, now: Duration, payload_bytes: usize) -> Verdict {
        // Always three numbers for a packet: what one setting does does not depend on the others.
        let (loss, jitter, reorder) = (self.rng.unit(), self.rng.unit(), self.rng.unit());
        let bytes = payload_bytes + HEADER_BYTES;
        self.stats.sent += 1;
        self.stats.sent_bytes += bytes as u64;
        self.losing = loss < self.loss_probability();
        if self.losing {
            self.stats.lost += 1;
            return Verdict::Lost;
        }
        let Some(departed) = self.queue(now, bytes) else {
            self.stats.overflowed += 1;
            return Verdict::Overflowed;
        };
        let arrival = departed + self.config.delay + self.config.jitter.mul_f64(jitter);
        if reorder < self.config.reorder {
            return Verdict::ArrivesAt(arrival + self.config.reorder_delay);
        }
        if self.config.jitter_overtakes {
            return Verdict::ArrivesAt(arrival);
        }
        self.last_arrival = self.last_arrival.max(arrival);
        Verdict::ArrivesAt(self.last_arrival)
    }

    /// Of the next packet, so that runs of losses are as long, and losses as frequent, as the configuration says.
    fn loss_probability(&self) -> f64 {
        let PathConfig { loss, loss_run, .. } = self.config;
        if loss_run <= 1.0 || loss >= 1.0 {
            loss
        } else if self.losing {
            1.0 - 1.0 / loss_run
        } else {
            loss / loss_run / (1.0 - loss)
        }
    }

    /// When the packet has left the queue, or `None` if it does not fit.
    fn queue(&mut self, now: Duration, bytes: usize) -> Option<Duration> {
        let Some(rate_bps) = self.config.rate_bps else { return Some(now) };
        let waiting = self.busy_until.saturating_sub(now);
        let waiting_bytes = waiting.as_secs_f64() * rate_bps as f64 / 8.0;
        if waiting_bytes + bytes as f64 > self.config.queue_bytes as f64 {
            return None;
        }
        let nanos = bytes as u128 * 8 * 1_000_000_000 / u128::from(rate_bps.max(1));
        let duration = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.busy_until = self.busy_until.max(now).saturating_add(duration);
        Some(self.busy_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn path(config: PathConfig) -> Path {
        let mut path = Path::new(7);
        path.set_config(config);
        path
    }

    #[test]
    fn a_perfect_path_delivers_at_once() {
        assert_eq!(path(PathConfig::default()).send(5 * MS, 1200), Verdict::ArrivesAt(5 * MS));
    }

    #[test]
    fn the_rate_spaces_packets_and_the_queue_drops_its_tail() {
        // 1000 bytes with headers take 8 ms at 1 Mbit/s.
        let mut path = path(PathConfig { rate_bps: Some(1_000_000), queue_bytes: 2500, ..PathConfig::default() });
        assert_eq!(path.send(Duration::ZERO, 972), Verdict::ArrivesAt(8 * MS));
        assert_eq!(path.send(Duration::ZERO, 972), Verdict::ArrivesAt(16 * MS));
        assert_eq!(path.send(Duration::ZERO, 972), Verdict::Overflowed);
        assert_eq!(path.send(8 * MS, 972), Verdict::ArrivesAt(24 * MS));
        assert_eq!(path.send(100 * MS, 972), Verdict::ArrivesAt(108 * MS));
        assert_eq!(path.stats(), PathStats { sent: 5, sent_bytes: 5000, lost: 0, overflowed: 1 });
    }

    #[test]
    fn loss_is_as_frequent_as_asked_and_the_same_for_the_same_seed() {
        let config = PathConfig { loss: 0.05, ..PathConfig::default() };
        let run = |mut path: Path| -> Vec<Verdict> { (0..20_000).map(|_| path.send(Duration::ZERO, 100)).collect() };
        let fates = run(path(config));
        let lost = fates.iter().filter(|fate| **fate == Verdict::Lost).count();
        assert!((900..=1100).contains(&lost), "{lost} of 20000");
        assert_eq!(fates, run(path(config)));
        // Jitter changes when packets arrive, not which ones.
        let jittery = run(path(PathConfig { jitter: 10 * MS, ..config }));
        assert!(fates.iter().zip(&jittery).all(|(a, b)| (*a == Verdict::Lost) == (*b == Verdict::Lost)));
    }

    #[test]
    fn losses_come_in_runs_as_long_as_asked() {
        let mut path = path(PathConfig { loss: 0.05, loss_run: 6.0, ..PathConfig::default() });
        let lost: Vec<bool> = (0..100_000).map(|_| path.send(Duration::ZERO, 100) == Verdict::Lost).collect();
        let losses = lost.iter().filter(|lost| **lost).count();
        let runs = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((4500..=5500).contains(&losses), "{losses} of 100000");
        assert!((5.5..=6.5).contains(&(losses as f64 / runs as f64)), "{losses} losses in {runs} runs");
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_breaks_it() {
        let arrivals = |config: PathConfig| -> Vec<Duration> {
            let mut path = path(config);
            (0..1000u32)
                .filter_map(|i| match path.send(MS * i, 100) {
                    Verdict::ArrivesAt(at) => Some(at),
                    Verdict::Lost | Verdict::Overflowed => None,
                })
                .collect()
        };
        let jittery = arrivals(PathConfig { delay: 20 * MS, jitter: 15 * MS, ..PathConfig::default() });
        assert!(jittery.is_sorted());
        assert!(jittery.iter().enumerate().all(|(i, at)| *at >= MS * i as u32 + 20 * MS));
        let overtaking = PathConfig { jitter: 15 * MS, jitter_overtakes: true, ..PathConfig::default() };
        assert!(!arrivals(overtaking).is_sorted());
        let config = PathConfig { reorder: 0.1, reorder_delay: 5 * MS, ..PathConfig::default() };
        let reordered = arrivals(config);
        let overtaken = reordered.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((60..=140).contains(&overtaken), "{overtaken} of 1000");
    }
}
