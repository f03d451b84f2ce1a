//! What the WebRTC stack of one host takes from its surroundings: time, tasks and sockets.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime};

use crate::agenda::Agenda;
use crate::executor::{self, Executor};
use crate::host_clock::HostClock;
use crate::network::{HostId, Network};
use crate::socket::SimSocket;

pub(crate) struct SimRuntime {
    executor: Arc<Executor>,
    agenda: Arc<Agenda>,
    clock: Arc<HostClock>,
    network: Arc<Network>,
    host: HostId,
}

impl SimRuntime {
    pub(crate) fn new(
        executor: Arc<Executor>,
        agenda: Arc<Agenda>,
        clock: Arc<HostClock>,
        network: Arc<Network>,
        host: HostId,
    ) -> Self {
        Self { executor, agenda, clock, network, host }
    }
}

impl fmt::Debug for SimRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimRuntime").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Runtime for SimRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.executor.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(SimSocket::bind(Arc::clone(&self.network), self.host, socket)?))
    }

    fn wrap_tcp_listener(&self, _listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_tcp<'a>(
        &'a self,
        _remote: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        let address = host.parse().map(|address| vec![address]);
        Box::pin(std::future::ready(address.map_err(|_| io::ErrorKind::NotFound.into())))
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        Box::pin(HostClock::sleep(&self.clock, duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        Box::new(Interval { clock: Arc::clone(&self.clock), period, next: self.clock.elapsed() })
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        executor::run(&self.executor, &self.agenda, future);
    }

    fn name(&self) -> &'static str {
        "simulation"
    }
}

struct Interval {
    clock: Arc<HostClock>,
    period: Duration,
    /// On the host's clock.
    next: Duration,
}

impl AsyncInterval for Interval {
    fn tick(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let wait = self.next.saturating_sub(self.clock.elapsed());
            HostClock::sleep(&self.clock, wait).await;
            // Only now: a tick that was dropped before its time comes again.
            self.next += self.period;
        })
    }
}
