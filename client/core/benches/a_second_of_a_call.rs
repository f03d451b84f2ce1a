//! The cost of core for one second of a call with one peer: 720p30 at 2.5 Mbit/s, 5 % loss. 10 ms are 1 % of a CPU
//! core.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use maru_core::congestion::{self, CongestionController};
use maru_core::fec::{self, BlockPlace, LossPattern, Retransmissions};
use maru_core::lip_sync::LipSync;
use maru_core::pacer::{self, Pacer, Priority};
use maru_core::rtp::{RtpTime, Sequence};
use maru_core::time::Timestamp;
use maru_core::video_receiver::{RtpVideo, VideoReceiver};

const FRAMES: u64 = 30;
const PACKETS: usize = 9;
const LOSS: LossPattern = LossPattern { rate: 0.05, mean_run: 1.06 };

fn at(us: u64) -> Timestamp {
    Timestamp::from_micros(10_000_000 + us)
}

/// Every packet of audio and video through pacer and controller, and forty reports.
fn send(controller: &mut CongestionController, pacer: &mut Pacer<usize>) -> u32 {
    let (mut sequence, mut reported) = (Sequence::new(0), 0);
    let mut in_flight = VecDeque::new();
    for us in (0..1_000_000).step_by(1_000) {
        let now = at(us);
        if us % 20_000 == 0 {
            pacer.push(now, Priority::Audio, 140, 140);
        }
        if us % 33_000 == 0 {
            (0..PACKETS + 2).for_each(|_| pacer.push(now, Priority::Video, 1250, 1250));
        }
        while let Some((bytes, _)) = pacer.pop(now, controller.available_bytes(now) > 0.0) {
            controller.handle_sent(now, sequence, bytes, false);
            in_flight.push_back((us + 20_000, sequence));
            sequence = sequence + 1;
        }
        if us % 25_000 == 0 {
            let arrived: Vec<_> = std::iter::from_fn(|| in_flight.pop_front_if(|(due, _)| *due <= us)).collect();
            let report: Vec<_> = arrived
                .iter()
                .map(|&(due, sequence)| (sequence, (sequence.value() % 20 != 7).then(|| Duration::from_micros(due))))
                .collect();
            reported += report.len() as u32;
            controller.handle_report(now, &report);
        }
    }
    controller.target_bps() + reported
}

fn payloads(frame: u64) -> Vec<Bytes> {
    let payload = |packet: usize| {
        let mut payload: Vec<u8> = (0..1150).map(|i| (i * 7 + packet + frame as usize) as u8).collect();
        payload[0] = if frame == 0 { 0x65 } else { 0x41 };
        Bytes::from(payload)
    };
    (0..PACKETS).map(payload).collect()
}

fn protect() -> usize {
    (0..FRAMES)
        .map(|frame| fec::block(payloads(frame), fec::repairs_for(PACKETS, LOSS, Retransmissions::InTime)).len())
        .sum()
}

/// A second of packets with FEC, of which 5 % are lost.
fn lossy_second() -> Vec<RtpVideo> {
    let mut packets = Vec::new();
    let mut sequence = Sequence::new(1000);
    for frame in 0..FRAMES {
        for (index, (payload, block)) in
            fec::block(payloads(frame), fec::repairs_for(PACKETS, LOSS, Retransmissions::InTime))
                .into_iter()
                .enumerate()
        {
            let is_repair = block.is_some_and(BlockPlace::is_repair);
            let marker = !is_repair && index + 1 == PACKETS;
            let packet = RtpVideo { sequence, rtp_time: RtpTime::new(frame * 3000), marker, payload, block };
            sequence = sequence + 1;
            if frame == 0 || sequence.value() % 20 != 7 {
                packets.push(packet);
            }
        }
    }
    packets
}

fn receive(packets: Vec<RtpVideo>) -> u64 {
    let (mut receiver, mut sync) = (VideoReceiver::new(), LipSync::default());
    sync.audio_reported(1 << 40, RtpTime::new(0));
    sync.video_reported(1 << 40, RtpTime::new(0));
    for (index, packet) in (0..).zip(packets) {
        let now = at(index * 3_000);
        sync.heard(now, RtpTime::new(index * 144));
        receiver.handle_packet(now, packet);
        while let Some(unit) = receiver.poll_unit(now) {
            std::hint::black_box(sync.due(now, unit.rtp_time));
        }
    }
    receiver.stats().rebuilt
}

fn a_second(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a second of a call");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(30);
    let fresh = || {
        let controller = CongestionController::new(congestion::Config::default());
        (controller, Pacer::new(pacer::Config::default(), 3_000_000))
    };
    group.bench_function("congestion control and pacer", |bencher| {
        bencher.iter_batched_ref(fresh, |(controller, pacer)| send(controller, pacer), BatchSize::SmallInput);
    });
    group.bench_function("fec", |bencher| bencher.iter(protect));
    let packets = lossy_second();
    assert!(receive(packets.clone()) > 0, "packets are rebuilt");
    group.bench_function("video receiver, fec and lip sync", |bencher| {
        bencher.iter_batched(|| packets.clone(), receive, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, a_second);
criterion_main!(benches);
