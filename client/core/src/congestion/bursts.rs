//! Whether it is our own bursts that are lost. A frame leaves at once; a queue that is too short for that drops its end,
//! while what comes after a pause always finds it empty. Other losses do not care.

/// Packets and how many of them were lost; older ones count less and less.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    packets: f64,
    lost: f64,
}

impl Count {
    fn share(self) -> f64 {
        self.lost / self.packets.max(1.0)
    }
}

#[derive(Debug, Default)]
pub(super) struct Bursts {
    /// First packets after a pause.
    heads: Count,
    rest: Count,
}

impl Bursts {
    pub(super) fn add(&mut self, is_head: bool, is_lost: bool) {
        let count = if is_head { &mut self.heads } else { &mut self.rest };
        count.packets += 1.0;
        count.lost += f64::from(u8::from(is_lost));
        if self.heads.packets + self.rest.packets > REMEMBERED {
            for count in [&mut self.heads, &mut self.rest] {
                (count.packets, count.lost) = (count.packets / 2.0, count.lost / 2.0);
            }
        }
    }

    /// Whether there was enough to tell.
    pub(super) fn are_known(&self) -> bool {
        self.heads.packets >= MIN_HEADS
    }

    pub(super) fn are_lost(&self) -> bool {
        self.rest.lost >= MIN_LOST && self.are_known() && self.heads.share() < self.rest.share() * CLEARLY_LESS
    }
}

/// Some ten seconds.
const REMEMBERED: f64 = 2500.0;
const MIN_LOST: f64 = 20.0;
/// At 5 % loss chance alone leaves so many unharmed three times in a thousand.
const MIN_HEADS: f64 = 110.0;
const CLEARLY_LESS: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_burst_is_told_from_any_packet() {
        let (mut overflow, mut radio) = (Bursts::default(), Bursts::default());
        for packet in 0..3000_u32 {
            let place = packet % 10;
            overflow.add(place == 0, place > 7 && packet % 3 == 0);
            radio.add(place == 0, packet % 19 == 0);
        }
        assert!(overflow.are_lost());
        assert!(!radio.are_lost());
        assert!(!Bursts::default().are_lost());
    }
}
