//! How much of a core a thread uses.

use std::time::Duration;

/// Share of a core that may be used for any time. A call at 2.5 Mbit/s takes a twentieth.
const LASTING_SHARE: f64 = 0.5;
/// What may be used beyond that.
const MAX_EXCESS: Duration = Duration::from_secs(2);

/// CPU time that the calling thread has used since it began. `None`: this system does not tell.
pub(super) fn of_this_thread() -> Option<Duration> {
    #[cfg(unix)]
    {
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(used).ok()
    }
    #[cfg(not(unix))]
    None
}

/// Notices a thread that takes more than its share for some time, be it in bursts.
#[derive(Debug, Default)]
pub(super) struct CpuBudget {
    last: Duration,
    excess: Duration,
}

impl CpuBudget {
    /// `used` since the thread began, `elapsed` since the last call. `false`: it takes too much.
    pub(super) fn allows(&mut self, used: Duration, elapsed: Duration) -> bool {
        let since_last = used.saturating_sub(std::mem::replace(&mut self.last, used));
        self.excess = (self.excess + since_last).saturating_sub(elapsed.mul_f64(LASTING_SHARE));
        self.excess <= MAX_EXCESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: Duration = Duration::from_millis(500);

    /// How many checks pass before it is noticed, of a thousand.
    fn checks(used_ms: impl Fn(u32) -> u64) -> usize {
        let mut budget = CpuBudget::default();
        let mut used = Duration::ZERO;
        let allowed = (0..1000).take_while(|check| {
            used += Duration::from_millis(used_ms(*check));
            budget.allows(used, CHECK)
        });
        allowed.count()
    }

    #[test]
    fn bursts_are_noticed_and_a_busy_call_is_not() {
        assert_eq!(checks(|_| 500), 8, "a whole core, after 4 s");
        assert!(checks(|check| if check % 4 < 3 { 500 } else { 0 }) < 20, "1.5 s of 2");
        assert_eq!(checks(|_| 240), 1000);
        assert_eq!(checks(|check| if check == 0 { 1_900 } else { 50 }), 1000, "once");
    }

    #[cfg(unix)]
    #[test]
    fn it_counts_computing_and_not_waiting() {
        let before = of_this_thread().expect("this system tells");
        let mut sum = 0_u64;
        while of_this_thread().expect("this system tells") < before + Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0);
    }
}
