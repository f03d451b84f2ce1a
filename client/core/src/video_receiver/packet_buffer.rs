//! Packets that wait for their neighbours: a ring over extended sequence numbers.

use bytes::Bytes;

use super::RtpVideo;
use crate::fec::BlockPlace;
use crate::h264::KeyPart;
use crate::rtp::RtpTime;
use crate::time::Timestamp;

/// Packets held at most: seven seconds of 2.5 Mbit/s in packets of 1,100 bytes.
pub(super) const MAX_PACKETS: usize = 2_048;
/// Bytes held at most.
const MAX_BYTES: usize = 8 << 20;
/// The largest UDP datagram.
const MAX_PAYLOAD: usize = 65_535;
/// How far behind the first packet others may be and still count as reordered.
const START_SLACK: u64 = 64;
/// No packet has this number.
const NEVER_USED: u64 = u64::MAX;

/// One packet with its time of arrival.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) arrived: Timestamp,
    pub(super) rtp_time: RtpTime,
    pub(super) marker: bool,
    pub(super) key_part: KeyPart,
    pub(super) is_repair: bool,
    pub(super) payload: Bytes,
}

impl Slot {
    /// Not part of a frame: padding only, as in bandwidth probes, or a repair packet.
    pub(super) fn is_padding(&self) -> bool {
        self.payload.is_empty() || self.is_repair
    }
}

/// What became of a packet.
#[derive(Debug)]
pub(super) enum Insertion {
    /// It is the newest one so far.
    Newest,
    Reordered,
    Duplicate,
    /// Its place has been released.
    Late,
    /// Far from all others: kept in case the next one follows it.
    Stray,
    /// Two in a row far from all others: the sender has restarted. Neither is inserted.
    Restart(RtpVideo, RtpVideo),
    /// The buffer is full. It is not inserted.
    Full(RtpVideo),
}

/// Consecutive packets of one unit: `start..end`.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) is_complete: bool,
    pub(super) has_sps: bool,
    pub(super) last_arrival: Timestamp,
}

#[derive(Debug)]
pub(super) struct PacketBuffer {
    places: Vec<Place>,
    /// Everything before has been released. All packets are in `floor..floor + MAX_PACKETS`.
    floor: u64,
    /// `None` before the first packet.
    newest: Option<u64>,
    first: u64,
    expected_before: u64,
    bytes: usize,
    stray: Option<RtpVideo>,
}

/// `sequence` is kept when the packet is released, to tell a duplicate from a packet that never arrived.
#[derive(Debug)]
struct Place {
    sequence: u64,
    packet: Option<Slot>,
}

impl PacketBuffer {
    pub(super) fn new() -> Self {
        let places =
            std::iter::repeat_with(|| Place { sequence: NEVER_USED, packet: None }).take(MAX_PACKETS).collect();
        Self { places, floor: 0, newest: None, first: 0, expected_before: 0, bytes: 0, stray: None }
    }

    /// Forgets all packets and sequence numbers.
    pub(super) fn restart(&mut self) {
        *self = Self { expected_before: self.expected(), ..Self::new() };
    }

    pub(super) fn insert(&mut self, now: Timestamp, packet: RtpVideo) -> Insertion {
        if packet.payload.len() > MAX_PAYLOAD {
            return Insertion::Stray;
        }
        let sequence = packet.sequence.value();
        let Some(newest) = self.newest else {
            self.first = sequence;
            self.floor = sequence.saturating_sub(START_SLACK);
            self.newest = Some(sequence);
            self.put(sequence, now, packet);
            return Insertion::Newest;
        };
        if sequence.abs_diff(newest) > MAX_PACKETS as u64 {
            return self.put_aside(packet);
        }
        self.stray = None;
        let place = &self.places[index(sequence)];
        if place.sequence == sequence {
            return Insertion::Duplicate;
        }
        if sequence < self.floor {
            return Insertion::Late;
        }
        if sequence - self.floor >= MAX_PACKETS as u64 || self.bytes + packet.payload.len() > MAX_BYTES {
            return Insertion::Full(packet);
        }
        self.put(sequence, now, packet);
        if sequence > newest {
            self.newest = Some(sequence);
            return Insertion::Newest;
        }
        Insertion::Reordered
    }

    /// Everything before has been released.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Slot> {
        let place = &self.places[index(sequence)];
        place.packet.as_ref().filter(|_| place.sequence == sequence)
    }

    /// The oldest packet from `sequence` on.
    pub(super) fn first_from(&self, sequence: u64) -> Option<(u64, &Slot)> {
        let newest = self.newest?;
        (sequence.max(self.floor)..=newest).find_map(|sequence| Some((sequence, self.get(sequence)?)))
    }

    /// Releases the packets before `end`. Those that arrive from now on are late.
    pub(super) fn release_before(&mut self, end: u64) {
        let newest = self.newest.unwrap_or(0);
        for sequence in self.floor..end.min(newest + 1) {
            let place = &mut self.places[index(sequence)];
            if place.sequence == sequence
                && let Some(slot) = place.packet.take()
            {
                self.bytes -= slot.payload.len();
            }
        }
        self.floor = self.floor.max(end);
    }

    /// The packets of the unit of `sequence`, which is here.
    pub(super) fn unit_around(&self, sequence: u64) -> Run {
        let rtp_time = self.get(sequence).map(|slot| slot.rtp_time);
        let mut run =
            Run { start: sequence, end: sequence, is_complete: false, has_sps: false, last_arrival: Timestamp::ZERO };
        let belongs = |slot: &&Slot| Some(slot.rtp_time) == rtp_time;
        while let Some(before) = run.start.checked_sub(1).filter(|&before| before >= self.floor)
            && self.get(before).filter(belongs).is_some_and(|slot| !slot.marker)
        {
            run.start = before;
        }
        run.end = run.start;
        while let Some(slot) = self.get(run.end)
            && !run.is_complete
        {
            if !belongs(&slot) && !slot.is_padding() {
                run.is_complete = true;
                break;
            }
            run.has_sps |= slot.key_part == KeyPart::Sps;
            run.last_arrival = run.last_arrival.max(slot.arrived);
            run.is_complete = slot.marker;
            run.end += 1;
        }
        run
    }

    /// Marks the packets `start..end` as no key frame.
    pub(super) fn is_no_key(&mut self, start: u64, end: u64) {
        for sequence in start..end {
            if let Some(slot) = self.places[index(sequence)].packet.as_mut() {
                slot.key_part = KeyPart::Nothing;
            }
        }
    }

    /// How many packets the sender has sent, by the sequence numbers.
    pub(super) fn expected(&self) -> u64 {
        self.expected_before + self.newest.map_or(0, |newest| newest + 1 - self.first)
    }

    fn put(&mut self, sequence: u64, now: Timestamp, packet: RtpVideo) {
        self.bytes += packet.payload.len();
        // The first to arrive need not be the first that was sent.
        self.first = self.first.min(sequence);
        let RtpVideo { rtp_time, marker, payload, block, .. } = packet;
        let is_repair = block.is_some_and(BlockPlace::is_repair);
        let key_part = if is_repair { KeyPart::Nothing } else { KeyPart::of(&payload) };
        let slot = Slot { arrived: now, rtp_time, marker, key_part, is_repair, payload };
        self.places[index(sequence)] = Place { sequence, packet: Some(slot) };
    }

    /// A jump is believed when a second packet confirms it (RFC 3550, A.1).
    fn put_aside(&mut self, packet: RtpVideo) -> Insertion {
        match self.stray.take() {
            Some(stray) if stray.sequence + 1 == packet.sequence => Insertion::Restart(stray, packet),
            _ => {
                self.stray = Some(packet);
                Insertion::Stray
            }
        }
    }
}

fn index(sequence: u64) -> usize {
    // MAX_PACKETS is small: the remainder fits.
    (sequence % MAX_PACKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Sequence;

    fn packet(sequence: u64) -> RtpVideo {
        let (sequence, rtp_time) = (Sequence::new(sequence), RtpTime::new(0));
        RtpVideo { sequence, rtp_time, marker: false, payload: Bytes::from_static(&[0x41, 1]), block: None }
    }

    fn insert(buffer: &mut PacketBuffer, sequence: u64) -> Insertion {
        buffer.insert(Timestamp::ZERO, packet(sequence))
    }

    #[test]
    fn packets_sent_before_the_first_arrival_are_expected_too() {
        let mut buffer = PacketBuffer::new();
        for sequence in [65_534, 65_536, 65_535, 65_537] {
            insert(&mut buffer, sequence);
        }
        let (first, _) = buffer.first_from(0).unwrap();
        assert!((first..first + 4).all(|sequence| buffer.get(sequence).is_some()));
        assert_eq!(buffer.expected(), 4);
        insert(&mut buffer, 65_533);
        assert_eq!(buffer.expected(), 5, "sent before the first arrival");
        assert!(matches!(insert(&mut buffer, 65_535), Insertion::Duplicate));
    }

    #[test]
    fn released_packets_are_duplicates_and_missed_ones_are_late() {
        let mut buffer = PacketBuffer::new();
        for sequence in [100, 102] {
            insert(&mut buffer, sequence);
        }
        buffer.release_before(103);
        assert!(matches!(insert(&mut buffer, 102), Insertion::Duplicate));
        assert!(matches!(insert(&mut buffer, 101), Insertion::Late));
        assert_eq!(buffer.bytes, 0);
    }

    #[test]
    fn a_jump_is_believed_when_a_second_packet_confirms_it() {
        let mut buffer = PacketBuffer::new();
        insert(&mut buffer, 100);
        assert!(matches!(insert(&mut buffer, 30_000), Insertion::Stray));
        assert!(matches!(insert(&mut buffer, 101), Insertion::Newest));
        assert!(matches!(insert(&mut buffer, 30_001), Insertion::Stray));
        assert!(
            matches!(insert(&mut buffer, 30_002), Insertion::Restart(first, _) if first.sequence.value() == 30_001)
        );
    }

    #[test]
    fn packets_and_bytes_are_bounded() {
        let mut buffer = PacketBuffer::new();
        let mut large = packet(0);
        large.payload = vec![0x41; MAX_PAYLOAD].into();
        let results = (0..200).map(|sequence| {
            buffer.insert(Timestamp::ZERO, RtpVideo { sequence: Sequence::new(sequence), ..large.clone() })
        });
        assert!(results.filter(|result| matches!(result, Insertion::Full(_))).count() > 0);
        assert!(buffer.bytes <= MAX_BYTES);

        let mut buffer = PacketBuffer::new();
        insert(&mut buffer, 1000);
        for sequence in 1..2_100 {
            let inserted = matches!(insert(&mut buffer, 1000 + sequence), Insertion::Newest);
            assert_eq!(inserted, sequence + START_SLACK < MAX_PACKETS as u64, "{sequence}");
        }
    }
}
