//! What audio is captured from: a microphone, a file or the test sound.

use std::time::Duration;

use maru_core::media::AUDIO_CLOCK_HZ;
use maru_core::test_sound;
use maru_core::time::Timestamp;

use super::callbacks::{DeviceState, InputRing};
use super::resample::RateConverter;
use super::wav::WavLoop;

/// In samples. A source that is further behind (the machine slept) continues from now.
const MAX_BACKLOG: u64 = AUDIO_CLOCK_HZ as u64 / 2;

pub(super) enum Source {
    None,
    Device(Box<DeviceSource>),
    Paced(Box<PacedSource>),
}

impl Source {
    pub(super) fn is_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }

    pub(super) fn device(&self) -> Option<&DeviceState> {
        match self {
            Self::Device(device) => Some(&device.input.state),
            Self::None | Self::Paced(_) => None,
        }
    }

    /// Whether its audio is processed as a voice.
    pub(super) fn is_processed(&self) -> bool {
        match self {
            Self::None => false,
            Self::Device(_) => true,
            Self::Paced(paced) => paced.is_processed,
        }
    }

    /// Appends the samples captured since the last call, mono at 48 kHz. Returns when the last one was captured.
    pub(super) fn take(&mut self, now: Timestamp, out: &mut Vec<f32>) -> Timestamp {
        match self {
            Self::None => now,
            Self::Device(device) => device.take(now, out),
            Self::Paced(paced) => paced.take(now, out),
        }
    }
}

/// A microphone, which sets the pace.
pub(super) struct DeviceSource {
    input: InputRing,
    converter: RateConverter,
    chunk: Vec<f32>,
}

impl DeviceSource {
    pub(super) fn new(input: InputRing) -> Result<Self, String> {
        let converter = RateConverter::new(input.rate_hz, AUDIO_CLOCK_HZ)?;
        Ok(Self { input, converter, chunk: Vec::new() })
    }

    fn take(&mut self, now: Timestamp, out: &mut Vec<f32>) -> Timestamp {
        self.chunk.resize(self.input.ring.slots(), 0.0);
        let (filled, _) = self.input.ring.pop_partial_slice(&mut self.chunk);
        self.converter.convert(filled, out);
        now - self.input.state.latency()
    }
}

/// Paced by the clock, without drift: sample `n` is due at `start + n / 48000` s.
pub(super) struct PacedSource {
    audio: PacedAudio,
    /// Its audio is processed as a voice.
    is_processed: bool,
    started: Option<Timestamp>,
    produced: u64,
}

enum PacedAudio {
    Test(u64),
    File(Box<WavLoop>),
}

impl PacedSource {
    pub(super) fn test() -> Self {
        Self { audio: PacedAudio::Test(0), is_processed: false, started: None, produced: 0 }
    }

    pub(super) fn file(file: WavLoop) -> Self {
        Self { audio: PacedAudio::File(Box::new(file)), is_processed: false, started: None, produced: 0 }
    }

    /// `is_processed`: as a voice.
    pub(super) fn processed(self, is_processed: bool) -> Self {
        Self { is_processed, ..self }
    }

    fn take(&mut self, now: Timestamp, out: &mut Vec<f32>) -> Timestamp {
        let started = *self.started.get_or_insert(now);
        let due = now.since(started).as_micros() as u64 * u64::from(AUDIO_CLOCK_HZ) / 1_000_000;
        if due > self.produced + MAX_BACKLOG {
            self.produced = due;
        }
        let count = due.saturating_sub(self.produced) as usize;
        let from = out.len();
        out.resize(from + count, 0.0);
        self.audio.fill(&mut out[from..]);
        self.produced += count as u64;
        started + samples(self.produced)
    }
}

impl PacedAudio {
    fn fill(&mut self, out: &mut [f32]) {
        match self {
            Self::Test(index) => {
                for sample in out {
                    *sample = test_sound::sample(*index);
                    *index += 1;
                }
            }
            Self::File(file) => file.fill(out),
        }
    }
}

/// The duration of `count` samples at 48 kHz.
pub(super) fn samples(count: u64) -> Duration {
    Duration::from_micros(count * 1_000_000 / u64::from(AUDIO_CLOCK_HZ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(5_000_000);

    #[test]
    fn a_paced_source_does_not_drift_when_it_is_read_irregularly() {
        let mut source = Source::Paced(Box::new(PacedSource::test()));
        let mut audio = Vec::new();
        source.take(START, &mut audio);
        for step in 1..=1000_u64 {
            let micros = step * 10_007 + step * 7919 % 9000;
            source.take(START + Duration::from_micros(micros), &mut audio);
        }
        let end = START + Duration::from_millis(10_100);
        let captured = source.take(end, &mut audio);
        assert_eq!((audio.len(), captured), (484_800, end));
        assert!((0..audio.len()).all(|index| audio[index] == test_sound::sample(index as u64)), "no sample is skipped");
    }

    #[test]
    fn after_a_sleep_a_paced_source_continues_from_now() {
        let mut source = Source::Paced(Box::new(PacedSource::test()));
        let mut audio = Vec::new();
        source.take(START, &mut audio);
        let woken = START + Duration::from_secs(3600);
        assert_eq!(source.take(woken, &mut audio), woken);
        assert!(audio.is_empty());
    }
}
