//! Mixes audio without clipping.

/// The limiter keeps peaks below this; a soft knee up to 1 bends the rest.
const CEILING: f32 = 0.9;
/// Time in which the gain falls when the sum is too loud (1 ms) and rises again (0.2 s).
const ATTACK_SAMPLES: f32 = 48.0;
const RELEASE_SAMPLES: f32 = 9600.0;

/// Sums blocks of audio, with a limiter.
#[derive(Debug, Clone)]
pub struct Mixer {
    gain: f32,
}

impl Default for Mixer {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Mixer {
    /// Adds one voice to the sum that [`Self::finish`] limits. Both are mono and equally long.
    pub fn add(sum: &mut [f32], voice: &[f32]) {
        for (sum, sample) in sum.iter_mut().zip(voice) {
            *sum += sample;
        }
    }

    /// Limits the sum to -1..=1.
    pub fn finish(&mut self, sum: &mut [f32]) {
        let peak = sum.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let step = if wanted < self.gain {
            (wanted - self.gain) / ATTACK_SAMPLES
        } else {
            ((wanted - self.gain) / RELEASE_SAMPLES).max(0.0)
        };
        for sample in sum {
            if (wanted - self.gain) * step > 0.0 {
                self.gain += step;
            }
            *sample = soft_clip(*sample * self.gain);
        }
    }
}

/// Identity up to the ceiling, then bent to stay below 1.
fn soft_clip(sample: f32) -> f32 {
    const KNEE: f32 = 1.0 - CEILING;
    let over = sample.abs() - CEILING;
    if over <= 0.0 {
        return sample;
    }
    (CEILING + KNEE * (over / KNEE).tanh()).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, amplitude: f32) -> Vec<f32> {
        (0..4800).map(|n| amplitude * (std::f32::consts::TAU * hz * n as f32 / 48_000.0).sin()).collect()
    }

    #[test]
    fn quiet_voices_are_summed_exactly() {
        let (a, b) = (tone(300.0, 0.3), tone(500.0, 0.3));
        let mut sum = a.clone();
        Mixer::add(&mut sum, &b);
        Mixer::default().finish(&mut sum);
        assert!(sum.iter().zip(a.iter().zip(&b)).all(|(sum, (a, b))| *sum == a + b));
    }

    #[test]
    fn eight_loud_voices_stay_within_range_and_are_not_clipped_flat() {
        let mut mixer = Mixer::default();
        let mut sum = vec![0.0; 4800];
        for voice in 0..8 {
            Mixer::add(&mut sum, &tone(300.0 + voice as f32 * 7.0, 0.9));
        }
        let mut last = Vec::new();
        for block in sum.chunks_mut(480) {
            mixer.finish(block);
            assert!(block.iter().all(|sample| sample.abs() <= 1.0));
            last = block.to_vec();
        }
        let flat = last.windows(2).filter(|pair| pair[0].abs() > 0.85 && pair[0] == pair[1]).count();
        assert_eq!(flat, 0);
    }

    #[test]
    fn the_gain_comes_back() {
        let mut mixer = Mixer::default();
        mixer.finish(&mut vec![4.0; 480]);
        for _ in 0..200 {
            mixer.finish(&mut [0.1; 480]);
        }
        let mut quiet = [0.1; 480];
        mixer.finish(&mut quiet);
        assert!((quiet[0] - 0.1).abs() < 0.001);
    }

    #[test]
    fn broken_samples_do_not_break_the_mixer() {
        let mut mixer = Mixer::default();
        mixer.finish(&mut [f32::INFINITY, f32::NAN, f32::MAX]);
        let mut audio = [0.5; 4800];
        mixer.finish(&mut audio);
        assert!(audio.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
    }
}
