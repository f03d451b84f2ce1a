//! A UDP socket of a simulated host.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll};

use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use crate::network::{HostId, Network};

pub(crate) struct SimSocket {
    network: Arc<Network>,
    host: HostId,
    address: SocketAddr,
    /// Never read or written: keeps the operating system from handing out the same port twice.
    _reserved: UdpSocket,
}

impl SimSocket {
    pub(crate) fn bind(network: Arc<Network>, host: HostId, reserved: UdpSocket) -> io::Result<Self> {
        let address = reserved.local_addr()?;
        network.bind(host, address)?;
        Ok(Self { network, host, address, _reserved: reserved })
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        self.network.unbind(self.address);
    }
}

impl fmt::Debug for SimSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimSocket").field("host", &self.host).field("address", &self.address).finish_non_exhaustive()
    }
}

impl AsyncUdpSocket for SimSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn poll_send(&self, _cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for datagram in transmit.contents.chunks(segment) {
            self.network.send(self.host, self.address, transmit.destination, datagram);
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        let datagram = match self.network.poll_receive(self.address, cx) {
            Poll::Ready(Ok(datagram)) => datagram,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        let len = datagram.payload.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram.payload[..len]);
        *meta = RecvMeta::default();
        meta.addr = datagram.from;
        meta.len = len;
        meta.stride = len.max(1);
        meta.dst_ip = Some(self.address.ip());
        Poll::Ready(Ok(1))
    }
}
