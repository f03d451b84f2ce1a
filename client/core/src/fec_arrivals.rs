//! Which packets of FEC blocks ([`crate::fec`]) have arrived: whether a missing one is still worth a request.

use std::collections::VecDeque;

use crate::fec::BlockPlace;
use crate::rtp::Sequence;

/// Half a second of frames, longer than a packet is requested.
const MAX_BLOCKS: usize = 16;

/// The newest blocks of a stream.
#[derive(Debug, Default)]
pub struct FecArrivals(VecDeque<Block>);

#[derive(Debug)]
struct Block {
    /// Sequence number of the frame's first packet.
    first: u64,
    media: usize,
    /// Whether each packet has arrived, the repair packets last.
    arrived: Vec<bool>,
}

impl FecArrivals {
    /// A packet of a block has arrived.
    pub fn add(&mut self, sequence: Sequence, place: BlockPlace) {
        let Some(first) = sequence.value().checked_sub(place.index.into()) else { return };
        let (media, count) = (usize::from(place.media), usize::from(place.media) + usize::from(place.repairs));
        let is_known = |block: &Block| (block.first, block.media, block.arrived.len()) == (first, media, count);
        if !self.0.iter().any(is_known) {
            if self.0.len() == MAX_BLOCKS {
                self.0.pop_front();
            }
            self.0.push_back(Block { first, media, arrived: vec![false; count] });
        }
        let block = self.0.iter_mut().find(|block| is_known(block));
        if let Some(arrived) = block.and_then(|block| block.arrived.get_mut(usize::from(place.index))) {
            *arrived = true;
        }
    }

    /// Whether a frame waits for the missing packet `sequence`. None does for a repair packet, nor where as many packets of
    /// the block as the frame has are here, since the rest is rebuilt from them.
    pub fn is_useful(&self, sequence: Sequence) -> bool {
        let place = |block: &Block| sequence.value().checked_sub(block.first).map(|index| index as usize);
        let inside = self.0.iter().find_map(|block| Some((block, place(block).filter(|i| *i < block.arrived.len())?)));
        inside.is_none_or(|(block, index)| {
            let arrived = block.arrived.iter().filter(|arrived| **arrived).count();
            index < block.media && arrived < block.media
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(arrivals: &mut FecArrivals, first: u64, indices: &[u8]) {
        for &index in indices {
            arrivals.add(Sequence::new(first + u64::from(index)), BlockPlace { media: 4, repairs: 2, index });
        }
    }

    fn useful(arrivals: &FecArrivals, first: u64) -> Vec<u64> {
        (0..6).filter(|index| arrivals.is_useful(Sequence::new(first + index))).collect()
    }

    #[test]
    fn only_packets_that_cannot_be_rebuilt_are_requested() {
        let mut arrivals = FecArrivals::default();
        assert_eq!(useful(&arrivals, 100), [0, 1, 2, 3, 4, 5], "nothing is known of a block");
        add(&mut arrivals, 100, &[0, 3]);
        assert_eq!(useful(&arrivals, 100), [0, 1, 2, 3], "no repair packet");
        add(&mut arrivals, 100, &[4, 4]);
        assert_eq!(useful(&arrivals, 100), [0, 1, 2, 3]);
        add(&mut arrivals, 100, &[5]);
        assert!(useful(&arrivals, 100).is_empty());
        assert_eq!(useful(&arrivals, 106), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn old_blocks_are_forgotten() {
        let mut arrivals = FecArrivals::default();
        for block in 0..1_000 {
            add(&mut arrivals, 100 + block * 6, &[0, 1, 2, 3]);
        }
        assert_eq!(arrivals.0.len(), MAX_BLOCKS);
    }
}
