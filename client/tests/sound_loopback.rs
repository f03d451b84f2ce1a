//! Two audio engines without devices: the test sound goes through Opus and a jitter buffer into a file.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use maru::clock;
use maru::media::audio::{AudioConfig, AudioEngine, AudioStats};
use maru::media::{DeviceChoice, VoiceProcessing, Wake};
use maru::report::Report;
use maru_core::media::AudioPacket;
use maru_core::rtp::Sequence;
use maru_core::test_sound::{MARKER_HZ, MARKER_SAMPLES, QUIETEST_RMS, tone_hz};
use tokio::sync::mpsc;

mod hearing;

use hearing::{first_marker, loudest_hz, quiet_blocks, read_wav, whole_second};

/// Longer than the slowest machine takes.
const TIMEOUT: Duration = Duration::from_secs(120);

fn engine(microphone: DeviceChoice, save_remote: Option<PathBuf>) -> AudioEngine {
    let (events, _) = mpsc::channel(16);
    let config = AudioConfig {
        microphone,
        speaker: DeviceChoice::None,
        voice: VoiceProcessing::OFF,
        processes_files: false,
        muted: false,
        save_remote,
        wake: Wake::default(),
    };
    AudioEngine::start(config, events, Report::none())
}

/// Sends the test sound from one engine to another until `samples` have been played. Returns the saved audio, the
/// statistics, and the mean of the buffer in ms.
fn call(name: &str, samples: u64) -> (Vec<f32>, AudioStats, f32) {
    let folder = std::env::temp_dir().join(format!("maru-loopback-{}-{name}", std::process::id()));
    let speaking = engine(DeviceChoice::Test, None);
    let listening = engine(DeviceChoice::None, Some(folder.clone()));
    let peer = listening.add_peer(name);
    let mut packets = speaking.attach();
    let deadline = Instant::now() + TIMEOUT;
    let mut sequence = Sequence::new(1000);
    let mut buffer_ms = Vec::new();
    while peer.stats().samples_played < samples {
        assert!(Instant::now() < deadline, "{:?}", peer.stats());
        let packet = packets.blocking_recv().expect("the engine is running");
        sequence = sequence + 1;
        let (payload, rtp_time) = (packet.payload, packet.rtp_time);
        peer.push(AudioPacket { payload, sequence, rtp_time, arrived: clock::now(), is_copy: false });
        buffer_ms.push(peer.stats().buffer_ms);
    }
    let stats = peer.stats();
    drop(peer);
    drop(listening);
    let sound = read_wav(&folder.join(format!("{name}.wav")));
    std::fs::remove_dir_all(folder).expect("the folder was made by the engine");
    let mean_buffer_ms = buffer_ms.iter().sum::<f32>() / buffer_ms.len() as f32;
    (sound, stats, mean_buffer_ms)
}

#[test]
fn the_test_sound_arrives_with_no_gaps_but_concealed_ones() {
    let (sound, stats, mean_buffer_ms) = call("시험", 10 * 48_000);
    println!("{stats:?}, {mean_buffer_ms} ms in the buffer on average");
    let start = whole_second(&sound).expect("a complete second");
    let marker = &sound[start + 240..start + MARKER_SAMPLES as usize - 240];
    assert_eq!(loudest_hz(marker, 300..3400), MARKER_HZ as u32);
    // The second is one of the pattern's three; each syllable has its pitch.
    let pitch = |syllable: usize| {
        let at = start + syllable * 12_000;
        loudest_hz(&sound[at + 4800..at + 10_000], 300..2800)
    };
    let received = [0, 1, 2, 3].map(pitch);
    let sent = [0, 4, 8].map(|first| [0, 1, 2, 3].map(|syllable| tone_hz((first + syllable) * 12_000) as u32));
    assert!(sent.contains(&received), "{received:?}");
    let gaps = quiet_blocks(&sound[start..sound.len() - 4800], QUIETEST_RMS / 4.0);
    let concealed_ms = stats.samples_concealed as usize / 48;
    // Audio is concealed in steps of 10 ms. After the last one the decoder fades in for a quarter of a packet, 5 ms.
    let allowed_ms = concealed_ms + concealed_ms / 10 * 5;
    assert!(gaps * 5 <= allowed_ms, "{gaps} gaps of 5 ms, but only {concealed_ms} ms were concealed");
}

/// `cargo test --workspace --test sound_loopback -- --ignored --nocapture`
#[test]
#[ignore = "a measurement of a minute"]
fn sixty_seconds_without_a_gap() {
    let before = processor_time_ms();
    let (sound, stats, mean_buffer_ms) = call("minute", 60 * 48_000);
    let spent_ms = processor_time_ms() - before;
    println!("{stats:?}, {mean_buffer_ms} ms in the buffer on average, {spent_ms} ms of processor time for both ends");
    let start = first_marker(&sound).expect("a marker");
    assert_eq!(stats.samples_concealed, 0);
    assert_eq!(quiet_blocks(&sound[start..sound.len() - 4800], QUIETEST_RMS / 4.0), 0);
}

/// User and system time of this process, in ms (Linux).
fn processor_time_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let hundredths = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    hundredths.sum::<u64>() * 10
}
