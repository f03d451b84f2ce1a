//! Loss, and how much of it there always is.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Timestamp;

/// Counts by the second, going by when the packets were sent.
#[derive(Debug, Default)]
pub(super) struct Losses {
    current: Option<Count>,
    /// The shares of full seconds, the newest last.
    seconds: VecDeque<f64>,
    /// When the newest full second began, and whether it has been acted on.
    newest_began: Timestamp,
    is_settled: bool,
}

/// What the last full second says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// No more than there always is.
    Usual,
    /// More. Told once for each second.
    Excess {
        /// What there always is, 0 to 1.
        inherent: f64,
    },
    /// More, and it has been acted on.
    Settling,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    began: Timestamp,
    sent: u32,
    lost: u32,
}

impl Losses {
    pub(super) fn add(&mut self, sent: Timestamp, is_lost: bool) {
        let mut count = self.current.unwrap_or(Count { began: sent, sent: 0, lost: 0 });
        if sent.since(count.began) >= PERIOD && count.sent >= MIN_PACKETS {
            self.seconds.push_back(count.share());
            self.newest_began = count.began;
            self.is_settled = false;
            if self.seconds.len() > MEMORY {
                self.seconds.pop_front();
            }
            count = Count { began: sent, sent: 0, lost: 0 };
        }
        count.sent += 1;
        count.lost += u32::from(is_lost);
        self.current = Some(count);
    }

    /// What arrives just now, 0 to 1.
    pub(super) fn share_arriving(&self) -> f64 {
        1.0 - self.current.map_or(0.0, |count| count.share())
    }

    /// Of the last full second, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        self.seconds.back().copied().unwrap_or(0.0)
    }

    /// What there usually is, 0 to 1: the median of the last seconds.
    pub(super) fn usual(&self) -> f64 {
        let mut seconds: Vec<f64> = self.seconds.iter().copied().collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(0.0)
    }

    /// Whether the last full second lost more by `margin` than there always is. What was lost before `acted`, when the
    /// target was lowered last, has been answered.
    pub(super) fn judge(&mut self, margin: f64, acted: Timestamp) -> Verdict {
        let least = self.seconds.iter().copied().fold(f64::INFINITY, f64::min).min(MAX_INHERENT);
        // A single second is no proof that there is always so much.
        let is_known = self.seconds.len() >= 3;
        let (inherent, margin) = if is_known { (least, margin) } else { (0.0, margin * 2.0) };
        if self.share() <= inherent + margin || self.newest_began < acted {
            return Verdict::Usual;
        }
        if std::mem::replace(&mut self.is_settled, true) { Verdict::Settling } else { Verdict::Excess { inherent } }
    }
}

impl Count {
    fn share(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.sent.max(1))
    }
}

const PERIOD: Duration = Duration::from_secs(1);
/// Fewer say little: of 50 packets at 10 % between 1 and 9 are lost.
const MIN_PACKETS: u32 = 50;
/// Seconds.
const MEMORY: usize = 10;
/// More than this is never taken for granted.
const MAX_INHERENT: f64 = 0.25;
#[cfg(test)]
mod tests {
    use super::*;

    /// `seconds` of 200 packets each, of which every `one_in` is lost.
    fn send(losses: &mut Losses, second: &mut u64, seconds: u64, one_in: u64) {
        for i in 0..seconds * 200 {
            let sent = Timestamp::from_micros(*second * 1_000_000 + i * 5_000);
            losses.add(sent, i % one_in == 0);
        }
        *second += seconds;
    }

    #[test]
    fn what_there_always_is_becomes_usual_and_more_is_excess() {
        let (mut losses, mut second) = (Losses::default(), 0);
        send(&mut losses, &mut second, 2, 5);
        assert_eq!(losses.judge(0.08, Timestamp::ZERO), Verdict::Excess { inherent: 0.0 }, "nothing else is known yet");
        assert_eq!(losses.judge(0.08, Timestamp::ZERO), Verdict::Settling);
        send(&mut losses, &mut second, 12, 10);
        assert_eq!(losses.judge(0.08, Timestamp::ZERO), Verdict::Usual);
        send(&mut losses, &mut second, 2, 4);
        let Verdict::Excess { inherent } = losses.judge(0.08, Timestamp::ZERO) else {
            panic!("a quarter is more than a tenth")
        };
        assert!((inherent - 0.1).abs() < 0.01, "{inherent}");
        assert!((losses.share() - 0.25).abs() < 0.01);
        assert!((losses.usual() - 0.1).abs() < 0.01, "two seconds are not usual");
    }
}
