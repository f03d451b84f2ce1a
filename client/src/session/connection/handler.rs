//! The stack's callbacks. They run on its driver and delay ICE, DTLS and media, so each only passes its event on.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use maru_core::call::StreamKind;
use maru_core::media::AudioPacket;
use maru_core::red;
use maru_core::rtp::{RtpExtender, Sequence};
use maru_core::video_receiver::RtpVideo;
use maru_protocol::MAX_PEER_MESSAGE_BYTES;
use maru_protocol::signal::IceCandidate;
use rtc::rtp::packet::Packet;
use rtc::rtp_transceiver::RTCRtpReceiverId;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};
use webrtc::runtime::Runtime;

use super::event::{ConnectionEvent, Outbox};
use super::negotiated::{Negotiated, RedTypes};
use crate::clock;

pub(super) struct Handler {
    outbox: Outbox,
    runtime: Arc<dyn Runtime>,
    remote_tracks: RemoteTracks,
    negotiated: Negotiated,
}

/// The peer's tracks by stream, each with its SSRC, after its first packet.
#[derive(Clone, Default)]
pub(super) struct RemoteTracks(Arc<Mutex<HashMap<StreamKind, (Arc<dyn TrackRemote>, u32)>>>);

/// The transceivers that [`super::Connection::open`] adds, in this order. The first section of each kind in a description
/// belongs to them; what other sections bring has no place yet.
const STREAMS: [StreamKind; 2] = [StreamKind::Camera, StreamKind::Microphone];

fn stream_of(receiver: RTCRtpReceiverId) -> Option<StreamKind> {
    (0..).zip(STREAMS).find(|(index, _)| RTCRtpReceiverId::from(*index) == receiver).map(|(_, stream)| stream)
}

impl Handler {
    pub(super) fn new(
        outbox: Outbox,
        runtime: Arc<dyn Runtime>,
        remote_tracks: RemoteTracks,
        negotiated: Negotiated,
    ) -> Self {
        Self { outbox, runtime, remote_tracks, negotiated }
    }
}

impl RemoteTracks {
    /// The track and its SSRC.
    pub(super) fn get(&self, stream: StreamKind) -> Option<(Arc<dyn TrackRemote>, u32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&stream).cloned()
    }

    fn set(&self, stream: StreamKind, track: &Arc<dyn TrackRemote>, ssrc: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(stream, (Arc::clone(track), ssrc));
    }
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_negotiation_needed(&self) {
        self.outbox.lifecycle(ConnectionEvent::NegotiationNeeded);
    }

    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        match event.candidate.to_json() {
            Ok(candidate) => self.outbox.lifecycle(ConnectionEvent::LocalCandidate(Some(IceCandidate {
                candidate: candidate.candidate,
                // All media sections share one transport.
                sdp_mid: None,
                sdp_m_line_index: Some(0),
                username_fragment: candidate.username_fragment,
            }))),
            Err(error) => tracing::warn!(%error, "a candidate of ours cannot be serialized"),
        }
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.outbox.lifecycle(ConnectionEvent::LocalCandidate(None));
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => self.outbox.lifecycle(ConnectionEvent::Connected),
            RTCPeerConnectionState::Disconnected => self.outbox.lifecycle(ConnectionEvent::Interrupted),
            RTCPeerConnectionState::Failed => {
                let reason = "no way to the peer works".to_owned();
                self.outbox.lifecycle(ConnectionEvent::Failed { reason });
            }
            RTCPeerConnectionState::Closed => self.outbox.end("the connection was closed"),
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let (outbox, runtime) = (self.outbox.clone(), Arc::clone(&self.runtime));
        let drain = drain_track(track, outbox, runtime, self.remote_tracks.clone(), self.negotiated.clone());
        self.runtime.spawn(Box::pin(drain)).detach();
    }
}

/// Passes on the packets of a track, with extended numbers. In a task of its own: the stack's queue holds 256 packets
/// and drops further ones.
async fn drain_track(
    track: Arc<dyn TrackRemote>,
    outbox: Outbox,
    runtime: Arc<dyn Runtime>,
    remote_tracks: RemoteTracks,
    negotiated: Negotiated,
) {
    let is_video = track.kind().await == RtpCodecKind::Video;
    let (mut stream, mut ssrc, mut extender) = (None, None, RtpExtender::new());
    while let Some(event) = track.poll().await {
        match event {
            TrackRemoteEvent::OnOpen(init) => stream = stream_of(init.receiver_id),
            TrackRemoteEvent::OnRtpPacket(packet) => {
                let Some(stream) = stream else { continue };
                let packet_ssrc = packet.header.ssrc;
                if ssrc != Some(packet_ssrc) {
                    ssrc = Some(packet_ssrc);
                    remote_tracks.set(stream, &track, packet_ssrc);
                }
                // Video packets of padding only, as in bandwidth probes, have sequence numbers too.
                if is_video || !packet.payload.is_empty() {
                    let arrived = clock::timestamp(runtime.now());
                    let newest = extender.newest_sequence();
                    let (sequence, rtp_time) = extender.extend(packet.header.sequence_number, packet.header.timestamp);
                    let Packet { header, payload } = packet;
                    if is_video {
                        let block = negotiated.block_place(&header);
                        let packet = RtpVideo { sequence, rtp_time, marker: header.marker, payload, block };
                        outbox.media(ConnectionEvent::Video { stream, packet, arrived });
                    } else {
                        let packet = AudioPacket { payload, sequence, rtp_time, arrived, is_copy: false };
                        let red = negotiated.red().filter(|types| types.red == header.payload_type);
                        for packet in with_missing(packet, red, newest) {
                            outbox.media(ConnectionEvent::Audio { stream, packet });
                        }
                    }
                    if let Some(newest) = extender.newest_time() {
                        outbox.received_streams().set(packet_ssrc, stream, newest);
                    }
                }
            }
            TrackRemoteEvent::OnError | TrackRemoteEvent::OnEnded => break,
            _ => {}
        }
    }
}

/// The packet, and the copies in it of those that are missing before it. `red`: it is RED.
fn with_missing(packet: AudioPacket, red: Option<RedTypes>, newest: Option<Sequence>) -> Vec<AudioPacket> {
    let Some(types) = red else { return vec![packet] };
    let Some((packet, copies)) = red::unpack(&packet, types.opus) else { return Vec::new() };
    let is_missing = |copy: &AudioPacket| newest.is_some_and(|newest| newest < copy.sequence);
    std::iter::once(packet).chain(copies.into_iter().filter(is_missing)).collect()
}

/// Passes on the messages of the data channel. While the session is behind, this waits, and flow control stops the
/// peer.
pub(super) async fn drain_channel(channel: Arc<dyn DataChannel>, outbox: Outbox) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => {
                outbox.counters().channel_open.store(true, Ordering::Release);
                // By the same queue as the texts, so that none overtakes it.
                if !outbox.in_order(ConnectionEvent::ChannelOpen).await {
                    break;
                }
            }
            DataChannelEvent::OnMessage(message) => {
                outbox.counters().channel_budget.delivered(message.data.len());
                let text = (message.is_string && message.data.len() <= MAX_PEER_MESSAGE_BYTES)
                    .then(|| String::from_utf8(message.data.to_vec()).ok())
                    .flatten();
                match text {
                    Some(text) => {
                        if !outbox.in_order(ConnectionEvent::ChannelText(text)).await {
                            break;
                        }
                    }
                    None => {
                        outbox.counters().texts_rejected.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            DataChannelEvent::OnClose => break,
            _ => {}
        }
    }
    if outbox.counters().channel_open.swap(false, Ordering::AcqRel) {
        outbox.in_order(ConnectionEvent::ChannelClosed).await;
    }
}
