//! A block of the voice in three bands of 8 kHz each, as the canceller and the noise suppression take it.

use std::time::Duration;

use sonora::high_pass_filter::HighPassFilter;
use sonora::three_band_filter_bank::{NUM_BANDS, SPLIT_BAND_SIZE, ThreeBandFilterBank};

use super::super::playback::BLOCK_SAMPLES;

/// 160 samples of 16 kHz for each band, the lowest first, in units of 16-bit samples.
pub(super) type Bands = [[f32; SPLIT_BAND_SIZE]; NUM_BANDS];

pub(super) const SILENCE: Bands = [[0.0; SPLIT_BAND_SIZE]; NUM_BANDS];
/// By how much splitting and merging make the voice late.
pub(super) const DELAY: Duration = Duration::from_micros(4_250);
/// 1.0 in units of 16-bit samples.
pub(super) const SCALE: f32 = 32_768.0;

/// Splits a block of 10 ms at 48 kHz into bands.
#[derive(Default)]
pub(super) struct Splitter(ThreeBandFilterBank);

impl Splitter {
    pub(super) fn split(&mut self, block: &[f32; BLOCK_SAMPLES], bands: &mut Bands) {
        self.0.analysis(&block.map(|sample| sample * SCALE), bands);
    }
}

/// Puts the bands together again.
#[derive(Default)]
pub(super) struct Merger(ThreeBandFilterBank);

impl Merger {
    pub(super) fn merge(&mut self, bands: &Bands, block: &mut [f32; BLOCK_SAMPLES]) {
        self.0.synthesis(bands, block);
        for sample in block {
            *sample = (*sample / SCALE).clamp(-1.0, 1.0);
        }
    }
}

/// Takes away what is below speech (100 Hz): hum, and steps on the floor.
pub(super) struct HighPass {
    filter: HighPassFilter,
    /// The filter takes a `Vec` for each channel.
    lowest: [Vec<f32>; 1],
}

impl HighPass {
    pub(super) fn new() -> Self {
        Self { filter: HighPassFilter::new(16_000, 1), lowest: [vec![0.0; SPLIT_BAND_SIZE]] }
    }

    pub(super) fn process(&mut self, bands: &mut Bands) {
        self.lowest[0].copy_from_slice(&bands[0]);
        self.filter.process_channels(&mut self.lowest);
        bands[0].copy_from_slice(&self.lowest[0]);
    }
}
