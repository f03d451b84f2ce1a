//! Events of a connection, and their way to the session.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use maru_core::call::StreamKind;
use maru_core::media::AudioPacket;
use maru_core::rtp::RtpTime;
use maru_core::time::Timestamp;
use maru_core::video_receiver::RtpVideo;
use maru_protocol::signal::IceCandidate;
use tokio::sync::{mpsc, watch};

use super::channel_budget::ChannelBudget;

/// Capacity of the event queue: some seconds of video. See [`Outbox`] for a full queue.
const EVENTS: usize = 1024;
/// Candidates and state changes only: far more than a call has.
const LIFECYCLE_EVENTS: usize = 256;

/// Events of a connection, in order.
#[derive(Debug, Clone)]
pub enum ConnectionEvent {
    /// To be sent to the peer. `None`: there are no more.
    LocalCandidate(Option<IceCandidate>),
    /// An offer should be made.
    NegotiationNeeded,
    /// Media can flow: for the first time, or again after [`ConnectionEvent::Interrupted`].
    Connected,
    /// Nothing has arrived from the peer for 3 s.
    Interrupted,
    /// No candidate pair works, or none any more. The call opens another connection.
    Failed {
        reason: String,
    },
    /// The last event.
    Closed {
        reason: String,
    },
    /// A packet as it arrived: possibly late or out of order.
    Video {
        stream: StreamKind,
        packet: RtpVideo,
        arrived: Timestamp,
    },
    Audio {
        stream: StreamKind,
        packet: AudioPacket,
    },
    /// The peer requests a key frame (PLI, RFC 4585, or FIR, RFC 5104).
    KeyFrameRequested,
    SenderReport(SenderReport),
    /// [`Connection::send_text`](super::Connection::send_text) works from now on.
    ChannelOpen,
    ChannelText(String),
    ChannelClosed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    Audio,
    Video,
}

/// One moment in the peer's wall-clock time and in RTP time (RFC 3550, 6.4.1). Peers that run Maru give the capture
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    pub stream: StreamKind,
    /// Seconds since 1900 in 32.32 fixed point.
    pub ntp: u64,
    pub rtp_time: RtpTime,
    pub arrived: Timestamp,
}

/// The sending end of the event queue. Callbacks run on the stack's driver and must not wait, so:
///
/// - Media, key-frame requests and sender reports are dropped and counted when the queue is full.
/// - States and candidates go through a queue of their own, which a task empties. If that is full too, the session has
///   been stuck for long, and the connection ends.
/// - Text waits in the channel's task, and flow control stops the peer.
#[derive(Clone)]
pub(super) struct Outbox {
    events: mpsc::Sender<ConnectionEvent>,
    lifecycle: mpsc::Sender<ConnectionEvent>,
    end: Arc<watch::Sender<Option<String>>>,
    counters: Arc<Counters>,
    received_streams: Arc<ReceivedStreams>,
}

/// Counted since the connection was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) events_dropped: AtomicU64,
    pub(super) texts_rejected: AtomicU64,
    pub(super) channel_open: AtomicBool,
    pub(super) channel_budget: ChannelBudget,
}

/// The received streams by SSRC. Timestamps of sender reports are extended by the newest RTP time.
#[derive(Debug, Default)]
pub(super) struct ReceivedStreams(Mutex<HashMap<u32, (StreamKind, RtpTime)>>);

impl ReceivedStreams {
    /// A packet of `stream` came with this SSRC; `newest` is the highest RTP time so far. There is one SSRC for a stream.
    pub(super) fn set(&self, ssrc: u32, stream: StreamKind, newest: RtpTime) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.insert(ssrc, (stream, newest)).is_none() {
            streams.retain(|other, (of, _)| *other == ssrc || *of != stream);
        }
    }

    /// The stream with this SSRC and its newest RTP time. `None`: no packet of it has come.
    pub(super) fn get(&self, ssrc: u32) -> Option<(StreamKind, RtpTime)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&ssrc).copied()
    }
}

/// The receiving ends of an [`Outbox`], for [`carry`].
pub(super) struct Carrier {
    events: mpsc::Sender<ConnectionEvent>,
    lifecycle: mpsc::Receiver<ConnectionEvent>,
    end: watch::Receiver<Option<String>>,
}

impl Outbox {
    pub(super) fn new() -> (Self, Carrier, mpsc::Receiver<ConnectionEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (lifecycle, lifecycle_receiver) = mpsc::channel(LIFECYCLE_EVENTS);
        let (end, end_receiver) = watch::channel(None);
        let carrier = Carrier { events: events.clone(), lifecycle: lifecycle_receiver, end: end_receiver };
        let outbox =
            Self { events, lifecycle, end: Arc::new(end), counters: Arc::default(), received_streams: Arc::default() };
        (outbox, carrier, receiver)
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn received_streams(&self) -> &ReceivedStreams {
        &self.received_streams
    }

    /// Dropped and counted if the queue is full.
    pub(super) fn media(&self, event: ConnectionEvent) {
        if self.events.try_send(event).is_err() {
            self.counters.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Full: the connection ends.
    pub(super) fn lifecycle(&self, event: ConnectionEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.lifecycle.try_send(event) {
            self.end("the program did not keep up with the connection");
        }
    }

    /// Waits while the queue is full. Returns `false` if the session has gone.
    pub(super) async fn in_order(&self, event: ConnectionEvent) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// [`ConnectionEvent::Closed`] follows the events so far, with the first reason given.
    pub(super) fn end(&self, reason: &str) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert_with(|| reason.to_owned());
            first
        });
    }
}

/// Moves lifecycle events to the session. The last is [`ConnectionEvent::Closed`].
pub(super) async fn carry(mut carrier: Carrier) {
    loop {
        let event = tokio::select! {
            biased;
            event = carrier.lifecycle.recv() => event,
            _ = carrier.end.changed() => break,
        };
        let Some(event) = event else { break };
        if carrier.events.send(event).await.is_err() {
            return;
        }
    }
    while let Ok(event) = carrier.lifecycle.try_recv() {
        if carrier.events.send(event).await.is_err() {
            return;
        }
    }
    let reason = carrier.end.borrow().clone().unwrap_or_else(|| "the connection ended".into());
    // An error means that the session has gone.
    let _ = carrier.events.send(ConnectionEvent::Closed { reason }).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_full_queue_drops_media_but_no_lifecycle_events() {
        let (outbox, carrier, mut events) = Outbox::new();
        for _ in 0..EVENTS + 10 {
            outbox.media(ConnectionEvent::KeyFrameRequested);
        }
        assert_eq!(outbox.counters().events_dropped.load(Ordering::Relaxed), 10);
        outbox.lifecycle(ConnectionEvent::Connected);
        outbox.lifecycle(ConnectionEvent::Interrupted);
        outbox.end("over");
        outbox.end("too late");
        let carry = tokio::spawn(carry(carrier));
        let mut tail = Vec::new();
        while let Some(event) = events.recv().await {
            match event {
                ConnectionEvent::KeyFrameRequested => {}
                ConnectionEvent::Closed { reason } => {
                    tail.push(reason);
                    break;
                }
                other => tail.push(format!("{other:?}")),
            }
        }
        assert_eq!(tail, ["Connected", "Interrupted", "over"]);
        carry.await.expect("it has ended");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_session_that_is_stuck_ends_the_connection() {
        let (outbox, carrier, mut events) = Outbox::new();
        for _ in 0..=LIFECYCLE_EVENTS {
            outbox.lifecycle(ConnectionEvent::NegotiationNeeded);
        }
        let carry = tokio::spawn(carry(carrier));
        let mut received = 0;
        while let Some(event) = events.recv().await {
            received += 1;
            if matches!(event, ConnectionEvent::Closed { .. }) {
                break;
            }
        }
        assert_eq!(received, LIFECYCLE_EVENTS + 1);
        carry.await.expect("it has ended");
    }
}
