//! NAL units: their types, and where they lie in an Annex B stream (ITU-T H.264, 7.4.1 and annex B).

/// What goes before each NAL unit in Annex B form.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// `nal_unit_type` (H.264, table 7-1), and the aggregates and fragments of RFC 6184 (table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalType(u8);

impl NalType {
    /// A slice of a frame that refers to others.
    pub const SLICE: Self = Self(1);
    /// A slice of a frame that a decoder may start at.
    pub const IDR: Self = Self(5);
    pub const SEI: Self = Self(6);
    pub const SPS: Self = Self(7);
    pub const PPS: Self = Self(8);
    pub const ACCESS_UNIT_DELIMITER: Self = Self(9);
    /// Several NAL units in one RTP payload (RFC 6184, 5.7.1).
    pub const STAP_A: Self = Self(24);
    /// A fragment of a NAL unit in one RTP payload (RFC 6184, 5.8).
    pub const FU_A: Self = Self(28);

    /// The type in the first byte of a NAL unit, or of a payload.
    pub const fn of_header(header: u8) -> Self {
        Self(header & 0x1f)
    }

    /// Whether it stands for a NAL unit of H.264 itself, that is not for an aggregate, a fragment or nothing.
    pub const fn is_nal_unit(self) -> bool {
        matches!(self.0, 1..=23)
    }

    /// Whether RFC 6184 (5.2) has receivers ignore it.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0 | 30 | 31)
    }

    pub const fn value(self) -> u8 {
        self.0
    }
}

/// The NAL units of an Annex B stream, without start codes and trailing zeros. What lies before the first start code is
/// skipped, as are empty units.
pub fn annex_b_nals(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let current = rest?;
            let (nal, next) = match find_start_code(current) {
                Some(at) => (&current[..at], Some(&current[at + 3..])),
                None => (current, None),
            };
            rest = next;
            // A NAL unit never ends in a zero byte: these belong to the next start code or are padding (7.4.1).
            let length = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            if length > 0 {
                return Some(&nal[..length]);
            }
        }
    })
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    find_start_code(stream).map(|at| &stream[at + 3..])
}

/// Where the next `00 00 01` begins.
fn find_start_code(bytes: &[u8]) -> Option<usize> {
    // The third byte tells how far the next start code can be at least, so most bytes are never looked at.
    let mut at = 0;
    while let Some(&third) = bytes.get(at + 2) {
        match third {
            0 => at += 1,
            1 if bytes[at] == 0 && bytes[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nals(stream: &[u8]) -> Vec<&[u8]> {
        annex_b_nals(stream).collect()
    }

    #[test]
    fn start_codes_of_three_and_four_bytes_separate_units() {
        let stream = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 0, 4];
        assert_eq!(nals(&stream), [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 0, 4]]);
    }

    #[test]
    fn zeros_after_a_unit_are_not_part_of_it() {
        assert_eq!(nals(&[0, 0, 1, 0x41, 9, 0, 0, 0, 0, 0, 1, 0x41, 8, 0]), [&[0x41, 9][..], &[0x41, 8]]);
    }

    #[test]
    fn what_is_no_stream_has_no_units() {
        assert!(nals(&[]).is_empty());
        assert!(nals(&[0, 0, 1]).is_empty());
        assert!(nals(&[0, 0, 1, 0, 0, 1]).is_empty());
        assert!(nals(&[1, 2, 3, 0, 1]).is_empty());
    }

    #[test]
    fn a_start_code_is_found_at_every_offset() {
        for offset in 0..8 {
            let mut stream = vec![7; offset];
            stream.extend([0, 0, 1, 0x41, 5]);
            assert_eq!(nals(&stream), [&[0x41, 5]], "offset {offset}");
        }
    }
}
