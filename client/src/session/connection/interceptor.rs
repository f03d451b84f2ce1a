//! What an interceptor of ours is, without the stack's ceremony.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Interceptor, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Packets on their way out.
pub(super) type Outbound = VecDeque<TaggedPacket>;

/// What an interceptor does with packets. Each method does nothing unless it is overridden: packets pass.
pub(super) trait Intercept {
    /// A packet from the peer passes.
    fn handle_inbound(&mut self, _packet: &TaggedPacket) {}

    /// A packet to the peer comes. What is pushed to `outbound` goes on.
    fn handle_outbound(&mut self, packet: TaggedPacket, outbound: &mut Outbound) {
        outbound.push_back(packet);
    }

    fn handle_timeout(&mut self, _now: Instant, _outbound: &mut Outbound) {}

    /// When to call [`Self::handle_timeout`].
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn bind_local(&mut self, _stream: &StreamInfo) {}

    fn unbind_local(&mut self, _stream: &StreamInfo) {}

    fn bind_remote(&mut self, _stream: &StreamInfo) {}

    fn unbind_remote(&mut self, _stream: &StreamInfo) {}
}

/// The stack's interceptor around one of ours.
pub(super) struct Adapter<T> {
    inner: T,
    inbound: VecDeque<TaggedPacket>,
    outbound: Outbound,
}

impl<T> Adapter<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, inbound: VecDeque::new(), outbound: VecDeque::new() }
    }
}

impl<T: Intercept> Protocol<TaggedPacket, TaggedPacket, ()> for Adapter<T> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.inner.handle_inbound(&packet);
        self.inbound.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inbound.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.inner.handle_outbound(packet, &mut self.outbound);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outbound.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.inner.handle_timeout(now, &mut self.outbound);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}

impl<T: Intercept + Send + Sync> Interceptor for Adapter<T> {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.inner.bind_local(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.inner.unbind_local(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.inner.bind_remote(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.inner.unbind_remote(info);
    }
}
