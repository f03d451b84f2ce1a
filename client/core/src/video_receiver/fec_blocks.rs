//! FEC blocks ([`crate::fec`]) of which packets may still be missing.

use std::collections::VecDeque;

use bytes::Bytes;

use super::RtpVideo;
use super::packet_buffer::PacketBuffer;
use crate::fec::{self, BlockPlace};
use crate::rtp::{RtpTime, Sequence};

/// Half a second of frames, longer than a missing packet is waited for.
const MAX_BLOCKS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct FecBlocks(VecDeque<Block>);

#[derive(Debug)]
struct Block {
    /// Sequence number of the frame's first packet.
    first: u64,
    media: u64,
    repairs: u64,
    rtp_time: RtpTime,
    /// Repair packets that have arrived, by their index.
    arrived: Vec<(usize, Bytes)>,
}

impl Block {
    fn repair_range(&self) -> std::ops::Range<u64> {
        self.first + self.media..self.first + self.media + self.repairs
    }
}

impl FecBlocks {
    /// A packet of a block has arrived.
    pub(super) fn add(&mut self, sequence: u64, rtp_time: RtpTime, place: BlockPlace, payload: &Bytes) {
        let Some(first) = sequence.checked_sub(place.index.into()) else { return };
        let (media, repairs) = (u64::from(place.media), u64::from(place.repairs));
        let known =
            self.0.iter().position(|block| (block.first, block.media, block.repairs) == (first, media, repairs));
        let index = known.unwrap_or_else(|| {
            if self.0.len() == MAX_BLOCKS {
                self.0.pop_front();
            }
            self.0.push_back(Block { first, media, repairs, rtp_time, arrived: Vec::new() });
            self.0.len() - 1
        });
        let block = &mut self.0[index];
        let number = usize::from(place.index).checked_sub(usize::from(place.media));
        if let Some(number) = number.filter(|number| block.arrived.iter().all(|(known, _)| known != number)) {
            block.arrived.push((number, payload.clone()));
        }
    }

    /// Whether the missing packet `sequence` is a repair packet: no frame waits for it.
    pub(super) fn is_repair(&self, sequence: u64) -> bool {
        self.0.iter().any(|block| block.repair_range().contains(&sequence))
    }

    /// Missing packets of a frame, rebuilt from those in `packets`. To be called until `None`.
    pub(super) fn rebuild(&mut self, packets: &PacketBuffer) -> Option<Vec<RtpVideo>> {
        // A block that is done with is kept for `is_repair` until its repair packets are done with too.
        let floor = packets.floor();
        self.0.retain(|block| block.repair_range().end > floor);
        for block in self.0.iter_mut().filter(|block| block.first >= floor && !block.arrived.is_empty()) {
            let range = block.first..block.first + block.media;
            let media: Vec<Option<Bytes>> =
                range.map(|sequence| packets.get(sequence).map(|slot| slot.payload.clone())).collect();
            let missing = media.iter().filter(|payload| payload.is_none()).count();
            if missing == 0 || missing > block.arrived.len() {
                continue;
            }
            let Some(rebuilt) = fec::rebuild(&media, block.repairs as usize, &block.arrived) else {
                block.arrived.clear();
                continue;
            };
            let last = block.media as usize - 1;
            let packet = |(index, payload)| RtpVideo {
                sequence: Sequence::new(block.first + index as u64),
                rtp_time: block.rtp_time,
                marker: index == last,
                payload,
                block: None,
            };
            let rebuilt = rebuilt.into_iter().map(packet).collect();
            block.arrived.clear();
            return Some(rebuilt);
        }
        None
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
