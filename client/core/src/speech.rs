//! Whether somebody speaks, by the level alone: clearly louder than the noise around, for longer than a click.

use std::collections::VecDeque;

/// Levels of so many blocks of 10 ms are remembered: the quietest is the noise.
const NOISE_BLOCKS: usize = 300;
/// In dB above the noise.
const ABOVE_NOISE: f32 = 12.0;
/// In dB of full scale. Anything quieter is no speech into a microphone.
const LEAST: f32 = -48.0;
/// Of the last [`WINDOW`] blocks so many are loud.
const LOUD_BLOCKS: usize = 25;
const WINDOW: usize = 60;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct SpeechDetector {
    levels_db: VecDeque<f32>,
    loud: VecDeque<bool>,
    pending: f32,
    count: usize,
}

impl SpeechDetector {
    /// Takes audio of any length, mono at 48 kHz.
    pub fn add(&mut self, samples: &[f32]) {
        for sample in samples {
            self.pending += sample * sample;
            self.count += 1;
            if self.count == 480 {
                let power = self.pending / 480.0;
                (self.pending, self.count) = (0.0, 0);
                self.add_block(10.0 * power.max(1e-12).log10());
            }
        }
    }

    fn add_block(&mut self, level_db: f32) {
        if self.levels_db.len() == NOISE_BLOCKS {
            self.levels_db.pop_front();
        }
        self.levels_db.push_back(level_db);
        let noise_db = self.levels_db.iter().copied().fold(f32::INFINITY, f32::min);
        if self.loud.len() == WINDOW {
            self.loud.pop_front();
        }
        self.loud.push_back(level_db > LEAST && level_db > noise_db + ABOVE_NOISE);
    }

    /// Whether somebody has spoken in the last 0.6 s.
    pub fn is_speech(&self) -> bool {
        self.loud.iter().filter(|loud| **loud).count() >= LOUD_BLOCKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 10 ms of a tone with this amplitude.
    fn tone(amplitude: f32, blocks: usize) -> Vec<f32> {
        (0..blocks * 480).map(|n| amplitude * (n as f32 * 0.05).sin()).collect()
    }

    #[test]
    fn a_voice_above_the_noise_is_speech_and_a_click_or_a_fan_is_not() {
        let mut detector = SpeechDetector::default();
        detector.add(&tone(0.01, 200));
        assert!(!detector.is_speech(), "a fan");
        detector.add(&tone(0.8, 3));
        detector.add(&tone(0.01, 10));
        assert!(!detector.is_speech(), "a click");
        for _ in 0..3 {
            detector.add(&tone(0.1, 15));
            detector.add(&tone(0.01, 5));
        }
        assert!(detector.is_speech(), "words");
        detector.add(&tone(0.01, 70));
        assert!(!detector.is_speech(), "silence again");
    }

    #[test]
    fn a_whisper_from_the_next_room_is_no_speech() {
        let mut detector = SpeechDetector::default();
        detector.add(&tone(0.000_1, 100));
        detector.add(&tone(0.004, 100));
        assert!(!detector.is_speech());
    }
}
