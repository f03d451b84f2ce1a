//! Notices the end of the stack's driver task, however it ends.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime};

use super::driver_thread::DriverThread;
use super::event::Outbox;
use super::handshake::RepeatingSocket;
use super::path::PathState;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The runtime that is given to the stack. Its first task is the driver, whose error, panic or silent return would
/// otherwise be seen by nobody: the stack logs the first, and says nothing of the others.
pub(super) struct WatchedRuntime {
    inner: Arc<dyn Runtime>,
    driver: Mutex<Option<EndOfDriver>>,
    outbox: Outbox,
    path: Arc<PathState>,
    thread: Arc<DriverThread>,
}

impl WatchedRuntime {
    pub(super) fn new(
        inner: Arc<dyn Runtime>,
        outbox: Outbox,
        path: Arc<PathState>,
        thread: Arc<DriverThread>,
    ) -> Self {
        Self { inner, driver: Mutex::new(Some(EndOfDriver(outbox.clone()))), outbox, path, thread }
    }

    fn watch(&self, future: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        let Some(end) = self.driver.lock().unwrap_or_else(PoisonError::into_inner).take() else { return future };
        Box::pin(async move {
            let _end = end;
            future.await;
        })
    }
}

/// Dropped with the driver's future.
struct EndOfDriver(Outbox);

impl Drop for EndOfDriver {
    fn drop(&mut self) {
        self.0.end("the connection ended unexpectedly");
    }
}

impl fmt::Debug for WatchedRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchedRuntime").field(&self.inner).finish()
    }
}

impl Runtime for WatchedRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        self.inner.spawn(self.watch(future))
    }

    /// The driver gets a thread of its own.
    fn spawn_reactor(&self, _size: usize, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        self.thread.start(self.watch(future)).unwrap_or_else(|error| {
            // The driver was dropped: opening the connection fails.
            tracing::warn!(%error, "a connection gets no thread");
            self.inner.spawn(Box::pin(std::future::ready(())))
        })
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = self.inner.wrap_udp_socket(socket)?;
        Ok(Arc::new(RepeatingSocket::new(socket, Arc::clone(&self.inner), self.outbox.clone(), Arc::clone(&self.path))))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.inner.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.inner.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.inner.resolve_host(host)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.inner.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.inner.block_on(future);
    }

    fn yield_now(&self) -> BoxFuture<'static, ()> {
        self.inner.yield_now()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}
