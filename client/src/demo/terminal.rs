//! The demonstration in the terminal: both clients run in this process.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{AUDIBLE, GREETINGS, NAMES, ROOM, Verdict, start_server};
use crate::i18n::Texts;
use crate::media::{DeviceChoice, FrameSlot, Media, MediaConfig, VoiceProcessing, save_png};
use crate::report::Report;
use crate::session::{self, Call, CallCommand, CallConfig, CallEvent, CallStats, EndReason, Event, ServerChoice};

struct Side {
    call: Call,
    greeting: &'static str,
    media: Arc<Media>,
    heard: PathBuf,
    frames: Option<FrameSlot>,
    generation: u64,
    stats: CallStats,
    verdict: Verdict,
}

pub(super) async fn run(duration: Duration, texts: &Texts) -> std::io::Result<[Verdict; 2]> {
    let folder = std::env::temp_dir().join(format!("maru-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let url = start_server().await?;
    maru_console::print(&texts.tr_with(
        "demo-begins",
        &[("seconds", duration.as_secs().to_string().into()), ("server", url.as_str().into())],
    ));
    let mut sides = [Side::start(0, &url, &folder)?, Side::start(1, &url, &folder)?];
    let end = Instant::now() + duration;
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let mut shown = Instant::now();
    while Instant::now() < end {
        look.tick().await;
        for side in &mut sides {
            side.take_events(texts)?;
        }
        if shown.elapsed() >= Duration::from_secs(1) {
            shown = Instant::now();
            maru_console::print_text(format!("\r{}", live_line(&sides, end - Instant::now())));
        }
    }
    maru_console::print("");
    for (index, side) in sides.iter_mut().enumerate() {
        side.finish(&folder.join(format!("side-{}-saw.png", index + 1))).await;
    }
    Ok(sides.map(|side| side.verdict))
}

impl Side {
    fn start(index: usize, url: &str, folder: &Path) -> std::io::Result<Self> {
        let invalid = |_| std::io::Error::from(std::io::ErrorKind::InvalidInput);
        let heard = folder.join(format!("side-{}-heard.wav", index + 1));
        let config = MediaConfig {
            camera: DeviceChoice::Test,
            microphone: DeviceChoice::Test,
            speaker: DeviceChoice::File(heard.clone()),
            voice: VoiceProcessing::default(),
            processes_files: false,
            muted: false,
            camera_on: true,
            save_remote: None,
        };
        let (media, _) = Media::start(config, Report::none());
        let call = session::start(
            CallConfig {
                room: ROOM.parse().map_err(invalid)?,
                name: NAMES[index].parse().map_err(invalid)?,
                server: ServerChoice::Url(url.into()),
                addresses: vec![Ipv4Addr::LOCALHOST.into()],
                muted: false,
                camera_on: true,
            },
            Arc::clone(&media),
            Report::none(),
        );
        let verdict = Verdict { name: NAMES[index].into(), ..Verdict::default() };
        Ok(Self {
            call,
            greeting: GREETINGS[index],
            media,
            heard,
            frames: None,
            generation: 0,
            stats: CallStats::default(),
            verdict,
        })
    }

    fn take_events(&mut self, texts: &Texts) -> std::io::Result<()> {
        while let Ok(event) = self.call.events.try_recv() {
            match event {
                // A message waits for the connection, but goes only to peers who joined before it was sent.
                CallEvent::Call(Event::ParticipantJoined { .. }) => {
                    let greeting = CallCommand::SendChat { id: 1, text: self.greeting.into() };
                    self.call.commands.try_send(greeting).map_err(std::io::Error::other)?;
                }
                CallEvent::Media { frames, .. } => self.frames = Some(frames),
                CallEvent::Call(Event::Chat { text, .. }) => self.verdict.read = Some(text),
                CallEvent::Stats(stats) => self.stats = stats,
                CallEvent::Call(Event::Ended(reason)) if reason != EndReason::Left => {
                    return Err(std::io::Error::other(crate::i18n::end_reason(texts, &reason)));
                }
                _ => {}
            }
        }
        if let Some(frames) = &self.frames {
            let generation = frames.generation();
            if generation != self.generation && frames.get().is_some() {
                self.generation = generation;
                self.verdict.frames += 1;
            }
        }
        Ok(())
    }

    async fn finish(&mut self, shot: &Path) {
        if let Some(frame) = self.frames.as_ref().and_then(FrameSlot::get) {
            match save_png(&frame.image, shot) {
                Ok(()) => self.verdict.shot = Some(shot.into()),
                Err(error) => maru_console::tell(&format!("{}: {error}", shot.display())),
            }
        }
        let _ = self.call.commands.send(CallCommand::Leave).await;
        let goodbye =
            async { while !matches!(self.call.events.recv().await, None | Some(CallEvent::Call(Event::Ended(_)))) {} };
        let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
        // Closing the speaker finishes the file.
        self.media.set_speaker(DeviceChoice::None);
        self.verdict.heard = loudest(&self.heard) > AUDIBLE;
    }
}

fn live_line(sides: &[Side; 2], left: Duration) -> String {
    let mut line = format!("{:>2} s", left.as_secs());
    for side in sides {
        let Some(peer) = side.stats.participants.first() else { continue };
        line += &format!(
            " | {}: {:.0} fps {}×{} {:.1} Mbit/s {:.0} ms",
            side.verdict.name,
            peer.fps,
            peer.width,
            peer.height,
            peer.received_bitrate_bps as f64 / 1e6,
            peer.video_delay_ms.unwrap_or(0.0),
        );
    }
    line
}

/// The root mean square of the loudest tenth of a second in a WAV file, 0 to 1; 0 if it cannot be read.
fn loudest(path: &Path) -> f32 {
    let Ok(mut reader) = hound::WavReader::open(path) else { return 0.0 };
    let samples: Vec<f32> = reader.samples::<i16>().map_while(Result::ok).map(|s| f32::from(s) / 32768.0).collect();
    samples
        .chunks(4800)
        .map(|block| (block.iter().map(|s| s * s).sum::<f32>() / block.len() as f32).sqrt())
        .fold(0.0, f32::max)
}
