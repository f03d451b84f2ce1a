//! The H.264 parsers against arbitrary bytes, and the packetizer against the depacketizer. Longer by hand:
//! `cargo bolero test -p maru-core --test fuzz_h264 any_payloads`.

mod support;

use bytes::Bytes;
use maru_core::h264::{Depacketizer, MAX_UNIT_BYTES, Packetizer, START_CODE, Sps, annex_b_nals};
use maru_core::media::AccessUnit;
use maru_core::rtp::RtpTime;

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
            assert!(annex_b_nals(&unit.data).count() > 0);
        }
    });
}

#[test]
fn any_stream_of_nal_units() {
    bolero::check!().with_iterations(20_000).with_type::<Vec<u8>>().for_each(|stream| {
        for nal in annex_b_nals(stream) {
            assert!(!nal.is_empty() && nal.last() != Some(&0));
            assert!(!nal.windows(3).any(|bytes| bytes == [0, 0, 1]));
        }
        let unit = AccessUnit { data: stream.clone().into(), is_key: false, rtp_time: RtpTime::new(0) };
        for payload in Packetizer::new(100).packetize(&unit) {
            assert!((1..=100).contains(&payload.len()));
        }
    });
}

#[test]
fn any_sps() {
    bolero::check!().with_iterations(50_000).with_type::<(u8, Vec<u8>)>().for_each(|(profile, rest)| {
        let profiles = [66, 77, 100, 122, *profile];
        let nal = [&[0x67, profiles[rest.len() % profiles.len()], 0, 31], rest.as_slice()].concat();
        if let Ok(sps) = Sps::parse(&nal) {
            assert!((1..=2 * 16 * 1_056).contains(&sps.width) && (1..=2 * 16 * 1_056).contains(&sps.height));
        }
        let _ = Sps::parse(rest);
    });
}

/// Any NAL units, cut for any payload size, are the same at the other end.
#[test]
fn there_and_back() {
    bolero::check!().with_iterations(5_000).with_type::<(u16, Vec<(u8, u16)>)>().for_each(|(max_payload, nals)| {
        let mut random = support::SplitMix64(u64::from(*max_payload));
        let mut data = Vec::new();
        for (kind, length) in nals.iter().take(20) {
            data.extend(START_CODE);
            data.push(0x60 | (1 + kind % 23));
            // Without zeros there is no start code within.
            data.extend((0..length % 5_000).map(|_| 1 + random.below(255) as u8));
        }
        // Parameter sets come of themselves before an IDR frame only once they have been seen: not in the first unit.
        let unit = AccessUnit { data: Bytes::from(data), is_key: false, rtp_time: RtpTime::new(9) };
        let mut depacketizer = Depacketizer::new();
        for payload in Packetizer::new(16 + usize::from(max_payload % 1_500)).packetize(&unit) {
            assert_eq!(depacketizer.push(&payload), Ok(()));
        }
        let received = depacketizer.finish(RtpTime::new(9)).expect("every payload was good");
        assert_eq!(received.map(|unit| unit.data).unwrap_or_default(), unit.data);
    });
}
