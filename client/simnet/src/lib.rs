//! Virtual time and a simulated network under real WebRTC stacks: whole calls run in tests, fast and repeatable.
//!
//! ```text
//!  Sim ──── run(future) ──── executor: one thread, first come first served
//!   │                           │ nothing left to do
//!   │                           ▼
//!   │                        agenda: the next timer or datagram; time jumps to it
//!   │                           ▲                    │
//!   └─ Host ── runtime() ───────┘                    ▼
//!        the stack's clock, timers, tasks      network ── path: delay, jitter, loss, reordering, rate
//!        and sockets
//! ```
//!
//! - Time stands still while any task can run, so a fast machine and a slow one see the same call, and thirty seconds
//!   of it take as long as their packets take to process.
//! - Everything runs on the thread that calls [`Sim::run`]. Threads of one's own may wake tasks, but the clock does
//!   not wait for them.
//! - Each direction between two hosts has its own random numbers, drawn in the order of the packets: the n-th packet
//!   from A to B meets the same fate whatever else happens. The stacks draw keys, nonces and transaction ids of their
//!   own, so two runs with one seed differ in the packets' bytes and, rarely, in a length.
//! - The stack insists on binding its sockets with the operating system. They serve only to reserve addresses:
//!   no datagram passes through them.

mod agenda;
mod executor;
mod network;
mod runtime;
mod socket;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use webrtc::runtime::Runtime;

use crate::agenda::Agenda;
use crate::executor::Executor;
pub use crate::network::{Fate, TraceEntry};
use crate::network::{HostId, Network};
use crate::runtime::SimRuntime;
pub use maru_link::{PathConfig, PathStats};

/// A world with its own time, network and tasks. Worlds know nothing of each other: tests may run in parallel.
pub struct Sim {
    executor: Arc<Executor>,
    agenda: Arc<Agenda>,
    network: Arc<Network>,
}

/// A machine in the world. Give [`Host::runtime`] to a peer connection and bind its sockets to [`Host::address`].
#[derive(Clone)]
pub struct Host {
    id: HostId,
    runtime: Arc<SimRuntime>,
}

impl Sim {
    /// `seed` decides the fate of every packet.
    pub fn new(seed: u64) -> Self {
        let agenda = Arc::new(Agenda::new());
        let network = Arc::new(Network::new(Arc::clone(&agenda), seed));
        Self { executor: Arc::new(Executor::default()), agenda, network }
    }

    /// A new machine, connected to all others by perfect paths.
    pub fn host(&self) -> Host {
        let id = self.network.add_host();
        let runtime =
            SimRuntime::new(Arc::clone(&self.executor), Arc::clone(&self.agenda), Arc::clone(&self.network), id);
        Host { id, runtime: Arc::new(runtime) }
    }

    /// What happens to packets from `from` to `to`, from now on. What is under way already arrives as it was to.
    pub fn set_path(&self, from: &Host, to: &Host, config: PathConfig) {
        self.network.set_path(from.id, to.id, config);
    }

    /// The same for both directions, each with random numbers of its own.
    pub fn connect(&self, one: &Host, other: &Host, config: PathConfig) {
        self.set_path(one, other, config);
        self.set_path(other, one, config);
    }

    /// What became of the packets from `from` to `to` so far.
    pub fn path_stats(&self, from: &Host, to: &Host) -> PathStats {
        self.network.path_stats(from.id, to.id)
    }

    /// Keeps a record of every packet from now on.
    pub fn record_trace(&self) {
        self.network.record_trace();
    }

    /// The record so far, in the order of sending.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.network.trace()
    }

    /// Time since the world began.
    pub fn elapsed(&self) -> Duration {
        self.agenda.elapsed()
    }

    /// Now, as the stacks see it.
    pub fn now(&self) -> Instant {
        self.agenda.now()
    }

    /// Waits in virtual time.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        Agenda::sleep(&self.agenda, duration)
    }

    /// `future`'s output, or `None` if that takes longer than `limit`.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut limit = pin!(self.sleep(limit));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            limit.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Runs the world until `future` is done. Tasks that are not done by then rest until the next call.
    ///
    /// # Panics
    /// If nothing can ever happen any more, or if tasks keep running without time passing.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        executor::run(&self.executor, &self.agenda, future)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // Tasks hold runtimes, which hold the executor: the circle is cut here.
        self.executor.clear();
        self.agenda.clear();
    }
}

impl Host {
    /// What a peer connection on this machine runs on.
    pub fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.runtime) as Arc<dyn Runtime>
    }

    /// Every machine's address: ports, which the operating system hands out, tell them apart.
    pub fn address(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_jumps_to_the_next_timer_and_costs_nothing() {
        let sim = Sim::new(1);
        let started = Instant::now();
        sim.run(sim.sleep(Duration::from_secs(3600)));
        assert_eq!(sim.elapsed(), Duration::from_secs(3600));
        assert!(started.elapsed() < Duration::from_secs(60), "an hour of virtual time waited for the real clock");
    }

    #[test]
    fn timeout_gives_up_on_time_and_not_before() {
        let sim = Sim::new(1);
        let late = sim.run(sim.timeout(Duration::from_millis(10), sim.sleep(Duration::from_millis(11))));
        assert_eq!(late, None);
        assert_eq!(sim.elapsed(), Duration::from_millis(10));
        let in_time = sim.run(sim.timeout(Duration::from_millis(10), sim.sleep(Duration::from_millis(9))));
        assert_eq!(in_time, Some(()));
        assert_eq!(sim.elapsed(), Duration::from_millis(19));
    }

    #[test]
    #[should_panic(expected = "nothing can ever happen")]
    fn a_world_that_stands_still_for_ever_is_an_error() {
        Sim::new(1).run(std::future::pending::<()>());
    }
}
