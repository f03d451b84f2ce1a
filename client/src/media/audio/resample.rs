//! Converts mono audio from one sample rate to another.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction};

/// Adds less than 1 ms of delay. The stop band of 70 dB is below a microphone's noise.
const SINC_SAMPLES: usize = 64;

/// Converts a stream. With equal rates the samples are copied without delay.
pub(super) struct RateConverter {
    inner: Option<Inner>,
}

struct Inner {
    resampler: Async<f32>,
    pending: Vec<f32>,
    chunk: Vec<f32>,
}

impl RateConverter {
    /// # Errors
    /// The rates cannot be converted; a sentence.
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Result<Self, String> {
        if from_hz == to_hz {
            return Ok(Self { inner: None });
        }
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let parameters = SincInterpolationParameters::new(SINC_SAMPLES, WindowFunction::Blackman2)
            .interpolation(SincInterpolationType::Linear)
            .oversampling_factor(256);
        let chunk_samples = (from_hz as usize / 100).max(1);
        let resampler = Async::new_sinc(ratio, 1.01, &parameters, chunk_samples, 1, FixedAsync::Input)
            .map_err(|error| format!("{from_hz} Hz cannot be converted to {to_hz} Hz: {error}"))?;
        let chunk = vec![0.0; resampler.output_frames_max()];
        Ok(Self { inner: Some(Inner { resampler, pending: Vec::new(), chunk }) })
    }

    /// Converts `samples` and appends the result to `out`. Up to 10 ms wait for the next call.
    pub(super) fn convert(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        match &mut self.inner {
            None => out.extend_from_slice(samples),
            Some(inner) => inner.convert(samples, out),
        }
    }
}

impl Inner {
    fn convert(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.pending.extend_from_slice(samples);
        let mut used = 0;
        loop {
            let needed = self.resampler.input_frames_next();
            let Some(input) = self.pending.get(used..used + needed) else { break };
            let Some(written) = resample(&mut self.resampler, input, &mut self.chunk) else { break };
            out.extend_from_slice(&self.chunk[..written]);
            used += needed;
        }
        self.pending.drain(..used);
    }
}

fn resample(resampler: &mut Async<f32>, input: &[f32], output: &mut [f32]) -> Option<usize> {
    let (input_len, output_len) = (input.len(), output.len());
    let input = SequentialSlice::new(input, 1, input_len).ok()?;
    let mut output = SequentialSlice::new_mut(output, 1, output_len).ok()?;
    let (_, written) = resampler.process_into_buffer(&input, &mut output, None).ok()?;
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use maru_core::spectrum::{loudest_hz, tone};

    #[test]
    fn pitch_and_duration_are_kept() {
        for (from_hz, to_hz) in [(44_100, 48_000), (8_000, 48_000), (96_000, 48_000), (48_000, 44_100)] {
            let mut converter = RateConverter::new(from_hz, to_hz).unwrap();
            let mut out = Vec::new();
            for part in tone(1000.0, from_hz, from_hz as usize * 2).chunks(777) {
                converter.convert(part, &mut out);
            }
            let expected = 2 * to_hz as usize;
            assert!(out.len().abs_diff(expected) <= to_hz as usize / 50, "{from_hz}: {}", out.len());
            let middle = &out[expected / 4..expected * 3 / 4];
            assert_eq!(loudest_hz(middle, to_hz, 400..2000, 20), 1000, "{from_hz} Hz");
        }
    }

    #[test]
    fn equal_rates_copy_the_samples() {
        let mut out = Vec::new();
        RateConverter::new(48_000, 48_000).unwrap().convert(&[0.1, 0.2], &mut out);
        assert_eq!(out, [0.1, 0.2]);
    }
}
