//! Audio devices of an audio server: PulseAudio or PipeWire with null sinks, one server for each test.
//!
//! cpal finds the server through the environment, which a process with threads cannot change safely. So each test starts a
//! server, and runs its body in another process with an environment of its own.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use maru::clock;
use maru::media::audio::{AudioConfig, AudioEngine, list_microphones, list_speakers};
use maru::media::{DeviceChoice, DeviceKind, DeviceProblem, MediaEvent, VoiceProcessing, Wake};
use maru::report::Report;
use maru_core::media::{AUDIO_CLOCK_HZ, AudioPacket, EncodedAudio};
use maru_core::rtp::Sequence;
use maru_core::test_sound::{MARKER_HZ, MARKER_SAMPLES};
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

mod hearing;
mod support;

use hearing::{first_marker, loudest_hz, whole_second};
use support::server::Server;
use support::sound_server::{Kind, TIMEOUT, load_sink, pactl, run_body, with_server};

const SINK: &str = "sink_name=maru rate=48000 sink_properties=device.description=Maru";
/// Has the name of the first one.
const TWIN: &str = "sink_name=twin rate=48000 sink_properties=device.description=Maru";
const OTHER_SINK: &str = "sink_name=other rate=44100 sink_properties=device.description=Other";
/// A headset on Bluetooth while its microphone is used, and what many cards run at.
const HEADSET: &str = "sink_name=maru rate=16000 channels=1 sink_properties=device.description=Maru";
const CARD: &str = "sink_name=maru rate=44100 sink_properties=device.description=Maru";
/// An interface with 18 inputs: a sink whose monitor has as many.
const INTERFACE: &str = "sink_name=maru rate=48000 channels=18 sink_properties=device.description=Maru \
                         channel_map=aux0,aux1,aux2,aux3,aux4,aux5,aux6,aux7,aux8,aux9,aux10,aux11,aux12,aux13,aux14,aux15,aux16,aux17";
/// Two rooms, each with a speaker and a microphone: a sink whose monitor is the microphone.
const ROOMS: [&str; 4] = [
    "sink_name=speaker_a rate=48000 sink_properties=device.description=SpeakerA",
    "sink_name=microphone_a rate=48000 sink_properties=device.description=MicrophoneA",
    "sink_name=speaker_b rate=48000 sink_properties=device.description=SpeakerB",
    "sink_name=microphone_b rate=48000 sink_properties=device.description=MicrophoneB",
];
const AUX: &str = "aux0,aux1,aux2,aux3,aux4,aux5,aux6,aux7,aux8,aux9,aux10,aux11,aux12,aux13,aux14,aux15,aux16,aux17";

#[test]
fn a_microphone_hears_what_the_speaker_plays() {
    with_server(Kind::PulseAudio, &[SINK], "body_speaker_to_microphone");
}

#[test]
fn a_microphone_hears_what_the_speaker_plays_at_16_and_44_khz() {
    for sink in [HEADSET, CARD] {
        with_server(Kind::PulseAudio, &[sink], "body_speaker_to_microphone");
    }
}

#[test]
fn with_pipewire_a_microphone_hears_what_the_speaker_plays() {
    with_server(Kind::PipeWire, &[SINK], "body_speaker_to_microphone");
}

#[test]
fn with_pipewire_devices_come_and_go() {
    for body in ["body_default_is_followed", "body_stand_in"] {
        with_server(Kind::PipeWire, &[SINK, OTHER_SINK], body);
    }
}

#[test]
fn with_pipewire_two_with_open_speakers_do_not_howl() {
    with_server(Kind::PipeWire, &ROOMS, "body_open_speakers");
}

#[test]
fn a_headset_that_changes_its_profile_is_used_again() {
    with_server(Kind::PulseAudio, &[SINK, OTHER_SINK], "body_profile");
}

#[test]
fn while_a_chosen_speaker_is_gone_the_default_one_stands_in() {
    with_server(Kind::PulseAudio, &[SINK, OTHER_SINK], "body_stand_in");
}

#[test]
fn a_microphone_at_one_of_many_inputs_is_as_loud_as_it_is() {
    with_server(Kind::PulseAudio, &[INTERFACE, OTHER_SINK], "body_one_of_many_inputs");
}

#[test]
fn two_with_open_speakers_do_not_howl() {
    with_server(Kind::PulseAudio, &ROOMS, "body_open_speakers");
}

#[test]
fn an_unplugged_speaker_is_opened_again_when_it_is_back() {
    with_server(Kind::PulseAudio, &[SINK], "body_unplugged_and_back");
}

#[test]
fn a_change_of_the_default_speaker_is_followed() {
    with_server(Kind::PulseAudio, &[SINK, OTHER_SINK], "body_default_is_followed");
}

#[test]
fn a_chosen_speaker_is_found_when_its_twin_comes_and_goes() {
    with_server(Kind::PulseAudio, &[SINK], "body_twins");
}

#[test]
fn a_wrong_name_and_a_missing_microphone_are_reported() {
    with_server(Kind::PulseAudio, &[SINK], "body_missing_devices");
}

#[test]
fn without_an_audio_server_the_call_continues() {
    run_body("body_no_server", Path::new("/nonexistent"));
}

#[test]
#[ignore = "started by a_microphone_hears_what_the_speaker_plays"]
fn body_speaker_to_microphone() {
    assert!(list_speakers().contains(&"Maru".to_owned()), "{:?}", list_speakers());
    assert!(list_microphones().contains(&"Monitor of Maru".to_owned()), "{:?}", list_microphones());
    let (speaking, _events) = engine(DeviceChoice::Test, DeviceChoice::None);
    let monitor = DeviceChoice::Named("Monitor of Maru".into());
    let (device, mut events) = engine(monitor, DeviceChoice::Named("Maru".into()));
    wait_for(&mut events, |event| matches!(event, MediaEvent::Opened { device: DeviceKind::Microphone, .. }));
    let peer = device.add_peer("speaking");
    let mut sent = speaking.attach();
    let mut received = device.attach();
    let (mut sent_audio, mut received_audio) = (Recording::default(), Recording::default());
    let mut sequence = Sequence::new(0);
    let deadline = Instant::now() + TIMEOUT;
    let mut listened = 0;
    let start = loop {
        assert!(Instant::now() < deadline, "no complete second in {} samples", received_audio.samples.len());
        if received_audio.samples.len() > listened + AUDIO_CLOCK_HZ as usize {
            listened = received_audio.samples.len();
            if let Some(start) = whole_second(&received_audio.samples) {
                break start;
            }
        }
        let packet = sent.blocking_recv().expect("the engine is running");
        sent_audio.add(&packet);
        sequence = sequence + 1;
        let (payload, rtp_time) = (packet.payload, packet.rtp_time);
        peer.push(AudioPacket { payload, sequence, rtp_time, arrived: clock::now(), is_copy: false });
        while let Ok(packet) = received.try_recv() {
            received_audio.add(&packet);
        }
    };
    let marker = &received_audio.samples[start + 240..start + MARKER_SAMPLES as usize - 240];
    assert_eq!(loudest_hz(marker, 300..3400), MARKER_HZ as u32);
    let latency = received_audio.time_of(start) - sent_audio.marker_before(received_audio.time_of(start));
    println!("from the test sound to its echo through the sink: {latency} ms; {:?}", peer.stats());
    assert!((20..600).contains(&latency), "{latency} ms");
}

/// What is said into one microphone is played in the other room, whose microphone hears it, and so on. Without echo
/// cancellation it never ends.
#[test]
#[ignore = "started by two_with_open_speakers_do_not_howl"]
fn body_open_speakers() {
    for room in ["a", "b"] {
        let loopback = format!("source=speaker_{room}.monitor sink=microphone_{room} latency_msec=30");
        let arguments: Vec<&str> = ["load-module", "module-loopback"].into_iter().chain(loopback.split(' ')).collect();
        pactl(&arguments);
        // Each round is louder than the one before.
        pactl(&["set-sink-volume", &format!("microphone_{room}"), "130%"]);
    }
    let server = Server::start();
    let left = ["off", "on"].map(|voice| what_is_left_of_a_word(&server, voice));
    println!("ten seconds after a word: {left:?}");
    assert!(left[0] > 0.02, "the check cannot fail: it does not howl without echo cancellation, {}", left[0]);
    assert!(left[1] < 0.003, "{}", left[1]);
}

/// Two clients with open speakers. Gives the level in the room of one, ten seconds after a word was said there.
fn what_is_left_of_a_word(server: &Server, voice: &str) -> f32 {
    let folder = std::env::temp_dir().join(format!("maru-rooms-{}-{voice}", std::process::id()));
    let clients = ["A", "B"].map(|room| {
        let (microphone, speaker) = (format!("Monitor of Microphone{room}"), format!("Speaker{room}"));
        let devices = ["--microphone", &microphone, "--speaker", &speaker, "--voice", voice];
        support::client::Client::start(&folder, voice, room, &server.url, &devices)
    });
    for client in &clients {
        client.count_from(0, "connected", 1, |_| true);
        client.count_from(0, "heard", 5, |_| true);
    }
    say("microphone_a", Duration::from_secs(2)).wait().expect("pacat ends");
    // Long enough to see whether it dies away.
    let heard = recorded("speaker_a.monitor", 11 * AUDIO_CLOCK_HZ as usize);
    let heard = &heard[10 * AUDIO_CLOCK_HZ as usize..];
    drop(clients);
    let _ = std::fs::remove_dir_all(folder);
    (heard.iter().map(|sample| sample * sample).sum::<f32>() / heard.len() as f32).sqrt()
}

fn recorded(source: &str, samples: usize) -> Vec<f32> {
    let mut recorder = Command::new("parec")
        .args(["--raw", "--format=float32le", "--rate=48000", "--channels=1", &format!("--device={source}")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Debian's package pulseaudio-utils is installed");
    let mut bytes = vec![0; samples * 4];
    recorder.stdout.take().expect("it is piped").read_exact(&mut bytes).expect("the whole recording");
    recorder.kill().expect("it records");
    recorder.wait().expect("it ends");
    bytes.as_chunks::<4>().0.iter().map(|sample| f32::from_le_bytes(*sample)).collect()
}

/// Plays noise that swells and fades like syllables to a sink.
fn say(sink: &str, duration: Duration) -> Child {
    let mut player = Command::new("pacat")
        .args(["--raw", "--format=float32le", "--rate=48000", "--channels=1", &format!("--device={sink}")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("Debian's package pulseaudio-utils is installed");
    let mut random = fastrand::Rng::with_seed(1);
    let samples = (0..duration.as_millis() as usize * 48).map(|n| {
        let swell = (n as f32 / 9_600.0 * std::f32::consts::PI).sin().abs();
        0.3 * swell * (random.f32() - 0.5)
    });
    let bytes: Vec<u8> = samples.flat_map(f32::to_le_bytes).collect();
    let mut input = player.stdin.take().expect("it is piped");
    let writer = std::thread::Builder::new().name("word".into()).spawn(move || input.write_all(&bytes));
    writer.expect("a thread");
    player
}

#[test]
#[ignore = "started by a_microphone_at_one_of_many_inputs_is_as_loud_as_it_is"]
fn body_one_of_many_inputs() {
    for (sink, monitor, channels) in [("maru", "Monitor of Maru", 18), ("other", "Monitor of Other", 2)] {
        let (engine, _events) = engine(DeviceChoice::Named(monitor.into()), DeviceChoice::None);
        let mut packets = engine.attach();
        let mut player = Command::new("pacat")
            .args(["--raw", "--format=float32le", "--rate=48000"])
            .args([format!("--device={sink}"), format!("--channels={channels}")])
            .args((channels > 2).then(|| format!("--channel-map={AUX}")))
            .stdin(Stdio::piped())
            .spawn()
            .expect("Debian's package pulseaudio-utils is installed");
        let mut input = player.stdin.take().expect("a pipe");
        let playing = std::thread::Builder::new().name("tone".into()).spawn(move || {
            let frame = |n: usize| {
                let mut frame = vec![0.0_f32; channels];
                frame[channels - 1] = 0.5 * (n as f32 * std::f32::consts::TAU / 96.0).sin();
                frame
            };
            let second: Vec<u8> = (0..48_000).flat_map(frame).flat_map(f32::to_le_bytes).collect();
            while input.write_all(&second).is_ok() {}
        });
        let deadline = Instant::now() + TIMEOUT;
        while engine.microphone().level < 0.45 {
            assert!(
                Instant::now() < deadline,
                "of a peak of 0.5 at one of {channels} inputs {} came",
                engine.microphone().level
            );
            packets.blocking_recv().expect("the engine is running");
        }
        player.kill().expect("pacat runs");
        player.wait().expect("pacat ends");
        playing.expect("a thread").join().expect("it ends with pacat");
    }
}

#[test]
#[ignore = "started by an_unplugged_speaker_is_opened_again_when_it_is_back"]
fn body_unplugged_and_back() {
    let (engine, mut events) = engine(DeviceChoice::Test, DeviceChoice::Named("Maru".into()));
    let opened = |event: &MediaEvent| {
        *event == MediaEvent::Opened { device: DeviceKind::Speaker, name: "Maru".into(), instead_of: None }
    };
    wait_for(&mut events, opened);
    pactl(&["unload-module", "module-null-sink"]);
    let unplugged = DeviceProblem::Unplugged { name: "Maru".into() };
    wait_for(&mut events, |event| {
        *event == MediaEvent::Failed { device: DeviceKind::Speaker, problem: unplugged.clone() }
    });
    // Meanwhile the call continues at the pace of the clock.
    let peer = engine.add_peer("self");
    let mut packets = engine.attach();
    let mut sequence = Sequence::new(0);
    while peer.stats().samples_played < 48_000 {
        let EncodedAudio { payload, rtp_time, .. } = packets.blocking_recv().expect("the engine is running");
        peer.push(AudioPacket { payload, sequence, rtp_time, arrived: clock::now(), is_copy: false });
        sequence = sequence + 1;
    }
    let plugged_in = Instant::now();
    load_sink(SINK);
    wait_for(&mut events, opened);
    println!("a speaker that is back is opened after {:?}", plugged_in.elapsed());
}

#[test]
#[ignore = "started by a_change_of_the_default_speaker_is_followed"]
fn body_default_is_followed() {
    pactl(&["set-default-sink", "maru"]);
    let (_engine, mut events) = engine(DeviceChoice::None, DeviceChoice::Auto);
    let opened = |name: &str| MediaEvent::Opened { device: DeviceKind::Speaker, name: name.into(), instead_of: None };
    wait_for(&mut events, |event| *event == opened("Maru"));
    let changed = Instant::now();
    pactl(&["set-default-sink", "other"]);
    wait_for(&mut events, |event| *event == opened("Other"));
    println!("another default speaker is opened after {:?}", changed.elapsed());
}

#[test]
#[ignore = "started by a_chosen_speaker_is_found_when_its_twin_comes_and_goes"]
fn body_twins() {
    let choose = |name: &str| DeviceChoice::Named(name.into());
    let opened = |name: &str| MediaEvent::Opened { device: DeviceKind::Speaker, name: name.into(), instead_of: None };
    let (engine, mut events) = engine(DeviceChoice::None, choose("Maru"));
    wait_for(&mut events, |event| *event == opened("Maru"));
    let twin = load_sink(TWIN);
    assert_eq!(list_speakers(), ["Maru [maru]", "Maru [twin]"]);
    engine.set_speaker(choose("Maru"));
    assert_eq!(next(&mut events), opened("Maru [maru]"), "the one that was open");
    engine.set_speaker(choose("Maru [twin]"));
    assert_eq!(next(&mut events), opened("Maru [twin]"));
    engine.set_speaker(choose("Maru [maru]"));
    assert_eq!(next(&mut events), opened("Maru [maru]"));
    pactl(&["unload-module", &twin]);
    engine.set_speaker(choose("Maru [maru]"));
    assert_eq!(next(&mut events), opened("Maru"), "alone, it has no id in its name");
}

/// Bluetooth: as soon as the microphone is used, the device for music goes, and one at 16 kHz with one channel comes under
/// the same name. Afterwards the other way round.
#[test]
#[ignore = "started by a_headset_that_changes_its_profile_is_used_again"]
fn body_profile() {
    let (engine, mut events) = engine(DeviceChoice::Test, DeviceChoice::Named("Maru".into()));
    let opened = |event: &MediaEvent| {
        *event == MediaEvent::Opened { device: DeviceKind::Speaker, name: "Maru".into(), instead_of: None }
    };
    wait_for(&mut events, opened);
    let peer = engine.add_peer("self");
    let mut packets = engine.attach();
    let mut sequence = Sequence::new(0);
    for profile in [HEADSET, SINK] {
        let modules = pactl(&["list", "short", "modules"]);
        let before = modules.lines().find(|line| line.contains("sink_name=maru")).expect("it was loaded");
        let changed = Instant::now();
        pactl(&["unload-module", before.split_whitespace().next().expect("a number")]);
        load_sink(profile);
        // No event: the name is the same.
        while pactl(&["list", "short", "sink-inputs"]).trim().is_empty() {
            assert!(changed.elapsed() < TIMEOUT, "nothing is played on the new device");
        }
        println!("after a change of the profile it is used again after {:?}", changed.elapsed());
        let heard = peer.stats().samples_played + 48_000;
        while peer.stats().samples_played < heard {
            let EncodedAudio { payload, rtp_time, .. } = packets.blocking_recv().expect("the engine is running");
            peer.push(AudioPacket { payload, sequence, rtp_time, arrived: clock::now(), is_copy: false });
            sequence = sequence + 1;
        }
    }
}

#[test]
#[ignore = "started by while_a_chosen_speaker_is_gone_the_default_one_stands_in"]
fn body_stand_in() {
    pactl(&["set-default-sink", "maru"]);
    let other = pactl(&["list", "short", "modules"]);
    let other = other.lines().find(|line| line.contains("sink_name=other")).expect("it was loaded");
    let other = other.split_whitespace().next().expect("a number").to_owned();
    let opened = |name: &str, instead_of: Option<&str>| {
        let instead_of = instead_of.map(str::to_owned);
        MediaEvent::Opened { device: DeviceKind::Speaker, name: name.into(), instead_of }
    };
    let (_engine, mut events) = engine(DeviceChoice::None, DeviceChoice::Named("Other".into()));
    wait_for(&mut events, |event| *event == opened("Other", None));
    let mut module = other;
    for _ in 0..2 {
        let unplugged = Instant::now();
        pactl(&["unload-module", &module]);
        wait_for(&mut events, |event| *event == opened("Maru", Some("Other")));
        println!("another speaker is used after {:?}", unplugged.elapsed());
        let plugged_in = Instant::now();
        module = load_sink(OTHER_SINK);
        wait_for(&mut events, |event| *event == opened("Other", None));
        println!("the chosen one is used again after {:?}", plugged_in.elapsed());
    }
}

#[test]
#[ignore = "started by a_wrong_name_and_a_missing_microphone_are_reported"]
fn body_missing_devices() {
    let (engine, mut events) = engine(DeviceChoice::Auto, DeviceChoice::Named("Nobody".into()));
    let told = [next(&mut events), next(&mut events)];
    // The only source is the sink's monitor, which is never chosen by default: peers would hear themselves.
    let no_microphone = MediaEvent::Failed { device: DeviceKind::Microphone, problem: DeviceProblem::NoDevice };
    assert!(told.contains(&no_microphone), "{told:?}");
    let instead_of = Some("Nobody".to_owned());
    assert!(
        told.contains(&MediaEvent::Opened { device: DeviceKind::Speaker, name: "Maru".into(), instead_of }),
        "{told:?}"
    );
    pactl(&["unload-module", "module-null-sink"]);
    engine.set_speaker(DeviceChoice::Named("Nobody".into()));
    let problem = DeviceProblem::NotFound { name: "Nobody".into() };
    wait_for(&mut events, |event| {
        *event == MediaEvent::Failed { device: DeviceKind::Speaker, problem: problem.clone() }
    });
    load_sink(SINK);
    engine.set_speaker(DeviceChoice::Named("Maru".into()));
    wait_for(&mut events, |event| matches!(event, MediaEvent::Opened { device: DeviceKind::Speaker, .. }));
}

#[test]
#[ignore = "started by without_an_audio_server_the_call_continues"]
fn body_no_server() {
    let (engine, mut events) = engine(DeviceChoice::Auto, DeviceChoice::Auto);
    wait_for(&mut events, |event| matches!(event, MediaEvent::Failed { device: DeviceKind::Microphone, .. }));
    let mut packets = engine.attach();
    engine.set_microphone(DeviceChoice::Test);
    assert!(packets.blocking_recv().is_some());
}

fn engine(microphone: DeviceChoice, speaker: DeviceChoice) -> (AudioEngine, mpsc::Receiver<MediaEvent>) {
    let (sender, events) = mpsc::channel(64);
    let config = AudioConfig {
        microphone,
        speaker,
        voice: VoiceProcessing::OFF,
        processes_files: false,
        muted: false,
        save_remote: None,
        wake: Wake::default(),
    };
    (AudioEngine::start(config, sender, Report::none()), events)
}

fn next(events: &mut mpsc::Receiver<MediaEvent>) -> MediaEvent {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let event = runtime.block_on(async { tokio::time::timeout(TIMEOUT, events.recv()).await });
    event.expect("an event in time").expect("the engine is running")
}

fn wait_for(events: &mut mpsc::Receiver<MediaEvent>, wanted: impl Fn(&MediaEvent) -> bool) {
    while !wanted(&next(events)) {}
}

/// Decoded packets, at the times of their capture.
struct Recording {
    decoder: opus::Decoder,
    samples: Vec<f32>,
    first: Option<EncodedAudio>,
}

impl Default for Recording {
    fn default() -> Self {
        let decoder = opus::Decoder::new(AUDIO_CLOCK_HZ, opus::Channels::Mono).expect("a decoder");
        Self { decoder, samples: Vec::new(), first: None }
    }
}

impl Recording {
    fn add(&mut self, packet: &EncodedAudio) {
        let first = self.first.get_or_insert_with(|| packet.clone());
        let at = (packet.rtp_time - first.rtp_time) as usize;
        self.samples.resize(at + 960, 0.0);
        self.decoder.decode_float(&packet.payload, &mut self.samples[at..], false).expect("a packet of ours");
    }

    /// The time at which sample `at` was captured, in ms.
    fn time_of(&self, at: usize) -> i64 {
        let started = self.first.as_ref().map_or(Timestamp::ZERO, |packet| packet.captured);
        started.as_micros() as i64 / 1000 + at as i64 / 48
    }

    /// The time at which the last marker before `time_ms` was captured, in ms.
    fn marker_before(&self, time_ms: i64) -> i64 {
        let mut at = first_marker(&self.samples).expect("a marker was sent");
        while self.time_of(at + AUDIO_CLOCK_HZ as usize) < time_ms {
            at += AUDIO_CLOCK_HZ as usize;
        }
        self.time_of(at)
    }
}
