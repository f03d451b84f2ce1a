//! The audio worker: one thread that encodes, decodes and mixes, every 10 ms.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use maru_core::media::{AudioTarget, EncodedAudio};
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

use super::EngineState;
use super::capture::Capture;
use super::codec::Codecs;
use super::cue::Cue;
use super::peer::Peer;
use super::playback::{Heard, Playback, Sink};
use super::realtime::{self, Promoter};
use super::self_test::{SelfTest, SelfTestRequest};
use super::source::Source;
use super::voice::Voice;
use crate::clock;
use crate::media::VoiceProcessing;
use crate::media::thread::catch_panic;

/// Between two turns of the worker.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// A worker that is later than this skips the ticks it missed.
const MAX_LATE: Duration = Duration::from_millis(100);

pub(super) enum Command {
    SetSource(Source),
    SetSink(Sink),
    SetVoice(VoiceProcessing),
    SetTarget(AudioTarget),
    Test(SelfTestRequest),
    PlayCue(Cue),
    Attach(mpsc::Sender<EncodedAudio>),
    AddPeer(Box<Peer>),
    Stop,
}

/// Everything that the worker owns.
pub(super) struct AudioWorker {
    capture: Capture,
    playback: Playback,
    voice: Voice,
    self_test: SelfTest,
    peers: Vec<Peer>,
    state: Arc<EngineState>,
    /// `--save-remote`.
    folder: Option<PathBuf>,
    /// Threads that are still writing files.
    savers: Vec<JoinHandle<()>>,
}

impl AudioWorker {
    /// # Errors
    /// The encoder cannot be made.
    pub(super) fn new(
        codecs: Codecs,
        state: Arc<EngineState>,
        voice: Voice,
        folder: Option<PathBuf>,
    ) -> Result<Self, opus::Error> {
        Ok(Self {
            voice,
            self_test: SelfTest::new(state.clone()),
            capture: Capture::new(codecs, state.clone())?,
            playback: Playback::new(),
            peers: Vec::new(),
            state,
            folder,
            savers: Vec::new(),
        })
    }

    /// Runs until [`Command::Stop`], or until all senders of commands are gone. The files are complete when it returns.
    /// `promoter` is asked for the calling thread, and for those on which the devices call.
    pub(super) fn run(mut self, commands: &Receiver<Command>, promoter: &Promoter) {
        promoter.promote_current();
        let mut next = clock::now() + TICK;
        loop {
            match commands.recv_timeout(next.since(clock::now())) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.handle(command),
                Err(RecvTimeoutError::Timeout) => {
                    let now = clock::now();
                    self.tick(now);
                    self.promote_callbacks(promoter);
                    next = if now.since(next) > MAX_LATE { now + TICK } else { next + TICK };
                }
            }
        }
        self.finish();
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::SetSource(source) => {
                self.voice.restart();
                self.capture.set_source(source);
            }
            Command::SetVoice(processing) => self.voice.set(processing),
            Command::SetTarget(target) => self.capture.set_target(target),
            Command::Test(request) => self.self_test.request(request),
            Command::PlayCue(cue) => self.playback.play_cue(cue),
            Command::SetSink(sink) => {
                self.voice.reference.stop();
                let before = self.playback.set_sink(sink);
                self.end_file(before);
            }
            Command::Attach(output) => self.capture.set_output(output),
            Command::AddPeer(peer) => self.peers.push(*peer),
            Command::Stop => {}
        }
    }

    /// A panic ends what it happened in: the source or the sink is dropped, and its supervisor opens it again.
    fn tick(&mut self, now: Timestamp) {
        // First what is played: the microphone hears it.
        let (playback, test, reference) = (&mut self.playback, &mut self.self_test, &mut self.voice.reference);
        let mut heard = Heard { peers: &mut self.peers, test, folder: self.folder.as_deref() };
        if let Err(problem) = catch_panic(|| playback.tick(now, &mut heard, reference)) {
            self.handle(Command::SetSink(Sink::Clock { file: None }));
            self.state.speaker_crash.put(problem);
        }
        let (capture, voice, test) = (&mut self.capture, &mut self.voice, &mut self.self_test);
        if let Err(problem) = catch_panic(|| capture.tick(now, voice, test)) {
            self.voice.restart();
            self.capture.restart();
            self.state.microphone_crash.put(problem);
        }
        for peer in self.peers.extract_if(.., |peer| peer.is_gone()) {
            self.savers.extend(peer.finish());
        }
        self.savers.retain(|saver| !saver.is_finished());
    }

    fn promote_callbacks(&self, promoter: &Promoter) {
        for state in [self.capture.device(), self.playback.device()].into_iter().flatten() {
            if let Some(thread) = state.thread().take() {
                promoter.promote(thread);
            }
        }
        realtime::tell_if_demoted();
    }

    fn end_file(&mut self, sink: Sink) {
        if let Sink::Clock { file: Some(file) } = sink {
            self.savers.push(file.finish());
        }
    }

    fn finish(mut self) {
        let sink = self.playback.set_sink(Sink::Clock { file: None });
        self.end_file(sink);
        self.savers.extend(self.peers.drain(..).filter_map(Peer::finish));
        for saver in self.savers {
            // A saver that panicked loses its own file only.
            let _ = saver.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};

    use bytes::Bytes;
    use maru_core::media::{AudioPacket, OPUS_FRAME_SAMPLES};
    use maru_core::playout::{AudioDecoder, Decode};
    use maru_core::rtp::{RtpTime, Sequence};
    use maru_core::test_sound;

    use super::super::codec::AudioEncoder;
    use super::super::peer::PeerState;
    use super::super::source::PacedSource;
    use super::*;
    use crate::media::DeviceProblem;
    use crate::media::saved_file::SaveReporter;
    use crate::report::Report;

    const START: Timestamp = Timestamp::from_micros(3_600_000_000);
    /// These codecs panic at what follows.
    const FRAMES: u32 = 5;

    struct Fragile(u32);

    impl Fragile {
        fn work(&mut self) {
            self.0 += 1;
            assert!(self.0 <= FRAMES, "a fragile codec");
        }
    }

    impl AudioEncoder for Fragile {
        fn encode(&mut self, _: &[f32; OPUS_FRAME_SAMPLES]) -> Option<Bytes> {
            self.work();
            Some(Bytes::from_static(&[0x78, 1, 2]))
        }

        fn set_target(&mut self, _: AudioTarget) {}

        fn reset(&mut self) {}
    }

    impl AudioDecoder for Fragile {
        fn decode(&mut self, step: &Decode, out: &mut Vec<f32>) {
            if let Decode::Packet { samples, .. } = step {
                self.work();
                out.resize(out.len() + samples, 0.5);
            }
        }
    }

    const FRAGILE: Codecs = Codecs { encoder: || Ok(Box::new(Fragile(0))), decoder: || Ok(Box::new(Fragile(0))) };

    fn worker(codecs: Codecs) -> (AudioWorker, Arc<EngineState>) {
        let state = Arc::<EngineState>::default();
        (AudioWorker::new(codecs, state.clone(), Voice::new(VoiceProcessing::default()), None).unwrap(), state)
    }

    fn test_sound() -> Command {
        Command::SetSource(Source::Paced(Box::new(PacedSource::test())))
    }

    /// The state of a new peer, and its packets.
    fn peer(worker: &mut AudioWorker, codecs: Codecs) -> (Arc<PeerState>, SyncSender<AudioPacket>) {
        let state = Arc::<PeerState>::default();
        let (packets, inbox) = sync_channel(64);
        let peer = Peer::new(
            "peer".into(),
            inbox,
            state.clone(),
            SaveReporter::new(mpsc::channel(1).0, Report::none()),
            codecs,
        )
        .unwrap();
        worker.handle(Command::AddPeer(Box::new(peer)));
        (state, packets)
    }

    #[test]
    fn after_a_panic_of_its_codec_the_microphone_can_be_chosen_again() {
        let (mut worker, state) = worker(FRAGILE);
        let (sender, mut packets) = mpsc::channel(100);
        worker.handle(Command::Attach(sender));
        worker.handle(test_sound());
        let mut now = START;
        for chosen in 1..=3 {
            for _ in 0..100 {
                now = now + TICK;
                worker.tick(now);
            }
            let sent = std::iter::from_fn(|| packets.try_recv().ok()).count();
            assert_eq!(sent, FRAMES as usize, "chosen {chosen} times");
            let crash = state.microphone_crash.take();
            assert!(matches!(crash, Some(DeviceProblem::Crashed { reason }) if reason.contains("fragile")));
            assert_eq!(state.speaker_crash.take(), None);
            worker.handle(test_sound());
        }
    }

    #[test]
    fn a_panic_of_one_peers_decoder_silences_nobody_else() {
        let (mut worker, state) = worker(Codecs::OPUS);
        let (fragile, to_fragile) = peer(&mut worker, FRAGILE);
        let (other, to_other) = peer(&mut worker, Codecs::OPUS);
        let mut encoder = (Codecs::OPUS.encoder)().unwrap();
        let mut now = START;
        for number in 0..500_u64 {
            let first = number * OPUS_FRAME_SAMPLES as u64;
            let frame = std::array::from_fn(|at| test_sound::sample(first + at as u64));
            let payload = encoder.encode(&frame).expect("the test sound is never silent");
            let (sequence, rtp_time) = (Sequence::new(number), RtpTime::new(first));
            for packets in [&to_fragile, &to_other] {
                let packet = AudioPacket { payload: payload.clone(), sequence, rtp_time, arrived: now, is_copy: false };
                packets.try_send(packet).expect("the worker reads");
            }
            for _ in 0..2 {
                now = now + TICK;
                worker.tick(now);
            }
        }
        let played = |state: &PeerState| state.samples_played.load(std::sync::atomic::Ordering::Relaxed);
        assert!(played(&other) > 9 * 48_000, "{}", played(&other));
        assert!(played(&fragile) > 0, "its decoder is replaced again and again");
        assert_eq!((state.microphone_crash.take(), state.speaker_crash.take()), (None, None));
    }
}
