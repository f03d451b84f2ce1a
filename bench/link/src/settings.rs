//! The settings of a link, as words: `delay=20 loss=5 rate=3000`.

use std::time::Duration;

use maru_link::PathConfig;

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Words that can be given, separated by spaces; what is not given is perfect:
  delay=MS     every packet takes this long
  jitter=MS    and up to this much longer, so that packets overtake each other
  loss=PERCENT packets that are lost
  run=PACKETS  how many are lost in a row, on average (1)
  rate=KBPS    packets leave a queue at this rate
  queue=MS     how long that queue may get before packets are dropped (300)";

/// Both directions have the same configuration.
pub(crate) fn parse(words: &str) -> Result<PathConfig, String> {
    let mut config = PathConfig { jitter_overtakes: true, ..PathConfig::default() };
    let mut queue_ms = 300.0;
    for word in words.split_whitespace() {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("\"{word}\" has no value"))?;
        let number: f64 = value.parse().map_err(|_| format!("\"{value}\" in \"{word}\" is no number"))?;
        if !(0.0..=1e6).contains(&number) {
            return Err(format!("\"{word}\" is out of range"));
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
    fn words_become_a_path() {
        let config = parse("delay=20 loss=5 run=6 rate=3000 queue=500").unwrap();
        assert_eq!(config.delay, Duration::from_millis(20));
        assert_eq!((config.loss, config.loss_run), (0.05, 6.0));
        assert_eq!((config.rate_bps, config.queue_bytes), (Some(3_000_000), 187_500));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for words in ["delay", "delay=soon", "delay=-1", "speed=3", "loss=NaN"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
