//! RTP payloads to access units (RFC 6184, packetization mode 1: single NAL units, STAP-A, FU-A).

use bytes::BytesMut;

use super::nal::{NalType, START_CODE};
use crate::media::AccessUnit;
use crate::rtp::RtpTime;

/// A larger access unit is dropped: key frames of 720p have a twentieth of it.
pub const MAX_UNIT_BYTES: usize = 4 << 20;

const NRI_MASK: u8 = 0xe0;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

/// What was wrong with a payload. The access unit that it belongs to is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("an aggregate's lengths do not add up")]
    BadAggregate,
    #[error("a fragment without its beginning")]
    FragmentWithoutStart,
    #[error("a NAL unit that begins inside an unfinished one")]
    FragmentWithoutEnd,
    #[error("a fragment too short or of no NAL unit type")]
    BadFragment,
    #[error("payload type {0} is not of packetization mode 1")]
    UnsupportedType(u8),
    #[error("the access unit is larger than {MAX_UNIT_BYTES} bytes")]
    TooLarge,
}

/// Assembles access units from payloads in sequence order. The caller knows which payloads belong together, by
/// timestamp and marker of the RTP header.
#[derive(Debug, Default)]
pub struct Depacketizer {
    data: BytesMut,
    content: Content,
    /// Header of the NAL unit whose fragments are arriving.
    fragmented: Option<u8>,
    error: Option<PayloadError>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Content {
    sps: bool,
    pps: bool,
    idr: bool,
}

impl Depacketizer {
    /// Begins with an empty access unit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next payload. Empty payloads (padding) and reserved types are ignored.
    ///
    /// # Errors
    /// The payload is malformed. [`Self::finish`] returns the same error for the unit.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        let result = self.push_payload(payload);
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
        result
    }

    /// Ends the access unit and begins the next. `None` if it was empty.
    ///
    /// # Errors
    /// The first error of its payloads: a decoder would show garbage.
    pub fn finish(&mut self, rtp_time: RtpTime) -> Result<Option<AccessUnit>, PayloadError> {
        let data = self.data.split().freeze();
        let content = std::mem::take(&mut self.content);
        let unfinished = self.fragmented.take().map(|_| PayloadError::FragmentWithoutEnd);
        if let Some(error) = self.error.take().or(unfinished) {
            return Err(error);
        }
        if data.is_empty() {
            return Ok(None);
        }
        Ok(Some(AccessUnit { data, is_key: content.sps && content.pps && content.idr, rtp_time }))
    }

    /// Reserves memory for one unit.
    pub fn reserve(&mut self, bytes: usize) {
        self.data.reserve(bytes.min(MAX_UNIT_BYTES));
    }

    fn push_payload(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        let Some(&header) = payload.first() else { return Ok(()) };
        match NalType::of_header(header) {
            NalType::FU_A => self.push_fragment(payload),
            kind if kind.is_reserved() => Ok(()),
            _ if self.fragmented.is_some() => Err(PayloadError::FragmentWithoutEnd),
            NalType::STAP_A => self.push_aggregate(payload),
            kind if kind.is_nal_unit() => self.push_nal(payload),
            kind => Err(PayloadError::UnsupportedType(kind.value())),
        }
    }

    fn push_aggregate(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        for nal in aggregated_nals(payload) {
            let nal = nal?;
            if !NalType::of_header(nal[0]).is_nal_unit() {
                return Err(PayloadError::BadAggregate);
            }
            self.push_nal(nal)?;
        }
        Ok(())
    }

    fn push_fragment(&mut self, payload: &[u8]) -> Result<(), PayloadError> {
        let &[indicator, fu_header, ref fragment @ ..] = payload else { return Err(PayloadError::BadFragment) };
        let nal_header = (indicator & NRI_MASK) | NalType::of_header(fu_header).value();
        if !NalType::of_header(nal_header).is_nal_unit() {
            return Err(PayloadError::BadFragment);
        }
        if fu_header & FU_START != 0 {
            if self.fragmented.is_some() {
                return Err(PayloadError::FragmentWithoutEnd);
            }
            self.begin_nal(nal_header, fragment.len() + 1)?;
            self.data.extend_from_slice(&[nal_header]);
            self.fragmented = Some(nal_header);
        } else if self.fragmented != Some(nal_header) {
            return Err(PayloadError::FragmentWithoutStart);
        }
        self.append(fragment)?;
        if fu_header & FU_END != 0 {
            self.fragmented = None;
        }
        Ok(())
    }

    fn push_nal(&mut self, nal: &[u8]) -> Result<(), PayloadError> {
        self.begin_nal(nal[0], nal.len())?;
        self.append(nal)
    }

    fn begin_nal(&mut self, header: u8, bytes: usize) -> Result<(), PayloadError> {
        if self.data.len() + START_CODE.len() + bytes > MAX_UNIT_BYTES {
            return Err(PayloadError::TooLarge);
        }
        match NalType::of_header(header) {
            NalType::SPS => self.content.sps = true,
            NalType::PPS => self.content.pps = true,
            // Parameter sets after the frame are too late for it.
            NalType::IDR => self.content.idr |= self.content.sps && self.content.pps,
            _ => {}
        }
        self.data.extend_from_slice(&START_CODE);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), PayloadError> {
        if self.data.len() + bytes.len() > MAX_UNIT_BYTES {
            return Err(PayloadError::TooLarge);
        }
        self.data.extend_from_slice(bytes);
        Ok(())
    }
}

/// The part of a key frame in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyPart {
    Nothing,
    /// Its beginning.
    Sps,
    /// A slice.
    Idr,
}

impl KeyPart {
    pub(crate) fn of(payload: &[u8]) -> Self {
        let Some(&header) = payload.first() else { return Self::Nothing };
        match NalType::of_header(header) {
            NalType::STAP_A => {
                let mut parts = aggregated_nals(payload).flatten().map(|nal| Self::of_nal(nal[0]));
                parts.find(|&part| part != Self::Nothing).unwrap_or(Self::Nothing)
            }
            NalType::FU_A => payload.get(1).map_or(Self::Nothing, |&fu_header| Self::of_nal(fu_header)),
            _ => Self::of_nal(header),
        }
    }

    fn of_nal(header: u8) -> Self {
        match NalType::of_header(header) {
            NalType::SPS => Self::Sps,
            NalType::IDR => Self::Idr,
            _ => Self::Nothing,
        }
    }
}

/// The NAL units in a STAP-A, none of them empty. Ends with the first error.
fn aggregated_nals(payload: &[u8]) -> impl Iterator<Item = Result<&[u8], PayloadError>> {
    let mut rest = payload.get(1..).filter(|rest| !rest.is_empty());
    let mut failed = rest.is_none();
    std::iter::from_fn(move || {
        if std::mem::take(&mut failed) {
            return Some(Err(PayloadError::BadAggregate));
        }
        let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
        let nal = bytes.split_first_chunk::<2>().and_then(|(length, bytes)| {
            bytes.split_at_checked(usize::from(u16::from_be_bytes(*length))).filter(|(nal, _)| !nal.is_empty())
        });
        match nal {
            Some((nal, after)) => {
                rest = Some(after);
                Some(Ok(nal))
            }
            None => Some(Err(PayloadError::BadAggregate)),
        }
    })
}

/// Whether a payload begins a key frame, which begins with its SPS.
pub fn begins_key_frame(payload: &[u8]) -> bool {
    KeyPart::of(payload) == KeyPart::Sps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit_of(payloads: &[&[u8]]) -> Result<Option<AccessUnit>, PayloadError> {
        let mut depacketizer = Depacketizer::new();
        for payload in payloads {
            let _ = depacketizer.push(payload);
        }
        depacketizer.finish(RtpTime::new(90))
    }

    #[test]
    fn single_aggregate_and_fragments_make_one_key_unit() {
        let unit = unit_of(&[
            &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2],
            &[0x06, 9],
            &[0x7c, 0x85, 3, 4],
            &[0x7c, 0x05, 5],
            &[0x7c, 0x45, 6],
        ])
        .unwrap()
        .unwrap();
        assert!(unit.is_key);
        assert_eq!(unit.rtp_time, RtpTime::new(90));
        let expected = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 6, 9, 0, 0, 0, 1, 0x65, 3, 4, 5, 6];
        assert_eq!(unit.data[..], expected);
    }

    #[test]
    fn an_idr_without_parameter_sets_before_it_is_no_key_frame() {
        let unit = unit_of(&[&[0x65, 1], &[0x67, 1], &[0x68, 1]]).unwrap().unwrap();
        assert!(!unit.is_key);
    }

    #[test]
    fn aggregate_lengths_are_checked() {
        let bad: [&[u8]; 7] = [
            &[0x78],
            &[0x78, 0],
            &[0x78, 0, 1],
            &[0x78, 0, 0],
            &[0x78, 0, 1, 0xaa, 0],
            &[0x78, 0, 3, 0x67, 1],
            &[0x78, 0, 2, 0x78, 1],
        ];
        for payload in bad {
            assert_eq!(unit_of(&[payload]), Err(PayloadError::BadAggregate), "{payload:?}");
        }
    }

    #[test]
    fn fragments_need_their_neighbours() {
        assert_eq!(unit_of(&[&[0x7c, 0x05, 1]]), Err(PayloadError::FragmentWithoutStart));
        assert_eq!(unit_of(&[&[0x7c, 0x85, 1]]), Err(PayloadError::FragmentWithoutEnd));
        assert_eq!(unit_of(&[&[0x7c, 0x85, 1], &[0x7c, 0x85, 1]]), Err(PayloadError::FragmentWithoutEnd));
        assert_eq!(unit_of(&[&[0x7c, 0x85, 1], &[0x41, 1]]), Err(PayloadError::FragmentWithoutEnd));
        assert_eq!(unit_of(&[&[0x7c, 0x85, 1], &[0x7c, 0x41, 1]]), Err(PayloadError::FragmentWithoutStart));
        assert_eq!(unit_of(&[&[0x7c]]), Err(PayloadError::BadFragment));
        assert_eq!(unit_of(&[&[0x7c, 0x9c, 1]]), Err(PayloadError::BadFragment));
    }

    #[test]
    fn payloads_of_other_modes_are_errors_and_reserved_types_are_ignored() {
        assert_eq!(unit_of(&[&[0x7d, 1, 2]]), Err(PayloadError::UnsupportedType(29)));
        assert_eq!(unit_of(&[&[0x7e, 1], &[0], &[]]), Ok(None));
    }

    #[test]
    fn the_size_of_a_unit_is_bounded() {
        let mut depacketizer = Depacketizer::new();
        let part = vec![0x41; 60_000];
        let errors = (0..100).filter(|_| depacketizer.push(&part).is_err()).count();
        assert!(errors > 0);
        assert!(depacketizer.data.len() <= MAX_UNIT_BYTES);
        assert_eq!(depacketizer.finish(RtpTime::new(0)), Err(PayloadError::TooLarge));
        depacketizer.push(&[0x41, 1]).unwrap();
        assert!(depacketizer.finish(RtpTime::new(0)).unwrap().is_some(), "the next unit is good");
    }
}
