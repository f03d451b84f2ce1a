//! From the microphone to Opus packets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use maru_core::media::{AUDIO_CLOCK_HZ, AudioTarget, EncodedAudio, OPUS_FRAME_SAMPLES};
use maru_core::rtp::RtpTime;
use maru_core::speech::SpeechDetector;
use maru_core::time::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::EngineState;
use super::callbacks::DeviceState;
use super::codec::{AudioEncoder, Codecs};
use super::meter::Meter;
use super::self_test::SelfTest;
use super::source::{Source, samples};
use super::voice::Voice;

/// A microphone that delivers less than this for so long delivers nothing. Half of the least bit of 16.
const LEAST_NOISE: f32 = 1.0 / 65_536.0;
const SILENT_FOR: Duration = Duration::from_secs(4);
/// After a longer gap in the source, the RTP time is set by the clock.
const MAX_GAP: Duration = Duration::from_millis(200);

/// Cuts the microphone's audio into frames of 20 ms and encodes them, unless muted.
pub(super) struct Capture {
    source: Source,
    codecs: Codecs,
    encoder: Box<dyn AudioEncoder>,
    target: AudioTarget,
    output: Option<mpsc::Sender<EncodedAudio>>,
    state: Arc<EngineState>,
    meter: Meter,
    speech: SpeechDetector,
    /// Since when the source has delivered nothing but zeros, or nothing at all.
    silent_since: Option<Timestamp>,
    fresh: Vec<f32>,
    frame: Vec<f32>,
    /// RTP time of the first sample in `frame`, without the random offset. Silence is counted, too.
    position: u64,
    rtp_offset: u32,
    last_captured: Option<Timestamp>,
    was_muted: bool,
    was_silent: bool,
}

impl Capture {
    /// # Errors
    /// The encoder cannot be made.
    pub(super) fn new(codecs: Codecs, state: Arc<EngineState>) -> Result<Self, opus::Error> {
        Ok(Self {
            source: Source::None,
            codecs,
            encoder: (codecs.encoder)()?,
            target: AudioTarget::default(),
            output: None,
            state,
            meter: Meter::default(),
            speech: SpeechDetector::default(),
            silent_since: None,
            fresh: Vec::new(),
            frame: Vec::with_capacity(2 * OPUS_FRAME_SAMPLES),
            position: 0,
            // Random (RFC 3550, 5.1). Without randomness 0 does no harm: SRTP encrypts the audio.
            rtp_offset: getrandom::u32().unwrap_or(0),
            last_captured: None,
            was_muted: false,
            was_silent: true,
        })
    }

    /// After a panic: drops the source, and replaces the encoder. The output stays.
    pub(super) fn restart(&mut self) {
        self.set_source(Source::None);
        self.was_silent = true;
        match (self.codecs.encoder)() {
            Ok(encoder) => {
                self.encoder = encoder;
                self.encoder.set_target(self.target);
            }
            Err(error) => tracing::warn!(%error, "the audio encoder stays the one that failed"),
        }
    }

    pub(super) fn device(&self) -> Option<&DeviceState> {
        self.source.device()
    }

    pub(super) fn set_source(&mut self, source: Source) {
        self.source = source;
        self.silent_since = None;
        self.last_captured = None;
        self.frame.clear();
    }

    pub(super) fn set_target(&mut self, target: AudioTarget) {
        self.target = target;
        self.encoder.set_target(target);
    }

    /// Sends packets to `output` from now on. Without an output nothing is encoded.
    pub(super) fn set_output(&mut self, output: mpsc::Sender<EncodedAudio>) {
        self.output = Some(output);
        self.was_silent = true;
        self.set_target(AudioTarget::default());
    }

    /// Encodes the audio captured since the last call.
    pub(super) fn tick(&mut self, now: Timestamp, voice: &mut Voice, test: &mut SelfTest) {
        // Read before the audio: what was captured while muted must not be sent, even if the mute ends now.
        let muted = self.state.muted.load(Ordering::Acquire);
        self.fresh.clear();
        let mut captured_end = self.source.take(now, &mut self.fresh);
        self.meter.add(&self.fresh);
        self.look_for_silence(now);
        if self.source.is_processed() {
            captured_end = voice.process(captured_end, &mut self.fresh);
        }
        test.hear(now, &self.fresh);
        self.speech.add(&self.fresh);
        self.state.wake.set_flag(&self.state.is_speaking, self.speech.is_speech());
        if self.fresh.is_empty() {
            self.was_muted |= muted;
            self.state.level.store(if matches!(self.source, Source::None) { 0.0 } else { self.meter.level() });
            return;
        }
        self.state.level.store(self.meter.level());
        let captured = captured_end - samples(self.fresh.len() as u64);
        self.place(captured);
        let is_closed = muted || self.was_muted || self.output.is_none() || test.is_active();
        self.was_muted = muted;
        if is_closed {
            self.discard();
            return;
        }
        let frame_captured = captured - samples(self.frame.len() as u64);
        self.frame.append(&mut self.fresh);
        self.send_frames(frame_captured);
    }

    /// A microphone has some noise. Zeros come from one that is switched off.
    fn look_for_silence(&mut self, now: Timestamp) {
        let is_silent = self.source.is_device() && self.fresh.iter().all(|sample| sample.abs() < LEAST_NOISE);
        if !is_silent {
            self.silent_since = None;
        }
        let since = is_silent.then(|| *self.silent_since.get_or_insert(now));
        self.state.wake.set_flag(&self.state.is_silent, since.is_some_and(|since| now.since(since) > SILENT_FOR));
    }

    /// Sets the RTP time by the clock when the source begins or had a gap.
    fn place(&mut self, captured: Timestamp) {
        let has_gap = self.last_captured.is_none_or(|last| captured.since(last) > MAX_GAP);
        self.last_captured = Some(captured);
        if !has_gap {
            return;
        }
        self.position += std::mem::take(&mut self.frame).len() as u64;
        let by_clock = u128::from(captured.as_micros()) * u128::from(AUDIO_CLOCK_HZ) / 1_000_000;
        self.position = self.position.max(by_clock as u64);
        self.was_silent = true;
    }

    /// Drops the audio; its RTP time passes.
    fn discard(&mut self) {
        self.position += (self.frame.len() + self.fresh.len()) as u64;
        self.frame.clear();
        if !self.was_silent {
            self.encoder.reset();
        }
        self.was_silent = true;
    }

    fn send_frames(&mut self, mut captured: Timestamp) {
        let pending = std::mem::take(&mut self.frame);
        let (frames, rest) = pending.as_chunks::<OPUS_FRAME_SAMPLES>();
        for frame in frames {
            self.send(frame, captured);
            self.position += OPUS_FRAME_SAMPLES as u64;
            captured = captured + samples(OPUS_FRAME_SAMPLES as u64);
        }
        self.frame.extend_from_slice(rest);
    }

    fn send(&mut self, frame: &[f32; OPUS_FRAME_SAMPLES], captured: Timestamp) {
        let Some(payload) = self.encoder.encode(frame) else {
            self.was_silent = true;
            return;
        };
        // A frame that was encoded before the mute is not sent after it.
        let Some(output) = self.output.as_ref().filter(|_| !self.state.muted.load(Ordering::Acquire)) else { return };
        let rtp_time = RtpTime::new(self.position + u64::from(self.rtp_offset));
        let packet = EncodedAudio { payload, rtp_time, marker: self.was_silent, captured };
        self.state.report.event(captured, "spoken", json!({ "rtp_time": rtp_time }));
        match output.try_send(packet) {
            Ok(()) => self.was_silent = false,
            Err(TrySendError::Full(_)) => {
                self.state.packets_dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Closed(_)) => self.output = None,
        }
    }
}

#[cfg(test)]
mod tests;
