//! The tests in the settings: three seconds of one's own voice are recorded, as the others would get them, and played
//! back; and a sound for the speaker. Nobody else hears either.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use maru_core::media::AUDIO_CLOCK_HZ;
use maru_core::time::Timestamp;

use super::EngineState;
use super::clip::{Clip, note};

const RECORDED_SAMPLES: usize = 3 * AUDIO_CLOCK_HZ as usize;
/// A microphone that delivers less than it should does not record for ever.
const MAX_TIME: Duration = Duration::from_secs(5);
/// At the ends of what was recorded, against a click.
const FADE_SAMPLES: usize = 240;
/// Two notes, a fourth apart.
const NOTES_HZ: [f32; 2] = [660.0, 880.0];
const NOTE_SAMPLES: usize = AUDIO_CLOCK_HZ as usize * 4 / 10;

/// What is being tested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SelfTestPhase {
    #[default]
    Idle,
    Recording,
    Playing,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTestRequest {
    /// Record the microphone and play it back.
    Record,
    /// Play a sound.
    Sound,
    Stop,
}

/// The test of microphone and speaker, on the audio worker.
pub(super) struct SelfTest {
    test: Test,
    state: Arc<EngineState>,
}

enum Test {
    Idle,
    Recording { samples: Vec<f32>, since: Option<Timestamp> },
    Playing(Clip),
}

impl SelfTest {
    pub(super) fn new(state: Arc<EngineState>) -> Self {
        Self { test: Test::Idle, state }
    }

    /// Ends what was going on.
    pub(super) fn request(&mut self, request: SelfTestRequest) {
        self.set(match request {
            SelfTestRequest::Record => Test::Recording { samples: Vec::with_capacity(RECORDED_SAMPLES), since: None },
            SelfTestRequest::Sound => Test::Playing(Clip::new(chime())),
            SelfTestRequest::Stop => Test::Idle,
        });
    }

    /// Meanwhile nothing is sent: it is not for the others.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.test, Test::Idle)
    }

    /// What the others would get of the microphone, muted or not.
    pub(super) fn hear(&mut self, now: Timestamp, audio: &[f32]) {
        let Test::Recording { samples, since } = &mut self.test else { return };
        let since = *since.get_or_insert(now);
        let missing = RECORDED_SAMPLES - samples.len();
        samples.extend_from_slice(&audio[..audio.len().min(missing)]);
        if samples.len() == RECORDED_SAMPLES || now.since(since) > MAX_TIME {
            let mut samples = std::mem::take(samples);
            fade(&mut samples);
            self.set(Test::Playing(Clip::new(samples)));
        }
    }

    /// Adds what is played to the mix.
    pub(super) fn play(&mut self, mix: &mut [f32]) {
        let Test::Playing(clip) = &mut self.test else { return };
        clip.play(mix);
        if clip.is_over() {
            self.set(Test::Idle);
        }
    }

    fn set(&mut self, test: Test) {
        let state = &self.state;
        state.wake.set_flag(&state.is_test_recording, matches!(test, Test::Recording { .. }));
        state.wake.set_flag(&state.is_test_playing, matches!(test, Test::Playing(_)));
        self.test = test;
    }
}

impl EngineState {
    pub(super) fn self_test(&self) -> SelfTestPhase {
        if self.is_test_recording.load(Ordering::Relaxed) {
            SelfTestPhase::Recording
        } else if self.is_test_playing.load(Ordering::Relaxed) {
            SelfTestPhase::Playing
        } else {
            SelfTestPhase::Idle
        }
    }
}

fn fade(samples: &mut [f32]) {
    let fade = FADE_SAMPLES.min(samples.len() / 2);
    for at in 0..fade {
        let loudness = at as f32 / fade as f32;
        samples[at] *= loudness;
        let from_end = samples.len() - 1 - at;
        samples[from_end] *= loudness;
    }
}

fn chime() -> Vec<f32> {
    NOTES_HZ.into_iter().flat_map(|hz| note(hz, NOTE_SAMPLES, 0.3)).collect()
}

#[cfg(test)]
mod tests {
    use maru_core::spectrum::{loudest_hz, tone};

    use super::*;

    const BLOCK: usize = 480;

    struct Bench {
        test: SelfTest,
        state: Arc<EngineState>,
        now: Timestamp,
    }

    impl Bench {
        fn new() -> Self {
            let state = Arc::<EngineState>::default();
            Self { test: SelfTest::new(state.clone()), state, now: Timestamp::from_micros(1_000_000) }
        }

        /// What is played while `microphone` is heard.
        fn run(&mut self, microphone: &[f32]) -> Vec<f32> {
            let mut played = Vec::new();
            for heard in microphone.chunks(BLOCK) {
                self.now = self.now + Duration::from_millis(10);
                let mut mix = [0.0; BLOCK];
                self.test.play(&mut mix);
                played.extend(mix);
                self.test.hear(self.now, heard);
            }
            played
        }

        fn phase(&self) -> SelfTestPhase {
            self.state.self_test()
        }
    }

    #[test]
    fn three_seconds_are_recorded_and_played_back_once() {
        let mut bench = Bench::new();
        assert!(bench.run(&tone(500.0, 48_000, 48_000)).iter().all(|sample| *sample == 0.0));
        bench.test.request(SelfTestRequest::Record);
        assert_eq!(bench.phase(), SelfTestPhase::Recording);
        assert!(bench.run(&tone(700.0, 48_000, 3 * 48_000)).iter().all(|sample| *sample == 0.0));
        assert_eq!(bench.phase(), SelfTestPhase::Playing);
        let played = bench.run(&vec![0.0; 3 * 48_000]);
        assert_eq!(loudest_hz(&played, 48_000, 400..1000, 20), 700);
        assert_eq!((played[0], *played.last().unwrap()), (0.0, 0.0), "no click");
        assert_eq!(bench.phase(), SelfTestPhase::Idle);
        assert!(bench.run(&tone(500.0, 48_000, 48_000)).iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn a_microphone_that_stalls_ends_the_recording() {
        let mut bench = Bench::new();
        bench.test.request(SelfTestRequest::Record);
        bench.run(&tone(700.0, 48_000, 4800));
        for _ in 0..600 {
            bench.now = bench.now + Duration::from_millis(10);
            bench.test.hear(bench.now, &[]);
        }
        assert_eq!(bench.phase(), SelfTestPhase::Playing);
        bench.run(&vec![0.0; 4800]);
        assert_eq!(bench.phase(), SelfTestPhase::Idle);
    }

    #[test]
    fn the_sound_of_the_speaker_has_two_notes_without_a_click_and_can_be_stopped() {
        let mut bench = Bench::new();
        bench.test.request(SelfTestRequest::Sound);
        let played = bench.run(&vec![0.0; 2 * NOTE_SAMPLES]);
        for (note, hz) in played.chunks(NOTE_SAMPLES).zip([660, 880]) {
            assert_eq!(loudest_hz(note, 48_000, 500..1000, 20), hz);
        }
        let steepest = played.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.05, "{steepest}");
        bench.test.request(SelfTestRequest::Sound);
        bench.test.request(SelfTestRequest::Stop);
        assert_eq!(bench.phase(), SelfTestPhase::Idle);
        assert!(bench.run(&vec![0.0; 4800]).iter().all(|sample| *sample == 0.0));
    }
}
