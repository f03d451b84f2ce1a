//! How much a peer may send over DTLS without completing a message.
//!
//! rtc-sctp keeps the parts of a message that never ends, past its receive buffer (docs/upstream/rtc-sctp.md).

use std::sync::atomic::{AtomicU64, Ordering};

/// The longest message has 64 KiB; the rest is for acknowledgements, duplicates and retransmissions.
const MAX_UNDELIVERED_BYTES: u64 = 4 * 1024 * 1024;
/// Content types of DTLS records (RFC 7983).
const DTLS_RECORDS: std::ops::RangeInclusive<u8> = 20..=63;
/// The type of TURN's Data indications, the length of their header, and the attribute that has the datagram (RFC 8656,
/// 11.5 and 18).
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];
const STUN_HEADER_BYTES: usize = 20;
const DATA_ATTRIBUTE: u16 = 0x0013;
/// First bytes of TURN ChannelData (RFC 7983), whose header has 4 bytes.
const CHANNEL_DATA: std::ops::RangeInclusive<u8> = 64..=79;
/// Headers of a datagram that carries a part of a message, or an acknowledgement, at the least: DTLS, SCTP, one chunk.
/// They are not counted.
const HEADER_BYTES: u64 = 64;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct ChannelBudget(AtomicU64);

impl ChannelBudget {
    /// A datagram came. `false`: the peer has sent too much without completing a message.
    pub(super) fn received(&self, datagram: &[u8]) -> bool {
        let first = match datagram.first() {
            Some(first) if CHANNEL_DATA.contains(first) => datagram.get(4),
            Some(0) => indicated(datagram).and_then(<[u8]>::first),
            first => first,
        };
        if !first.is_some_and(|first| DTLS_RECORDS.contains(first)) {
            return true;
        }
        let bytes = (datagram.len() as u64).saturating_sub(HEADER_BYTES);
        self.0.fetch_add(bytes, Ordering::Relaxed) + bytes <= MAX_UNDELIVERED_BYTES
    }

    /// A message of `bytes` was completed. Its headers earn nothing: many short messages in one datagram would hide another
    /// one that never ends.
    pub(super) fn delivered(&self, bytes: usize) {
        let credit = bytes as u64;
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| Some(sum.saturating_sub(credit)));
    }
}

/// What a Data indication carries.
fn indicated(datagram: &[u8]) -> Option<&[u8]> {
    let mut attributes = datagram.strip_prefix(&DATA_INDICATION)?.get(STUN_HEADER_BYTES - DATA_INDICATION.len()..)?;
    while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        if u16::from_be_bytes([*kind_high, *kind_low]) == DATA_ATTRIBUTE {
            return rest.get(..length);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: [u8; 1100] = [23; 1100];

    #[test]
    fn a_message_without_an_end_is_cut_off_after_4_mib() {
        let budget = ChannelBudget::default();
        let accepted = (0..10_000).take_while(|_| budget.received(&RECORD)).count();
        assert_eq!(accepted, MAX_UNDELIVERED_BYTES as usize / (RECORD.len() - HEADER_BYTES as usize));
    }

    #[test]
    fn short_messages_in_between_do_not_hide_it() {
        let budget = ChannelBudget::default();
        let hidden = (0..10_000).take_while(|_| {
            let accepted = budget.received(&RECORD) && budget.received(&RECORD[..66]);
            budget.delivered(1);
            accepted
        });
        assert!(hidden.count() < 4_100);
        // Sixty of one byte fit into one datagram.
        let budget = ChannelBudget::default();
        let hidden = (0..10_000).take_while(|_| {
            let accepted = budget.received(&RECORD) && budget.received(&RECORD);
            (0..60).for_each(|_| budget.delivered(1));
            accepted
        });
        assert!(hidden.count() < 2_200);
    }

    #[test]
    fn acknowledgements_hardly_count() {
        let budget = ChannelBudget::default();
        assert!((0..1_000_000).all(|_| budget.received(&RECORD[..65])));
    }

    #[test]
    fn completed_messages_and_media_never_exhaust_it() {
        let budget = ChannelBudget::default();
        for _ in 0..20_000 {
            assert!(budget.received(&RECORD));
            budget.delivered(RECORD.len() - 65);
            assert!(budget.received(&[128; 1200]));
        }
    }

    #[test]
    fn what_comes_over_turn_counts_too() {
        let budget = ChannelBudget::default();
        let mut relayed = RECORD;
        relayed[0] = 64;
        assert!((0..10_000).any(|_| !budget.received(&relayed)));
        // XOR-PEER-ADDRESS comes first.
        let mut indication = vec![0x00, 0x17, 0, 0];
        indication.extend([7; 16]);
        indication.extend([0x00, 0x12, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 0x00, 0x13, 4, 76]);
        indication.extend(RECORD);
        let budget = ChannelBudget::default();
        assert!((0..10_000).any(|_| !budget.received(&indication)));
        // A check of a path, and what is no message at all.
        for harmless in [
            &[0x00, 0x01, 0, 0][..],
            &[0x00, 0x17],
            &[0x00, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19, 255, 255],
        ] {
            let budget = ChannelBudget::default();
            assert!((0..100_000).all(|_| budget.received(harmless)));
        }
    }
}
