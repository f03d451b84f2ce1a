//! The CPU of a call's audio, as a share of one core: with one other who talks, and with eight. Everything that the audio
//! worker does: processing of the voice, encoding, jitter buffers, decoding, mixing.
//!
//! `cargo bench -p maru --bench talkers`. Echo is cancelled only where there is a speaker; a null sink will do.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench that fails says so; it waits in real time")]

#[cfg(target_os = "linux")]
fn main() {
    // Not with `cargo test`: it takes half a minute, and plays.
    if std::env::args().any(|argument| argument == "--bench") {
        linux::main();
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::time::{Duration, Instant};

    use maru::clock;
    use maru::media::audio::{AudioConfig, AudioEngine};
    use maru::media::{DeviceChoice, DeviceKind, MediaEvent, VoiceProcessing, Wake};
    use maru::report::Report;
    use maru_core::media::{AudioPacket, EncodedAudio};
    use maru_core::rtp::Sequence;
    use tokio::sync::mpsc;

    const SECONDS: u64 = 10;
    const FRAME: Duration = Duration::from_millis(20);
    /// Of /proc: `USER_HZ`.
    const TICKS_PER_SECOND: f64 = 100.0;

    pub(super) fn main() {
        let packets = spoken();
        for talkers in [1, 8] {
            let (share, speaker) = measure(talkers, &packets);
            println!("{talkers} talking: {:.1} % of a core (speaker: {speaker})", share * 100.0);
        }
    }

    fn engine(speaker: DeviceChoice) -> (AudioEngine, mpsc::Receiver<MediaEvent>) {
        let (sender, events) = mpsc::channel(64);
        let config = AudioConfig {
            microphone: DeviceChoice::Test,
            speaker,
            voice: VoiceProcessing::default(),
            processes_files: true,
            muted: false,
            save_remote: None,
            wake: Wake::default(),
        };
        (AudioEngine::start(config, sender, Report::none()), events)
    }

    /// A second of packets for each second of the measurement.
    fn spoken() -> Vec<EncodedAudio> {
        let (engine, _events) = engine(DeviceChoice::None);
        let mut packets = engine.attach();
        (0..SECONDS * 50).map(|_| packets.blocking_recv().unwrap()).collect()
    }

    /// The share of a core, and the speaker.
    fn measure(talkers: usize, packets: &[EncodedAudio]) -> (f64, String) {
        let (engine, mut events) = engine(DeviceChoice::Auto);
        let mut own = engine.attach();
        let peers: Vec<_> = (0..talkers).map(|number| engine.add_peer(&format!("peer {number}"))).collect();
        let (started, before) = (Instant::now(), worker_ticks());
        for (number, packet) in (0_u32..).zip(packets) {
            for peer in &peers {
                peer.push(AudioPacket {
                    payload: packet.payload.clone(),
                    sequence: Sequence::new(u64::from(number)),
                    rtp_time: packet.rtp_time,
                    arrived: clock::now(),
                    is_copy: false,
                });
            }
            while own.try_recv().is_ok() {}
            std::thread::sleep((FRAME * (number + 1)).saturating_sub(started.elapsed()));
        }
        let share = (worker_ticks() - before) / TICKS_PER_SECOND / started.elapsed().as_secs_f64();
        let speaker = std::iter::from_fn(|| events.try_recv().ok()).find_map(|event| match event {
            MediaEvent::Opened { device: DeviceKind::Speaker, name, .. } => Some(name),
            _ => None,
        });
        (share, speaker.unwrap_or_else(|| "none".into()))
    }

    /// CPU time of the thread `audio` so far.
    fn worker_ticks() -> f64 {
        let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
        let is_worker = |task: &std::path::PathBuf| fs::read_to_string(task.join("comm")).unwrap().trim() == "audio";
        let ticks = tasks.filter(is_worker).map(|task| {
            let stat = fs::read_to_string(task.join("stat")).unwrap();
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            // Fields 14 and 15 of proc(5): the state after the name is the third.
            fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
        });
        ticks.sum()
    }
}
