//! The congestion window: how many bytes may be in flight. A path that suddenly carries less shows it first by reports
//! that do not come; the window stops us long before a report tells why (as SCReAM, RFC 8298, 4.1.2, and every TCP).

use super::Config;
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Window {
    report_delay: Option<ReportDelay>,
}

/// From sending a packet to the report on it: mean and mean deviation (as RFC 6298, 2), in seconds.
#[derive(Debug, Clone, Copy)]
struct ReportDelay {
    mean: f64,
    deviation: f64,
}

impl Window {
    /// A report came at `now`. The first packet that it reports on was sent at `first`.
    pub(super) fn handle_report(&mut self, config: &Config, now: Timestamp, first: Timestamp) {
        let took = now.since(first).min(config.window_max_delay).as_secs_f64();
        let Some(delay) = &mut self.report_delay else {
            self.report_delay = Some(ReportDelay { mean: took, deviation: took / 2.0 });
            return;
        };
        // A sudden delay is what the window is for: no single report may change it much.
        let error = (took - delay.mean).min(3.0 * delay.deviation + config.window_slack.as_secs_f64());
        let gain = |is_up| if is_up { config.window_gain_up } else { config.window_gain_down };
        delay.deviation += (error.abs() - delay.deviation) * gain(error.abs() > delay.deviation);
        delay.mean += error * gain(error > 0.0);
    }

    /// The window at this target, in bytes.
    pub(super) fn bytes(&self, config: &Config, target_bps: f64) -> f64 {
        let Some(ReportDelay { mean, deviation }) = self.report_delay else { return config.window_first_bytes };
        let seconds = mean + 2.0 * deviation + config.window_slack.as_secs_f64();
        (target_bps / 8.0 * seconds).max(config.window_min_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    #[test]
    fn the_window_holds_what_is_usually_in_flight_and_grows_slowly() {
        let (config, mut window) = (Config::default(), Window::default());
        assert_eq!(window.bytes(&config, 1e6), config.window_first_bytes);
        for report in 2..200 {
            window.handle_report(&config, at(report * 50), at(report * 50 - 90));
        }
        let usual = window.bytes(&config, 1e6);
        assert!((usual - 1e6 / 8.0 * 0.100).abs() < 300.0, "{usual}");
        // Half a second of late reports.
        for report in 200..210 {
            window.handle_report(&config, at(report * 50), at(report * 50 - 500));
        }
        let after = window.bytes(&config, 1e6);
        assert!(after < 1.5 * usual, "{after} after {usual}");
    }
}
