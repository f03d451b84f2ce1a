//! What is done to the microphone's audio before it is encoded: echo cancellation, noise suppression and automatic gain.

mod bands;
mod echo;
mod gain;
mod noise;
mod processor;

use maru_core::echo_reference::EchoReference;
use maru_core::time::Timestamp;

use super::playback::BLOCK_SAMPLES;
use super::source::samples;
use crate::media::config::VoiceProcessing;
use processor::Processor;

/// Cuts the audio into blocks and processes them, with what the speaker plays at the same time as the reference.
pub struct Voice {
    /// What the speaker plays.
    pub reference: EchoReference,
    processing: VoiceProcessing,
    /// `None`: nothing is to be done.
    processor: Option<Processor>,
    /// Less than a block that waits for the rest of it.
    pending: Vec<f32>,
}

impl Voice {
    /// Begins with silence.
    pub fn new(processing: VoiceProcessing) -> Self {
        Self {
            reference: EchoReference::default(),
            processor: Processor::new(processing),
            processing,
            pending: Vec::with_capacity(2 * BLOCK_SAMPLES),
        }
    }

    /// Changes what is done from now on.
    pub fn set(&mut self, processing: VoiceProcessing) {
        if processing != self.processing {
            self.processing = processing;
            self.processor = Processor::new(processing);
        }
    }

    /// Another microphone, or the same after an error.
    pub fn restart(&mut self) {
        self.pending.clear();
        self.reference.restart_capture();
        self.processor = Processor::new(self.processing);
    }

    /// `audio`, mono at 48 kHz and captured until `end`, becomes the whole blocks that are ready. Returns when the last sample
    /// of them was captured.
    pub fn process(&mut self, end: Timestamp, audio: &mut Vec<f32>) -> Timestamp {
        self.pending.append(audio);
        let Some(processor) = &mut self.processor else {
            // What waited when everything was switched off goes first.
            std::mem::swap(audio, &mut self.pending);
            return end;
        };
        let mut start = end - samples(self.pending.len() as u64);
        let whole = self.pending.len() / BLOCK_SAMPLES * BLOCK_SAMPLES;
        audio.extend(self.pending.drain(..whole));
        for block in audio.as_chunks_mut::<BLOCK_SAMPLES>().0 {
            let mut played = [0.0; BLOCK_SAMPLES];
            let is_played = processor.cancels_echo() && self.reference.read(start, &mut played);
            processor.process(is_played.then_some(&played), block);
            start = start + samples(BLOCK_SAMPLES as u64);
        }
        start - processor.delay()
    }
}

#[cfg(test)]
mod tests;
