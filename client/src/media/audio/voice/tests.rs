use std::f32::consts::TAU;
use std::time::Duration;

use super::*;
use crate::media::config::NoiseSuppression;

const RATE: u64 = 48_000;
/// When the microphone begins.
const START: Timestamp = Timestamp::from_micros(10_000_000);
const ECHO_ONLY: VoiceProcessing =
    VoiceProcessing { echo_cancellation: true, noise_suppression: NoiseSuppression::Off, automatic_gain: false };

fn at(samples_since: u64) -> Timestamp {
    START + Duration::from_micros(samples_since * 1_000_000 / RATE)
}

/// Something like speech: bursts of harmonics whose pitch and colour wander, with pauses.
fn speech(seed: u64, count: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        let syllable = 4_800 + random.usize(..9_600);
        let (pitch, colour) = (90.0 + 120.0 * random.f32(), 1.0 + 2.0 * random.f32());
        for n in 0..syllable {
            let time = n as f32 / RATE as f32;
            let envelope = (n as f32 / syllable as f32 * std::f32::consts::PI).sin();
            let voice: f32 = (1..25).map(|h| (time * TAU * pitch * h as f32).sin() / (h as f32).powf(colour)).sum();
            out.push(0.12 * envelope * (voice + 2.0 * (random.f32() - 0.5)));
        }
        out.extend(vec![0.0; random.usize(..4_800)]);
    }
    out.truncate(count);
    out
}

/// A room: a direct sound and decaying reflections, in all `gain`.
fn room(gain: f32) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(99);
    let taps = 4_800;
    (0..taps)
        .map(|n| {
            let decay = (-(n as f32) / 900.0).exp();
            gain * if n == 0 { 0.6 } else { decay * (random.f32() - 0.5) * 0.12 }
        })
        .collect()
}

fn through(room: &[f32], sound: &[f32], delay: usize) -> Vec<f32> {
    let mut out = vec![0.0; sound.len() + delay + room.len()];
    for (n, sample) in sound.iter().enumerate().filter(|(_, sample)| **sample != 0.0) {
        for (tap, gain) in room.iter().enumerate() {
            out[n + delay + tap] += sample * gain;
        }
    }
    out.truncate(sound.len());
    out
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

fn db(ratio: f32) -> f32 {
    10.0 * ratio.max(1e-12).log10()
}

/// Runs the microphone's audio through `voice` in pieces of 7 to 13 ms while the speaker plays `played`. What waits for the
/// speaker is 50 ms.
fn run(voice: &mut Voice, played: &[f32], microphone: &[f32]) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(5);
    let (mut out, mut done, mut pushed) = (Vec::new(), 0, 0);
    while done < microphone.len() {
        while pushed < played.len().min(done + 2_400 + 480) {
            let end = played.len().min(pushed + 480);
            voice.reference.push(at(pushed as u64), &played[pushed..end]);
            pushed = end;
        }
        let end = microphone.len().min(done + 336 + random.usize(..288));
        let mut piece = microphone[done..end].to_vec();
        voice.process(at(end as u64), &mut piece);
        out.append(&mut piece);
        done = end;
    }
    out
}

#[test]
fn what_the_speaker_plays_is_not_sent_back() {
    let seconds = 10;
    let played = speech(1, RATE as usize * seconds);
    // The drivers say nothing of the last 60 ms.
    let echo = through(&room(0.5), &played, 2_880);
    let mut voice = Voice::new(ECHO_ONLY);
    let sent = run(&mut voice, &played, &echo);
    let late = RATE as usize * 4..RATE as usize * 9;
    let removed = db(power(&echo[late.clone()]) / power(&sent[late]));
    println!("{removed:.1} dB of the echo are removed");
    assert!(removed > 20.0, "{removed} dB");
}

#[test]
fn without_an_echo_the_voice_is_kept() {
    let spoken = speech(2, RATE as usize * 6);
    for processing in [ECHO_ONLY, VoiceProcessing { automatic_gain: false, ..VoiceProcessing::default() }] {
        let sent = run(&mut Voice::new(processing), &[], &spoken);
        let late = RATE as usize * 2..RATE as usize * 5;
        let lost = db(power(&spoken[late.clone()]) / power(&sent[late]));
        println!("{processing:?}: {lost:.1} dB of the voice are lost");
        assert!(lost.abs() < 2.0, "{lost} dB");
    }
}

#[test]
fn with_everything_off_each_sample_is_sent_at_once_as_it_is() {
    let spoken: Vec<f32> = (0..4_800).map(|n| (n as f32 * TAU * 18_000.0 / RATE as f32).sin()).collect();
    let mut voice = Voice::new(VoiceProcessing::OFF);
    let mut piece = spoken[..777].to_vec();
    assert_eq!(voice.process(at(777), &mut piece), at(777));
    assert_eq!(piece, spoken[..777]);
}

#[test]
fn a_quiet_voice_becomes_louder_and_a_loud_one_does_not() {
    let spoken = speech(3, RATE as usize * 20);
    let gain_only = VoiceProcessing { automatic_gain: true, ..VoiceProcessing::OFF };
    let gained = |scale: f32| {
        let microphone: Vec<f32> = spoken.iter().map(|sample| sample * scale).collect();
        let sent = run(&mut Voice::new(gain_only), &[], &microphone);
        let late = RATE as usize * 15..RATE as usize * 19;
        db(power(&sent[late.clone()]) / power(&microphone[late]))
    };
    let (quiet, loud) = (gained(0.1), gained(3.0));
    println!("quiet: {quiet:.1} dB, loud: {loud:.1} dB");
    assert!(quiet > 6.0, "{quiet} dB");
    assert!(loud < 1.0, "{loud} dB");
}

/// In two thirds of all trials one sample that is no number made the rest of the call so.
#[test]
fn samples_that_are_no_numbers_leave_no_trace() {
    let mut microphone = speech(4, RATE as usize * 2);
    for (n, bad) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30].into_iter().enumerate() {
        microphone[20_000 + n * 777] = bad;
    }
    let sent = run(&mut Voice::new(VoiceProcessing::default()), &[], &microphone);
    assert!(sent.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
    assert!(power(&sent[RATE as usize..]) > 1e-5, "it goes on");
}

#[test]
fn the_voice_is_late_by_what_the_times_say() {
    for processing in [
        ECHO_ONLY,
        VoiceProcessing { noise_suppression: NoiseSuppression::Moderate, ..VoiceProcessing::OFF },
        VoiceProcessing { automatic_gain: true, ..VoiceProcessing::OFF },
        VoiceProcessing::default(),
    ] {
        let spoken = speech(6, RATE as usize * 3);
        let mut voice = Voice::new(processing);
        let sent = run(&mut voice, &[], &spoken);
        let window = RATE as usize * 2..RATE as usize * 2 + 20_000;
        let likeness = |late: usize| -> f32 { window.clone().map(|n| spoken[n - late] * sent[n]).sum::<f32>() };
        let late = (0..2_000).max_by(|&one, &other| likeness(one).total_cmp(&likeness(other))).unwrap();
        let said = voice.processor.as_ref().unwrap().delay();
        let late_ms = late as f32 / 48.0;
        println!("{processing:?}: {late_ms:.2} ms late, {said:?} said");
        assert!((late_ms - said.as_secs_f32() * 1e3).abs() < 1.0, "{processing:?}: {late_ms} ms");
    }
}

#[test]
fn a_change_of_what_is_done_loses_no_audio() {
    let spoken = speech(7, RATE as usize * 2);
    let mut voice = Voice::new(VoiceProcessing::default());
    let mut sent = 0;
    for (number, piece) in spoken.chunks(500).enumerate() {
        voice.set(if number % 40 < 20 { VoiceProcessing::default() } else { VoiceProcessing::OFF });
        let mut audio = piece.to_vec();
        voice.process(at((number * 500 + piece.len()) as u64), &mut audio);
        sent += audio.len();
    }
    assert!(spoken.len() - sent < BLOCK_SAMPLES, "{sent} of {}", spoken.len());
}

/// One end of a call without a headset: its microphone hears its speaker.
struct OpenSpeakers {
    voice: Voice,
    /// What was played lately, the newest last.
    room: Vec<f32>,
    /// Each with its delay in samples.
    reflections: Vec<(usize, f32)>,
    done: u64,
}

impl OpenSpeakers {
    fn new(seed: u64, processing: VoiceProcessing) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let later = (0..12).map(|n| (3_000 + random.usize(..7_000), 0.25 * 0.8_f32.powi(n) * (random.f32() - 0.5)));
        // As loud as it is played.
        let reflections = std::iter::once((2_900, 1.0)).chain(later).collect();
        Self { voice: Voice::new(processing), room: vec![0.0; 12_000], reflections, done: 0 }
    }

    /// 10 ms: plays what comes from the other end, and gives what is sent.
    fn step(&mut self, played: &[f32], spoken: &[f32]) -> Vec<f32> {
        self.voice.reference.push(at(self.done) + Duration::from_millis(60), played);
        self.room.drain(..played.len());
        self.room.extend_from_slice(played);
        let end = self.room.len();
        let heard = (0..spoken.len()).map(|n| {
            let echo: f32 =
                self.reflections.iter().map(|(delay, gain)| gain * self.room[end - spoken.len() + n - delay]).sum();
            (spoken[n] + echo).clamp(-1.0, 1.0)
        });
        let mut microphone: Vec<f32> = heard.collect();
        self.done += spoken.len() as u64;
        self.voice.process(at(self.done), &mut microphone);
        microphone
    }
}

/// Two talk in turns for `minutes`, then both are silent. Gives the power of what they send in the last second, in dB.
fn silence_after_talk_db(processing: VoiceProcessing, minutes: usize) -> f32 {
    let mut ends = [OpenSpeakers::new(1, processing), OpenSpeakers::new(2, processing)];
    let words = [speech(11, RATE as usize * 30), speech(12, RATE as usize * 30)];
    // 100 ms on the way.
    let mut under_way = [(); 2].map(|()| std::collections::VecDeque::from(vec![0.0; 4_800]));
    let mut last = Vec::new();
    let talk_blocks = minutes * 6_000;
    for block in 0..talk_blocks + 500 {
        let played = under_way.each_mut().map(|way| {
            let ready = way.len().min(BLOCK_SAMPLES);
            let mut played: Vec<f32> = way.drain(..ready).collect();
            played.resize(BLOCK_SAMPLES, 0.0);
            played
        });
        for who in 0..2 {
            // Ten seconds each.
            let talks = block < talk_blocks && block / 1_000 % 2 == who;
            let begin = block % 3_000 * BLOCK_SAMPLES;
            let spoken = if talks { &words[who][begin..begin + BLOCK_SAMPLES] } else { &[0.0; BLOCK_SAMPLES][..] };
            let sent = ends[who].step(&played[1 - who], spoken);
            if block >= talk_blocks + 400 {
                last.extend_from_slice(&sent);
            }
            under_way[who].extend(sent);
        }
    }
    // What one sends the other plays.
    db(power(&last))
}

#[test]
fn two_with_open_speakers_do_not_howl_in_ten_minutes() {
    let without = silence_after_talk_db(VoiceProcessing::OFF, 1);
    let with = silence_after_talk_db(VoiceProcessing::default(), 10);
    println!("after talk, with everything off: {without:.0} dB, on: {with:.0} dB");
    assert!(without > -20.0, "the check cannot fail: {without} dB");
    assert!(with < -50.0, "{with} dB");
}
