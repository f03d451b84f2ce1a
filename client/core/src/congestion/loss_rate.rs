//! The loss rate: now, usually, and at least (inherent to the path, as on a radio link).

use std::collections::VecDeque;

use super::Config;
use crate::time::Timestamp;

/// Loss rates by periods of a second, by the time of sending.
#[derive(Debug, Default)]
pub(super) struct LossRate {
    current: Option<Period>,
    /// Loss rates of complete periods, the newest last.
    periods: VecDeque<f64>,
    /// When the newest complete period began, and whether its excess has been reported.
    newest_began: Timestamp,
    is_reported: bool,
}

/// What the newest complete period says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// No more loss than is inherent.
    Usual,
    /// More. Reported once for each period.
    Excess {
        /// Inherent loss rate, 0 to 1.
        inherent: f64,
    },
    /// More, and it has been reported.
    Reported,
}

#[derive(Debug, Clone, Copy)]
struct Period {
    began: Timestamp,
    sent: u32,
    lost: u32,
}

impl LossRate {
    pub(super) fn add(&mut self, config: &Config, sent: Timestamp, is_lost: bool) {
        let mut period = self.current.unwrap_or(Period { began: sent, sent: 0, lost: 0 });
        if sent.since(period.began) >= config.loss_period && period.sent >= config.loss_min_packets {
            self.periods.push_back(period.loss_rate());
            self.newest_began = period.began;
            self.is_reported = false;
            if self.periods.len() > config.loss_periods {
                self.periods.pop_front();
            }
            period = Period { began: sent, sent: 0, lost: 0 };
        }
        period.sent += 1;
        period.lost += u32::from(is_lost);
        self.current = Some(period);
    }

    /// Of the current period, 0 to 1.
    pub(super) fn current(&self) -> f64 {
        self.current.map_or(0.0, |period| period.loss_rate())
    }

    /// Of the newest complete period, 0 to 1.
    pub(super) fn newest(&self) -> f64 {
        self.periods.back().copied().unwrap_or(0.0)
    }

    /// The median of the periods, 0 to 1.
    pub(super) fn usual(&self) -> f64 {
        let mut periods: Vec<f64> = self.periods.iter().copied().collect();
        periods.sort_by(f64::total_cmp);
        periods.get(periods.len() / 2).copied().unwrap_or(0.0)
    }

    /// Whether the newest period lost more than the inherent rate by `margin`. A period from before `lowered`, when the
    /// target was lowered last, has been reacted to.
    pub(super) fn judge(&mut self, config: &Config, margin: f64, lowered: Timestamp) -> Verdict {
        let least = self.periods.iter().copied().fold(f64::INFINITY, f64::min).min(config.max_inherent_loss);
        let is_known = self.periods.len() >= config.loss_known_periods;
        let (inherent, margin) = if is_known { (least, margin) } else { (0.0, margin * 2.0) };
        if self.newest() <= inherent + margin || self.newest_began < lowered {
            return Verdict::Usual;
        }
        if std::mem::replace(&mut self.is_reported, true) { Verdict::Reported } else { Verdict::Excess { inherent } }
    }
}

impl Period {
    fn loss_rate(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.sent.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seconds` of 200 packets each, of which every `one_in` is lost.
    fn send(losses: &mut LossRate, second: &mut u64, seconds: u64, one_in: u64) {
        for i in 0..seconds * 200 {
            let sent = Timestamp::from_micros(*second * 1_000_000 + i * 5_000);
            losses.add(&Config::default(), sent, i % one_in == 0);
        }
        *second += seconds;
    }

    #[test]
    fn loss_that_stays_becomes_inherent_and_more_is_excess() {
        let config = Config::default();
        let (mut losses, mut second) = (LossRate::default(), 0);
        let judge = |losses: &mut LossRate| losses.judge(&config, 0.08, Timestamp::ZERO);
        send(&mut losses, &mut second, 2, 5);
        assert_eq!(judge(&mut losses), Verdict::Excess { inherent: 0.0 }, "nothing else is known yet");
        assert_eq!(judge(&mut losses), Verdict::Reported);
        send(&mut losses, &mut second, 12, 10);
        assert_eq!(judge(&mut losses), Verdict::Usual);
        send(&mut losses, &mut second, 2, 4);
        let Verdict::Excess { inherent } = judge(&mut losses) else { panic!("a quarter is more than a tenth") };
        assert!((inherent - 0.1).abs() < 0.01, "{inherent}");
        assert!((losses.newest() - 0.25).abs() < 0.01);
        assert!((losses.usual() - 0.1).abs() < 0.01, "two seconds are not usual");
    }
}
