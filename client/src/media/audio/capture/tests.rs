use maru_core::media::AudioPacket;
use maru_core::playout::Playout;
use maru_core::rtp::Sequence;

use super::super::self_test::SelfTestRequest;
use super::super::source::PacedSource;
use super::*;
use crate::media::VoiceProcessing;

const START: Timestamp = Timestamp::from_micros(3_600_000_000);

struct Bench {
    capture: Capture,
    voice: Voice,
    test: SelfTest,
    state: Arc<EngineState>,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let state = Arc::<EngineState>::default();
        let capture = Capture::new(Codecs::OPUS, state.clone()).unwrap();
        let test = SelfTest::new(state.clone());
        Self { capture, voice: Voice::new(VoiceProcessing::default()), test, state, now: START }
    }

    fn attach(&mut self) -> mpsc::Receiver<EncodedAudio> {
        let (sender, receiver) = mpsc::channel(1000);
        self.capture.set_output(sender);
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
            self.capture.tick(self.now, &mut self.voice, &mut self.test);
        }
    }
}

fn drain(receiver: &mut mpsc::Receiver<EncodedAudio>) -> Vec<EncodedAudio> {
    std::iter::from_fn(|| receiver.try_recv().ok()).collect()
}

#[test]
fn a_packet_follows_each_20_ms() {
    let mut bench = Bench::new();
    let mut packets = bench.attach();
    bench.test_sound();
    bench.run(1000);
    let packets = drain(&mut packets);
    assert!((49..=50).contains(&packets.len()), "{}", packets.len());
    assert!(packets[0].marker && packets[1..].iter().all(|packet| !packet.marker));
    for pair in packets.windows(2) {
        assert_eq!(pair[1].rtp_time - pair[0].rtp_time, 960);
        assert_eq!(pair[1].captured.since(pair[0].captured), Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_sent_while_muted_in_any_order_of_commands() {
    type Step = fn(&mut Bench);
    let steps: [Step; 3] = [|bench| bench.mute(true), Bench::test_sound, |bench| bench.run(100)];
    // The steps in each order, the output attached before, between or after them.
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
fn rtp_time_passes_while_muted_and_the_next_packet_has_the_marker() {
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
    let counted = after.rtp_time - before.rtp_time;
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
    let counted = after.rtp_time - before.rtp_time;
    assert!((counted - elapsed).abs() < 960, "{counted} for {elapsed}");
}

#[test]
fn a_full_output_drops_packets_and_a_closed_one_is_detached() {
    let mut bench = Bench::new();
    let (sender, receiver) = mpsc::channel(2);
    bench.capture.set_output(sender);
    bench.test_sound();
    bench.run(1000);
    assert!(bench.state.packets_dropped.load(Ordering::Relaxed) >= 45);
    drop(receiver);
    bench.run(100);
    assert!(bench.capture.output.is_none());
}

#[test]
fn without_a_source_the_level_is_zero() {
    let mut bench = Bench::new();
    bench.test_sound();
    bench.run(200);
    assert!(bench.state.level.load() > 0.05);
    bench.capture.set_source(Source::None);
    bench.run(20);
    assert_eq!(bench.state.level.load(), 0.0);
}

#[test]
fn what_is_said_to_test_the_microphone_is_not_sent() {
    let mut bench = Bench::new();
    let mut packets = bench.attach();
    bench.test_sound();
    bench.run(500);
    assert!(!drain(&mut packets).is_empty());
    bench.test.request(SelfTestRequest::Record);
    bench.run(3500);
    assert_eq!(drain(&mut packets).len(), 0, "while it is recorded, and while it is played");
    bench.test.request(SelfTestRequest::Stop);
    bench.run(500);
    assert!(!drain(&mut packets).is_empty(), "and then it is");
}

/// What the other side hears of a second and a half of the test sound, muted in the time `muted_ms`.
fn heard_elsewhere(muted_ms: std::ops::Range<u64>) -> Vec<f32> {
    let mut bench = Bench::new();
    let mut packets = bench.attach();
    bench.test_sound();
    let mut playout = Playout::new((Codecs::OPUS.decoder)().unwrap());
    let (mut sequence, mut heard) = (Sequence::new(1000), Vec::new());
    for at_ms in (0..1500).step_by(10) {
        bench.mute(muted_ms.contains(&at_ms));
        bench.run(10);
        for EncodedAudio { payload, rtp_time, .. } in drain(&mut packets) {
            playout.push(AudioPacket { payload, sequence, rtp_time, arrived: bench.now, is_copy: false });
            sequence = sequence + 1;
        }
        let mut block = [0.0; 480];
        playout.pull(bench.now, &mut block);
        heard.extend(block);
    }
    heard
}

#[test]
fn muting_in_the_middle_of_a_word_does_not_click() {
    let steepest = |sound: &[f32]| sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    let usual = steepest(&heard_elsewhere(0..0));
    // In the middle of syllables of 250 ms.
    for muted_ms in [370..880, 380..870, 350..1110] {
        let heard = heard_elsewhere(muted_ms.clone());
        assert!(steepest(&heard) < usual * 1.2, "{muted_ms:?}: {} of {usual}", steepest(&heard));
        let silent = &heard[muted_ms.end as usize * 48 - 4800..muted_ms.end as usize * 48];
        assert!(silent.iter().all(|sample| sample.abs() < 0.1), "{muted_ms:?}: it was muted");
    }
}
