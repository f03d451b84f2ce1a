//! The video receiver against arbitrary packets, and against arbitrary loss, duplication and reordering of a valid
//! stream. To run longer: `cargo bolero test -p maru-core --test fuzz_rtp any_packets`.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::time::Duration;

use maru_core::fec::BlockPlace;
use maru_core::rtp::RtpExtender;
use maru_core::time::Timestamp;
use maru_core::video_receiver::{RtpVideo, VideoReceiver};
use support::Stream;

#[test]
fn any_packets() {
    type Packet = (u8, u16, u8, bool, u8, [u8; 3], Vec<u8>);
    // Valid headers, so that more than the first check is reached.
    let beginnings: [&[u8]; 6] = [&[], &[0x78, 0, 1, 0x67, 0, 1, 0x68], &[0x65], &[0x7c, 0x85], &[0x7c, 0x45], &[0x41]];
    bolero::check!().with_iterations(20_000).with_type::<Vec<Packet>>().for_each(|packets| {
        let (mut receiver, mut extender) = (VideoReceiver::new(), RtpExtender::new());
        let mut now = Timestamp::from_micros(1_000_000);
        let mut number = 0_u16;
        for (step, jump, rtp_time, marker, kind, place, rest) in packets {
            // Mostly in order, sometimes a jump.
            number = if *step < 250 { number.wrapping_add(u16::from(step % 4)) } else { *jump };
            now = now + Duration::from_millis(u64::from(*step));
            let payload = [beginnings[usize::from(*kind) % beginnings.len()], rest].concat();
            let (sequence, rtp_time) = extender.extend(number, u32::from(*rtp_time % 4));
            receiver.handle_packet(
                now,
                RtpVideo {
                    sequence,
                    rtp_time,
                    marker: *marker,
                    payload: payload.into(),
                    block: BlockPlace::parse(place),
                },
            );
            while receiver.poll_unit(now).is_some() {}
            receiver.poll_key_frame_request(now);
            assert!(receiver.poll_timeout().is_none_or(|at| at > now), "a timeout in the past");
        }
        let stats = receiver.stats();
        assert_eq!(stats.received, packets.len() as u64);
    });
}

/// With any loss, duplication and reordering, every unit that comes out is one that was sent, in order, and can be
/// decoded.
#[test]
fn any_loss_duplication_and_reordering_of_a_valid_stream() {
    bolero::check!().with_iterations(2_000).with_type::<(u64, u8, u8, u8, u8)>().for_each(
        |&(seed, loss, double, spread, protection)| {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut stream = Stream { protection: f64::from(protection) / 1_000.0, ..Stream::new() };
            let mut arrivals = Vec::new();
            for index in 0..60_u64 {
                let bytes = random.usize(..6_000);
                for packet in stream.frame(index % 20 == 0, bytes) {
                    let at = |random: &mut fastrand::Rng| index * 33_333 + random.u64(..=u64::from(spread) * 2_000);
                    if random.f64() >= f64::from(loss) / 1_000.0 {
                        arrivals.push((at(&mut random), packet.clone()));
                    }
                    if random.f64() < f64::from(double) / 1_000.0 {
                        arrivals.push((at(&mut random), packet));
                    }
                }
            }
            arrivals.sort_by_key(|&(at, _)| at);

            let mut receiver = VideoReceiver::new();
            let mut last: Option<usize> = None;
            for (at_micros, packet) in arrivals {
                let now = Timestamp::from_micros(at_micros);
                receiver.handle_packet(now, packet);
                while let Some(unit) = receiver.poll_unit(now) {
                    let index = stream.sent.iter().position(|sent| *sent == unit).expect("it was sent just so");
                    let follows = last.map_or(unit.is_key, |last| index == last + 1 || (unit.is_key && index > last));
                    assert!(follows, "frame {index} after {last:?}");
                    last = Some(index);
                }
            }
            if loss == 0 && double == 0 && spread == 0 {
                assert_eq!(last, Some(59));
            }
        },
    );
}
