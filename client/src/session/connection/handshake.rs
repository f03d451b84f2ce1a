//! A socket that repeats each datagram of a DTLS handshake, and ends the connection when its channel's budget is spent.
//!
//! The stack retransmits a flight after a second, so each loss delays a call by a second. If a part of a flight is
//! lost, its handshake can stop for good: rtc-dtls 0.21 stops its timer. A handshake has a dozen datagrams, so four
//! copies of each cost little, and duplicates are dropped unread (RFC 6347, 4.1.2.6).
//!
//! Not over TURN, where the datagrams are encapsulated.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Runtime, Transmit};

use super::event::Outbox;
use super::path::PathState;
use crate::clock;

/// Content types of DTLS records: change_cipher_spec, alert, handshake. 23 is application data.
const HANDSHAKE_RECORDS: std::ops::RangeInclusive<u8> = 20..=22;
/// Between a datagram and its copies, each after the one before.
const GAPS: [Duration; 3] = [Duration::from_millis(40), Duration::from_millis(80), Duration::from_millis(200)];

pub(super) struct RepeatingSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    runtime: Arc<dyn Runtime>,
    outbox: Outbox,
    path: Arc<PathState>,
}

impl fmt::Debug for RepeatingSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RepeatingSocket").field(&self.inner).finish()
    }
}

impl RepeatingSocket {
    pub(super) fn new(
        inner: Arc<dyn AsyncUdpSocket>,
        runtime: Arc<dyn Runtime>,
        outbox: Outbox,
        path: Arc<PathState>,
    ) -> Self {
        Self { inner, runtime, outbox, path }
    }

    fn repeat(&self, datagram: &[u8], destination: SocketAddr) {
        let (socket, runtime, datagram) = (Arc::downgrade(&self.inner), Arc::clone(&self.runtime), datagram.to_vec());
        let copies = async move {
            for gap in GAPS {
                runtime.sleep(gap).await;
                // The stack has closed the socket.
                let Some(socket) = Weak::upgrade(&socket) else { return };
                let transmit =
                    Transmit { destination, ecn: None, contents: &datagram, segment_size: None, src_ip: None };
                // An error counts as a loss.
                let _ = poll_fn(|cx| Poll::Ready(socket.poll_send(cx, &transmit))).await;
            }
        };
        self.runtime.spawn(Box::pin(copies)).detach();
    }
}

impl AsyncUdpSocket for RepeatingSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = self.inner.poll_send(cx, transmit);
        if let Poll::Ready(Ok(_)) = sent {
            let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
            for datagram in transmit.contents.chunks(segment) {
                if datagram.first().is_some_and(|first| HANDSHAKE_RECORDS.contains(first)) {
                    self.repeat(datagram, transmit.destination);
                }
            }
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.inner.poll_recv(cx, bufs, meta);
        if let Poll::Ready(Ok(count)) = received {
            self.path.heard(clock::timestamp(self.runtime.now()));
            for (buf, meta) in bufs.iter().zip(meta.iter()).take(count) {
                let datagrams = buf.get(..meta.len).unwrap_or_default().chunks(meta.stride.max(1));
                for datagram in datagrams {
                    if !self.outbox.counters().channel_budget.received(datagram) {
                        self.outbox.end("it sends a message without an end");
                        // Unread, so that nothing grows until the connection is closed.
                        return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                    }
                }
            }
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}
