use maru_core::barcode;
use maru_core::frame::I420;
use maru_core::rtp::RtpTime;
use maru_core::test_pattern::TestPattern;
use maru_core::time::Timestamp;

use super::super::h264::H264Decoder;
use super::*;

const FIRST: VideoLayerId = VideoLayerId(0);
const SECOND: VideoLayerId = VideoLayerId(1);

fn frame(number: u64, width: u32, height: u32) -> VideoFrame {
    let mut image = I420::black(0, 0);
    TestPattern::new(width, height).draw(number, &mut image);
    let at = Timestamp::from_micros(1_000_000 + number * 33_334);
    VideoFrame { image, at, rtp_time: RtpTime::new(number), source_frame: Some(number) }
}

fn target(max_width: u32, max_height: u32) -> VideoTarget {
    VideoTarget { bitrate_bps: 4_000_000, max_width, max_height, max_fps: 30, temporal_layers: 1 }
}

/// Encodes on the test's thread: the encoder's own thread gets no frames.
struct Bench {
    shared: Arc<Shared>,
    encoders: Encoders,
    thread: EncoderThread,
}

impl Bench {
    fn new() -> Self {
        let thread = EncoderThread::start(mpsc::channel(4).0);
        let bench = Self { shared: Arc::clone(&thread.shared), encoders: Encoders::default(), thread };
        bench.set_target(target(1280, 720));
        bench
    }

    fn encode(&mut self, frame: &VideoFrame) {
        encode_layers(&self.shared, &mut self.encoders, frame).expect("encoded");
    }

    /// Of the first layer, which nobody's send queue holds up.
    fn set_target(&self, target: VideoTarget) {
        self.thread.set_layer(FIRST, target, Vec::new());
    }
}

#[test]
fn each_change_of_size_begins_with_a_key_frame() {
    let mut bench = Bench::new();
    let mut units = bench.thread.attach();
    let mut decoder = H264Decoder::new().expect("a decoder");
    let mut image = I420::black(0, 0);
    let mut number = 0;
    let steps =
        [((1280, 720), (1280, 720)), ((640, 640), (640, 360)), ((320, 180), (320, 180)), ((640, 360), (640, 360))];
    for ((max_width, max_height), size) in steps {
        bench.set_target(target(max_width, max_height));
        for first in [true, false] {
            bench.encode(&frame(number, 1280, 720));
            let encoded = units.try_recv().expect("a unit");
            assert_eq!((encoded.width, encoded.height, encoded.unit.is_key), (size.0, size.1, first));
            assert!(decoder.decode(&encoded.unit.data, &mut image).expect("decoded"));
            assert_eq!((image.width, image.height, barcode::read(&image)), (size.0, size.1, Some(number as u16)));
            number += 1;
        }
    }
}

#[test]
fn frames_are_dropped_before_encoding_while_the_queue_is_full() {
    let mut bench = Bench::new();
    let mut units = bench.thread.attach();
    for number in 0..20 {
        bench.encode(&frame(number, 320, 180));
    }
    let stats = bench.thread.stats();
    assert_eq!((stats.layers[0].encoded, stats.dropped_busy), (OUTPUT_QUEUE as u64, 20 - OUTPUT_QUEUE as u64));
    let mut decoder = H264Decoder::new().expect("a decoder");
    let mut image = I420::black(0, 0);
    let mut decode = |unit: EncodedVideo| {
        assert!(decoder.decode(&unit.unit.data, &mut image).expect("decoded"));
        barcode::read(&image)
    };
    for number in 0..OUTPUT_QUEUE {
        assert_eq!(decode(units.try_recv().expect("a unit")), Some(number as u16));
    }
    bench.encode(&frame(20, 320, 180));
    let next = units.try_recv().expect("a unit");
    assert!(!next.unit.is_key, "dropping before encoding needs no key frame");
    assert_eq!(decode(next), Some(20));
}

#[test]
fn a_second_receiver_replaces_the_first_and_begins_with_a_key_frame() {
    let mut bench = Bench::new();
    let mut first = bench.thread.attach();
    bench.encode(&frame(0, 320, 180));
    bench.encode(&frame(1, 320, 180));
    let mut second = bench.thread.attach();
    bench.encode(&frame(2, 320, 180));
    assert!(second.try_recv().expect("a unit").unit.is_key);
    assert!(first.try_recv().is_ok() && first.try_recv().is_ok() && first.try_recv().is_err());
    bench.encode(&frame(3, 320, 180));
    assert!(!second.try_recv().expect("a unit").unit.is_key);
    bench.thread.request_key_frame(FIRST, false);
    bench.encode(&frame(4, 320, 180));
    assert!(second.try_recv().expect("a unit").unit.is_key);
}

#[test]
fn without_a_receiver_or_a_bitrate_there_is_no_codec() {
    let mut bench = Bench::new();
    bench.encode(&frame(0, 320, 180));
    assert!(!bench.encoders[0].has_codec());
    let units = bench.thread.attach();
    bench.encode(&frame(1, 320, 180));
    assert!(bench.encoders[0].has_codec());
    bench.set_target(VideoTarget { bitrate_bps: 0, ..target(320, 180) });
    bench.encode(&frame(2, 320, 180));
    assert!(!bench.encoders[0].has_codec());
    bench.set_target(target(320, 180));
    drop(units);
    bench.encode(&frame(3, 320, 180));
    assert!(!bench.encoders[0].has_codec());
    assert_eq!(bench.thread.stats().layers[0].encoded, 1);
}

#[test]
fn at_half_the_rate_every_other_frame_is_encoded() {
    let mut bench = Bench::new();
    let mut units = bench.thread.attach();
    bench.set_target(VideoTarget { max_fps: 15, ..target(320, 180) });
    let mut encoded = Vec::new();
    for number in 0..12 {
        bench.encode(&frame(number, 320, 180));
        encoded.extend(units.try_recv().map(|unit| unit.unit.rtp_time.value()));
    }
    assert_eq!(encoded.len(), 6);
    assert!(encoded.windows(2).skip(1).all(|pair| pair[1] - pair[0] == 2), "{encoded:?}");
}

#[test]
fn the_thread_encodes_each_frame_it_is_given() {
    let (events, _received) = mpsc::channel(4);
    let thread = EncoderThread::start(events);
    let mut units = thread.attach();
    thread.set_layer(FIRST, target(320, 180), Vec::new());
    for number in 0..3 {
        thread.input().put(Arc::new(frame(number, 320, 180)));
        let encoded = units.blocking_recv().expect("a unit");
        assert_eq!((encoded.unit.rtp_time.value(), encoded.unit.is_key), (number, number == 0));
    }
    let stats = thread.stats();
    assert_eq!((stats.captured, stats.dropped_busy), (3, 0));
}

#[test]
fn each_layer_has_its_size_its_send_queues_and_its_key_frames() {
    let mut bench = Bench::new();
    let mut units = bench.thread.attach();
    let queues = [(); 2].map(|()| Arc::<SendQueueDelay>::default());
    bench.thread.set_layer(FIRST, target(640, 360), vec![Arc::clone(&queues[0])]);
    bench.thread.set_layer(SECOND, target(320, 180), vec![Arc::clone(&queues[1])]);
    let mut encode = |bench: &mut Bench, number| {
        bench.encode(&frame(number, 640, 360));
        let units = std::iter::from_fn(|| units.try_recv().ok());
        let layers = units.map(|unit| (unit.layer.0, unit.height, unit.unit.is_key)).collect::<Vec<_>>();
        (layers, bench.thread.stats().layers.map(|layer| layer.dropped_backlog))
    };
    assert_eq!(encode(&mut bench, 0).0, [(0, 360, true), (1, 180, true)]);
    assert_eq!(encode(&mut bench, 1).0, [(0, 360, false), (1, 180, false)]);
    queues[1].set(std::time::Duration::from_millis(80));
    assert_eq!(encode(&mut bench, 2), (vec![(0, 360, false)], [0, 1, 0]));
    bench.thread.request_key_frame(SECOND, true);
    assert_eq!(encode(&mut bench, 3).0, [(1, 180, true), (0, 360, false)], "the key frame first");
    assert_eq!(encode(&mut bench, 4).0, [(0, 360, false)]);
}
