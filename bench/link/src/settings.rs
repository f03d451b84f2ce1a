//! The settings of a link as text: `delay=20 loss=5 rate=3000`.

use std::time::Duration;

use maru_link::PathConfig;

/// Their part of `--help`.
pub(crate) const HELP: &str = "\
Settings, separated by spaces. Without any, the link is perfect:
  delay=MS     delay of every packet
  jitter=MS    added to the delay, uniformly from 0 to MS; reorders packets
  loss=PERCENT share of packets that are lost
  run=PACKETS  mean length of a run of losses (default 1)
  rate=KBPS    rate at which packets leave the queue (default: no queue)
  queue=MS     size of the queue, as the time that it takes to empty (default 300)";

/// See [`HELP`].
const DEFAULT_QUEUE_MS: f64 = 300.0;

/// Reads the settings, which are the same for both directions.
///
/// # Errors
/// A sentence about the first setting that is unknown or has no valid value.
pub(crate) fn parse(text: &str) -> Result<PathConfig, String> {
    let mut config = PathConfig { jitter_overtakes: true, ..PathConfig::default() };
    let mut queue_ms = DEFAULT_QUEUE_MS;
    for setting in text.split_whitespace() {
        let (name, value) = setting.split_once('=').ok_or_else(|| format!("\"{setting}\" has no value"))?;
        let number: f64 = value.parse().map_err(|_| format!("\"{value}\" in \"{setting}\" is not a number"))?;
        if !(0.0..=1e6).contains(&number) {
            return Err(format!("\"{setting}\" is out of range"));
        }
        match name {
            "delay" => config.delay = Duration::from_secs_f64(number / 1e3),
            "jitter" => config.jitter = Duration::from_secs_f64(number / 1e3),
            "loss" => config.loss = number / 100.0,
            "run" => config.loss_run = number,
            "rate" => config.rate_bps = Some((number * 1e3) as u64),
            "queue" => queue_ms = number,
            _ => return Err(format!("there is no setting \"{name}\"\n{HELP}")),
        }
    }
    if let Some(rate_bps) = config.rate_bps {
        config.queue_bytes = (rate_bps as f64 * queue_ms / 8e3) as usize;
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_text() {
        let config = parse("delay=20 loss=5 run=6 rate=3000 queue=500").unwrap();
        assert_eq!(config.delay, Duration::from_millis(20));
        assert_eq!((config.loss, config.loss_run), (0.05, 6.0));
        assert_eq!((config.rate_bps, config.queue_bytes), (Some(3_000_000), 187_500));
    }

    #[test]
    fn an_invalid_setting_is_an_error() {
        for text in ["delay", "delay=soon", "delay=-1", "speed=3", "loss=NaN"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
