use maru_core::barcode;
use maru_core::frame::I420;
use maru_core::rtp::RtpTime;
use maru_core::test_pattern::TestPattern;

use super::super::h264::H264Encoder;
use super::*;
use crate::media::thread::EndingThreads;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;

/// The test pattern, encoded; the first unit and each after a request is a key frame.
fn units(count: u64, keys: &[u64]) -> Vec<AccessUnit> {
    let mut encoder = H264Encoder::new(WIDTH, HEIGHT, 4_000_000, 30).expect("an encoder");
    let frame = TestPattern::new(WIDTH, HEIGHT);
    let mut image = I420::black(0, 0);
    let encode = |number| {
        frame.draw(number, &mut image);
        if keys.contains(&number) {
            encoder.request_key_frame();
        }
        let encoded =
            encoder.encode(&image, number * 33).expect("encoded").expect("no frame is dropped at this bitrate");
        AccessUnit { data: encoded.data, is_key: encoded.is_key, rtp_time: RtpTime::new(number) }
    };
    (0..count).map(encode).collect()
}

fn number(decoded: &Decoded) -> Option<u16> {
    if let Decoded::Frame(frame) = decoded { barcode::read(&frame.image) } else { None }
}

/// Xorshift: pseudo-random, the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn no_frame_is_shown_between_a_loss_and_the_next_key_frame() {
    let units = units(12, &[8]);
    let mut decoder = StreamDecoder::default();
    assert!(matches!(decoder.decode(&units[1]), Decoded::Waiting), "a stream begins with a key frame");
    for (index, unit) in units.iter().enumerate() {
        let decoded = if index == 4 { continue } else { decoder.decode(unit) };
        match index {
            0..=3 | 8.. => assert_eq!(number(&decoded), Some(index as u16)),
            5 => assert!(matches!(decoded, Decoded::Broken), "its reference is missing"),
            _ => assert!(matches!(decoded, Decoded::Waiting)),
        }
    }
}

#[test]
fn broken_units_never_panic_and_a_key_frame_recovers() {
    let units = units(6, &[]);
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut decoder = StreamDecoder::default();
    for round in 0..400 {
        let good = &units[round % units.len()];
        let mut data = good.data.to_vec();
        match round % 4 {
            0 => data.truncate(noise.next() as usize % data.len()),
            1 => data = (0..noise.next() % 3000).map(|_| noise.next() as u8).collect(),
            2 => {
                for _ in 0..1 + noise.next() % 20 {
                    let at = noise.next() as usize % data.len();
                    data[at] = noise.next() as u8;
                }
            }
            _ => data.splice(..4.min(data.len()), [0, 0, 0, 1, (noise.next() % 32) as u8 | 0x60]).for_each(drop),
        }
        let broken = AccessUnit { data: data.into(), is_key: round % 3 != 0, rtp_time: RtpTime::new(0) };
        decoder.decode(&broken);
        if round % 20 == 19 {
            // The first may fail because of what the broken ones left behind.
            let recovered = (0..2).any(|_| number(&decoder.decode(&units[0])) == Some(0));
            assert!(recovered, "round {round}");
        }
    }
}

#[test]
fn an_empty_unit_and_a_change_of_size_are_decoded_without_an_error() {
    let mut decoder = StreamDecoder::default();
    decoder.decode(&AccessUnit { data: bytes::Bytes::new(), is_key: true, rtp_time: RtpTime::new(0) });
    let small = units(2, &[]);
    assert_eq!(number(&decoder.decode(&small[0])), Some(0));
    let mut encoder = H264Encoder::new(640, 360, 1_000_000, 30).expect("an encoder");
    let encoded = encoder.encode(&I420::black(640, 360), 0).expect("encoded").expect("a key frame");
    let Decoded::Frame(frame) =
        decoder.decode(&AccessUnit { data: encoded.data, is_key: true, rtp_time: RtpTime::new(9) })
    else {
        panic!("a key frame of another size is decoded");
    };
    assert_eq!((frame.image.width, frame.image.height, frame.rtp_time.value()), (640, 360, 9));
    assert_eq!(number(&decoder.decode(&small[0])), Some(0));
}

#[test]
fn a_full_queue_drops_the_unit_and_requests_a_key_frame() {
    let (queue, _units) = sync_channel(QUEUE);
    let shared = Arc::new(Shared {
        frames: FrameSlot::default(),
        key_wanted: AtomicBool::new(false),
        camera_on: AtomicBool::new(true),
        state: Mutex::default(),
    });
    let peer = PeerVideo { shared, queue, thread: None, ending: EndingThreads::default().handle() };
    let unit = units(1, &[]).remove(0);
    for _ in 0..QUEUE {
        assert!(peer.push(unit.clone()));
    }
    assert!(!peer.take_key_frame_request());
    assert!(!peer.push(unit));
    assert!(peer.take_key_frame_request());
    assert!(!peer.take_key_frame_request(), "reading clears it");
}

#[test]
fn frames_are_presented_until_the_camera_is_off() {
    let (woken, wakes) = sync_channel(64);
    let wake = Wake::default();
    wake.set(Arc::new(move || woken.try_send(()).expect("room for every frame of this test")));
    let ending = EndingThreads::default();
    let outlets = DecoderOutlets { wake, report: Report::none(), recorder: None };
    let peer = PeerVideo::start("Bo", outlets, ending.handle());
    assert!(peer.take_key_frame_request(), "the first unit has to be a key frame");
    for unit in units(4, &[]) {
        assert!(peer.push(unit));
        wakes.recv().expect("a frame");
    }
    let shown = peer.frames().get().expect("a frame");
    assert_eq!((barcode::read(&shown.image), shown.rtp_time.value()), (Some(3), 3));
    let stats = peer.stats();
    assert_eq!((stats.presented, stats.decode_errors, stats.width, stats.height), (4, 0, WIDTH, HEIGHT));
    assert!(!peer.take_key_frame_request());
    peer.set_camera_on(false);
    assert!(peer.frames().get().is_none());
}

fn outlets() -> DecoderOutlets {
    DecoderOutlets { wake: Wake::default(), report: Report::none(), recorder: None }
}

#[test]
fn dropping_a_peer_does_not_wait_for_its_decoder() {
    let (release, released) = sync_channel::<()>(0);
    let (started, start) = sync_channel(1);
    let released = Arc::new(Mutex::new(released));
    let new_decoder = move || {
        let (started, released) = (started.clone(), Arc::clone(&released));
        move |_: &AccessUnit| {
            let _ = started.send(());
            let _ = released.lock().expect("no panic").recv();
            Decoded::Nothing
        }
    };
    let ending = EndingThreads::default();
    let peer = PeerVideo::start_with(new_decoder, "Bo", outlets(), ending.handle());
    assert!(peer.push(units(1, &[]).remove(0)));
    start.recv().expect("it decodes");
    drop(peer);
    assert_eq!(ending.running(), 1, "it still decodes");
    drop(release);
}

#[test]
fn a_decoder_that_panics_is_replaced() {
    let (decoded, results) = sync_channel(16);
    let made = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let new_decoder = {
        let made = Arc::clone(&made);
        move || {
            let generation = made.fetch_add(1, Ordering::Relaxed);
            let decoded = decoded.clone();
            move |_: &AccessUnit| {
                decoded.send(generation).expect("the test listens");
                assert!(generation > 0, "a broken decoder");
                Decoded::Nothing
            }
        }
    };
    let ending = EndingThreads::default();
    let peer = PeerVideo::start_with(new_decoder, "Bo", outlets(), ending.handle());
    for unit in units(2, &[]) {
        assert!(peer.push(unit));
    }
    assert_eq!([results.recv(), results.recv()], [Ok(0), Ok(1)]);
    assert!(peer.take_key_frame_request());
    assert_eq!(peer.stats().decode_errors, 1);
}
