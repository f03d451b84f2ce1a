//! From the microphone to Opus packets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use maru_core::media::{AUDIO_CLOCK_HZ, EncodedAudio, OPUS_FRAME_SAMPLES};
use maru_core::time::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::EngineState;
use super::codec::Encoder;
use super::meter::Meter;
use super::source::{Source, samples};

/// After such a hole in the source, RTP time is taken from the clock again.
const HOLE: Duration = Duration::from_millis(200);

/// Cuts sound into frames of 20 ms and encodes them, unless muted.
pub(super) struct Capture {
    source: Source,
    encoder: Encoder,
    outlet: Option<mpsc::Sender<EncodedAudio>>,
    state: Arc<EngineState>,
    meter: Meter,
    fresh: Vec<f32>,
    frame: Vec<f32>,
    /// RTP time of the first sample in `frame`, before the random offset; counts through silence.
    position: u64,
    rtp_offset: u32,
    last_sound: Option<Timestamp>,
    was_muted: bool,
    was_silent: bool,
}

impl Capture {
    pub(super) fn new(encoder: Encoder, state: Arc<EngineState>) -> Self {
        Self {
            source: Source::None,
            encoder,
            outlet: None,
            state,
            meter: Meter::default(),
            fresh: Vec::new(),
            frame: Vec::with_capacity(2 * OPUS_FRAME_SAMPLES),
            position: 0,
            // Random, as RFC 3550 5.1 asks; the sound is enciphered, so nothing hangs on it.
            rtp_offset: getrandom::u32().unwrap_or(0),
            last_sound: None,
            was_muted: false,
            was_silent: true,
        }
    }

    pub(super) fn set_source(&mut self, source: Source) {
        self.source = source;
        self.last_sound = None;
        self.frame.clear();
    }

    /// Packets go here from now on; without an outlet nothing is encoded.
    pub(super) fn set_outlet(&mut self, outlet: mpsc::Sender<EncodedAudio>) {
        self.outlet = Some(outlet);
        self.was_silent = true;
    }

    /// Handles the sound that has come since the last call.
    pub(super) fn tick(&mut self, now: Timestamp) {
        // Read before the sound is: what was captured while muted must not leave, even if the mute ends just now.
        let muted = self.state.muted.load(Ordering::Acquire);
        self.fresh.clear();
        let captured_end = self.source.take(now, &mut self.fresh);
        self.meter.add(&self.fresh);
        if self.fresh.is_empty() {
            self.was_muted |= muted;
            self.state.level.store(if matches!(self.source, Source::None) { 0.0 } else { self.meter.level() });
            return;
        }
        self.state.level.store(self.meter.level());
        let captured = captured_end - samples(self.fresh.len() as u64);
        self.place(captured);
        let closed = muted || self.was_muted || self.outlet.is_none();
        self.was_muted = muted;
        if closed {
            self.discard();
            return;
        }
        let frame_captured = captured - samples(self.frame.len() as u64);
        self.frame.append(&mut self.fresh);
        self.send_frames(frame_captured);
    }

    /// Takes RTP time from the clock where the source has just begun or had a hole.
    fn place(&mut self, captured: Timestamp) {
        let has_hole = self.last_sound.is_none_or(|last| captured.since(last) > HOLE);
        self.last_sound = Some(captured);
        if !has_hole {
            return;
        }
        self.position += std::mem::take(&mut self.frame).len() as u64;
        let by_clock = u128::from(captured.as_micros()) * u128::from(AUDIO_CLOCK_HZ) / 1_000_000;
        self.position = self.position.max(by_clock as u64);
        self.was_silent = true;
    }

    /// Lets time pass without sound.
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
        // Muted while the frame was encoded: it does not leave either.
        let Some(outlet) = self.outlet.as_ref().filter(|_| !self.state.muted.load(Ordering::Acquire)) else { return };
        let rtp_time = (self.position as u32).wrapping_add(self.rtp_offset);
        let packet = EncodedAudio { payload, rtp_time, marker: self.was_silent, captured };
        self.state.report.event(captured, "spoken", json!({ "rtp_time": rtp_time }));
        match outlet.try_send(packet) {
            Ok(()) => self.was_silent = false,
            Err(TrySendError::Full(_)) => {
                self.state.packets_dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Closed(_)) => self.outlet = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::PacedSource;
    use super::*;

    const START: Timestamp = Timestamp::from_micros(3_600_000_000);

    struct Bench {
        capture: Capture,
        state: Arc<EngineState>,
        now: Timestamp,
    }

    impl Bench {
        fn new() -> Self {
            let state = Arc::<EngineState>::default();
            let capture = Capture::new(Encoder::new().unwrap(), state.clone());
            Self { capture, state, now: START }
        }

        fn attach(&mut self) -> mpsc::Receiver<EncodedAudio> {
            let (sender, receiver) = mpsc::channel(1000);
            self.capture.set_outlet(sender);
            receiver
        }

        fn test_sound(&mut self) {
            self.capture.set_source(Source::Paced(Box::new(PacedSource::test())));
        }

        fn mute(&self, muted: bool) {
            self.state.muted.store(muted, Ordering::Release);
        }

        fn run(&mut self, millis: u64) {
            for _ in 0..millis / 10 {
                self.now = self.now + Duration::from_millis(10);
                self.capture.tick(self.now);
            }
        }
    }

    fn drain(receiver: &mut mpsc::Receiver<EncodedAudio>) -> Vec<EncodedAudio> {
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn packets_follow_each_other_in_20_ms() {
        let mut bench = Bench::new();
        let mut packets = bench.attach();
        bench.test_sound();
        bench.run(1000);
        let packets = drain(&mut packets);
        assert!((49..=50).contains(&packets.len()), "{}", packets.len());
        assert!(packets[0].marker && packets[1..].iter().all(|packet| !packet.marker));
        for pair in packets.windows(2) {
            assert_eq!(pair[1].rtp_time.wrapping_sub(pair[0].rtp_time), 960);
            assert_eq!(pair[1].captured.since(pair[0].captured), Duration::from_millis(20));
        }
    }

    #[test]
    fn nothing_leaves_while_muted_whatever_is_switched_before_or_after() {
        type Step = fn(&mut Bench);
        let steps: [Step; 3] = [|bench| bench.mute(true), Bench::test_sound, |bench| bench.run(100)];
        // The outlet is attached at each place among the steps, the steps come in each order.
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for attach_at in 0..=3 {
                let mut bench = Bench::new();
                let mut receiver = None;
                for (at, &step) in order.iter().enumerate() {
                    if at == attach_at {
                        receiver = Some(bench.attach());
                    }
                    steps[step](&mut bench);
                }
                let mut receiver = receiver.unwrap_or_else(|| bench.attach());
                drain(&mut receiver);
                bench.run(500);
                bench.test_sound();
                bench.run(500);
                bench.capture.set_source(Source::None);
                bench.run(100);
                bench.test_sound();
                let mut again = bench.attach();
                bench.run(500);
                assert_eq!(drain(&mut receiver).len() + drain(&mut again).len(), 0, "{order:?}, {attach_at}");
                assert!(bench.state.level.load() > 0.05, "the meter moves");
                bench.mute(false);
                bench.run(500);
                assert!(!drain(&mut again).is_empty(), "and it comes back");
            }
        }
    }

    #[test]
    fn rtp_time_counts_through_mute_and_the_next_packet_is_marked() {
        let mut bench = Bench::new();
        let mut receiver = bench.attach();
        bench.test_sound();
        bench.run(200);
        let before = drain(&mut receiver).pop().unwrap();
        bench.mute(true);
        bench.run(10_000);
        bench.mute(false);
        bench.run(200);
        let after = drain(&mut receiver).remove(0);
        assert!(after.marker);
        let elapsed = after.captured.since(before.captured).as_micros() as i64 * 48 / 1000;
        let counted = i64::from(after.rtp_time.wrapping_sub(before.rtp_time));
        assert!((counted - elapsed).abs() < 48, "{counted} for {elapsed}");
    }

    #[test]
    fn rtp_time_follows_the_clock_over_a_change_of_source() {
        let mut bench = Bench::new();
        let mut receiver = bench.attach();
        bench.test_sound();
        bench.run(200);
        let before = drain(&mut receiver).pop().unwrap();
        bench.capture.set_source(Source::None);
        bench.run(3000);
        bench.test_sound();
        bench.run(200);
        let after = drain(&mut receiver).remove(0);
        assert!(after.marker);
        let elapsed = after.captured.since(before.captured).as_micros() as i64 * 48 / 1000;
        let counted = i64::from(after.rtp_time.wrapping_sub(before.rtp_time));
        assert!((counted - elapsed).abs() < 960, "{counted} for {elapsed}");
    }

    #[test]
    fn a_full_outlet_drops_and_counts_and_a_closed_one_is_let_go() {
        let mut bench = Bench::new();
        let (sender, receiver) = mpsc::channel(2);
        bench.capture.set_outlet(sender);
        bench.test_sound();
        bench.run(1000);
        assert!(bench.state.packets_dropped.load(Ordering::Relaxed) >= 45);
        drop(receiver);
        bench.run(100);
        assert!(bench.capture.outlet.is_none());
    }

    #[test]
    fn without_a_source_the_meter_rests() {
        let mut bench = Bench::new();
        bench.test_sound();
        bench.run(200);
        assert!(bench.state.level.load() > 0.05);
        bench.capture.set_source(Source::None);
        bench.run(20);
        assert_eq!(bench.state.level.load(), 0.0);
    }
}
