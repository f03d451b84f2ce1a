//! The cost of assembling 720p30 at 2.5 Mbit/s from packets. One frame is 10.4 kB.

use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use maru_core::h264::{Depacketizer, START_CODE};
use maru_core::media::AccessUnit;
use maru_core::rtp::{RtpTime, Sequence};
use maru_core::time::Timestamp;
use maru_core::video_receiver::{RtpVideo, VideoReceiver};
use rtc_rtp::codec::h264::H264Payloader;
use rtc_rtp::packetizer::Payloader;

const FRAME_BYTES: usize = 2_500_000 / 8 / 30;
const FRAMES: u64 = 30;
const MAX_PAYLOAD_BYTES: usize = 1_200;

fn frame(is_key: bool, rtp_time: RtpTime) -> AccessUnit {
    let mut data = Vec::new();
    if is_key {
        for parameter_set in [[0x67, 0x42, 0xc0, 0x1f], [0x68, 0xce, 0x3c, 0x80]] {
            data.extend(START_CODE);
            data.extend(parameter_set);
        }
    }
    data.extend(START_CODE);
    data.push(if is_key { 0x65 } else { 0x41 });
    data.extend((0..FRAME_BYTES).map(|index| (index % 251) as u8 + 1));
    AccessUnit { data: Bytes::from(data), is_key, rtp_time }
}

/// One second, beginning with a key frame.
fn second_of_packets() -> Vec<RtpVideo> {
    let mut packetizer = H264Payloader::default();
    let mut packets = Vec::new();
    for index in 0..FRAMES {
        let rtp_time = RtpTime::new(index * 3_000);
        let payloads =
            packetizer.payload(MAX_PAYLOAD_BYTES, &frame(index == 0, rtp_time).data).expect("units of H.264");
        let count = payloads.len();
        packets.extend(payloads.into_iter().enumerate().map(|(nth, payload)| {
            let marker = nth + 1 == count;
            RtpVideo { sequence: Sequence::new(0), rtp_time, marker, payload, block: None }
        }));
    }
    for (sequence, packet) in (1000..).zip(&mut packets) {
        packet.sequence = Sequence::new(sequence);
    }
    packets
}

fn receive(packets: Vec<RtpVideo>) -> u64 {
    let mut receiver = VideoReceiver::new();
    let mut units = 0;
    for (at_ms, packet) in (0..).zip(packets) {
        let now = Timestamp::from_micros(at_ms * 1_000);
        receiver.handle_packet(now, packet);
        units += std::iter::from_fn(|| receiver.poll_unit(now)).count() as u64;
    }
    units
}

fn assembly(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("h264");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(30);

    let unit = frame(false, RtpTime::new(0));
    group.throughput(Throughput::Bytes(unit.data.len() as u64));
    let payloads = H264Payloader::default().payload(MAX_PAYLOAD_BYTES, &unit.data).expect("units of H.264");
    let mut depacketizer = Depacketizer::new();
    group.bench_function("depacketize a frame", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                depacketizer.push(payload).expect("made above");
            }
            depacketizer.finish(RtpTime::new(0))
        });
    });

    let packets = second_of_packets();
    group.throughput(Throughput::Elements(packets.len() as u64));
    assert_eq!(receive(packets.clone()), FRAMES);
    group.bench_function("receive a second in order", |bencher| {
        bencher.iter_batched(|| packets.clone(), receive, BatchSize::SmallInput);
    });

    // Every tenth packet comes 40 packets, here 40 ms, late: within the hold time, as if retransmitted.
    let mut disordered: Vec<_> = packets.into_iter().enumerate().collect();
    disordered.sort_by_key(|&(index, _)| if index % 10 == 9 { index + 40 } else { index });
    let disordered: Vec<_> = disordered.into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(receive(disordered.clone()), FRAMES);
    group.bench_function("receive a second with a tenth retransmitted", |bencher| {
        bencher.iter_batched(|| disordered.clone(), receive, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, assembly);
criterion_main!(benches);
