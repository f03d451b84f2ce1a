//! One peer's audio on the audio worker.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use maru_core::media::AudioPacket;
use maru_core::playout::{AudioDecoder, Playout};
use maru_core::rtp::RtpTime;
use maru_core::speech::SpeechDetector;
use maru_core::time::Timestamp;
use serde_json::json;

use super::codec::Codecs;
use super::meter::{AtomicF32, Meter};
use super::wav_saver::WavSaver;
use crate::media::Wake;
use crate::media::codec_failures::CodecFailures;
use crate::media::saved_file::SaveReporter;
use crate::media::thread::catch_panic;
use crate::report::Report;

/// Twice as loud as it was sent.
const MAX_VOLUME: f32 = 2.0;
/// 100 ms.
const BLOCKS_PER_REPORT: u32 = 10;

/// What the worker shares with the peer's handle.
#[derive(Debug, Default)]
pub(super) struct PeerState {
    pub(super) buffer_ms: AtomicF32,
    pub(super) samples_played: AtomicU64,
    pub(super) samples_concealed: AtomicU64,
    pub(super) level: AtomicF32,
    /// Packets that found the worker's queue full.
    pub(super) packets_dropped: AtomicU64,
    /// The RTP time of the audio that the speaker played last, and when.
    pub(super) heard: Mutex<Option<(Timestamp, RtpTime)>>,
    pub(super) report: Report,
    pub(super) is_speaking: AtomicBool,
    pub(super) wake: Wake,
    pub(super) volume: Volume,
}

/// The factor by which a peer is played louder.
#[derive(Debug)]
pub(super) struct Volume(AtomicF32);

impl Default for Volume {
    fn default() -> Self {
        let volume = AtomicF32::default();
        volume.store(1.0);
        Self(volume)
    }
}

impl Volume {
    pub(super) fn get(&self) -> f32 {
        self.0.load()
    }

    /// What is no number leaves it as it is.
    pub(super) fn set(&self, volume: f32) {
        if volume.is_finite() {
            self.0.store(volume.clamp(0.0, MAX_VOLUME));
        }
    }
}

/// Jitter buffer, decoder and file of one peer.
pub(super) struct Peer {
    /// The name of its file without extension.
    file_stem: String,
    packets: Receiver<AudioPacket>,
    state: Arc<PeerState>,
    save_reporter: SaveReporter,
    codecs: Codecs,
    playout: Playout<Box<dyn AudioDecoder + Send>>,
    failures: CodecFailures,
    /// Samples played and concealed with decoders that failed.
    counted_before: (u64, u64),
    saver: Option<WavSaver>,
    has_packets: bool,
    is_gone: bool,
    meter: Meter,
    speech: SpeechDetector,
    /// The volume that the last block ended with.
    volume: f32,
    blocks: u32,
}

impl Peer {
    pub(super) fn new(
        file_stem: String,
        packets: Receiver<AudioPacket>,
        state: Arc<PeerState>,
        save_reporter: SaveReporter,
        codecs: Codecs,
    ) -> Result<Self, opus::Error> {
        Ok(Self {
            file_stem,
            packets,
            state,
            save_reporter,
            codecs,
            playout: Playout::new((codecs.decoder)()?),
            failures: CodecFailures::default(),
            counted_before: (0, 0),
            saver: None,
            has_packets: false,
            is_gone: false,
            meter: Meter::default(),
            speech: SpeechDetector::default(),
            volume: 1.0,
            blocks: 0,
        })
    }

    /// Moves packets from the network to the jitter buffer. The first one begins the file in `folder`, if given.
    pub(super) fn receive(&mut self, now: Timestamp, folder: Option<&Path>) {
        let is_pausing = self.failures.is_pausing(now);
        loop {
            match self.packets.try_recv() {
                Ok(_) if is_pausing => {}
                Ok(packet) => {
                    self.has_packets = true;
                    self.guard(now, |playout| playout.push(packet));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.is_gone = true;
                    break;
                }
            }
        }
        if let (true, None, Some(folder)) = (self.has_packets, &self.saver, folder) {
            let created = WavSaver::create(folder, &self.file_stem, self.save_reporter.clone());
            self.saver = created.inspect_err(|error| tracing::warn!(%error, "no thread to save audio with")).ok();
        }
    }

    /// Whether the handle was dropped, and the audio has faded out.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone && self.volume == 0.0
    }

    /// Fills `out` with the next samples. `waiting_ms`: audio between the mixer and the speaker.
    pub(super) fn play(&mut self, now: Timestamp, waiting_ms: f32, out: &mut [f32]) {
        out.fill(0.0);
        if !self.failures.is_pausing(now) {
            self.guard(now, |playout| playout.pull(now, out));
        }
        self.report_heard(now, waiting_ms, out.len());
        if let Some(saver) = &mut self.saver {
            saver.write(out);
        }
        self.meter.add(out);
        self.speech.add(out);
        self.state.wake.set_flag(&self.state.is_speaking, self.speech.is_speech());
        self.apply_volume(out);
        let counters = self.playout.counters();
        let state = &self.state;
        state.buffer_ms.store(self.playout.buffered_ms() + waiting_ms);
        state.level.store(self.meter.level());
        let (played, concealed) = self.counted_before;
        state.samples_played.store(played + counters.samples_played, Ordering::Relaxed);
        state.samples_concealed.store(concealed + counters.samples_concealed, Ordering::Relaxed);
    }

    /// Changes within one block, without a click.
    fn apply_volume(&mut self, out: &mut [f32]) {
        let (from, to) = (self.volume, if self.is_gone { 0.0 } else { self.state.volume.get() });
        self.volume = to;
        let step = (to - from) / out.len().max(1) as f32;
        let mut volume = from;
        for sample in out {
            volume += step;
            *sample *= volume;
        }
    }

    /// Runs `work`. After a panic the peer continues with a new decoder and an empty jitter buffer; the others notice nothing.
    fn guard(&mut self, now: Timestamp, work: impl FnOnce(&mut Playout<Box<dyn AudioDecoder + Send>>)) {
        let Err(problem) = catch_panic(|| work(&mut self.playout)) else { return };
        self.failures.failed(now);
        tracing::error!(?problem, peer = self.file_stem, "a peer's audio decoder is replaced");
        self.state.report.event(now, "error", json!({ "text": format!("a decoder crashed: {problem:?}") }));
        match (self.codecs.decoder)() {
            Ok(decoder) => {
                let counters = self.playout.counters();
                self.counted_before.0 += counters.samples_played;
                self.counted_before.1 += counters.samples_concealed;
                self.playout = Playout::new(decoder);
            }
            Err(error) => tracing::warn!(%error, "a peer's audio decoder stays the one that failed"),
        }
    }

    /// Each 100 ms: which audio is played when. Video is synchronised to it; the report's `heard` and the sender's `spoken`
    /// give the delay.
    fn report_heard(&mut self, now: Timestamp, waiting_ms: f32, samples: usize) {
        self.blocks = (self.blocks + 1) % BLOCKS_PER_REPORT;
        if self.blocks == 0
            && let Some(next) = self.playout.next_rtp_time()
        {
            let rtp_time = next - samples as u64;
            let at = now + Duration::from_secs_f32(waiting_ms / 1e3);
            *self.state.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, rtp_time));
            self.state.report.event(at, "heard", json!({ "peer": self.file_stem, "rtp_time": rtp_time }));
        }
    }

    /// Ends the file. It is complete when the thread ends.
    pub(super) fn finish(self) -> Option<JoinHandle<()>> {
        self.saver.map(WavSaver::finish)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{SyncSender, sync_channel};

    use maru_core::media::OPUS_FRAME_SAMPLES;
    use maru_core::rtp::Sequence;
    use maru_core::spectrum::tone;
    use tokio::sync::mpsc;

    use super::*;

    const BLOCK: usize = 480;
    const START: Timestamp = Timestamp::from_micros(3_600_000_000);

    fn peer() -> (Peer, SyncSender<AudioPacket>, Arc<PeerState>) {
        let (packets, inbox) = sync_channel(64);
        let state = Arc::<PeerState>::default();
        let reporter = SaveReporter::new(mpsc::channel(1).0, Report::none());
        (Peer::new("peer".into(), inbox, state.clone(), reporter, Codecs::OPUS).unwrap(), packets, state)
    }

    /// What is heard of a tone of 400 Hz that a peer sends for as long as `sends(ms)`, with `change(ms)` each 10 ms.
    fn heard(ms: u64, sends: impl Fn(u64) -> bool, change: impl Fn(u64, &PeerState)) -> Vec<f32> {
        let (mut peer, packets, state) = peer();
        let mut packets = Some(packets);
        let mut encoder = (Codecs::OPUS.encoder)().unwrap();
        let sound = tone(400.0, 48_000, ms as usize * 48 + OPUS_FRAME_SAMPLES);
        let mut heard = Vec::new();
        for at_ms in (0..ms).step_by(10) {
            let now = START + Duration::from_millis(at_ms);
            let first = at_ms as usize * 48;
            if !sends(at_ms) {
                packets = None;
            } else if let (0, Some(packets)) = (at_ms % 20, &packets) {
                let payload = encoder.encode(sound[first..first + OPUS_FRAME_SAMPLES].try_into().unwrap()).unwrap();
                let (sequence, rtp_time) = (Sequence::new(1000 + at_ms / 20), RtpTime::new(first as u64));
                packets.send(AudioPacket { payload, sequence, rtp_time, arrived: now, is_copy: false }).unwrap();
            }
            change(at_ms, &state);
            peer.receive(now, None);
            if !peer.is_gone() {
                let mut block = [0.0; BLOCK];
                peer.play(now, 0.0, &mut block);
                heard.extend(block);
            }
        }
        heard
    }

    /// The largest step from one sample to the next, beside that of the tone.
    fn roughness(heard: &[f32]) -> f32 {
        let step = |sound: &[f32]| sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        step(heard) / step(&tone(400.0, 48_000, 960))
    }

    #[test]
    fn whoever_leaves_in_the_middle_of_a_word_fades_out_without_a_click() {
        let heard = heard(700, |at_ms| at_ms < 600, |_, _| {});
        let loudest = heard.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest > 0.4 && heard.last().unwrap().abs() < 0.01, "{loudest}, {:?}", heard.last());
        assert!(heard.len() < 650 * 48, "gone after a block: {} samples", heard.len());
        assert!(roughness(&heard) < 1.3, "{}", roughness(&heard));
    }

    #[test]
    fn a_change_of_the_volume_does_not_click() {
        let volumes =
            |at_ms: u64, state: &PeerState| state.volume.set(if (at_ms / 100).is_multiple_of(2) { 1.0 } else { 0.0 });
        let heard = heard(1000, |_| true, volumes);
        assert!(roughness(&heard) < 1.3, "{}", roughness(&heard));
    }
}
