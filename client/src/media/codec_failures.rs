//! How a codec that fails is tried again. Time is passed in.

use std::time::Duration;

use maru_core::time::Timestamp;

/// A failure so soon after the last one is no single event.
const WINDOW: Duration = Duration::from_secs(10);
/// How long the next codec waits then, so that one that fails at each frame neither takes the processor nor floods the log.
const PAUSE: Duration = Duration::from_secs(2);

/// The failures of one codec, which is replaced after each.
#[derive(Debug, Default)]
pub(super) struct CodecFailures {
    last: Option<Timestamp>,
    resume_at: Option<Timestamp>,
}

impl CodecFailures {
    /// The codec failed at `now`. Returns whether it has failed before, within [`WINDOW`].
    pub(super) fn failed(&mut self, now: Timestamp) -> bool {
        let is_repeated = self.last.is_some_and(|last| now.since(last) < WINDOW);
        self.last = Some(now);
        if is_repeated {
            self.resume_at = Some(now + PAUSE);
        }
        is_repeated
    }

    /// Whether nothing is given to the codec at `now`.
    pub(super) fn is_pausing(&self, now: Timestamp) -> bool {
        self.resume_at.is_some_and(|resume_at| now < resume_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn only_a_codec_that_fails_again_and_again_pauses() {
        let mut failures = CodecFailures::default();
        assert!(!failures.is_pausing(START));
        assert!(!failures.failed(START));
        assert!(!failures.is_pausing(START), "a single failure costs nothing");
        let again = START + Duration::from_secs(1);
        assert!(failures.failed(again));
        assert!(failures.is_pausing(again) && !failures.is_pausing(again + PAUSE));
        assert!(!failures.failed(again + WINDOW), "the next failure is a single one, too");
    }
}
