//! The H.264 depacketizer against arbitrary bytes, and against the packetizer of the stack. To run longer:
//! `cargo bolero test -p maru-core --test fuzz_h264 any_payloads`.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use bytes::Bytes;
use maru_core::h264::{Depacketizer, MAX_UNIT_BYTES, START_CODE};
use maru_core::rtp::RtpTime;
use rtc_rtp::codec::h264::H264Payloader;
use rtc_rtp::packetizer::Payloader;

#[test]
fn any_payloads() {
    bolero::check!().with_iterations(20_000).with_type::<Vec<Vec<u8>>>().for_each(|payloads| {
        let mut depacketizer = Depacketizer::new();
        let errors = payloads.iter().filter(|payload| depacketizer.push(payload).is_err()).count();
        match depacketizer.finish(RtpTime::new(0)) {
            Ok(None) => assert_eq!(errors, 0),
            Ok(Some(unit)) => {
                assert_eq!(errors, 0);
                assert!(unit.data.starts_with(&START_CODE));
                assert!(unit.data.len() <= MAX_UNIT_BYTES);
                // Worst are aggregates of units of one byte: three bytes become five.
                let at_most: usize = payloads.iter().map(|payload| 2 * payload.len() + START_CODE.len()).sum();
                assert!(unit.data.len() <= at_most);
            }
            Err(_) => assert!(depacketizer.finish(RtpTime::new(0)).is_ok(), "a damaged unit does not damage the next"),
        }
    });
}

/// Bytes at random are hardly ever an aggregate or a fragment: these are, with lengths and flags at random.
#[test]
fn any_aggregates_and_fragments() {
    let headers = [0x78, 0x7c, 0x5c, 0x41];
    bolero::check!().with_iterations(20_000).with_type::<Vec<(u8, u8, Vec<u8>)>>().for_each(|parts| {
        let mut depacketizer = Depacketizer::new();
        for (header, second, rest) in parts {
            let header = headers[usize::from(*header) % headers.len()];
            let payload = match header {
                0x78 => [&[header, 0, *second % 16], rest.as_slice()].concat(),
                _ => [&[header, *second], rest.as_slice()].concat(),
            };
            let _ = depacketizer.push(&payload);
        }
        if let Ok(Some(unit)) = depacketizer.finish(RtpTime::new(0)) {
            assert!(unit.data.starts_with(&START_CODE) && unit.data.len() > START_CODE.len());
        }
    });
}

/// Any NAL units, packetized for any size, are the same at the other end. Without parameter sets, which the packetizer
/// joins with the next unit, and without delimiters and filler, which it leaves out.
#[test]
fn packetized_and_depacketized_units_are_the_same() {
    const KINDS: [u8; 8] = [1, 2, 3, 4, 5, 6, 19, 20];
    bolero::check!().with_iterations(5_000).with_type::<(u16, Vec<(u8, u16)>)>().for_each(|(max_payload, nals)| {
        let mut random = fastrand::Rng::with_seed(u64::from(*max_payload));
        let mut data = Vec::new();
        for (kind, length) in nals.iter().take(20) {
            data.extend(START_CODE);
            data.push(0x60 | KINDS[usize::from(*kind) % KINDS.len()]);
            // Without zeros there is no start code within.
            data.extend((0..=length % 5_000).map(|_| random.u8(1..)));
        }
        let data = Bytes::from(data);
        let mut depacketizer = Depacketizer::new();
        let payloads = H264Payloader::default().payload(16 + usize::from(max_payload % 1_500), &data);
        for payload in payloads.expect("units of H.264") {
            assert_eq!(depacketizer.push(&payload), Ok(()));
        }
        let received = depacketizer.finish(RtpTime::new(9)).expect("every payload was good");
        assert_eq!(received.map(|unit| unit.data).unwrap_or_default(), data);
    });
}
