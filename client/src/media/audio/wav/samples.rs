//! Samples of a WAV file as numbers.

/// How one sample is stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleFormat {
    /// 1 to 4 bytes; those of one byte are unsigned. The upper bits count, if not all do.
    Int {
        bytes: u8,
    },
    /// 24 bits in 4 bytes: the upper ones by the standard, the lower ones as `arecord` writes them.
    /// [`Self::examine`] decides.
    Int24In32 {
        is_extensible: bool,
    },
    /// 24 bits in the lower 3 of 4 bytes; the upper byte does not count.
    LowInt24In32,
    Float32,
    Float64,
}

impl SampleFormat {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Int { bytes } => bytes.into(),
            Self::Int24In32 { .. } | Self::LowInt24In32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// Decides by the first samples in `data` which 24 of the 32 bits count.
    ///
    /// If they are the lower ones, the upper byte repeats the sign, or is anything; if they are the upper ones, the
    /// lowest byte is zero. Where both fit (silence), the format decides.
    pub(super) fn examine(self, data: &[u8]) -> Self {
        let Self::Int24In32 { is_extensible } = self else { return self };
        let (words, _) = data.as_chunks::<4>();
        let repeats_sign = words.iter().all(|word| word[3] == if word[2] < 0x80 { 0 } else { 0xFF });
        let low_is_zero = words.iter().all(|word| word[0] == 0);
        let is_low = if is_extensible { repeats_sign && !low_is_zero } else { repeats_sign || !low_is_zero };
        if is_low { Self::LowInt24In32 } else { Self::Int { bytes: 4 } }
    }

    /// The values of the samples in `stored`, -1 to 1. A float may be anything, also no number.
    pub(super) fn values(self, stored: &[u8]) -> impl Iterator<Item = f32> {
        stored.chunks_exact(self.bytes()).map(move |sample| self.value(sample))
    }

    fn value(self, stored: &[u8]) -> f32 {
        match self {
            Self::Int { bytes: 1 } => stored.first().map_or(0.0, |&byte| (f32::from(byte) - 128.0) / 128.0),
            Self::Int { .. } | Self::Int24In32 { .. } => upper(stored),
            Self::LowInt24In32 => stored.get(..3).map_or(0.0, upper),
            Self::Float32 => stored.try_into().map_or(0.0, f32::from_le_bytes),
            Self::Float64 => stored.try_into().map_or(0.0, |stored| f64::from_le_bytes(stored) as f32),
        }
    }
}

/// Up to 4 bytes as the upper ones of 32 bits.
fn upper(stored: &[u8]) -> f32 {
    let mut word = [0; 4];
    let Some(upper) = 4_usize.checked_sub(stored.len()).and_then(|from| word.get_mut(from..)) else { return 0.0 };
    upper.copy_from_slice(stored);
    (f64::from(i32::from_le_bytes(word)) / 2_147_483_648.0) as f32
}
