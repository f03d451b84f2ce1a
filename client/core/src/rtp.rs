//! RTP sequence numbers and timestamps that do not wrap. They are extended once, where a packet enters, and truncated
//! where one leaves (RFC 3550, A.1; RFC 3711, 3.3.1).

use std::ops::{Add, Sub};

use serde::{Serialize, Serializer};

/// Extended numbers begin here, so that packets from before the first one have numbers too.
const FIRST_CYCLE: u64 = 1 << 20;
const FIRST_TIME_CYCLE: u64 = 1 << 32;
/// A larger step forward is believed when the packet after it follows too (`MAX_DROPOUT` of RFC 3550, A.1).
const MAX_DROPOUT: i64 = 3000;

macro_rules! extended {
    ($(#[$doc:meta])* $name:ident, $wire:ty, $signed:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// A value without wrap-around.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The value without wrap-around.
            pub const fn value(self) -> u64 {
                self.0
            }

            /// The bits that are on the wire.
            pub const fn truncated(self) -> $wire {
                self.0 as $wire
            }

            /// The value nearest to this one whose bits on the wire are `truncated`.
            pub const fn nearest(self, truncated: $wire) -> Self {
                Self(self.0.saturating_add_signed(truncated.wrapping_sub(self.0 as $wire) as $signed as i64))
            }
        }

        impl Add<u64> for $name {
            type Output = Self;
            fn add(self, steps: u64) -> Self {
                Self(self.0.saturating_add(steps))
            }
        }

        impl Sub<u64> for $name {
            type Output = Self;
            fn sub(self, steps: u64) -> Self {
                Self(self.0.saturating_sub(steps))
            }
        }

        /// Negative where the other one is later.
        impl Sub for $name {
            type Output = i64;
            fn sub(self, other: Self) -> i64 {
                self.0.wrapping_sub(other.0) as i64
            }
        }
    };
}

extended! {
    /// The extended sequence number of a packet: 16 bits on the wire.
    Sequence, u16, i16
}

extended! {
    /// An extended RTP timestamp, in ticks of the stream's clock: 32 bits on the wire.
    RtpTime, u32, i32
}

/// Serialized as the 32 bits on the wire, on which both ends of a call agree.
impl Serialize for RtpTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.truncated())
    }
}

/// Extends the sequence numbers of one stream, in any order.
#[derive(Debug, Clone, Default)]
pub struct SequenceExtender {
    newest: Option<Sequence>,
    /// A packet far ahead of `newest`, which the next packet confirms or not.
    jump: Option<Sequence>,
}

impl SequenceExtender {
    /// Begins with the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number nearest to [`Self::newest`], which follows where the packet is newer.
    pub fn extend(&mut self, truncated: u16) -> Sequence {
        let newest = *self.newest.get_or_insert(Sequence(FIRST_CYCLE + u64::from(truncated)));
        let sequence = newest.nearest(truncated);
        let step = sequence - newest;
        if step > MAX_DROPOUT && self.jump != Some(sequence - 1) {
            self.jump = Some(sequence);
        } else if step > 0 {
            self.newest = Some(sequence);
            self.jump = None;
        }
        sequence
    }

    /// The highest number so far, without a jump ahead that is not confirmed. `None` before the first packet.
    pub fn newest(&self) -> Option<Sequence> {
        self.newest
    }
}

/// Extends sequence numbers and timestamps of one received stream.
#[derive(Debug, Clone, Default)]
pub struct RtpExtender {
    sequences: SequenceExtender,
    newest_time: Option<RtpTime>,
}

impl RtpExtender {
    /// Begins with the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The timestamp is the one nearest to that of the newest packet.
    pub fn extend(&mut self, sequence: u16, rtp_time: u32) -> (Sequence, RtpTime) {
        let sequence = self.sequences.extend(sequence);
        let newest = *self.newest_time.get_or_insert(RtpTime(FIRST_TIME_CYCLE + u64::from(rtp_time)));
        let rtp_time = newest.nearest(rtp_time);
        if self.sequences.newest() == Some(sequence) {
            // Never back: a sender that sets its clock back again and again must not get below zero.
            self.newest_time = Some(newest.max(rtp_time));
        }
        (sequence, rtp_time)
    }

    /// See [`SequenceExtender::newest`].
    pub fn newest_sequence(&self) -> Option<Sequence> {
        self.sequences.newest()
    }

    /// The highest timestamp so far. `None` before the first packet.
    pub fn newest_time(&self) -> Option<RtpTime> {
        self.newest_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_past_the_wrap_and_reordered_ones_are_found_again() {
        let mut extender = SequenceExtender::new();
        let numbers = [65_534, 0, 65_535, 1, 65_534].map(|number| extender.extend(number) - Sequence(FIRST_CYCLE));
        assert_eq!(numbers, [65_534, 65_536, 65_535, 65_537, 65_534]);
        let mut extender = SequenceExtender::new();
        assert_eq!(extender.extend(3) - extender.extend(65_533), 6, "before the first one");
    }

    #[test]
    fn a_jump_is_believed_when_the_next_packet_follows_it() {
        let mut extender = SequenceExtender::new();
        let first = extender.extend(100);
        for stray in [30_000, 60_000, 30_000, 5_000] {
            extender.extend(stray);
            assert_eq!(extender.newest(), Some(first));
        }
        assert_eq!(extender.extend(101), first + 1);
        extender.extend(20_000);
        assert_eq!(extender.extend(20_001), first + 19_901);
        assert_eq!(extender.newest(), Some(first + 19_901));
    }

    /// A stream of any length from any start, with gaps, repetitions and reordering.
    #[test]
    fn a_stream_is_extended_to_its_true_numbers() {
        bolero::check!().with_iterations(2_000).with_type::<(u32, Vec<(u16, i16)>)>().for_each(|(start, steps)| {
            let start = u64::from(*start) + (1 << 16);
            let (mut extender, mut newest) = (SequenceExtender::new(), start);
            let first = extender.extend(start as u16);
            for &(gap, back) in steps {
                newest += u64::from(gap % MAX_DROPOUT as u16);
                assert_eq!(extender.extend(newest as u16) - first, (newest - start) as i64);
                let older = newest - u64::from(back.unsigned_abs() / 2);
                assert_eq!(extender.extend(older as u16) - first, older as i64 - start as i64);
            }
        });
    }

    #[test]
    fn any_numbers_keep_their_bits_and_never_come_near_zero() {
        bolero::check!().with_iterations(5_000).with_type::<Vec<(u16, u32)>>().for_each(|packets| {
            let (mut extender, mut newest) = (RtpExtender::new(), None);
            for &(number, time) in packets {
                let (sequence, rtp_time) = extender.extend(number, time);
                assert_eq!((sequence.truncated(), rtp_time.truncated()), (number, time));
                assert!(sequence.value() >= FIRST_CYCLE - (1 << 15) && rtp_time.value() >= 1 << 31);
                let now = (extender.sequences.newest(), extender.newest_time());
                assert!(newest.is_none_or(|before| before <= now), "neither goes back");
                newest = Some(now);
            }
        });
    }

    #[test]
    fn hours_of_silence_and_the_wrap_of_timestamps_are_followed() {
        let mut extender = RtpExtender::new();
        let (_, first) = extender.extend(1, u32::MAX - 959);
        assert_eq!(extender.extend(2, 0).1 - first, 960);
        assert_eq!(extender.extend(1, u32::MAX - 959).1, first);
        let twelve_hours = 12 * 3600 * 48_000;
        assert_eq!(extender.extend(3, twelve_hours).1 - first, 960 + i64::from(twelve_hours));
    }

    #[test]
    fn the_timestamp_of_a_stray_packet_is_not_followed() {
        let mut extender = RtpExtender::new();
        let (_, first) = extender.extend(1, 1000);
        for (number, time) in [(30_000, 2_000_000_000), (50_000, 4_000_000_000)] {
            extender.extend(number, time);
        }
        assert_eq!(extender.extend(2, 1960).1 - first, 960);
    }

    #[test]
    fn a_timestamp_is_serialized_as_it_is_sent() {
        assert_eq!(serde_json::to_string(&RtpTime::new((1 << 32) + 7)).expect("a number"), "7");
    }
}
