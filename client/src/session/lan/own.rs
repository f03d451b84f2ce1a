//! The signal server in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use maru_protocol::InstanceId;
use signal_server::{Config, run_counted};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::LanError;

/// A retired server ends after this long. Clients that have just found it may still connect; they are told then, and find
/// the other one.
const LINGER: Duration = Duration::from_secs(2);

/// A server is settled when several clients have been registered for this long, and no longer when one has been alone for
/// this long. Servers that start at the same time find each other sooner.
const SETTLING: Duration = Duration::from_secs(5);

/// Runs until it is dropped, or ended by one of its methods.
pub(super) struct OwnServer {
    pub(super) id: String,
    pub(super) port: u16,
    settlement: Settlement,
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
        Ok(Self { id, port, settlement: Settlement::new(registrations), stop, task: AbortOnDropHandle::new(task) })
    }

    /// Its URL within this process.
    pub(super) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settlement.is_settled
    }

    /// Ends when [`Self::is_settled`] has changed. Cancel safe.
    pub(super) async fn settlement_changed(&mut self) {
        self.settlement.changed().await;
    }

    /// Ends the server after [`LINGER`].
    pub(super) async fn retire(self) {
        sleep(LINGER).await;
        self.close().await;
    }

    /// Disconnects the clients and ends.
    pub(super) async fn close(mut self) {
        // Both fail only if the server has ended already.
        let _ = self.stop.send(());
        let _ = (&mut self.task).await;
    }
}

/// Whether clients have been registered together for a while.
struct Settlement {
    registrations: watch::Receiver<usize>,
    is_settled: bool,
    /// Since when the number of clients contradicts `is_settled`.
    changing_since: Option<Instant>,
}

impl Settlement {
    fn new(registrations: watch::Receiver<usize>) -> Self {
        Self { registrations, is_settled: false, changing_since: None }
    }

    /// Cancel safe.
    async fn changed(&mut self) {
        loop {
            let are_together = *self.registrations.borrow_and_update() > 1;
            if are_together == self.is_settled {
                self.changing_since = None;
            } else if self.changing_since.get_or_insert_with(Instant::now).elapsed() >= SETTLING {
                (self.is_settled, self.changing_since) = (are_together, None);
                return;
            }
            let settled_at = self.changing_since.map(|since| since + SETTLING);
            tokio::select! {
                changed = self.registrations.changed() => {
                    // The server has ended.
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
                () = sleep_until(settled_at.unwrap_or_else(Instant::now)), if settled_at.is_some() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_settles_when_two_have_been_there_for_a_while() {
        let (count, registrations) = watch::channel(1);
        let mut settlement = Settlement::new(registrations);
        let since = Instant::now();
        assert!(settlement.changed().now_or_never().is_none());
        count.send_replace(2);
        settlement.changed().await;
        assert!(settlement.is_settled);
        assert!(since.elapsed() >= SETTLING);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_registers_again_unsettles_nothing() {
        let (count, registrations) = watch::channel(2);
        let mut settlement = Settlement::new(registrations);
        settlement.changed().await;
        for number in [1, 2, 1, 3] {
            count.send_replace(number);
            advance(SETTLING / 2).await;
            assert!(settlement.changed().now_or_never().is_none());
        }
        assert!(settlement.is_settled);
        count.send_replace(1);
        settlement.changed().await;
        assert!(!settlement.is_settled);
    }
}
