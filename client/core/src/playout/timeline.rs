//! Sequence numbers and RTP times without their wrap-around, and the restart of a sender told from a stray packet.

/// Farther apart than this (60 s of 20 ms packets) two packets are not of the same stream.
const MAX_SEQUENCE_STEP: i64 = 3000;

#[derive(Debug, Default)]
pub(super) struct Timeline {
    newest: Option<Position>,
    /// A packet that does not fit. If the next one follows it, the sender has started anew (RFC 3550, A.1).
    suspect: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) sequence: i64,
    /// In samples at 48 kHz.
    pub(super) time: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed {
    At(Position),
    /// The first packet of a new stream: nothing from before counts any more.
    Restarted(Position),
    Stray,
}

impl Timeline {
    pub(super) fn place(&mut self, sequence: u16, rtp_time: u32) -> Placed {
        let Some(newest) = self.newest else {
            let first = Position { sequence: sequence.into(), time: rtp_time.into() };
            self.newest = Some(first);
            return Placed::At(first);
        };
        let step = i64::from(sequence.wrapping_sub(newest.sequence as u16) as i16);
        let elapsed = i64::from(rtp_time.wrapping_sub(newest.time as u32) as i32);
        let same_stream = step.abs() <= MAX_SEQUENCE_STEP && step.signum() == elapsed.signum();
        if same_stream {
            self.suspect = None;
            let position = Position { sequence: newest.sequence + step, time: newest.time + elapsed };
            if step > 0 {
                self.newest = Some(position);
            }
            return Placed::At(position);
        }
        if self.suspect == Some(sequence.wrapping_sub(1)) {
            *self = Self::default();
            let Placed::At(first) = self.place(sequence, rtp_time) else { return Placed::Stray };
            return Placed::Restarted(first);
        }
        self.suspect = Some(sequence);
        Placed::Stray
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: i64, time: i64) -> Placed {
        Placed::At(Position { sequence, time })
    }

    #[test]
    fn both_counters_go_on_over_their_wrap_around() {
        let mut timeline = Timeline::default();
        timeline.place(65_535, u32::MAX - 959);
        assert_eq!(timeline.place(0, 0), at(65_536, 1 << 32));
        assert_eq!(timeline.place(65_535, u32::MAX - 959), at(65_535, (1 << 32) - 960));
    }

    #[test]
    fn an_hour_of_mute_is_not_a_restart() {
        let mut timeline = Timeline::default();
        timeline.place(7, 0);
        assert_eq!(timeline.place(8, 3600 * 48_000), at(8, 3600 * 48_000));
    }

    #[test]
    fn one_stray_packet_is_ignored_and_two_in_a_row_are_a_restart() {
        let mut timeline = Timeline::default();
        timeline.place(7, 960);
        assert_eq!(timeline.place(40_000, 5), Placed::Stray);
        assert_eq!(timeline.place(8, 1920), at(8, 1920));
        assert_eq!(timeline.place(40_000, 5), Placed::Stray);
        assert_eq!(timeline.place(40_001, 965), Placed::Restarted(Position { sequence: 40_001, time: 965 }));
    }
}
