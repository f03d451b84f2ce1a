//! Whether the bottleneck's queue is too short for our bursts. A frame leaves as one burst; a queue that is too short
//! drops the end of it, and never the head, which finds the queue empty. Other losses strike both alike.

use super::Config;

/// Decaying counts.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    packets: f64,
    lost: f64,
}

impl Count {
    fn loss_rate(self) -> f64 {
        self.lost / self.packets.max(1.0)
    }
}

#[derive(Debug, Default)]
pub(super) struct BurstLoss {
    /// First packets after a gap.
    heads: Count,
    rest: Count,
}

impl BurstLoss {
    pub(super) fn add(&mut self, config: &Config, is_head: bool, is_lost: bool) {
        let count = if is_head { &mut self.heads } else { &mut self.rest };
        count.packets += 1.0;
        count.lost += f64::from(u8::from(is_lost));
        if self.heads.packets + self.rest.packets > config.burst_packets {
            for count in [&mut self.heads, &mut self.rest] {
                (count.packets, count.lost) = (count.packets / 2.0, count.lost / 2.0);
            }
        }
    }

    /// Whether there were enough bursts to tell.
    pub(super) fn is_known(&self, config: &Config) -> bool {
        self.heads.packets >= config.burst_min_heads
    }

    pub(super) fn is_detected(&self, config: &Config) -> bool {
        self.rest.lost >= config.burst_min_lost
            && self.is_known(config)
            && self.heads.loss_rate() < self.rest.loss_rate() * config.burst_head_share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_at_the_end_of_bursts_is_told_from_random_loss() {
        let config = Config::default();
        let (mut overflow, mut radio) = (BurstLoss::default(), BurstLoss::default());
        for packet in 0..3000_u32 {
            let place = packet % 10;
            overflow.add(&config, place == 0, place > 7 && packet % 3 == 0);
            radio.add(&config, place == 0, packet % 19 == 0);
        }
        assert!(overflow.is_detected(&config));
        assert!(!radio.is_detected(&config));
        assert!(!BurstLoss::default().is_detected(&config));
    }
}
