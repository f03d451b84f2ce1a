//! Sound made a little shorter or longer: one piece of 5 to 12.5 ms is left out or said twice, at the distance at which
//! the sound is most like itself (a period of the voice), with a cross-fade of 5 ms.

const FADE: usize = 240;
const MIN_LAG: usize = 240;
const MAX_LAG: usize = 600;
/// Samples that [`shorten`] and [`lengthen`] need.
pub(super) const NEEDED_SAMPLES: usize = MAX_LAG + FADE;

/// From this likeness (1: the same) a cut is not heard.
const LIKE_ENOUGH: f32 = 0.8;
/// Below this loudness (RMS) no cut is heard.
const QUIET: f32 = 0.003;

/// Leaves a piece out at the start of `sound`. `false`: there is no good place, and `force` is not set.
pub(super) fn shorten(sound: &mut Vec<f32>, force: bool) -> bool {
    let Some(lag) = find_lag(sound, force) else { return false };
    for i in 0..FADE {
        sound[lag + i] = cross_fade(sound[i], sound[lag + i], i);
    }
    sound.drain(..lag);
    true
}

/// Says a piece twice at the start of `sound`. `false`: there is no good place, and `force` is not set.
pub(super) fn lengthen(sound: &mut Vec<f32>, force: bool) -> bool {
    let Some(lag) = find_lag(sound, force) else { return false };
    let mut repeated = sound[..lag + FADE].to_vec();
    for i in 0..FADE {
        repeated[lag + i] = cross_fade(sound[lag + i], sound[i], i);
    }
    sound.splice(..FADE, repeated);
    true
}

/// The distance at which the start of `sound` is most like itself.
fn find_lag(sound: &[f32], force: bool) -> Option<usize> {
    if sound.len() < NEEDED_SAMPLES {
        return None;
    }
    let energy = dot(&sound[..FADE], &sound[..FADE]);
    if energy < QUIET * QUIET * FADE as f32 {
        return Some((MIN_LAG + MAX_LAG) / 2);
    }
    let likeness = |lag: usize| {
        let later = &sound[lag..lag + FADE];
        dot(&sound[..FADE], later) / (energy * dot(later, later)).sqrt().max(f32::MIN_POSITIVE)
    };
    // A coarse search is enough for the first octaves of a voice; the fine one finds the phase of the rest.
    let better = |a: &(usize, f32), b: &(usize, f32)| a.1.total_cmp(&b.1);
    let (coarse, _) = (MIN_LAG..=MAX_LAG).step_by(4).map(|lag| (lag, likeness(lag))).max_by(better)?;
    let near = coarse.saturating_sub(3).max(MIN_LAG)..=(coarse + 3).min(MAX_LAG);
    let (lag, best) = near.map(|lag| (lag, likeness(lag))).max_by(better)?;
    (force || best >= LIKE_ENOUGH).then_some(lag)
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
    fn steepest(sound: &[f32]) -> f32 {
        sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    fn quietest_5ms(sound: &[f32]) -> f32 {
        sound.windows(240).map(|part| (dot(part, part) / 240.0).sqrt()).fold(f32::MAX, f32::min)
    }

    #[test]
    fn a_tone_is_cut_and_repeated_without_a_click_or_a_hole() {
        type Stretch = fn(&mut Vec<f32>, bool) -> bool;
        for (stretch, shorter) in [(shorten as Stretch, true), (lengthen as Stretch, false)] {
            let mut sound = tone(1440);
            assert!(stretch(&mut sound, false));
            let change = sound.len().abs_diff(1440);
            assert!((MIN_LAG..=MAX_LAG).contains(&change));
            assert_eq!(sound.len() < 1440, shorter);
            assert!(steepest(&sound) < 1.2 * steepest(&tone(1440)));
            assert!(quietest_5ms(&sound) > 0.9 * quietest_5ms(&tone(1440)));
        }
    }

    #[test]
    fn noise_is_left_alone_unless_it_must_be_cut() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<f32> = (0..960).map(|_| 2.0 * random.f32() - 1.0).collect();
        let mut sound = noise.clone();
        assert!(!shorten(&mut sound, false));
        assert_eq!(sound, noise);
        assert!(shorten(&mut sound, true));
        assert!(sound.len() < noise.len());
    }

    #[test]
    fn silence_can_always_be_cut() {
        let mut sound = vec![0.0; 960];
        assert!(shorten(&mut sound, false));
        assert!(sound.len() < 960);
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        let mut sound = tone(NEEDED_SAMPLES - 1);
        assert!(!lengthen(&mut sound, true));
        assert_eq!(sound.len(), NEEDED_SAMPLES - 1);
    }
}
