//! Tells a sender that has restarted from a stray packet (RFC 3550, A.1).

use crate::rtp::{RtpTime, Sequence};

/// Two packets farther apart than this (60 s of 20 ms packets) are not of the same stream.
const MAX_SEQUENCE_STEP: i64 = 3000;

#[derive(Debug, Default)]
pub(super) struct RestartDetector {
    newest: Option<Position>,
    /// A packet that does not fit. If the next one follows it, the sender has restarted.
    suspect: Option<Sequence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) sequence: Sequence,
    /// At 48 kHz.
    pub(super) time: RtpTime,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check {
    Fits,
    /// The packet is of a new stream; everything before is of the old one.
    Restarted,
    Stray,
}

impl RestartDetector {
    pub(super) fn check(&mut self, position: Position) -> Check {
        let newest = *self.newest.get_or_insert(position);
        let step = position.sequence - newest.sequence;
        let elapsed = position.time - newest.time;
        if step.abs() <= MAX_SEQUENCE_STEP && step.signum() == elapsed.signum() {
            self.suspect = None;
            if step > 0 {
                self.newest = Some(position);
            }
            return Check::Fits;
        }
        if self.suspect.is_some_and(|suspect| suspect + 1 == position.sequence) {
            *self = Self { newest: Some(position), suspect: None };
            return Check::Restarted;
        }
        self.suspect = Some(position.sequence);
        Check::Stray
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(detector: &mut RestartDetector, sequence: u64, time: u64) -> Check {
        detector.check(Position { sequence: Sequence::new(sequence), time: RtpTime::new(time) })
    }

    #[test]
    fn an_hour_of_mute_is_not_a_restart() {
        let mut detector = RestartDetector::default();
        check(&mut detector, 7, 0);
        assert_eq!(check(&mut detector, 8, 3600 * 48_000), Check::Fits);
    }

    #[test]
    fn one_stray_packet_is_ignored_and_two_in_a_row_are_a_restart() {
        let mut detector = RestartDetector::default();
        check(&mut detector, 7, 960);
        assert_eq!(check(&mut detector, 40_000, 5), Check::Stray);
        assert_eq!(check(&mut detector, 8, 1920), Check::Fits);
        assert_eq!(check(&mut detector, 40_000, 5), Check::Stray);
        assert_eq!(check(&mut detector, 40_001, 965), Check::Restarted);
        assert_eq!(check(&mut detector, 40_002, 1925), Check::Fits);
    }
}
