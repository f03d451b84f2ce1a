//! The cost of playout for each 10 ms of one peer's audio, without Opus.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use maru_core::media::AudioPacket;
use maru_core::playout::{AudioDecoder, Decode, Playout};
use maru_core::rtp::{RtpTime, Sequence};
use maru_core::time::Timestamp;

struct NoDecoder;

impl AudioDecoder for NoDecoder {
    fn decode(&mut self, step: &Decode, out: &mut Vec<f32>) {
        let (Decode::Packet { samples, .. }
        | Decode::Fec { samples, .. }
        | Decode::Conceal { samples }
        | Decode::Silence { samples }) = step;
        out.resize(out.len() + samples, 0.1);
    }
}

fn playout(criterion: &mut Criterion) {
    let payload = Bytes::from_static(&[31 << 3; 80]);
    let mut playout = Playout::new(NoDecoder);
    let mut block = 0_u64;
    criterion.bench_function("playout, 10 ms of one peer", |bencher| {
        bencher.iter(|| {
            let now = Timestamp::from_micros(block * 10_000);
            if block.is_multiple_of(2) {
                let (sequence, rtp_time) = (Sequence::new(block / 2), RtpTime::new(block / 2 * 960));
                let arrived = now + Duration::from_micros(block * 7919 % 9000);
                playout.push(AudioPacket { payload: payload.clone(), sequence, rtp_time, arrived, is_copy: false });
            }
            let mut out = [0.0; 480];
            playout.pull(now, &mut out);
            block += 1;
            black_box(out)
        });
    });
}

criterion_group!(benches, playout);
criterion_main!(benches);
