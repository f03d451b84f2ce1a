//! What happens to packets between two hosts, in one direction.

use std::time::Duration;

use crate::rng::Rng;

/// IPv4 (RFC 791) and UDP (RFC 768) headers. The link carries them on top of a payload.
pub const HEADER_BYTES: usize = 28;

/// The properties of one direction of a link. The default is perfect: no delay, no loss, no rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathConfig {
    /// Propagation delay of every packet.
    pub delay: Duration,
    /// Added to `delay`: uniformly distributed from zero to this.
    pub jitter: Duration,
    /// Whether jitter reorders packets. Otherwise an early packet waits for those before it.
    pub jitter_overtakes: bool,
    /// Share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// Mean length of a run of losses, in packets (Gilbert's model). 1: losses are independent.
    pub loss_run: f64,
    /// Share of packets that are delayed by `reorder_delay`, so that later ones overtake them, 0 to 1.
    pub reorder: f64,
    /// Added to `delay` for these packets.
    pub reorder_delay: Duration,
    /// Rate at which packets leave the queue, headers included. `None`: there is no queue.
    pub rate_bps: Option<u64>,
    /// Size of the queue. A packet that does not fit is dropped (drop-tail).
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
    /// A perfect link with a delay.
    pub fn delay(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// A link that loses every packet.
    pub fn cut() -> Self {
        Self { loss: 1.0, ..Self::default() }
    }
}

/// What happened to the packets of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathStats {
    /// Packets that were given to [`Path::send`].
    pub sent: u64,
    /// Their bytes, headers included.
    pub sent_bytes: u64,
    /// Packets lost by [`PathConfig::loss`].
    pub lost: u64,
    /// Packets dropped because the queue was full.
    pub overflowed: u64,
}

/// What happens to one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives at this time, on the caller's clock.
    ArrivesAt(Duration),
    /// It is lost by [`PathConfig::loss`].
    Lost,
    /// It is dropped because the queue is full.
    Overflowed,
}

/// One direction of a link. It has no clock: the caller passes the time.
#[derive(Debug)]
pub struct Path {
    config: PathConfig,
    rng: Rng,
    /// The previous packet was lost.
    losing: bool,
    /// When the queue will be empty.
    busy_until: Duration,
    /// The latest arrival so far, packets with `reorder_delay` aside.
    last_arrival: Duration,
    stats: PathStats,
}

impl Path {
    /// A perfect link until [`Self::set_config`]. The same `seed`, packets and settings give the same verdicts.
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

    /// Applies to packets that are sent from now on.
    pub fn set_config(&mut self, config: PathConfig) {
        self.config = config;
    }

    pub fn stats(&self) -> PathStats {
        self.stats
    }

    /// How long a packet sent at `now` queues.
    pub fn queue_delay(&self, now: Duration) -> Duration {
        self.busy_until.saturating_sub(now)
    }

    /// Sends a UDP packet with `payload_bytes` at `now`, which must not be earlier than in the call before.
    pub fn send(&mut self, now: Duration, payload_bytes: usize) -> Verdict {
        // Three random numbers for each packet, needed or not: so a setting does not change what the others do.
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

    /// For the next packet. Gilbert's model has two states: after a loss, the next packet is lost with probability
    /// `1 - 1/loss_run`; otherwise with `loss / loss_run / (1 - loss)`. On average, `loss` of the packets are lost.
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

    /// When the packet leaves the queue. `None`: it does not fit.
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
    fn a_perfect_link_delivers_at_once() {
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
    fn the_loss_rate_is_as_configured_and_the_same_for_the_same_seed() {
        let config = PathConfig { loss: 0.05, ..PathConfig::default() };
        let run = |mut path: Path| -> Vec<Verdict> { (0..20_000).map(|_| path.send(Duration::ZERO, 100)).collect() };
        let fates = run(path(config));
        let lost = fates.iter().filter(|fate| **fate == Verdict::Lost).count();
        assert!((900..=1100).contains(&lost), "{lost} of 20000");
        assert_eq!(fates, run(path(config)));
        // Jitter does not change which packets are lost.
        let jittery = run(path(PathConfig { jitter: 10 * MS, ..config }));
        assert!(fates.iter().zip(&jittery).all(|(a, b)| (*a == Verdict::Lost) == (*b == Verdict::Lost)));
    }

    #[test]
    fn runs_of_losses_are_as_long_as_configured() {
        let mut path = path(PathConfig { loss: 0.05, loss_run: 6.0, ..PathConfig::default() });
        let lost: Vec<bool> = (0..100_000).map(|_| path.send(Duration::ZERO, 100) == Verdict::Lost).collect();
        let losses = lost.iter().filter(|lost| **lost).count();
        let runs = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((4500..=5500).contains(&losses), "{losses} of 100000");
        assert!((5.5..=6.5).contains(&(losses as f64 / runs as f64)), "{losses} losses in {runs} runs");
    }

    #[test]
    fn jitter_keeps_the_order_unless_overtaking_or_reordering_is_on() {
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
