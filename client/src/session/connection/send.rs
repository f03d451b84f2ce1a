//! Sends one stream of ours: packetizes, protects with FEC or copies, and writes to the track.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use maru_core::fec;
use maru_core::red::RedSender;
use maru_core::rtp::{RtpTime, Sequence};
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::header::Header;
use rtc::rtp::packet::Packet;
use rtc::rtp::packetizer::Payloader;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::media_stream::MediaStreamTrack;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

use super::engine;
use super::error::ConnectionError;
use super::event::MediaKind;
use super::negotiated::{Negotiated, RedTypes};

/// With all headers, extensions and the SRTP tag at most 1,272 bytes: every IPv6 path carries 1,280 (RFC 8200, 5).
const MAX_PAYLOAD_BYTES: usize = 1200;

/// Payload types are 0 to 127.
const NOT_NEGOTIATED: u8 = u8::MAX;

pub(super) struct MediaSender {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    kind: MediaKind,
    ssrc: u32,
    payload_type: AtomicU8,
    negotiated: Negotiated,
    packetizer: Mutex<Packetizer>,
}

#[derive(Debug)]
struct Packetizer {
    h264: H264Payloader,
    red: RedSender,
    next_sequence: Sequence,
}

impl MediaSender {
    /// Adds a stream to `peer_connection`, to be sent and received. Its track cannot be replaced: the stack never binds
    /// another.
    pub(super) async fn add(
        peer_connection: &dyn PeerConnection,
        kind: MediaKind,
        ssrc: u32,
        negotiated: Negotiated,
    ) -> Result<Self, ConnectionError> {
        let setup = |error: webrtc::error::Error| ConnectionError::Setup(error.to_string());
        let (codec, codec_kind, name) = codec_of(kind);
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "maru".into(),
            name.into(),
            name.into(),
            codec_kind,
            vec![encoding(ssrc, codec.clone())],
        )));
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendrecv,
            streams: vec!["maru".into()],
            send_encodings: vec![encoding(ssrc, codec)],
        };
        let transceiver = peer_connection
            .add_transceiver_from_track(Arc::clone(&track) as Arc<dyn TrackLocal>, Some(init))
            .await
            .map_err(setup)?;
        let sender = transceiver.sender().await.map_err(setup)?;
        let sender = sender.ok_or_else(|| ConnectionError::Setup("the stack made no sender".into()))?;
        let sequence = getrandom::u32().map_err(|error| ConnectionError::Setup(error.to_string()))?;
        Ok(Self {
            track,
            sender,
            kind,
            ssrc,
            payload_type: AtomicU8::new(NOT_NEGOTIATED),
            negotiated,
            // In the lower half of the range: a receiver that missed a wrap among the first packets would derive
            // another SRTP index (RFC 3711, 3.3.1).
            packetizer: Mutex::new(Packetizer {
                h264: H264Payloader::default(),
                red: RedSender::default(),
                next_sequence: Sequence::new(u64::from(sequence >> 17)),
            }),
        })
    }

    /// Whether the peer takes copies of audio.
    pub(super) fn takes_copies(&self) -> bool {
        self.negotiated.red().is_some()
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Reads what was negotiated. `is_shared`: the peer takes this kind of media.
    pub(super) async fn negotiated(&self, is_shared: bool) {
        let Some(parameters) = self.sender.get_parameters().await.ok().filter(|_| is_shared) else {
            return self.payload_type.store(NOT_NEGOTIATED, Ordering::Release);
        };
        let parameters = parameters.rtp_parameters;
        let payload_type = |mime_type: &str| {
            let mut codecs = parameters.codecs.iter();
            let codec = codecs.find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(mime_type));
            codec.map(|codec| codec.payload_type)
        };
        let own = payload_type(&codec_of(self.kind).0.mime_type);
        match self.kind {
            MediaKind::Video => {
                let mut extensions = parameters.header_extensions.iter();
                let block = extensions.find(|extension| extension.uri == engine::BLOCK_URI);
                self.negotiated.set_block_extension(block.map(|extension| extension.id as u8));
            }
            MediaKind::Audio => {
                let red = payload_type(engine::MIME_TYPE_RED);
                self.negotiated.set_red(red.zip(own).map(|(red, opus)| RedTypes { red, opus }));
            }
        }
        self.payload_type.store(own.unwrap_or(NOT_NEGOTIATED), Ordering::Release);
    }

    /// Sends an access unit in Annex B form. `fec_packets` gives the number of repair packets for a number of packets;
    /// it is called only if the peer knows FEC.
    pub(super) async fn send_h264(
        &self,
        data: &Bytes,
        rtp_time: RtpTime,
        fec_packets: impl FnOnce(usize) -> usize,
    ) -> Result<(), ConnectionError> {
        let packets = {
            let mut packetizer = self.packetizer.lock().unwrap_or_else(PoisonError::into_inner);
            let payloads = packetizer.h264.payload(MAX_PAYLOAD_BYTES, data).unwrap_or_default();
            let (count, extension) = (payloads.len(), self.negotiated.block_extension());
            let repairs = extension.map_or(0, |_| fec_packets(count));
            let mut packets = Vec::with_capacity(count + repairs);
            for (index, (payload, place)) in fec::block(payloads, repairs).into_iter().enumerate() {
                let mut packet = self.packet(&mut packetizer, payload, index + 1 == count, rtp_time)?;
                if let Some((id, place)) = extension.zip(place) {
                    let place = Bytes::copy_from_slice(&place.to_bytes());
                    packet
                        .header
                        .set_extension(id, place)
                        .map_err(|error| ConnectionError::Negotiation(error.to_string()))?;
                }
                packets.push(packet);
            }
            packets
        };
        self.write(packets).await
    }

    /// Sends a packet of Opus, and with it copies of up to `copies` of those before it if the peer takes them.
    pub(super) async fn send_opus(
        &self,
        payload: &Bytes,
        rtp_time: RtpTime,
        marker: bool,
        copies: usize,
    ) -> Result<(), ConnectionError> {
        let packets = {
            let mut packetizer = self.packetizer.lock().unwrap_or_else(PoisonError::into_inner);
            let red = self.negotiated.red();
            let packed =
                red.and_then(|types| Some((types.red, packetizer.red.pack(types.opus, rtp_time, payload, copies)?)));
            let mut packet = self.packet(&mut packetizer, payload.clone(), marker, rtp_time)?;
            if let Some((payload_type, packed)) = packed {
                packet.header.payload_type = payload_type;
                packet.payload = packed;
            }
            vec![packet]
        };
        self.write(packets).await
    }

    fn packet(
        &self,
        packetizer: &mut Packetizer,
        payload: Bytes,
        marker: bool,
        rtp_time: RtpTime,
    ) -> Result<Packet, ConnectionError> {
        let payload_type = self.payload_type.load(Ordering::Acquire);
        if payload_type == NOT_NEGOTIATED {
            return Err(ConnectionError::Negotiation("the peer does not take this kind of media".into()));
        }
        let sequence = packetizer.next_sequence;
        packetizer.next_sequence = sequence + 1;
        let header = Header {
            version: 2,
            marker,
            payload_type,
            sequence_number: sequence.truncated(),
            timestamp: rtp_time.truncated(),
            ssrc: self.ssrc,
            ..Header::default()
        };
        Ok(Packet { header, payload })
    }

    async fn write(&self, packets: Vec<Packet>) -> Result<(), ConnectionError> {
        for packet in packets {
            // Waits while more than 256 packets are queued for the driver, which never waits for us.
            self.track.write_rtp(packet).await.map_err(|_| ConnectionError::Closed)?;
        }
        Ok(())
    }
}

/// The codec of a kind of media, and its name in a stream.
fn codec_of(kind: MediaKind) -> (RTCRtpCodec, RtpCodecKind, &'static str) {
    match kind {
        MediaKind::Video => (engine::video_codec(), RtpCodecKind::Video, "video"),
        MediaKind::Audio => (engine::audio_codec(), RtpCodecKind::Audio, "audio"),
    }
}

fn encoding(ssrc: u32, codec: RTCRtpCodec) -> RTCRtpEncodingParameters {
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() },
        active: true,
        codec,
        ..RTCRtpEncodingParameters::default()
    }
}
