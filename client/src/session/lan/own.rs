//! The signal server in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use maru_protocol::InstanceId;
use signal_server::{Config, run_counted};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::LanError;

/// A retired server ends after this long without registrations. Clients that have just found it may still connect.
const LINGER: Duration = Duration::from_secs(2);

/// Runs until it is dropped, or ended by one of its methods.
pub(super) struct OwnServer {
    pub(super) id: String,
    pub(super) port: u16,
    registrations: watch::Receiver<usize>,
    stop: oneshot::Sender<()>,
    task: AbortOnDropHandle<()>,
}

impl OwnServer {
    pub(super) async fn start(config: Config, loopback_only: bool) -> Result<Self, LanError> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|error| LanError::Server(error.to_string()))?;
        let id = InstanceId::from_bits(u128::from_ne_bytes(bits)).into();

        let ip = if loopback_only { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
        let failed = |error: std::io::Error| LanError::Server(error.to_string());
        let listener = TcpListener::bind(SocketAddr::from((ip, 0))).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();

        let (stop, stopped) = oneshot::channel();
        let (count, registrations) = watch::channel(0);
        let task = tokio::spawn(async move {
            if let Err(error) = run_counted(listener, config, count, stopped).await {
                tracing::error!(%error, "the server in this process has ended");
            }
        });
        Ok(Self { id, port, registrations, stop, task: AbortOnDropHandle::new(task) })
    }

    /// Its URL within this process.
    pub(super) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Ends the server once no client has been registered for [`LINGER`].
    pub(super) async fn retire(mut self) {
        // The watch fails when the server has ended.
        while self.registrations.wait_for(|number| *number == 0).await.is_ok() {
            let someone_came = self.registrations.wait_for(|number| *number > 0);
            if !matches!(timeout(LINGER, someone_came).await, Ok(Ok(_))) {
                break;
            }
        }
        self.close().await;
    }

    /// Disconnects the clients and ends.
    pub(super) async fn close(mut self) {
        // Both fail only if the server has ended already.
        let _ = self.stop.send(());
        let _ = (&mut self.task).await;
    }
}
