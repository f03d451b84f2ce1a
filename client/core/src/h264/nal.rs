//! Types of NAL units (ITU-T H.264, 7.4.1).

/// What goes before each NAL unit in Annex B form.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// `nal_unit_type` (H.264, table 7-1), and the aggregates and fragments of RFC 6184 (table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NalType(u8);

impl NalType {
    /// A slice of a frame that a decoder may start at.
    pub const IDR: Self = Self(5);
    /// Sequence parameter set.
    pub const SPS: Self = Self(7);
    /// Picture parameter set.
    pub const PPS: Self = Self(8);
    /// Several NAL units in one RTP payload (RFC 6184, 5.7.1).
    pub const STAP_A: Self = Self(24);
    /// A fragment of a NAL unit in one RTP payload (RFC 6184, 5.8).
    pub const FU_A: Self = Self(28);

    /// The type in the first byte of a NAL unit, or of a payload.
    pub const fn of_header(header: u8) -> Self {
        Self(header & 0x1f)
    }

    /// Whether it is the type of a NAL unit, not of an aggregate or a fragment.
    pub const fn is_nal_unit(self) -> bool {
        matches!(self.0, 1..=23)
    }

    /// Whether receivers ignore it (RFC 6184, 5.2).
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0 | 30 | 31)
    }

    /// 0 to 31.
    pub const fn value(self) -> u8 {
        self.0
    }
}
