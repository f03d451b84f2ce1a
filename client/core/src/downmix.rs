//! Mixes the channels of a microphone or a file down to one.
//!
//! The average of all channels would make a voice quieter the more channels there are: by 6 dB for a microphone at one of
//! two inputs, by 25 dB at one of 18. So only the channels that carry something are averaged.

/// Power relative to the loudest channel (-13 dB). A channel below it carries noise, or what its neighbour carries.
const ACTIVE_SHARE: f32 = 0.05;
/// Mean square (-70 dBFS). While all channels are below it nobody speaks, and the choice of channels stays.
const SILENCE_POWER: f32 = 1e-7;
/// The measured power of a channel falls by 20 dB in this time, so that pauses between words change nothing.
const FALL_BY_20_DB_S: f32 = 3.0;
/// A channel fades in or out within this time.
const FADE_S: f32 = 0.02;

/// [`Self::measure`] looks at a block, then [`Self::mix`] makes one sample of each of its frames. Neither allocates.
#[derive(Debug)]
pub struct Downmix {
    channels: Box<[Channel]>,
    /// How much a weight may change from one frame to the next.
    fade_step: f32,
    /// Natural logarithm of the factor by which the measured power falls within one frame.
    fall_per_frame: f32,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    power: f32,
    sum_of_squares: f32,
    weight: f32,
    wanted_weight: f32,
}

impl Downmix {
    /// `channels` and `rate_hz` are at least 1.
    pub fn new(channels: usize, rate_hz: u32) -> Self {
        let (channels, rate_hz) = (channels.max(1), rate_hz.max(1) as f32);
        let weight = 1.0 / channels as f32;
        let channel = Channel { power: 0.0, sum_of_squares: 0.0, weight, wanted_weight: weight };
        Self {
            channels: vec![channel; channels].into(),
            fade_step: 1.0 / (FADE_S * rate_hz),
            fall_per_frame: -(100_f32.ln()) / (FALL_BY_20_DB_S * rate_hz),
        }
    }

    /// Measures the channels in the frames of the next block.
    pub fn measure<F: IntoIterator<Item = f32>>(&mut self, frames: impl IntoIterator<Item = F>) {
        if self.channels.len() < 2 {
            return;
        }
        let mut count = 0_u32;
        for frame in frames {
            count += 1;
            for (channel, sample) in self.channels.iter_mut().zip(frame) {
                channel.sum_of_squares += in_range(sample).powi(2);
            }
        }
        if count == 0 {
            return;
        }
        let fall = (self.fall_per_frame * count as f32).exp();
        for channel in &mut self.channels {
            let mean_square = std::mem::take(&mut channel.sum_of_squares) / count as f32;
            channel.power = mean_square.max(channel.power * fall);
        }
        self.choose();
    }

    /// The sample of one frame, from -1 to 1.
    pub fn mix(&mut self, frame: impl IntoIterator<Item = f32>) -> f32 {
        let mut sum = 0.0;
        for (channel, sample) in self.channels.iter_mut().zip(frame) {
            sum += channel.weight * in_range(sample);
            let missing = channel.wanted_weight - channel.weight;
            channel.weight += missing.clamp(-self.fade_step, self.fade_step);
        }
        sum
    }

    fn choose(&mut self) {
        let loudest = self.channels.iter().fold(0.0_f32, |loudest, channel| loudest.max(channel.power));
        if loudest < SILENCE_POWER {
            return;
        }
        let is_active = |channel: &Channel| channel.power >= loudest * ACTIVE_SHARE;
        let active = self.channels.iter().filter(|channel| is_active(channel)).count();
        for channel in &mut self.channels {
            channel.wanted_weight = if is_active(channel) { 1.0 / active as f32 } else { 0.0 };
        }
    }
}

/// A driver or a file may deliver anything.
fn in_range(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::{loudest_hz, tone};

    const RATE_HZ: u32 = 48_000;

    /// Each channel has its own samples; blocks of `block` frames.
    fn mixed(downmix: &mut Downmix, channels: &[Vec<f32>], block: usize) -> Vec<f32> {
        let frame = |at: usize| channels.iter().map(move |channel| channel[at]);
        let mut out = Vec::new();
        for start in (0..channels[0].len()).step_by(block) {
            let end = channels[0].len().min(start + block);
            downmix.measure((start..end).map(frame));
            out.extend((start..end).map(|at| downmix.mix(frame(at))));
        }
        out
    }

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn one_microphone_on_an_interface_keeps_its_level() {
        let voice = tone(1000.0, RATE_HZ, 48_000);
        for (count, block) in [(2, 480), (2, 24), (18, 480), (18, 19_200)] {
            let noise: Vec<f32> = tone(77.0, RATE_HZ, 48_000).iter().map(|sample| sample * 0.001).collect();
            let mut channels = vec![noise; count];
            channels[count - 1].clone_from(&voice);
            let out = mixed(&mut Downmix::new(count, RATE_HZ), &channels, block);
            let level = rms(&out[2400..]) / rms(&voice);
            assert!((0.97..1.03).contains(&level), "{count} channels in blocks of {block}: {level}");
        }
    }

    #[test]
    fn equal_channels_keep_their_level() {
        let voice = tone(500.0, RATE_HZ, 9600);
        let out = mixed(&mut Downmix::new(2, RATE_HZ), &[voice.clone(), voice.clone()], 480);
        assert_eq!(out, voice);
        let out = mixed(&mut Downmix::new(1, RATE_HZ), std::slice::from_ref(&voice), 480);
        assert_eq!(out, voice);
    }

    #[test]
    fn two_who_speak_by_turns_are_both_heard_and_no_change_clicks() {
        let silence = vec![0.0; 48_000];
        let (first, second) = (tone(400.0, RATE_HZ, 48_000), tone(1000.0, RATE_HZ, 48_000));
        let mut downmix = Downmix::new(2, RATE_HZ);
        let mut out = mixed(&mut downmix, &[first.clone(), silence.clone()], 480);
        out.extend(mixed(&mut downmix, &[silence.clone(), silence.clone()], 480));
        out.extend(mixed(&mut downmix, &[silence, second.clone()], 480));
        assert!(rms(&out[24_000..48_000]) > 0.97 * rms(&first));
        let turn = &out[96_000 + 4800..96_000 + 28_800];
        assert_eq!(loudest_hz(turn, RATE_HZ, 300..2000, 20), 1000);
        assert!(rms(turn) > 0.49 * rms(&second), "{}", rms(turn));
        let steepest = second.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        let steps = out.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 1.1 * steepest);
    }

    #[test]
    fn broken_samples_do_not_stay() {
        let mut downmix = Downmix::new(2, RATE_HZ);
        let broken = vec![f32::NAN, f32::INFINITY, f32::MAX, f32::MIN];
        let out = mixed(&mut downmix, &[broken.clone(), broken], 4);
        assert!(out.iter().all(|sample| sample.abs() <= 1.0), "{out:?}");
        let voice = tone(500.0, RATE_HZ, 9600);
        let out = mixed(&mut downmix, &[voice.clone(), voice.clone()], 480);
        assert!(rms(&out) > 0.9 * rms(&voice));
    }
}
