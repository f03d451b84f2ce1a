//! Time stretching: a piece of 5 to 12.5 ms is removed or repeated, with a cross-fade of 5 ms. Its length is the lag at
//! which the audio is most similar to itself, a pitch period of the voice (as WSOLA, Verhelst and Roelands 1993).

const FADE: usize = 240;
const MIN_LAG: usize = 240;
const MAX_LAG: usize = 600;
/// Samples that [`shorten`] and [`lengthen`] need. All lengths are at 48 kHz.
pub(super) const NEEDED_SAMPLES: usize = MAX_LAG + FADE;

/// From this correlation on a cut is not heard.
const MIN_CORRELATION: f32 = 0.8;
/// Below this RMS no cut is heard.
const QUIET: f32 = 0.003;

/// Removes a piece at the start. Returns `false` if a cut would be heard and `force` is not set.
pub(super) fn shorten(audio: &mut Vec<f32>, force: bool) -> bool {
    let Some(lag) = find_lag(audio, force) else { return false };
    for i in 0..FADE {
        audio[lag + i] = cross_fade(audio[i], audio[lag + i], i);
    }
    audio.drain(..lag);
    true
}

/// Repeats a piece at the start. Returns `false` if it would be heard and `force` is not set.
pub(super) fn lengthen(audio: &mut Vec<f32>, force: bool) -> bool {
    let Some(lag) = find_lag(audio, force) else { return false };
    let mut repeated = audio[..lag + FADE].to_vec();
    for i in 0..FADE {
        repeated[lag + i] = cross_fade(audio[lag + i], audio[i], i);
    }
    audio.splice(..FADE, repeated);
    true
}

/// The lag of the highest correlation.
fn find_lag(audio: &[f32], force: bool) -> Option<usize> {
    if audio.len() < NEEDED_SAMPLES {
        return None;
    }
    let energy = dot(&audio[..FADE], &audio[..FADE]);
    if energy < QUIET * QUIET * FADE as f32 {
        return Some((MIN_LAG + MAX_LAG) / 2);
    }
    let correlation = |lag: usize| {
        let later = &audio[lag..lag + FADE];
        dot(&audio[..FADE], later) / (energy * dot(later, later)).sqrt().max(f32::MIN_POSITIVE)
    };
    // Every fourth lag is enough for the low harmonics of a voice, then a fine search for the high ones.
    let better = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1);
    let (coarse, _) = (MIN_LAG..=MAX_LAG).step_by(4).map(|lag| (lag, correlation(lag))).max_by(better)?;
    let near = coarse.saturating_sub(3).max(MIN_LAG)..=(coarse + 3).min(MAX_LAG);
    let (lag, best) = near.map(|lag| (lag, correlation(lag))).max_by(better)?;
    (force || best >= MIN_CORRELATION).then_some(lag)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cross_fade(from: f32, to: f32, step: usize) -> f32 {
    let weight = (step as f32 + 0.5) / FADE as f32;
    from + (to - from) * weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(samples: usize) -> Vec<f32> {
        (0..samples).map(|n| 0.5 * (TAU * 330.0 * n as f32 / 48_000.0).sin()).collect()
    }

    /// The biggest step between neighbours: a click shows as a step that the tone itself does not have.
    fn steepest(audio: &[f32]) -> f32 {
        audio.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    fn quietest_5ms(audio: &[f32]) -> f32 {
        audio.windows(240).map(|part| (dot(part, part) / 240.0).sqrt()).fold(f32::MAX, f32::min)
    }

    #[test]
    fn a_tone_is_stretched_without_a_click_or_a_hole() {
        type Stretch = fn(&mut Vec<f32>, bool) -> bool;
        for (stretch, shorter) in [(shorten as Stretch, true), (lengthen as Stretch, false)] {
            let mut audio = tone(1440);
            assert!(stretch(&mut audio, false));
            let change = audio.len().abs_diff(1440);
            assert!((MIN_LAG..=MAX_LAG).contains(&change));
            assert_eq!(audio.len() < 1440, shorter);
            assert!(steepest(&audio) < 1.2 * steepest(&tone(1440)));
            assert!(quietest_5ms(&audio) > 0.9 * quietest_5ms(&tone(1440)));
        }
    }

    #[test]
    fn noise_is_cut_only_by_force() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<f32> = (0..960).map(|_| 2.0 * random.f32() - 1.0).collect();
        let mut audio = noise.clone();
        assert!(!shorten(&mut audio, false));
        assert_eq!(audio, noise);
        assert!(shorten(&mut audio, true));
        assert!(audio.len() < noise.len());
    }

    #[test]
    fn silence_can_always_be_cut() {
        let mut audio = vec![0.0; 960];
        assert!(shorten(&mut audio, false));
        assert!(audio.len() < 960);
    }

    #[test]
    fn short_audio_is_left_alone() {
        let mut audio = tone(NEEDED_SAMPLES - 1);
        assert!(!lengthen(&mut audio, true));
        assert_eq!(audio.len(), NEEDED_SAMPLES - 1);
    }
}
