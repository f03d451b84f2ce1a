//! Frames and sound that need no codec: every byte is known beforehand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use maru::clock;
use maru::session::connection::ConnectionEvent;
use maru_core::media::{AccessUnit, EncodedAudio, EncodedVideo, VideoLayerId};
use maru_core::rtp::{RtpTime, Sequence};
use maru_core::video_receiver::RtpVideo;
use webrtc::runtime::Runtime;

use super::pair::Side;

/// What [`send_call`] sends.
#[derive(Clone, Copy)]
pub struct Traffic {
    pub duration: Duration,
    pub fps: u32,
    /// Of each frame; every 60th is a key frame of four times the size.
    pub frame_bytes: usize,
}

/// An access unit of `bytes`, four times as many if it is a key frame: bytes that tell `number` and that no start code
/// can be made of.
pub fn frame(number: u32, bytes: usize, is_key: bool) -> EncodedVideo {
    let mut data = BytesMut::new();
    if is_key {
        data.put_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xda]);
        data.put_slice(&[0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80]);
    }
    data.put_slice(&[0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }]);
    let body = if is_key { bytes * 4 } else { bytes };
    data.extend((0..body).map(|i| ((i as u32).wrapping_mul(31).wrapping_add(number) % 255) as u8 + 1));
    let unit = AccessUnit { data: data.freeze(), is_key, rtp_time: RtpTime::new(0) };
    EncodedVideo {
        layer: VideoLayerId::default(),
        unit,
        is_discardable: false,
        captured: clock::now(),
        width: 1280,
        height: 720,
    }
}

/// A packet of sound that tells `number`, captured now.
pub fn sound(number: u32, runtime: &Arc<dyn Runtime>) -> EncodedAudio {
    EncodedAudio {
        payload: Bytes::copy_from_slice(&number.to_be_bytes()),
        rtp_time: RtpTime::new(u64::from(number) * 960),
        marker: number == 0,
        captured: clock::timestamp(runtime.now()),
    }
}

/// Sends frames and 50 packets of sound a second, as a camera and a microphone would. Returns the frames sent.
pub async fn send_call(side: Side, runtime: Arc<dyn Runtime>, traffic: Traffic) -> Vec<Bytes> {
    let start = runtime.now();
    let mut sent = Vec::new();
    let (mut frames, mut sounds) = (0, 0);
    loop {
        let frame_at = Duration::from_secs(1) * frames / traffic.fps;
        let sound_at = Duration::from_millis(20) * sounds;
        let next = frame_at.min(sound_at);
        if next >= traffic.duration {
            return sent;
        }
        runtime.sleep((start + next).saturating_duration_since(runtime.now())).await;
        if frame_at <= sound_at {
            let mut video = frame(frames, traffic.frame_bytes, frames.is_multiple_of(60));
            video.captured = clock::timestamp(start + frame_at);
            video.unit.rtp_time = RtpTime::new((frame_at.as_micros() * 90 / 1000) as u64);
            side.connection.send_video(&video).await.expect("a frame is sent");
            sent.push(video.unit.data);
            frames += 1;
        } else {
            let captured = clock::timestamp(start + sound_at);
            side.connection
                .send_audio(&EncodedAudio { captured, ..sound(sounds, &runtime) })
                .await
                .expect("sound is sent");
            sounds += 1;
        }
    }
}

/// Packets of video by sequence number, each as it came first; and how many came in all.
pub fn video_packets(side: &Side) -> (BTreeMap<Sequence, Arrived>, usize) {
    let mut packets = BTreeMap::new();
    let mut count = 0;
    for (at, event) in side.events().iter() {
        let ConnectionEvent::Video { packet, .. } = event else { continue };
        count += 1;
        packets.entry(packet.sequence).or_insert_with(|| Arrived {
            at: *at,
            rtp_time: packet.rtp_time,
            marker: packet.marker,
            payload: packet.payload.clone(),
        });
    }
    (packets, count)
}

pub struct Arrived {
    pub at: Instant,
    pub rtp_time: RtpTime,
    pub marker: bool,
    pub payload: Bytes,
}

/// The frames of which all packets came, or as many as they can be rebuilt from.
pub fn complete_frames(side: &Side) -> usize {
    let mut frames = BTreeMap::<RtpTime, BTreeMap<Sequence, RtpVideo>>::new();
    for (_, event) in side.events().iter() {
        if let ConnectionEvent::Video { packet, .. } = event {
            frames.entry(packet.rtp_time).or_default().insert(packet.sequence, packet.clone());
        }
    }
    let is_complete = |packets: &&BTreeMap<Sequence, RtpVideo>| match packets.values().find_map(|packet| packet.block) {
        Some(place) => packets.len() >= usize::from(place.media),
        None => {
            let numbers: Vec<_> = packets.keys().map(|sequence| sequence.value()).collect();
            numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) && packets.values().any(|packet| packet.marker)
        }
    };
    frames.values().filter(is_complete).count()
}

/// The frames of complete packets, put together again in Annex B form (RFC 6184).
pub fn frames(packets: &BTreeMap<Sequence, Arrived>) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let mut current = BytesMut::new();
    for packet in packets.values() {
        let payload = &packet.payload;
        match payload[0] & 0x1f {
            24 => {
                let mut rest = &payload[1..];
                while rest.len() > 2 {
                    let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                    current.put_slice(&[0, 0, 0, 1]);
                    current.put_slice(&rest[2..2 + len]);
                    rest = &rest[2 + len..];
                }
            }
            28 => {
                if payload[1] & 0x80 != 0 {
                    current.put_slice(&[0, 0, 0, 1, payload[0] & 0xe0 | payload[1] & 0x1f]);
                }
                current.put_slice(&payload[2..]);
            }
            _ => {
                current.put_slice(&[0, 0, 0, 1]);
                current.put_slice(payload);
            }
        }
        if packet.marker {
            frames.push(current.split().freeze());
        }
    }
    frames
}

/// Numbers of the sound packets, in the order of arrival.
pub fn sounds(side: &Side) -> Vec<u32> {
    let number = |(_, event): &(Instant, ConnectionEvent)| match event {
        ConnectionEvent::Audio { packet, .. } => packet.payload.as_ref().try_into().ok().map(u32::from_be_bytes),
        _ => None,
    };
    side.events().iter().filter_map(number).collect()
}
