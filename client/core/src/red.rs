//! Redundant audio (RED, RFC 2198): a packet carries copies of the packets before it, so that a lost one is heard a
//! moment later without a round trip.
//!
//! A payload is a header of 4 bytes for each copy, oldest first, one of a byte for the packet itself, and then the data
//! in the same order.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use crate::fec::LossPattern;
use crate::media::{AudioPacket, OPUS_FRAME_SAMPLES};
use crate::rtp::RtpTime;

/// Copies in a packet at most.
pub const MAX_COPIES: usize = 3;
/// What a copy of each packet takes at most: Opus at 48 kbit/s and its header.
pub const COPY_BPS: u32 = 50_000;

const COPY_HEADER_BYTES: usize = 4;
/// In the first byte of a header: another one follows.
const FOLLOWS: u8 = 0x80;
/// The length has 10 bits, and the offset 14.
const MAX_COPY_BYTES: usize = (1 << 10) - 1;
const MAX_OFFSET: u64 = (1 << 14) - 1;
/// Headers that are read at most: browsers send up to nine copies.
const MAX_READ: usize = 16;

/// From this mean length of a run of losses on, in packets of any kind, two packets of audio are often lost one after the
/// other.
const LONG_RUN: f64 = 2.0;

/// How many copies carry the audio over these losses: up to a loss rate of 0.3, less than one in a hundred packets is
/// missing if they are lost one by one.
pub fn copies_for(loss: LossPattern) -> usize {
    let single = match loss.rate {
        rate if rate < 0.01 => return 0,
        rate if rate < 0.07 => 1,
        rate if rate < 0.2 => 2,
        _ => 3,
    };
    MAX_COPIES.min(if loss.mean_run < LONG_RUN { single } else { single + 1 })
}

/// The packets that were sent last on one connection.
#[derive(Debug, Default)]
pub struct RedSender {
    /// Newest last. Each directly follows the one before it.
    recent: VecDeque<(RtpTime, Bytes)>,
}

impl RedSender {
    /// The payload of the next packet with up to `copies` of those directly before it. `None`: it goes without. To be called
    /// for each packet that is sent.
    pub fn pack(&mut self, payload_type: u8, rtp_time: RtpTime, payload: &Bytes, copies: usize) -> Option<Bytes> {
        let follows = |&(last, _): &(RtpTime, Bytes)| last + OPUS_FRAME_SAMPLES as u64 == rtp_time;
        if !self.recent.back().is_some_and(follows) {
            // After a silence the packets before it are of no use.
            self.recent.clear();
        }
        let skipped = self.recent.len().saturating_sub(copies);
        let packed = (self.recent.len() > skipped).then(|| {
            let blocks = || self.recent.iter().skip(skipped);
            let bytes = blocks().map(|(_, copy)| COPY_HEADER_BYTES + copy.len()).sum::<usize>();
            let mut packed = BytesMut::with_capacity(bytes + 1 + payload.len());
            for (time, copy) in blocks() {
                let offset = (rtp_time - *time) as u32;
                packed.put_u32(u32::from(FOLLOWS | payload_type) << 24 | offset << 10 | copy.len() as u32);
            }
            packed.put_u8(payload_type);
            for (_, copy) in blocks() {
                packed.put_slice(copy);
            }
            packed.put_slice(payload);
            packed.freeze()
        });
        if payload.len() > MAX_COPY_BYTES {
            self.recent.clear();
        } else {
            self.recent.push_back((rtp_time, payload.clone()));
        }
        if self.recent.len() > MAX_COPIES {
            self.recent.pop_front();
        }
        packed
    }
}

/// The packet whose payload is in `received`, and the copies of those before it, newest first. `payload_type`: that of
/// Opus. `None`: the payload is no RED of Opus.
pub fn unpack(received: &AudioPacket, payload_type: u8) -> Option<(AudioPacket, Vec<AudioPacket>)> {
    let mut rest = received.payload.clone();
    let mut headers = Vec::new();
    loop {
        let first = *rest.first()?;
        if first & !FOLLOWS != payload_type || headers.len() >= MAX_READ && first & FOLLOWS != 0 {
            return None;
        }
        if first & FOLLOWS == 0 {
            rest = rest.slice(1..);
            break;
        }
        let header = u32::from_be_bytes(rest.get(..COPY_HEADER_BYTES)?.try_into().ok()?);
        headers.push((u64::from(header >> 10) & MAX_OFFSET, header as usize & MAX_COPY_BYTES));
        rest = rest.slice(COPY_HEADER_BYTES..);
    }
    let mut copies = Vec::with_capacity(headers.len());
    for (index, &(offset, bytes)) in headers.iter().enumerate() {
        if bytes > rest.len() {
            return None;
        }
        let payload = rest.split_to(bytes);
        // An empty one stands for a packet that was not sent.
        if offset > 0 && bytes > 0 {
            copies.push(AudioPacket {
                payload,
                sequence: received.sequence - (headers.len() - index) as u64,
                rtp_time: received.rtp_time - offset,
                arrived: received.arrived,
                is_copy: true,
            });
        }
    }
    copies.reverse();
    Some((AudioPacket { payload: rest, ..received.clone() }, copies))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Sequence;
    use crate::time::Timestamp;

    const OPUS: u8 = 111;

    fn time(packet: u64) -> RtpTime {
        RtpTime::new((1 << 33) + packet * 960)
    }

    fn payload(packet: u64) -> Bytes {
        vec![packet as u8; 20 + packet as usize].into()
    }

    fn received(payload: Bytes, packet: u64) -> AudioPacket {
        let sequence = Sequence::new((1 << 21) + packet);
        AudioPacket { payload, sequence, rtp_time: time(packet), arrived: Timestamp::from_micros(7), is_copy: false }
    }

    #[test]
    fn a_packet_carries_those_before_it() {
        let mut sender = RedSender::default();
        assert_eq!(sender.pack(OPUS, time(0), &payload(0), 2), None, "nothing is before it");
        for packet in 1..5_u64 {
            let packed = sender.pack(OPUS, time(packet), &payload(packet), 2).expect("copies");
            let (own, copies) = unpack(&received(packed, packet), OPUS).expect("RED");
            assert_eq!((own.payload, own.is_copy), (payload(packet), false));
            let before: Vec<_> =
                copies.into_iter().map(|copy| (copy.sequence, copy.rtp_time, copy.payload, copy.is_copy)).collect();
            let expected = (1..=packet.min(2)).map(|back| {
                let earlier = packet - back;
                (Sequence::new((1 << 21) + earlier), time(earlier), payload(earlier), true)
            });
            assert_eq!(before, expected.collect::<Vec<_>>());
        }
        assert_eq!(sender.pack(OPUS, time(5), &payload(5), 0), None, "no copies are wanted");
        assert!(sender.pack(OPUS, time(6), &payload(6), 1).is_some());
    }

    #[test]
    fn after_a_silence_nothing_is_sent_again() {
        let mut sender = RedSender::default();
        sender.pack(OPUS, time(0), &payload(0), 3);
        assert_eq!(sender.pack(OPUS, time(9), &payload(9), 3), None);
        let packed = sender.pack(OPUS, time(10), &payload(10), 3).expect("one");
        assert_eq!(unpack(&received(packed, 10), OPUS).expect("RED").1.len(), 1);
    }

    #[test]
    fn a_packet_that_is_too_long_to_be_copied_goes_once() {
        let mut sender = RedSender::default();
        let long = Bytes::from(vec![1; MAX_COPY_BYTES + 1]);
        sender.pack(OPUS, time(0), &payload(0), 3);
        let packed = sender.pack(OPUS, time(1), &long, 3).expect("the one before it");
        assert_eq!(unpack(&received(packed, 1), OPUS).expect("RED").0.payload, long);
        assert_eq!(sender.pack(OPUS, time(2), &payload(2), 3), None);
    }

    #[test]
    fn what_is_broken_or_of_another_codec_is_nothing() {
        let mut sender = RedSender::default();
        sender.pack(OPUS, time(0), &payload(0), 1);
        let packed = sender.pack(OPUS, time(1), &payload(1), 1).expect("copies");
        assert!(unpack(&received(packed.clone(), 1), OPUS + 1).is_none());
        // Without the last 21 bytes, which are the packet's own, it is empty; with less the copy is cut off.
        for bytes in 0..packed.len() - 21 {
            assert!(unpack(&received(packed.slice(..bytes), 1), OPUS).is_none(), "{bytes}");
        }
        let endless = Bytes::from([0x80 | OPUS, 0, 4, 1].repeat(400));
        assert!(unpack(&received(endless, 1), OPUS).is_none());
    }

    #[test]
    fn any_payload_gives_no_more_than_it_holds() {
        bolero::check!().with_iterations(20_000).with_type::<Vec<u8>>().for_each(|bytes| {
            let packet = received(bytes.clone().into(), 3);
            for payload_type in [OPUS, bytes.first().map_or(0, |first| first & 0x7F)] {
                if let Some((own, copies)) = unpack(&packet, payload_type) {
                    let all = own.payload.len() + copies.iter().map(|copy| copy.payload.len()).sum::<usize>();
                    assert!(all < bytes.len() && copies.len() <= MAX_READ);
                }
            }
        });
    }

    #[test]
    fn more_loss_and_longer_runs_take_more_copies() {
        let single = |rate| copies_for(LossPattern::independent(rate));
        assert_eq!([0.0, 0.005, 0.05, 0.1, 0.25].map(single), [0, 0, 1, 2, 3]);
        let bursts = |rate| copies_for(LossPattern { rate, mean_run: 6.0 });
        assert_eq!([0.005, 0.05, 0.1, 0.25].map(bursts), [0, 2, 3, 3]);
    }
}
