//! The adapter of `sonora-aec3`, a port of WebRTC's echo canceller (AEC3): 10 ms of three bands in and out.

use std::time::Duration;

use sonora::three_band_filter_bank::NUM_BANDS;
use sonora_aec3::block::Block;
use sonora_aec3::block_framer::BlockFramer;
use sonora_aec3::block_processor::BlockProcessor;
use sonora_aec3::common::SUB_FRAME_LENGTH;
use sonora_aec3::config::{EchoCanceller3Config, TransparentModeType};
use sonora_aec3::frame_blocker::FrameBlocker;

use super::bands::Bands;

/// By how much it makes the voice late: it works on blocks of 4 ms.
pub(super) const DELAY: Duration = Duration::from_millis(4);
/// The length of the linear filter, in blocks of 4 ms.
const FILTER_BLOCKS: usize = 8;
/// Samples from here on mean that the microphone clips, in units of 16-bit samples.
const CLIPPED: f32 = 32_700.0;

/// What the microphone recorded without what the speaker played.
pub(super) struct EchoCanceller {
    processor: BlockProcessor,
    played: Blocks,
    captured: Blocks,
    framer: BlockFramer,
    /// 5 ms in each band, of one channel.
    output: Vec<Vec<Vec<f32>>>,
}

impl EchoCanceller {
    pub(super) fn new() -> Self {
        Self {
            processor: BlockProcessor::new(&config(), 48_000, 1, 1),
            played: Blocks::new(),
            captured: Blocks::new(),
            framer: BlockFramer::new(NUM_BANDS, 1),
            output: vec![vec![vec![0.0; SUB_FRAME_LENGTH]]; NUM_BANDS],
        }
    }

    /// What the speaker plays while the next block is recorded.
    pub(super) fn play(&mut self, bands: &Bands) {
        let Self { processor, played, .. } = self;
        for part in 0..2 {
            played.push(bands, part, |block| processor.buffer_render(block));
        }
        played.rest(|block| processor.buffer_render(block));
    }

    /// Takes the echo out of the microphone's block.
    pub(super) fn process(&mut self, bands: &mut Bands) {
        let clips = bands[0].iter().any(|sample| sample.abs() >= CLIPPED);
        let Self { processor, captured, framer, output, .. } = self;
        for part in 0..2 {
            captured.push(bands, part, |block| {
                processor.process_capture(false, clips, None, block);
                framer.insert_block_and_extract_sub_frame(block, output);
            });
            for (band, output) in bands.iter_mut().zip(output.iter()) {
                band[part * SUB_FRAME_LENGTH..][..SUB_FRAME_LENGTH].copy_from_slice(&output[0]);
            }
        }
        captured.rest(|block| {
            processor.process_capture(false, clips, None, block);
            framer.insert_block(block);
        });
    }
}

/// Cuts 10 ms, in two parts of 5 ms, into blocks of 4 ms.
struct Blocks {
    blocker: FrameBlocker,
    block: Block,
}

impl Blocks {
    fn new() -> Self {
        Self { blocker: FrameBlocker::new(NUM_BANDS, 1), block: Block::new(NUM_BANDS, 1) }
    }

    /// Adds a part of 5 ms and hands over the block that it fills.
    fn push(&mut self, bands: &Bands, part: usize, handle: impl FnOnce(&mut Block)) {
        let part = bands.each_ref().map(|band| vec![&band[part * SUB_FRAME_LENGTH..][..SUB_FRAME_LENGTH]]);
        self.blocker.insert_sub_frame_and_extract_block(&part, &mut self.block);
        handle(&mut self.block);
    }

    /// Hands over a block that is complete without another part: after each fourth one.
    fn rest(&mut self, handle: impl FnOnce(&mut Block)) {
        if self.blocker.is_block_available() {
            self.blocker.extract_block(&mut self.block);
            handle(&mut self.block);
        }
    }
}

/// Chosen by measuring, beside WebRTC's own settings (the defaults): less echo is left, and more of the near voice while
/// both speak.
fn config() -> EchoCanceller3Config {
    let mut config = EchoCanceller3Config::default();
    config.echo_removal_control.transparent_mode = TransparentModeType::Hmm;
    // A short filter is enough for a reference that is aligned already; the suppressor takes the rest of the echo.
    let filter = &mut config.filter;
    filter.refined.length_blocks = FILTER_BLOCKS;
    filter.refined_initial.length_blocks = FILTER_BLOCKS;
    filter.coarse.length_blocks = FILTER_BLOCKS;
    filter.coarse_initial.length_blocks = FILTER_BLOCKS;
    // While the near end speaks, the echo is taken to decay faster: less of the voice is suppressed with it.
    config.ep_strength.nearend_len = 0.6;
    let suppressor = &mut config.suppressor;
    suppressor.nearend_average_blocks = 2;
    suppressor.normal_tuning.max_inc_factor = 2.5;
    suppressor.nearend_tuning.max_inc_factor = 3.5;
    suppressor.nearend_tuning.mask_lf.enr_transparent = 0.8;
    suppressor.normal_tuning.mask_hf.enr_suppress = 0.08;
    suppressor.high_frequency_suppression.limiting_gain_band = 30;
    // Near-end speech is detected sooner and held longer, but not before the filter has converged.
    let detection = &mut suppressor.dominant_nearend_detection;
    detection.enr_threshold = 0.4;
    detection.trigger_threshold = 8;
    detection.hold_duration = 80;
    detection.use_during_initial_phase = false;
    config.validate();
    config
}
