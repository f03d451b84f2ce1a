//! Tells the restart of a sender from a stray packet (RFC 3550, A.1).

use crate::rtp::{RtpTime, Sequence};

/// Two packets farther apart than this (60 s of 20 ms packets) are not of the same stream.
const MAX_SEQUENCE_STEP: i64 = 3000;

#[derive(Debug, Default)]
pub(super) struct Timeline {
    newest: Option<Position>,
    /// A packet that does not fit. If the next one follows it, the sender has started anew.
    suspect: Option<Sequence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) sequence: Sequence,
    /// At 48 kHz.
    pub(super) time: RtpTime,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed {
    Fits,
    /// The first packet of a new stream: nothing from before counts any more.
    Restarted,
    Stray,
}

impl Timeline {
    pub(super) fn place(&mut self, position: Position) -> Placed {
        let newest = *self.newest.get_or_insert(position);
        let step = position.sequence - newest.sequence;
        let elapsed = position.time - newest.time;
        if step.abs() <= MAX_SEQUENCE_STEP && step.signum() == elapsed.signum() {
            self.suspect = None;
            if step > 0 {
                self.newest = Some(position);
            }
            return Placed::Fits;
        }
        if self.suspect.is_some_and(|suspect| suspect + 1 == position.sequence) {
            *self = Self { newest: Some(position), suspect: None };
            return Placed::Restarted;
        }
        self.suspect = Some(position.sequence);
        Placed::Stray
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(timeline: &mut Timeline, sequence: u64, time: u64) -> Placed {
        timeline.place(Position { sequence: Sequence::new(sequence), time: RtpTime::new(time) })
    }

    #[test]
    fn an_hour_of_mute_is_not_a_restart() {
        let mut timeline = Timeline::default();
        place(&mut timeline, 7, 0);
        assert_eq!(place(&mut timeline, 8, 3600 * 48_000), Placed::Fits);
    }

    #[test]
    fn one_stray_packet_is_ignored_and_two_in_a_row_are_a_restart() {
        let mut timeline = Timeline::default();
        place(&mut timeline, 7, 960);
        assert_eq!(place(&mut timeline, 40_000, 5), Placed::Stray);
        assert_eq!(place(&mut timeline, 8, 1920), Placed::Fits);
        assert_eq!(place(&mut timeline, 40_000, 5), Placed::Stray);
        assert_eq!(place(&mut timeline, 40_001, 965), Placed::Restarted);
        assert_eq!(place(&mut timeline, 40_002, 1925), Placed::Fits);
    }
}
