//! How much may be under way. A path that suddenly carries less says so first by reports that do not come: then nothing
//! more is sent, long before a report tells why. (As the window of SCReAM, RFC 8298, 4.1.2, and of every TCP.)

use std::time::Duration;

use crate::time::Timestamp;

/// For how long may be sent until the next report: from what reports usually take.
#[derive(Debug, Default)]
pub(super) struct Window {
    usual: Option<Usual>,
}

/// Mean and mean deviation (as RFC 6298, 2), in seconds.
#[derive(Debug, Clone, Copy)]
struct Usual {
    mean: f64,
    deviation: f64,
}

impl Window {
    /// A report came now. The first packet of which it tells was sent at `first`: everything since then was under way.
    pub(super) fn reported(&mut self, now: Timestamp, first: Timestamp) {
        let took = now.since(first).min(MAX_USUAL).as_secs_f64();
        let Some(usual) = &mut self.usual else {
            self.usual = Some(Usual { mean: took, deviation: took / 2.0 });
            return;
        };
        // What becomes slow at once is what this is for: no single report says much, and less is learnt sooner than more.
        let off = (took - usual.mean).min(3.0 * usual.deviation + SLACK.as_secs_f64());
        let gain = |is_up| if is_up { GAIN_UP } else { GAIN_DOWN };
        usual.deviation += (off.abs() - usual.deviation) * gain(off.abs() > usual.deviation);
        usual.mean += off * gain(off > 0.0);
    }

    /// Bytes that may be under way at this rate. Before the second report nothing is known of the path.
    pub(super) fn bytes(&self, rate_bps: f64) -> f64 {
        let Some(Usual { mean, deviation }) = self.usual else { return FIRST_BYTES };
        let seconds = mean + 2.0 * deviation + SLACK.as_secs_f64();
        (rate_bps / 8.0 * seconds).max(MIN_BYTES)
    }
}

const GAIN_UP: f64 = 0.006;
const GAIN_DOWN: f64 = 0.03;
const SLACK: Duration = Duration::from_millis(10);
/// A key frame at the rate that a call begins with, and less than what ordinary queues hold.
const FIRST_BYTES: f64 = 32_000.0;
/// A few packets are always allowed: without them nothing would ever be reported.
const MIN_BYTES: f64 = 5_000.0;
const MAX_USUAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    #[test]
    fn it_holds_what_is_usually_under_way_and_grows_slowly() {
        let mut window = Window::default();
        assert_eq!(window.bytes(1e6), FIRST_BYTES);
        for report in 2..200 {
            window.reported(at(report * 50), at(report * 50 - 90));
        }
        let usual = window.bytes(1e6);
        assert!((usual - 1e6 / 8.0 * 0.100).abs() < 300.0, "{usual}");
        // Half a second of trouble.
        for report in 200..210 {
            window.reported(at(report * 50), at(report * 50 - 500));
        }
        assert!(window.bytes(1e6) < 1.5 * usual, "{} after {usual}", window.bytes(1e6));
    }
}
