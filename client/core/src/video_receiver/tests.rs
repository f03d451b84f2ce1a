//! Single steps. Whole streams over a bad network are in `tests/simulation.rs`.

use super::*;

const SPS_AND_PPS: &[u8] = &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1];
const IDR: &[u8] = &[0x65, 1];
const SLICE: &[u8] = &[0x41, 1];

fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(ms * 1_000)
}

fn packet(sequence: u64, rtp_time: u64, marker: bool, payload: &'static [u8]) -> RtpVideo {
    let (sequence, rtp_time) = (Sequence::new(1000 + sequence), RtpTime::new(rtp_time));
    RtpVideo { sequence, rtp_time, marker, payload: Bytes::from_static(payload), block: None }
}

/// Lets packets arrive at one time. Returns the RTP times of the units that come out.
fn units(receiver: &mut VideoReceiver, ms: u64, packets: impl IntoIterator<Item = RtpVideo>) -> Vec<u64> {
    let mut units = Vec::new();
    for packet in packets {
        receiver.handle_packet(at(ms), packet);
        units.extend(std::iter::from_fn(|| receiver.poll_unit(at(ms))).map(|unit| unit.rtp_time.value()));
    }
    units
}

/// A receiver after a key frame: packets 0 and 1, RTP time 0.
fn started() -> VideoReceiver {
    let mut receiver = VideoReceiver::new();
    let key = [packet(0, 0, false, SPS_AND_PPS), packet(1, 0, true, IDR)];
    assert_eq!(units(&mut receiver, 0, key), [0]);
    receiver
}

#[test]
fn no_key_frame_is_requested_for_a_stream_that_begins_with_one() {
    let mut receiver = VideoReceiver::new();
    assert_eq!(receiver.poll_timeout(), None);
    assert!(!receiver.poll_key_frame_request(at(0)), "nothing is sent yet");
    units(&mut receiver, 0, [packet(0, 0, false, SPS_AND_PPS)]);
    assert!(!receiver.poll_key_frame_request(at(0)), "its packets are arriving");
    assert_eq!(receiver.poll_timeout(), Some(at(60)));
    assert_eq!(units(&mut receiver, 1, [packet(1, 0, true, IDR)]), [0]);
    assert!(!receiver.poll_key_frame_request(at(1)));
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn key_frames_are_requested_until_one_arrives() {
    let mut receiver = VideoReceiver::new();
    let mut requests = Vec::new();
    for ms in (0..1_000).step_by(10) {
        let slice = packet(ms / 10, ms * 90, true, SLICE);
        assert!(units(&mut receiver, ms, [slice]).is_empty());
        if receiver.poll_key_frame_request(at(ms)) {
            requests.push(ms);
        }
    }
    assert_eq!(requests, [0, 300, 600, 900]);
    let key = [packet(100, 1, false, SPS_AND_PPS), packet(101, 1, true, IDR)];
    assert_eq!(units(&mut receiver, 1_000, key), [1]);
    assert!(!receiver.poll_key_frame_request(at(5_000)));
}

#[test]
fn a_silent_sender_is_sent_one_request() {
    let mut receiver = started();
    receiver.decoder_needs_key_frame();
    assert!(receiver.poll_key_frame_request(at(10)));
    assert_eq!(receiver.poll_timeout(), None);
    assert!(!receiver.poll_key_frame_request(at(10_000)));
    units(&mut receiver, 20_000, [packet(2, 9, true, SLICE)]);
    assert!(receiver.poll_key_frame_request(at(20_000)));
}

#[test]
fn a_unit_ends_with_its_marker_or_with_the_next_timestamp() {
    let mut receiver = started();
    assert!(units(&mut receiver, 1, [packet(2, 10, false, SLICE), packet(3, 10, false, SLICE)]).is_empty());
    assert_eq!(units(&mut receiver, 2, [packet(4, 20, true, SLICE)]), [10, 20]);
}

#[test]
fn a_gap_waits_for_its_packet_and_no_longer_than_the_hold_time() {
    let mut receiver = started();
    receiver.set_round_trip(Duration::from_millis(40));
    assert!(units(&mut receiver, 10, [packet(3, 20, true, SLICE)]).is_empty());
    assert_eq!(receiver.poll_timeout(), Some(at(170)));
    assert_eq!(units(&mut receiver, 169, [packet(2, 10, true, SLICE)]), [10, 20]);
    assert_eq!(receiver.poll_timeout(), None);

    assert!(units(&mut receiver, 200, [packet(5, 40, true, SLICE)]).is_empty());
    assert!(!receiver.poll_key_frame_request(at(359)));
    assert_eq!(receiver.poll_unit(at(360)), None);
    assert!(receiver.poll_key_frame_request(at(360)));
    assert!(units(&mut receiver, 361, [packet(4, 30, true, SLICE)]).is_empty(), "too late to go on from there");
    let key = [packet(6, 50, false, SPS_AND_PPS), packet(7, 50, true, IDR), packet(8, 60, true, SLICE)];
    assert_eq!(units(&mut receiver, 380, key), [50, 60]);
    assert_eq!(receiver.stats().abandoned_frames, 2);
}

#[test]
fn the_hold_time_follows_the_round_trip_within_limits() {
    let hold_ms = |round_trip| {
        let mut receiver = VideoReceiver::new();
        receiver.set_round_trip(round_trip);
        receiver.hold.as_millis()
    };
    assert_eq!(hold_ms(Duration::ZERO), 60);
    assert_eq!(hold_ms(Duration::from_millis(40)), 160);
    assert_eq!(hold_ms(Duration::from_secs(1)), 400);
    assert_eq!(hold_ms(Duration::MAX), 400);
}

#[test]
fn each_gap_has_its_own_time() {
    let mut receiver = started();
    units(&mut receiver, 10, [packet(3, 20, true, SLICE)]);
    units(&mut receiver, 40, [packet(5, 40, true, SLICE)]);
    assert_eq!(units(&mut receiver, 50, [packet(2, 10, true, SLICE)]), [10, 20]);
    assert_eq!(receiver.poll_timeout(), Some(at(100)), "60 ms since packet 5");
}

#[test]
fn a_reordered_key_frame_is_found() {
    let mut receiver = VideoReceiver::new();
    let shuffled = [packet(12, 10, true, SLICE), packet(11, 0, true, IDR), packet(10, 0, false, SPS_AND_PPS)];
    assert_eq!(units(&mut receiver, 0, shuffled), [0, 10]);
}

#[test]
fn a_late_first_packet_of_a_key_frame_is_waited_for_during_the_hold_time() {
    let mut receiver = VideoReceiver::new();
    assert!(units(&mut receiver, 0, [packet(11, 0, true, IDR)]).is_empty());
    assert!(!receiver.poll_key_frame_request(at(0)));
    assert_eq!(receiver.poll_timeout(), Some(at(60)));
    assert_eq!(units(&mut receiver, 50, [packet(10, 0, false, SPS_AND_PPS)]), [0]);

    let mut receiver = VideoReceiver::new();
    assert!(units(&mut receiver, 0, [packet(11, 0, true, IDR)]).is_empty());
    assert_eq!(receiver.poll_unit(at(60)), None);
    assert!(receiver.poll_key_frame_request(at(60)));
}

#[test]
fn a_key_frame_is_requested_from_a_sender_without_sps() {
    let mut receiver = VideoReceiver::new();
    let idrs = (0..10).map(|index| packet(index, index, true, IDR));
    assert!(units(&mut receiver, 0, idrs).is_empty());
    assert_eq!(receiver.poll_unit(at(60)), None);
    assert!(units(&mut receiver, 61, [packet(10, 10, true, IDR)]).is_empty());
    assert!(receiver.poll_key_frame_request(at(61)));
}

#[test]
fn an_sps_without_its_idr_is_no_key_frame() {
    let mut receiver = VideoReceiver::new();
    let no_key = [packet(0, 0, false, SPS_AND_PPS), packet(1, 0, true, SLICE)];
    assert!(units(&mut receiver, 0, no_key).is_empty());
    assert!(receiver.poll_key_frame_request(at(0)));
}

#[test]
fn a_packet_of_a_finished_unit_is_a_duplicate_and_one_that_was_given_up_is_late() {
    let mut receiver = started();
    assert!(units(&mut receiver, 1, [packet(1, 0, true, IDR)]).is_empty());
    assert!(units(&mut receiver, 2, [packet(3, 20, true, SLICE)]).is_empty());
    let key = [packet(4, 30, false, SPS_AND_PPS), packet(5, 30, true, IDR)];
    assert_eq!(units(&mut receiver, 200, key), [30]);
    assert!(units(&mut receiver, 201, [packet(2, 10, true, SLICE)]).is_empty());
    let stats = receiver.stats();
    assert_eq!((stats.received, stats.expected, stats.duplicates, stats.late), (7, 6, 1, 1));
}

#[test]
fn a_damaged_unit_is_dropped_and_the_next_key_frame_comes_out() {
    let mut receiver = started();
    assert!(units(&mut receiver, 1, [packet(2, 10, true, &[0x78, 0, 1, 0xaa, 0])]).is_empty());
    assert!(receiver.poll_key_frame_request(at(1)));
    let key = [packet(3, 20, true, SLICE), packet(4, 30, false, SPS_AND_PPS), packet(5, 30, true, IDR)];
    assert_eq!(units(&mut receiver, 2, key), [30]);
    let stats = receiver.stats();
    assert_eq!((stats.malformed, stats.abandoned_frames), (1, 2));
}

#[test]
fn padding_is_skipped() {
    let mut receiver = started();
    let padded = [packet(2, 0, false, &[]), packet(3, 10, false, SLICE), packet(4, 10, true, SLICE)];
    assert_eq!(units(&mut receiver, 1, padded), [10]);
    assert_eq!(units(&mut receiver, 2, [packet(5, 10, false, &[]), packet(6, 20, true, SLICE)]), [20]);
}

#[test]
fn a_pause_of_the_camera_changes_nothing() {
    let mut receiver = started();
    assert_eq!(units(&mut receiver, 60_000, [packet(2, 5_400_000, true, SLICE)]), [5_400_000]);
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn a_sender_that_restarts_is_followed() {
    let mut receiver = started();
    let key = [packet(40_000, 7, false, SPS_AND_PPS), packet(40_001, 7, true, IDR)];
    assert_eq!(units(&mut receiver, 1, key), [7]);

    receiver.reset();
    let key = [packet(41_000, 8, false, SPS_AND_PPS), packet(41_001, 8, true, IDR)];
    assert_eq!(units(&mut receiver, 2, key), [8]);
    assert_eq!(receiver.stats().expected, 6, "two of each stream");
}

#[test]
fn buffered_bytes_are_bounded() {
    let mut receiver = started();
    let large: Bytes = vec![0x41; 60_000].into();
    for sequence in 3..60_000 {
        let packet = RtpVideo { payload: large.clone(), ..packet(sequence, 1, false, &[]) };
        receiver.handle_packet(at(1), packet);
    }
    let held = (0..).scan(0, |from, _: u32| {
        let (sequence, slot) = receiver.packets.first_from(*from)?;
        *from = sequence + 1;
        Some(slot.payload.len())
    });
    assert!(held.sum::<usize>() <= 8 << 20);
    assert!(receiver.poll_key_frame_request(at(1)));
}

#[test]
fn packets_without_a_key_frame_are_dropped_after_a_second() {
    let mut receiver = VideoReceiver::new();
    units(&mut receiver, 0, [packet(0, 0, true, SLICE)]);
    units(&mut receiver, 500, [packet(1, 1, true, SLICE)]);
    assert_eq!(receiver.poll_unit(at(1_000)), None);
    assert_eq!(receiver.packets.first_from(0).map(|(_, slot)| slot.rtp_time), Some(RtpTime::new(1)));
}

#[test]
fn a_key_frame_ends_the_wait_after_half_of_the_hold_time() {
    let key = || [packet(3, 9000, false, SPS_AND_PPS), packet(4, 9000, true, IDR)];
    let mut receiver = started();
    assert!(units(&mut receiver, 10, key()).is_empty(), "packet 2 may still come");
    assert_eq!(units(&mut receiver, 20, [packet(2, 3000, true, SLICE)]), [3000, 9000]);

    let mut receiver = started();
    units(&mut receiver, 10, key());
    assert_eq!(
        units(&mut receiver, 40, [packet(5, 12_000, true, SLICE)]),
        [9000, 12_000],
        "half of the hold time is over"
    );
}

#[test]
fn lost_repair_packets_delay_nothing() {
    let place = |index| Some(BlockPlace { media: 1, repairs: 2, index });
    let frame = |first, rtp_time| RtpVideo { block: place(0), ..packet(first, rtp_time, true, SLICE) };
    let mut receiver = started();
    assert_eq!(units(&mut receiver, 33, [frame(2, 3000)]), [3000]);
    // 3 and 4 are lost.
    assert_eq!(units(&mut receiver, 66, [frame(5, 6000)]), [6000]);
    // 6 is lost, 7 is not, and 8 is a frame that is missing.
    let repair = RtpVideo { block: place(2), ..packet(7, 6000, false, SLICE) };
    assert!(units(&mut receiver, 67, [repair]).is_empty());
    assert!(units(&mut receiver, 133, [frame(11, 12_000)]).is_empty());
    assert!(receiver.poll_timeout().is_some(), "packet 8 is waited for");
    assert_eq!(units(&mut receiver, 140, [frame(8, 9000)]), [9000, 12_000]);
}
