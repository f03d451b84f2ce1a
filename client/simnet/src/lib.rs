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
//! - Every machine has addresses of its own, out of 127/8. The stack insists on binding its sockets with the operating
//!   system: they only reserve ports, no datagram passes through them.

mod agenda;
mod executor;
mod host_clock;
mod nat;
mod network;
mod runtime;
mod socket;
mod stun;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use webrtc::runtime::Runtime;

use crate::agenda::Agenda;
use crate::executor::Executor;
use crate::host_clock::HostClock;
use crate::nat::NatId;
pub use crate::nat::NatKind;
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

/// A machine in the world, with addresses of its own. Give [`Host::runtime`] to a peer connection and bind its sockets to
/// [`Host::addresses`].
#[derive(Clone)]
pub struct Host {
    id: HostId,
    clock: Arc<HostClock>,
    network: Arc<Network>,
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
        self.new_host(None)
    }

    /// A new router, with a network of its own behind it.
    pub fn nat(&self, kind: NatKind) -> Nat {
        Nat { id: self.network.add_nat(kind), network: Arc::clone(&self.network) }
    }

    /// A new machine behind a router: machines elsewhere reach it only where the router lets them.
    pub fn host_behind(&self, nat: &Nat) -> Host {
        self.new_host(Some(nat.id))
    }

    /// Answers binding requests from everywhere (STUN, RFC 8489).
    pub fn stun_server(&self) -> SocketAddr {
        Network::stun_server()
    }

    fn new_host(&self, nat: Option<NatId>) -> Host {
        let clock = Arc::new(HostClock::new(Arc::clone(&self.agenda)));
        let id = self.network.add_host(Arc::clone(&clock), nat);
        let (executor, agenda) = (Arc::clone(&self.executor), Arc::clone(&self.agenda));
        let network = Arc::clone(&self.network);
        let runtime = SimRuntime::new(executor, agenda, Arc::clone(&clock), Arc::clone(&network), id);
        Host { id, clock, network, runtime: Arc::new(runtime) }
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

    /// All packets between `host` and everybody else go through one link from now on, both ways: they share its rate.
    pub fn set_link(&self, host: &Host, config: PathConfig) {
        self.network.set_link(host.id, config);
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

    /// Tells [`Sim::elapsed`] where there is no world at hand.
    pub fn clock(&self) -> impl Fn() -> Duration + Send + Sync + 'static {
        let agenda = Arc::clone(&self.agenda);
        move || agenda.elapsed()
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

    /// Suspends it: its clock and its timers stand still, and what is sent to it is lost.
    pub fn fall_asleep(&self) {
        self.clock.fall_asleep();
    }

    /// Goes on where it fell asleep.
    pub fn wake_up(&self) {
        self.clock.wake_up();
    }

    pub fn is_asleep(&self) -> bool {
        self.clock.is_asleep()
    }

    /// The addresses of now.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.network.addresses(self.id)
    }

    /// Joins another network. Sockets bound to other addresses know nothing of it.
    pub fn add_address(&self) -> IpAddr {
        self.network.add_address(self.id)
    }

    /// Joins a network that it prefers to those before: a cable beside wireless.
    pub fn add_preferred_address(&self) -> IpAddr {
        let address = self.network.add_address(self.id);
        self.network.prefer_address(self.id, address);
        address
    }

    /// Leaves the network of `address`: sockets bound to it send and receive nothing any more.
    pub fn remove_address(&self, address: IpAddr) {
        self.network.remove_address(self.id, address);
    }

    /// Leaves all networks and joins another one.
    pub fn change_address(&self) -> IpAddr {
        for address in self.addresses() {
            self.remove_address(address);
        }
        self.add_address()
    }
}

/// A router. See [`Sim::nat`].
#[derive(Clone)]
pub struct Nat {
    id: NatId,
    network: Arc<Network>,
}

impl Nat {
    /// As after a restart: nobody gets in until machines inside have sent something anew, from other ports.
    pub fn forget_mappings(&self) {
        self.network.forget_mappings(self.id);
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
