//! Soft sounds that say that someone came or wrote. They are played, so the echo canceller knows them, and never sent.

use maru_core::media::AUDIO_CLOCK_HZ;

use super::clip::{Clip, note};

const NOTE_SAMPLES: usize = AUDIO_CLOCK_HZ as usize * 15 / 100;
/// Soft beside a voice, which is at about 0.3.
const LOUDEST: f32 = 0.08;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// Someone joined.
    Joined,
    /// Someone wrote.
    Message,
}

impl Cue {
    fn notes_hz(self) -> &'static [f32] {
        match self {
            Self::Joined => &[523.25, 783.99],
            Self::Message => &[880.0],
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct CuePlayer(Clip);

impl CuePlayer {
    /// Plays `cue`, unless one is playing.
    pub(super) fn start(&mut self, cue: Cue) {
        if self.0.is_over() {
            let notes = cue.notes_hz().iter().flat_map(|hz| note(*hz, NOTE_SAMPLES, LOUDEST));
            self.0 = Clip::new(notes.collect());
        }
    }

    /// Adds what is played to the mix.
    pub(super) fn play(&mut self, mix: &mut [f32]) {
        self.0.play(mix);
    }
}

#[cfg(test)]
mod tests {
    use maru_core::spectrum::loudest_hz;

    use super::*;

    #[test]
    fn a_cue_is_played_once_softly_and_without_a_click() {
        let mut player = CuePlayer::default();
        player.start(Cue::Joined);
        let mut played = vec![0.0; 3 * NOTE_SAMPLES];
        for block in played.chunks_mut(480) {
            player.play(block);
            player.start(Cue::Message);
        }
        assert_eq!(loudest_hz(&played[NOTE_SAMPLES..2 * NOTE_SAMPLES], 48_000, 400..1000, 20), 780);
        assert!(played.iter().all(|sample| sample.abs() <= LOUDEST));
        let steepest = played.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.02, "{steepest}");
        player.play(&mut vec![0.0; NOTE_SAMPLES]);
        let mut silence = [0.0; 480];
        player.play(&mut silence);
        assert!(silence.iter().all(|sample| *sample == 0.0));
    }
}
