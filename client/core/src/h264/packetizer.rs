//! Access units to RTP payloads (RFC 6184, packetization mode 1).

use bytes::{BufMut, Bytes, BytesMut};

use super::nal::{NalType, annex_b_nals};
use crate::media::AccessUnit;

/// Bytes of an RTP payload that reach everywhere: with RTP, extensions, SRTP, UDP, IPv6 and a TURN header it stays
/// below 1,280, the smallest MTU of IPv6.
pub const DEFAULT_MAX_PAYLOAD: usize = 1_200;

const F_MASK: u8 = 0x80;
const NRI_MASK: u8 = 0x60;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

/// Cuts the access units of one stream into payloads.
#[derive(Debug)]
pub struct Packetizer {
    max_payload: usize,
    /// The last parameter sets seen, for IDR frames that come without.
    sps: Option<Bytes>,
    pps: Option<Bytes>,
}

impl Packetizer {
    /// `max_payload`: bytes of the largest payload, at least 16 and at most 65,535.
    pub fn new(max_payload: usize) -> Self {
        Self { max_payload: max_payload.clamp(16, usize::from(u16::MAX)), sps: None, pps: None }
    }

    /// The payloads of `unit` in sending order; the last one takes the RTP marker. Empty if there is no NAL unit in it.
    pub fn packetize(&mut self, unit: &AccessUnit) -> Vec<Bytes> {
        let nals = self.nals_to_send(&unit.data);
        let mut payloads = Vec::with_capacity(unit.data.len() / self.max_payload + 2);
        let mut rest = nals.as_slice();
        while let Some(first) = rest.first() {
            let together = self.fitting_together(rest);
            match together {
                0 => self.push_fragments(first, &mut payloads),
                1 => payloads.push(first.clone()),
                _ => payloads.push(aggregate(&rest[..together])),
            }
            rest = &rest[together.max(1)..];
        }
        payloads
    }

    /// The NAL units of one access unit, with the parameter sets in front of an IDR frame that lacks them.
    fn nals_to_send(&mut self, data: &Bytes) -> Vec<Bytes> {
        let mut nals: Vec<Bytes> = Vec::new();
        let (mut has_sps, mut has_pps) = (false, false);
        for nal in annex_b_nals(data) {
            let kind = NalType::of_header(nal[0]);
            // Anything else would read as an aggregate or a fragment at the other end.
            if !kind.is_nal_unit() {
                continue;
            }
            let nal = data.slice_ref(nal);
            match kind {
                NalType::SPS => {
                    has_sps = true;
                    self.sps = Some(Bytes::copy_from_slice(&nal));
                }
                NalType::PPS => {
                    has_pps = true;
                    self.pps = Some(Bytes::copy_from_slice(&nal));
                }
                NalType::IDR if !(has_sps && has_pps) => {
                    nals.extend(self.sps.clone().filter(|_| !has_sps));
                    nals.extend(self.pps.clone().filter(|_| !has_pps));
                    (has_sps, has_pps) = (true, true);
                }
                _ => {}
            }
            nals.push(nal);
        }
        nals
    }

    /// How many of the first NAL units share one payload: 0 if not even the first fits.
    fn fitting_together(&self, nals: &[Bytes]) -> usize {
        if nals.first().is_none_or(|nal| nal.len() > self.max_payload) {
            return 0;
        }
        let mut size = 1;
        let count = nals
            .iter()
            .take_while(|nal| {
                size += 2 + nal.len();
                size <= self.max_payload
            })
            .count();
        count.max(1)
    }

    /// FU-A. All fragments are of nearly one size, so that no packet is much cheaper to lose than another.
    fn push_fragments(&self, nal: &[u8], payloads: &mut Vec<Bytes>) {
        let (header, body) = (nal[0], &nal[1..]);
        let count = body.len().div_ceil(self.max_payload - 2);
        let size = body.len().div_ceil(count);
        let mut buffer = BytesMut::with_capacity(body.len() + 2 * count);
        for (index, fragment) in body.chunks(size).enumerate() {
            let start = if index == 0 { FU_START } else { 0 };
            let end = if index + 1 == body.len().div_ceil(size) { FU_END } else { 0 };
            buffer.put_u8((header & (F_MASK | NRI_MASK)) | NalType::FU_A.value());
            buffer.put_u8(start | end | NalType::of_header(header).value());
            buffer.put_slice(fragment);
            payloads.push(buffer.split().freeze());
        }
    }
}

/// STAP-A: as important as the most important within (RFC 6184, 5.7).
fn aggregate(nals: &[Bytes]) -> Bytes {
    let size = 1 + nals.iter().map(|nal| 2 + nal.len()).sum::<usize>();
    let forbidden = nals.iter().fold(0, |bits, nal| bits | (nal[0] & F_MASK));
    let importance = nals.iter().map(|nal| nal[0] & NRI_MASK).max().unwrap_or(0);
    let mut payload = BytesMut::with_capacity(size);
    payload.put_u8(forbidden | importance | NalType::STAP_A.value());
    for nal in nals {
        // Fits: the whole payload is at most 65,535 bytes.
        payload.put_u16(nal.len() as u16);
        payload.put_slice(nal);
    }
    payload.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h264::{Depacketizer, START_CODE};

    fn unit(nals: &[&[u8]]) -> AccessUnit {
        let data: Vec<u8> = nals.iter().flat_map(|nal| START_CODE.iter().chain(*nal)).copied().collect();
        AccessUnit { data: data.into(), is_key: false, rtp_time: crate::rtp::RtpTime::new(7) }
    }

    fn kinds(payloads: &[Bytes]) -> Vec<u8> {
        payloads.iter().map(|payload| NalType::of_header(payload[0]).value()).collect()
    }

    fn reassemble(payloads: &[Bytes]) -> AccessUnit {
        let mut depacketizer = Depacketizer::new();
        for payload in payloads {
            depacketizer.push(payload).unwrap();
        }
        depacketizer.finish(crate::rtp::RtpTime::new(7)).unwrap().unwrap()
    }

    #[test]
    fn parameter_sets_travel_together_and_large_slices_in_fragments() {
        let slice = [&[0x65][..], &[9; 3_000]].concat();
        let sent = unit(&[&[0x67, 1, 2], &[0x68, 3], &slice]);
        let payloads = Packetizer::new(1_200).packetize(&sent);
        assert_eq!(kinds(&payloads), [24, 28, 28, 28]);
        assert!(payloads.iter().all(|payload| payload.len() <= 1_200));
        assert_eq!(payloads[0][0], 0x78, "as important as its parameter sets");
        let received = reassemble(&payloads);
        assert_eq!(received.data, sent.data);
        assert!(received.is_key);
    }

    #[test]
    fn every_size_around_the_limit_arrives_whole() {
        for max_payload in [16_usize, 17, 50, 1_200] {
            let near_the_limit = |length: usize| length.abs_diff(max_payload) < 9;
            for length in (1..max_payload * 3 + 5).filter(|&length| near_the_limit(length) || length % 7 == 0) {
                let slice = [&[0x41][..], &vec![5; length - 1]].concat();
                let sent = unit(&[&slice]);
                let payloads = Packetizer::new(max_payload).packetize(&sent);
                assert!(payloads.iter().all(|payload| payload.len() <= max_payload));
                assert_eq!(payloads.len() == 1, length <= max_payload);
                assert_eq!(reassemble(&payloads).data, sent.data, "{length} bytes in {max_payload}");
            }
        }
    }

    #[test]
    fn an_idr_without_parameter_sets_gets_the_last_ones() {
        let mut packetizer = Packetizer::new(1_200);
        packetizer.packetize(&unit(&[&[0x67, 1], &[0x68, 2], &[0x65, 3]]));
        let received = reassemble(&packetizer.packetize(&unit(&[&[0x65, 4]])));
        assert_eq!(received.data, unit(&[&[0x67, 1], &[0x68, 2], &[0x65, 4]]).data);
        assert!(received.is_key);
        let received = reassemble(&packetizer.packetize(&unit(&[&[0x41, 5]])));
        assert_eq!(received.data, unit(&[&[0x41, 5]]).data, "other frames do without");
    }

    #[test]
    fn nothing_comes_of_nothing() {
        let mut packetizer = Packetizer::new(0);
        assert!(packetizer.packetize(&unit(&[])).is_empty());
        assert!(packetizer.packetize(&unit(&[&[0x7c, 0x85, 1]])).is_empty());
    }
}
