//! The connection to one peer: everything that `webrtc` does, behind one adapter.
//!
//! ```text
//!  connection task ── Connection ── tracks, channel ────▶ driver (the stack's task: ICE, DTLS, SRTP, SCTP, sockets)
//!       ▲                                             │ callbacks, never waiting      │ RTP, text
//!       │                                             ▼                               ▼
//!       └──────── ConnectionEvent ◀──── carry (lifecycle) ◀─ handler, tap       drain_track, drain_channel
//! ```
//!
//! A connection knows the steps of a negotiation, not their order: that is `maru_core`'s. It runs on any
//! [`webrtc::runtime::Runtime`], so that tests run whole calls in virtual time.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use maru_core::call::StreamKind;
use maru_core::media::{EncodedAudio, EncodedVideo, SharedMedia};
use maru_protocol::MAX_PEER_MESSAGE_BYTES;
use maru_protocol::signal::{DescriptionKind, IceCandidate, IceServer, SessionDescription};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::error::Error;
use webrtc::peer_connection::{PeerConnection, PeerConnectionBuilder, StatsSelector};
use webrtc::runtime::Runtime;

mod address;
mod certificate;
mod channel_budget;
mod congestion;
mod cpu_time;
mod driver;
mod driver_thread;
mod engine;
mod error;
mod event;
mod handler;
mod handshake;
mod interceptor;
mod nack;
mod negotiated;
mod pacing;
mod path;
mod remote;
mod sections;
mod send;
mod servers;
mod stats;
mod tap;

pub use self::address::local_addresses;
pub use self::error::ConnectionError;
pub use self::event::{ConnectionEvent, MediaKind, SenderReport};
pub use self::path::PathState;
pub use self::remote::Fingerprint;
pub use self::stats::{ConnectionStats, StreamStats};

use self::driver::WatchedRuntime;
use self::driver_thread::DriverThread;
use self::event::Outbox;
use self::handler::{Handler, RemoteTracks};
use self::negotiated::Negotiated;
use self::remote::RemotePeer;
use self::send::MediaSender;
use self::tap::CaptureTimes;

/// The data channel, negotiated by both sides beforehand.
const CHANNEL_LABEL: &str = "maru";
const CHANNEL_ID: u16 = 0;
/// Text that waits for the peer.
const CHANNEL_BUFFER_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone)]
pub struct ConnectionConfig {
    /// Clock, timers, tasks and sockets.
    pub runtime: Arc<dyn Runtime>,
    pub ice_servers: Vec<IceServer>,
    /// One socket each: see [`local_addresses`]. Empty: those of all interfaces.
    pub local_addresses: Vec<IpAddr>,
    /// The state of the path to the peer. This connection measures it anew.
    pub path: Arc<PathState>,
}

/// A connection to one peer, with video, audio and text both ways from the start. Dropping it closes it.
pub struct Connection {
    peer_connection: Arc<dyn PeerConnection>,
    runtime: Arc<dyn Runtime>,
    outbox: Outbox,
    driver: Arc<DriverThread>,
    video: MediaSender,
    audio: MediaSender,
    channel: Arc<dyn DataChannel>,
    capture_times: Arc<CaptureTimes>,
    path: Arc<PathState>,
    remote: Mutex<RemotePeer>,
    remote_tracks: RemoteTracks,
}

impl Connection {
    /// Binds the sockets and starts the stack. Nothing is sent before [`Connection::create_offer`] or [`Connection::set_remote`].
    pub async fn open(config: ConnectionConfig) -> Result<(Self, mpsc::Receiver<ConnectionEvent>), ConnectionError> {
        if driver_thread::too_many_abandoned() {
            return Err(ConnectionError::Setup("too many connections were abandoned because they hung".into()));
        }
        let ConnectionConfig { runtime, ice_servers, local_addresses, path } = config;
        let ice_servers = servers::resolve(&runtime, &ice_servers).await;
        let (outbox, carrier, events) = Outbox::new();
        let capture_times = Arc::new(CaptureTimes::default());
        let remote_tracks = RemoteTracks::default();
        let negotiated = Negotiated::default();
        let ssrcs = ssrcs()?;
        let driver = Arc::<DriverThread>::default();
        // On any other runtime, as in simulations, the driver is a task like others.
        let own_thread = usize::from(runtime.name() == "tokio");

        let mut media_engine = engine::media_engine()?;
        let interceptors =
            engine::interceptors(&mut media_engine, outbox.clone(), Arc::clone(&capture_times), &path, ssrcs)?;
        let configuration = RTCConfigurationBuilder::new()
            .with_ice_servers(ice_servers)
            .with_certificates(vec![certificate::generate()?])
            .build();
        let peer_connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_configuration(configuration)
                .with_media_engine(media_engine)
                .with_interceptor_registry(interceptors)
                .with_setting_engine(engine::settings())
                .with_handler(Arc::new(Handler::new(
                    outbox.clone(),
                    Arc::clone(&runtime),
                    remote_tracks.clone(),
                    negotiated.clone(),
                )))
                .with_runtime(Arc::new(WatchedRuntime::new(
                    Arc::clone(&runtime),
                    outbox.clone(),
                    Arc::clone(&path),
                    Arc::clone(&driver),
                )))
                .with_dedicated_reactor_pool_size(own_thread)
                .with_udp_addrs(socket_addresses(&local_addresses))
                .with_data_channel_send_buffer_limit(CHANNEL_BUFFER_BYTES)
                .build()
                .await
                .map_err(setup)?,
        );

        let add = |kind, ssrc| MediaSender::add(peer_connection.as_ref(), kind, ssrc, negotiated.clone());
        let video = add(MediaKind::Video, ssrcs.video).await?;
        let audio = add(MediaKind::Audio, ssrcs.audio).await?;
        let init = RTCDataChannelInit { negotiated: Some(CHANNEL_ID), ordered: true, ..RTCDataChannelInit::default() };
        let channel = peer_connection.create_data_channel(CHANNEL_LABEL, Some(init)).await.map_err(setup)?;
        runtime.spawn(Box::pin(event::carry(carrier))).detach();
        runtime.spawn(Box::pin(handler::drain_channel(Arc::clone(&channel), outbox.clone()))).detach();
        let connection = Self {
            peer_connection,
            runtime,
            outbox,
            driver,
            video,
            audio,
            channel,
            capture_times,
            path,
            remote: Mutex::default(),
            remote_tracks,
        };
        Ok((connection, events))
    }

    /// Returns when the stack hangs. No method of this connection may return after that: drop it.
    pub fn hangs(&self) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.driver).stalled(Arc::clone(&self.runtime))
    }

    /// Makes an offer and applies it here: to be sent to the peer.
    pub async fn create_offer(&self) -> Result<SessionDescription, ConnectionError> {
        let offer = self.peer_connection.create_offer(None).await.map_err(negotiation)?;
        self.apply_local(DescriptionKind::Offer, offer).await
    }

    /// Makes an answer to the offer given to [`Connection::set_remote`] and applies it here: to be sent to the peer.
    pub async fn create_answer(&self) -> Result<SessionDescription, ConnectionError> {
        let answer = self.peer_connection.create_answer(None).await.map_err(negotiation)?;
        let mut answer = self.apply_local(DescriptionKind::Answer, answer).await?;
        self.look_up_payload_types().await;
        answer.sdp = self.remote().answer(&answer.sdp);
        Ok(answer)
    }

    /// Takes back an offer of our own.
    pub async fn rollback(&self) -> Result<(), ConnectionError> {
        let rollback = RTCSessionDescription::rollback(None).map_err(negotiation)?;
        self.peer_connection.set_local_description(rollback).await.map_err(negotiation)
    }

    /// Applies what the peer sent. A description that fails its checks changes nothing. After
    /// [`ConnectionError::Refused`] the stack may have applied a part of it.
    pub async fn set_remote(&self, description: SessionDescription) -> Result<(), ConnectionError> {
        let completes = description.kind == DescriptionKind::Answer;
        let checked = self.remote().check(description)?;
        let (description, told) = checked.into_parts();
        contain(self.peer_connection.set_remote_description(description))
            .await?
            .map_err(|error| ConnectionError::Refused(error.to_string()))?;
        self.remote().applied(told);
        if completes {
            self.look_up_payload_types().await;
        }
        Ok(())
    }

    /// What both sides have a codec for, by the peer's newest description.
    pub fn shared_media(&self) -> SharedMedia {
        self.remote().shared_media()
    }

    /// Adds a candidate of the peer's. Only after [`Connection::set_remote`]; earlier ones have to wait.
    pub async fn add_candidate(&self, candidate: Option<IceCandidate>) -> Result<(), ConnectionError> {
        let Some(candidate) = self.remote().candidate(candidate)? else { return Ok(()) };
        contain(self.peer_connection.add_ice_candidate(candidate))
            .await?
            .map_err(|error| ConnectionError::BadCandidate(error.to_string()))
    }

    /// Sends a frame. To be called while the connection is established.
    pub async fn send_video(&self, video: &EncodedVideo) -> Result<(), ConnectionError> {
        let unit = &video.unit;
        self.capture_times.set(self.video.ssrc(), MediaKind::Video, video.captured, unit.rtp_time);
        self.video.send_h264(&unit.data, unit.rtp_time, |packets| self.path.fec_packets(packets)).await
    }

    /// Sends 20 ms of audio. To be called while the connection is established.
    pub async fn send_audio(&self, audio: &EncodedAudio) -> Result<(), ConnectionError> {
        self.capture_times.set(self.audio.ssrc(), MediaKind::Audio, audio.captured, audio.rtp_time);
        let copies = self.path.audio_copies();
        self.audio.send_opus(&audio.payload, audio.rtp_time, audio.marker, copies).await
    }

    /// Asks for a key frame of `stream` (PLI, RFC 4585). Does nothing before its first packet.
    pub async fn request_key_frame(&self, stream: StreamKind) {
        let Some((track, media_ssrc)) = self.remote_tracks.get(stream) else { return };
        let request = PictureLossIndication { sender_ssrc: self.video.ssrc(), media_ssrc };
        if let Err(error) = track.write_rtcp(vec![Box::new(request)]).await {
            tracing::debug!(%error, "a key frame cannot be asked for");
        }
    }

    /// Sends a message over the data channel. Does not wait for the peer.
    pub async fn send_text(&self, text: &str) -> Result<(), ConnectionError> {
        if text.len() > MAX_PEER_MESSAGE_BYTES {
            return Err(ConnectionError::TextTooLong { limit: MAX_PEER_MESSAGE_BYTES });
        }
        if !self.outbox.counters().channel_open.load(Ordering::Acquire) {
            return Err(ConnectionError::ChannelNotOpen);
        }
        self.channel.try_send_text(text).await.map_err(|error| match error {
            Error::ErrSendBufferFull => ConnectionError::ChannelFull,
            _ => ConnectionError::ChannelNotOpen,
        })
    }

    /// Figures of now. To be called about once a second: how often missing packets are asked for depends on the round
    /// trip, which is measured here.
    pub async fn stats(&self) -> ConnectionStats {
        let report = self.peer_connection.get_stats(self.runtime.now(), StatsSelector::None).await;
        let counters = self.outbox.counters();
        let stats = ConnectionStats::read(&report);
        if let Some(round_trip) = stats.round_trip {
            self.path.set_round_trip(round_trip);
        }
        ConnectionStats {
            events_dropped: counters.events_dropped.load(Ordering::Relaxed),
            texts_rejected: counters.texts_rejected.load(Ordering::Relaxed),
            ..stats
        }
    }

    /// The certificate that the peer has to show: from its first description on, for the life of the connection.
    pub fn remote_fingerprint(&self) -> Option<Fingerprint> {
        self.remote().fingerprint().cloned()
    }

    /// Ends the connection. [`ConnectionEvent::Closed`] follows.
    pub async fn close(&self) {
        self.outbox.end("the connection was closed");
        if let Err(error) = self.peer_connection.close().await {
            tracing::debug!(%error, "a connection did not close properly");
        }
    }

    async fn apply_local(
        &self,
        kind: DescriptionKind,
        description: RTCSessionDescription,
    ) -> Result<SessionDescription, ConnectionError> {
        let sdp = description.sdp.clone();
        self.peer_connection.set_local_description(description).await.map_err(negotiation)?;
        Ok(SessionDescription { kind, sdp })
    }

    async fn look_up_payload_types(&self) {
        let shared = self.shared_media();
        self.video.negotiated(shared.video).await;
        self.audio.negotiated(shared.audio).await;
        self.path.set_takes_copies(self.audio.takes_copies());
    }

    fn remote(&self) -> MutexGuard<'_, RemotePeer> {
        self.remote.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.outbox.end("the connection was closed");
        // The stack's driver would live on by itself.
        let peer_connection = Arc::clone(&self.peer_connection);
        let close = async move {
            let _ = peer_connection.close().await;
        };
        self.runtime.spawn(Box::pin(close)).detach();
    }
}

/// A panic of the stack over what a peer sent becomes an error.
async fn contain<T>(future: impl Future<Output = T>) -> Result<T, ConnectionError> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|_| ConnectionError::Refused("it failed over it".into()))
}

fn socket_addresses(addresses: &[IpAddr]) -> Vec<SocketAddr> {
    let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let addresses = if addresses.is_empty() { &any } else { addresses };
    addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect()
}

/// Two different ones, for video and audio.
fn ssrcs() -> Result<engine::Ssrcs, ConnectionError> {
    let random = getrandom::u32().map_err(|error| ConnectionError::Setup(error.to_string()))?;
    // Never 0, which stands for none in many places.
    let video = random | 1;
    Ok(engine::Ssrcs { video, audio: video.wrapping_add(2) | 1 })
}

fn setup(error: Error) -> ConnectionError {
    ConnectionError::Setup(error.to_string())
}

fn negotiation(error: Error) -> ConnectionError {
    match error {
        Error::ErrConnectionClosed => ConnectionError::Closed,
        error => ConnectionError::Negotiation(error.to_string()),
    }
}
