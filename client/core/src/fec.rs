//! Forward error correction of frames: from `n` repair packets any `n` lost packets can be rebuilt (Reed and Solomon
//! 1960).
//!
//! A block is the packets of one frame and the repair packets after them, in the same sequence. Each packet carries its
//! place in the block ([`BlockPlace`]), which tells a receiver which sequence numbers are repair packets. FlexFEC (RFC
//! 8627) uses XOR, which rebuilds one packet per row: for nine packets and two repair packets at 5 % loss it loses
//! three times as many frames.

use bytes::{BufMut, Bytes, BytesMut};
use reed_solomon_erasure::galois_8::ReedSolomon;

/// Frames of more packets are sent without FEC.
pub const MAX_MEDIA: usize = 80;
const MAX_REPAIRS: usize = 64;
/// A longer repair packet is invalid.
const MAX_SHARD_BYTES: usize = 2_000;
/// Length of the payload, before it in a shard.
const LENGTH_BYTES: usize = 2;

/// Share of frames, 0 to 1, that FEC may leave incomplete, and that wait for retransmissions.
const INCOMPLETE: f64 = 0.02;
const INCOMPLETE_WHEN_FAR: f64 = 0.000_5;
/// From this loss rate on retransmissions are lost as well.
const HEAVY_LOSS: f64 = 0.15;

/// The place of a packet in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPlace {
    /// Packets of the frame, 1 to [`MAX_MEDIA`].
    pub media: u8,
    /// Repair packets after them, 1 to 64.
    pub repairs: u8,
    /// Of this packet, from 0, counted through both.
    pub index: u8,
}

impl BlockPlace {
    /// Length of the header extension, in bytes.
    pub const BYTES: usize = 3;

    /// The content of the header extension.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        [self.media, self.repairs, self.index]
    }

    /// `None` if it is invalid.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[media, repairs, index] = bytes else { return None };
        let is_valid = (1..=MAX_MEDIA).contains(&media.into())
            && (1..=MAX_REPAIRS).contains(&repairs.into())
            && usize::from(index) < usize::from(media) + usize::from(repairs);
        is_valid.then_some(Self { media, repairs, index })
    }

    /// Whether the packet is a repair packet.
    pub fn is_repair(self) -> bool {
        self.index >= self.media
    }
}

/// Loss of packets by the model of Gilbert (1960).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LossPattern {
    /// Loss rate, 0 to 1.
    pub rate: f64,
    /// The mean length of a run of losses, in packets.
    pub mean_run: f64,
}

impl LossPattern {
    /// Losses one by one, at random.
    pub fn independent(rate: f64) -> Self {
        Self { rate, mean_run: 1.0 / (1.0 - rate).max(0.1) }
    }

    /// The probability that more than `most` of `packets` are lost.
    fn more_than(self, most: usize, packets: usize) -> f64 {
        let rate = self.rate.clamp(0.0, 0.9);
        let leave = 1.0 / self.mean_run.max(1.0 / (1.0 - rate));
        let enter = rate * leave / (1.0 - rate);
        // By the number of losses so far: the probabilities that the last packet arrived, and that it was lost.
        let mut states = vec![(0.0, 0.0); most + 1];
        states[0] = (1.0 - rate, rate);
        for _ in 0..packets {
            let mut next = vec![(0.0, 0.0); most + 1];
            for (lost, &(kept, gone)) in states.iter().enumerate() {
                let lose = kept * enter + gone * (1.0 - leave);
                next[lost].0 += kept + gone - lose;
                if lost < most {
                    next[lost + 1].1 += lose;
                }
            }
            states = next;
        }
        1.0 - states.iter().map(|(kept, gone)| kept + gone).sum::<f64>()
    }
}

/// Whether what repair packets do not rebuild can still be retransmitted in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retransmissions {
    InTime,
    TooLate,
}

/// The least number of repair packets with which at most 2 % of the frames of `media` packets stay incomplete, and at most
/// half of `media`, rounded up; at heavy loss as many as `media`. Where retransmissions come too late, one incomplete frame is a freeze of a round trip and
/// more: then at most one in 2,000, and as many as `media`.
pub fn repairs_for(media: usize, loss: LossPattern, retransmissions: Retransmissions) -> usize {
    if media == 0 || media > MAX_MEDIA || loss.rate <= 0.0 {
        return 0;
    }
    let (incomplete, most) = match retransmissions {
        Retransmissions::InTime if loss.rate < HEAVY_LOSS => (INCOMPLETE, media.div_ceil(2)),
        Retransmissions::InTime => (INCOMPLETE, media),
        Retransmissions::TooLate => (INCOMPLETE_WHEN_FAR, media),
    };
    let most = most.min(MAX_REPAIRS);
    (0..most).find(|&repairs| loss.more_than(repairs, media + repairs) <= incomplete).unwrap_or(most)
}

/// The payloads of a frame with `repairs` repair packets behind, each with its place in the block. Without FEC there is
/// no place.
pub fn block(mut payloads: Vec<Bytes>, repairs: usize) -> Vec<(Bytes, Option<BlockPlace>)> {
    let media = payloads.len();
    payloads.extend(protect(&payloads, repairs));
    let repairs = payloads.len() - media;
    let place = |index| BlockPlace { media: media as u8, repairs: repairs as u8, index: index as u8 };
    payloads.into_iter().enumerate().map(|(index, payload)| (payload, (repairs > 0).then(|| place(index)))).collect()
}

/// The payloads of the repair packets. Empty if the frame cannot be protected.
fn protect(payloads: &[Bytes], repairs: usize) -> Vec<Bytes> {
    let is_possible = (1..=MAX_MEDIA).contains(&payloads.len()) && (1..=MAX_REPAIRS).contains(&repairs);
    let longest = payloads.iter().map(Bytes::len).max().unwrap_or(0) + LENGTH_BYTES;
    if !is_possible || longest > MAX_SHARD_BYTES {
        return Vec::new();
    }
    let Ok(code) = ReedSolomon::new(payloads.len(), repairs) else { return Vec::new() };
    let shards: Vec<Vec<u8>> = payloads.iter().map(|payload| shard(payload, longest)).collect();
    let mut parity = vec![vec![0; longest]; repairs];
    match code.encode_sep(&shards, &mut parity) {
        Ok(()) => parity.into_iter().map(Bytes::from).collect(),
        Err(_) => Vec::new(),
    }
}

/// Rebuilds the payloads that are missing in `media`, by their index. `repairs`: repair packets that arrived, each with
/// its index among the `repair_count` that were sent. `None` if they are too few or do not fit together.
pub fn rebuild(
    media: &[Option<Bytes>],
    repair_count: usize,
    repairs: &[(usize, Bytes)],
) -> Option<Vec<(usize, Bytes)>> {
    let missing: Vec<usize> = (0..media.len()).filter(|&index| media[index].is_none()).collect();
    let bytes = repairs.first()?.1.len();
    let fits = |payload: &Bytes| payload.len() + LENGTH_BYTES <= bytes;
    let is_valid = (LENGTH_BYTES..=MAX_SHARD_BYTES).contains(&bytes)
        && missing.len() <= repairs.len()
        && media.iter().flatten().all(fits)
        && repairs.iter().all(|(index, repair)| *index < repair_count && repair.len() == bytes);
    if !is_valid {
        return None;
    }
    let code = ReedSolomon::new(media.len(), repair_count).ok()?;
    let mut shards: Vec<Option<Vec<u8>>> =
        media.iter().map(|payload| payload.as_ref().map(|payload| shard(payload, bytes))).collect();
    shards.resize(media.len() + repair_count, None);
    for (index, repair) in repairs {
        shards[media.len() + index] = Some(repair.to_vec());
    }
    code.reconstruct_data(&mut shards).ok()?;
    missing
        .into_iter()
        .map(|index| {
            let shard = Bytes::from(shards[index].take()?);
            let length = usize::from(u16::from_be_bytes([shard[0], shard[1]]));
            (LENGTH_BYTES + length <= shard.len()).then(|| (index, shard.slice(LENGTH_BYTES..LENGTH_BYTES + length)))
        })
        .collect()
}

/// The length of `payload`, the payload, and zeros up to `bytes`.
fn shard(payload: &Bytes, bytes: usize) -> Vec<u8> {
    let mut shard = BytesMut::with_capacity(bytes);
    shard.put_u16(payload.len() as u16);
    shard.extend_from_slice(payload);
    shard.resize(bytes, 0);
    shard.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(packets: usize) -> Vec<Bytes> {
        (0..packets).map(|i| (0..(1200 - i * 7)).map(|at| (at * 31 + i * 17) as u8).collect()).collect()
    }

    #[test]
    fn as_many_lost_packets_as_repair_packets_are_rebuilt() {
        let payloads = frame(9);
        let repairs = protect(&payloads, 3);
        let numbered: Vec<(usize, Bytes)> = repairs.iter().cloned().enumerate().collect();
        for lost in [vec![0], vec![8], vec![0, 8], vec![2, 3, 4], vec![0, 1, 8]] {
            let mut there: Vec<Option<Bytes>> = payloads.iter().cloned().map(Some).collect();
            for &index in &lost {
                there[index] = None;
            }
            let used = &numbered[3 - lost.len()..];
            let rebuilt = rebuild(&there, 3, used).expect("as many as are missing");
            let expected: Vec<(usize, Bytes)> = lost.iter().map(|&index| (index, payloads[index].clone())).collect();
            assert_eq!(rebuilt, expected);
        }
        let there: Vec<Option<Bytes>> =
            payloads.iter().enumerate().map(|(i, payload)| (i > 3).then(|| payload.clone())).collect();
        assert_eq!(rebuild(&there, 3, &numbered), None, "four are missing");
    }

    #[test]
    fn packets_that_do_not_fit_together_rebuild_nothing() {
        let payloads = frame(3);
        let repairs = protect(&payloads, 2);
        let there = vec![None, Some(payloads[1].clone()), Some(payloads[2].clone())];
        for bad in [vec![(2, repairs[0].clone())], vec![(0, repairs[0].slice(..100))], vec![(0, Bytes::new())], vec![]]
        {
            assert_eq!(rebuild(&there, 2, &bad), None, "{bad:?}");
        }
        let mixed = [(0, repairs[0].clone()), (1, repairs[1].slice(1..))];
        assert_eq!(rebuild(&there, 2, &mixed), None);
        // A duplicate is no second repair packet.
        let twice = [(0, repairs[0].clone()), (0, repairs[0].clone())];
        assert_eq!(rebuild(&[None, None, Some(payloads[2].clone())], 2, &twice), None);
        assert!(protect(&frame(MAX_MEDIA + 1)[..], 2).is_empty());
        assert!(protect(&[], 2).is_empty());
    }

    #[test]
    fn a_place_is_parsed_and_an_invalid_one_is_not() {
        let place = BlockPlace { media: 9, repairs: 2, index: 10 };
        assert_eq!(BlockPlace::parse(&place.to_bytes()), Some(place));
        assert!(place.is_repair());
        for bad in [&[0, 1, 0][..], &[9, 0, 0], &[9, 2, 11], &[81, 2, 0], &[9, 65, 0], &[9, 2], &[]] {
            assert_eq!(BlockPlace::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_number_of_repair_packets_follows_the_loss_rate_and_its_runs() {
        let alone = |media, share| repairs_for(media, LossPattern::independent(share), Retransmissions::InTime);
        assert_eq!(alone(9, 0.0), 0);
        assert_eq!(alone(9, 0.01), 1);
        assert_eq!(alone(9, 0.05), 2);
        assert_eq!(alone(9, 0.1), 4);
        assert_eq!((alone(9, 0.14), alone(9, 0.5)), (5, 9), "never more than half, or as many at heavy loss");
        assert_eq!(alone(1, 0.1), 1);
        assert_eq!(alone(60, 0.05), 7);
        assert_eq!(alone(MAX_MEDIA + 1, 0.1), 0);
        assert_eq!(repairs_for(9, LossPattern { rate: 0.05, mean_run: 6.0 }, Retransmissions::InTime), 5);
        let far = |media, share| repairs_for(media, LossPattern::independent(share), Retransmissions::TooLate);
        assert_eq!((alone(9, 0.02), far(9, 0.02), far(1, 0.02)), (1, 3, 1));
        assert_eq!(repairs_for(9, LossPattern { rate: 0.01, mean_run: 2.0 }, Retransmissions::InTime), 2);
    }

    #[test]
    fn independent_losses_are_binomial() {
        let one_of_ten = LossPattern::independent(0.1);
        let none = 0.9_f64.powi(10);
        let at_most_one = none + 10.0 * 0.1 * 0.9_f64.powi(9);
        assert!((one_of_ten.more_than(0, 10) - (1.0 - none)).abs() < 1e-9);
        assert!((one_of_ten.more_than(1, 10) - (1.0 - at_most_one)).abs() < 1e-9);
    }
}
