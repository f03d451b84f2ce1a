//! What a sequence parameter set says about the frame (ITU-T H.264, 7.3.2.1.1).

/// Profile, level and size of the frames that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sps {
    pub profile_idc: u8,
    /// `constraint_set0_flag` is the highest bit.
    pub constraint_flags: u8,
    /// Ten times the level: 31 is level 3.1.
    pub level_idc: u8,
    /// In pixels, after cropping.
    pub width: u32,
    pub height: u32,
}

/// Why a parameter set cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpsError {
    #[error("it is no sequence parameter set")]
    NotSps,
    #[error("it ends too early")]
    Truncated,
    #[error("a value is out of range")]
    OutOfRange,
}

/// The largest width and height, in macroblocks: level 6.2 ends at 1,056 (A.3.1).
const MAX_MACROBLOCKS: u32 = 1_056;

impl Sps {
    /// Reads a NAL unit of type 7, without start code.
    ///
    /// # Errors
    /// It is cut off, or says what no level allows.
    pub fn parse(nal: &[u8]) -> Result<Self, SpsError> {
        let (&header, payload) = nal.split_first().ok_or(SpsError::NotSps)?;
        if super::NalType::of_header(header) != super::NalType::SPS {
            return Err(SpsError::NotSps);
        }
        let rbsp = without_emulation_prevention(payload);
        let mut bits = BitReader::new(&rbsp);
        let profile_idc = bits.bits(8)? as u8;
        let constraint_flags = bits.bits(8)? as u8;
        let level_idc = bits.bits(8)? as u8;
        bits.exp_golomb()?; // seq_parameter_set_id
        let chroma = if has_chroma_format(profile_idc) { Chroma::parse(&mut bits)? } else { Chroma::YUV_420 };
        bits.exp_golomb()?; // log2_max_frame_num_minus4
        skip_picture_order(&mut bits)?;
        bits.exp_golomb()?; // max_num_ref_frames
        bits.bits(1)?; // gaps_in_frame_num_value_allowed_flag
        let width_mbs = macroblocks(bits.exp_golomb()?)?;
        let height_map_units = macroblocks(bits.exp_golomb()?)?;
        let frame_mbs_only = bits.bits(1)?;
        if frame_mbs_only == 0 {
            bits.bits(1)?; // mb_adaptive_frame_field_flag
        }
        bits.bits(1)?; // direct_8x8_inference_flag
        let field_factor = 2 - frame_mbs_only;
        let (crop_x, crop_y) = crop(&mut bits, chroma, field_factor)?;
        let width = (width_mbs * 16).checked_sub(crop_x).filter(|&width| width > 0);
        let height = (height_map_units * field_factor * 16).checked_sub(crop_y).filter(|&height| height > 0);
        let (Some(width), Some(height)) = (width, height) else { return Err(SpsError::OutOfRange) };
        Ok(Self { profile_idc, constraint_flags, level_idc, width, height })
    }
}

fn macroblocks(minus_one: u32) -> Result<u32, SpsError> {
    if minus_one < MAX_MACROBLOCKS { Ok(minus_one + 1) } else { Err(SpsError::OutOfRange) }
}

fn has_chroma_format(profile_idc: u8) -> bool {
    matches!(profile_idc, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

/// Pixels of one cropping unit (table 6-1).
#[derive(Debug, Clone, Copy)]
struct Chroma {
    unit_width: u32,
    unit_height: u32,
}

impl Chroma {
    const YUV_420: Self = Self { unit_width: 2, unit_height: 2 };

    fn parse(bits: &mut BitReader<'_>) -> Result<Self, SpsError> {
        let format = bits.exp_golomb()?;
        let separate_planes = if format == 3 { bits.bits(1)? } else { 0 };
        bits.exp_golomb()?; // bit_depth_luma_minus8
        bits.exp_golomb()?; // bit_depth_chroma_minus8
        bits.bits(1)?; // qpprime_y_zero_transform_bypass_flag
        if bits.bits(1)? == 1 {
            let lists = if format == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.bits(1)? == 1 {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        match (format, separate_planes) {
            (1, _) => Ok(Self::YUV_420),
            (2, _) => Ok(Self { unit_width: 2, unit_height: 1 }),
            (0 | 3, _) => Ok(Self { unit_width: 1, unit_height: 1 }),
            _ => Err(SpsError::OutOfRange),
        }
    }
}

fn skip_scaling_list(bits: &mut BitReader<'_>, size: u32) -> Result<(), SpsError> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + i64::from(bits.signed_exp_golomb()?)).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Ok(())
}

fn skip_picture_order(bits: &mut BitReader<'_>) -> Result<(), SpsError> {
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.bits(1)?; // delta_pic_order_always_zero_flag
            bits.exp_golomb()?; // offset_for_non_ref_pic
            bits.exp_golomb()?; // offset_for_top_to_bottom_field
            let cycle = bits.exp_golomb()?;
            if cycle > 255 {
                return Err(SpsError::OutOfRange);
            }
            for _ in 0..cycle {
                bits.exp_golomb()?; // offset_for_ref_frame
            }
        }
        2 => {}
        _ => return Err(SpsError::OutOfRange),
    }
    Ok(())
}

/// Pixels cut from width and height.
fn crop(bits: &mut BitReader<'_>, chroma: Chroma, field_factor: u32) -> Result<(u32, u32), SpsError> {
    if bits.bits(1)? == 0 {
        return Ok((0, 0));
    }
    let [left, right, top, bottom] = [bits.exp_golomb()?, bits.exp_golomb()?, bits.exp_golomb()?, bits.exp_golomb()?];
    let pixels = |a: u32, b: u32, unit: u32| a.checked_add(b)?.checked_mul(unit);
    let x = pixels(left, right, chroma.unit_width).ok_or(SpsError::OutOfRange)?;
    let y = pixels(top, bottom, chroma.unit_height * field_factor).ok_or(SpsError::OutOfRange)?;
    Ok((x, y))
}

/// Takes out the `03` of each `00 00 03` (7.4.1).
fn without_emulation_prevention(payload: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    rbsp
}

struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next `count` bits, at most 32.
    fn bits(&mut self, count: u32) -> Result<u32, SpsError> {
        let mut value = 0_u64;
        for _ in 0..count {
            let byte = *self.bytes.get(self.position / 8).ok_or(SpsError::Truncated)?;
            value = value << 1 | u64::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Ok(value as u32)
    }

    /// ue(v) (9.1): at most 2^32 - 2.
    fn exp_golomb(&mut self) -> Result<u32, SpsError> {
        let mut zeros = 0;
        while self.bits(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return Err(SpsError::OutOfRange);
            }
        }
        let suffix = self.bits(zeros)?;
        Ok((1_u32 << zeros) - 1 + suffix)
    }

    /// se(v) (9.1.1).
    fn signed_exp_golomb(&mut self) -> Result<i32, SpsError> {
        let code = i64::from(self.exp_golomb()?);
        let magnitude = (code + 1) / 2;
        // At most 2^31 - 1, since the code is at most 2^32 - 2.
        Ok(if code % 2 == 1 { magnitude as i32 } else { -(magnitude as i32) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what [`BitReader`] reads.
    #[derive(Default)]
    struct BitWriter(Vec<bool>);

    impl BitWriter {
        fn bits(mut self, value: u32, count: u32) -> Self {
            self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
            self
        }

        fn ue(self, value: u32) -> Self {
            let code = u64::from(value) + 1;
            let length = 64 - code.leading_zeros();
            let with_zeros = self.bits(0, length - 1);
            with_zeros.bits(code as u32, length)
        }

        fn nal(self) -> Vec<u8> {
            let mut bits = self.bits(1, 1).0;
            bits.resize(bits.len().next_multiple_of(8), false);
            let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
            std::iter::once(0x67).chain(bits.chunks(8).map(byte)).collect()
        }
    }

    fn baseline(profile: u32) -> BitWriter {
        BitWriter::default().bits(profile, 8).bits(0xc0, 8).bits(31, 8).ue(0)
    }

    #[test]
    fn constrained_baseline_at_720p() {
        let nal = [0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x80, 0x88, 0x45, 0x38];
        let sps = Sps::parse(&nal).unwrap();
        assert_eq!((sps.width, sps.height), (1_280, 720));
        assert_eq!((sps.profile_idc, sps.constraint_flags, sps.level_idc), (66, 0xc0, 31));
    }

    #[test]
    fn cropping_is_in_units_of_the_chroma_format() {
        let cropped = |profile, chroma: fn(BitWriter) -> BitWriter| {
            let bits = chroma(baseline(profile)).ue(0).ue(2).ue(1).bits(0, 1).ue(119).ue(67).bits(1, 1).bits(1, 1);
            Sps::parse(&bits.bits(1, 1).ue(0).ue(0).ue(0).ue(4).bits(0, 1).nal()).unwrap()
        };
        let sps = cropped(66, |bits| bits);
        assert_eq!((sps.width, sps.height), (1_920, 1_080));
        let sps = cropped(122, |bits| bits.ue(2).ue(0).ue(0).bits(0, 2));
        assert_eq!((sps.width, sps.height), (1_920, 1_084));
    }

    #[test]
    fn scaling_lists_and_picture_order_cycles_are_skipped() {
        let bits = baseline(100).ue(1).ue(0).ue(0).bits(0, 1).bits(1, 1).bits(1, 1).ue(16).bits(0, 7);
        let bits = bits.ue(0).ue(1).bits(0, 1).ue(0).ue(0).ue(2).ue(5).ue(6).ue(1).bits(0, 1);
        let sps = Sps::parse(&bits.ue(39).ue(22).bits(1, 1).bits(1, 1).bits(0, 2).nal()).unwrap();
        assert_eq!((sps.width, sps.height), (640, 368));
    }

    #[test]
    fn interlaced_heights_count_twice() {
        let bits = baseline(77).ue(0).ue(2).ue(1).bits(0, 1).ue(44).ue(17).bits(0, 2).bits(1, 1).bits(0, 2);
        assert_eq!(Sps::parse(&bits.nal()).unwrap().height, 576);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Sps::parse(&[]), Err(SpsError::NotSps));
        assert_eq!(Sps::parse(&[0x68, 1]), Err(SpsError::NotSps));
        assert_eq!(Sps::parse(&[0x67, 66, 0, 31]), Err(SpsError::Truncated));
        assert_eq!(Sps::parse(&[0x67, 66, 1, 31, 0, 0, 0, 0, 0, 1]), Err(SpsError::OutOfRange));
        let too_wide = baseline(66).ue(0).ue(2).ue(1).bits(0, 1).ue(u32::MAX - 1).ue(67).bits(0b110, 3);
        assert_eq!(Sps::parse(&too_wide.nal()), Err(SpsError::OutOfRange));
        let all_cropped = baseline(66).ue(0).ue(2).ue(1).bits(0, 1).ue(1).ue(1).bits(0b111, 3).ue(8).ue(8).ue(0).ue(0);
        assert_eq!(Sps::parse(&all_cropped.nal()), Err(SpsError::OutOfRange));
    }
}
