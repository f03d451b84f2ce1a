//! The monotonic clock of one host. It stands still while the host sleeps, and so do the host's timers.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::agenda::{Agenda, Sleep};

pub(crate) struct HostClock {
    agenda: Arc<Agenda>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In all so far.
    slept: Duration,
    /// Since the world began.
    asleep_since: Option<Duration>,
    /// Of timers that are due while the host sleeps.
    waiting: Vec<Waker>,
}

impl HostClock {
    pub(crate) fn new(agenda: Arc<Agenda>) -> Self {
        Self { agenda, state: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Instant {
        self.agenda.at(self.elapsed())
    }

    /// Since the world began, without the time asleep.
    pub(crate) fn elapsed(&self) -> Duration {
        let state = self.lock();
        state.asleep_since.unwrap_or_else(|| self.agenda.elapsed()).saturating_sub(state.slept)
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.lock().asleep_since.is_some()
    }

    pub(crate) fn fall_asleep(&self) {
        let now = self.agenda.elapsed();
        self.lock().asleep_since.get_or_insert(now);
    }

    pub(crate) fn wake_up(&self) {
        let waiting = {
            let mut state = self.lock();
            let Some(since) = state.asleep_since.take() else { return };
            state.slept += self.agenda.elapsed().saturating_sub(since);
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }

    /// Counts from this call, not from the first poll.
    pub(crate) fn sleep(this: &Arc<Self>, duration: Duration) -> HostSleep {
        let until = this.elapsed().saturating_add(duration);
        HostSleep { clock: Arc::clone(this), until, timer: Agenda::sleep(&this.agenda, duration) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Done when its time has come on the host's clock.
pub(crate) struct HostSleep {
    clock: Arc<HostClock>,
    until: Duration,
    timer: Sleep,
}

impl Future for HostSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if Pin::new(&mut self.timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
            {
                let mut state = self.clock.lock();
                if state.asleep_since.is_some() {
                    state.waiting.push(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            let left = self.until.saturating_sub(self.clock.elapsed());
            if left.is_zero() {
                return Poll::Ready(());
            }
            self.timer = Agenda::sleep(&self.clock.agenda, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sim;

    #[test]
    fn timers_stand_still_while_the_host_sleeps() {
        let sim = Sim::new(1);
        let host = sim.host();
        let runtime = host.runtime();
        let secs = Duration::from_secs;
        sim.run(async {
            let started = runtime.now();
            let timer = runtime.sleep(secs(10));
            sim.sleep(secs(4)).await;
            host.fall_asleep();
            sim.sleep(secs(60)).await;
            assert_eq!(runtime.now() - started, secs(4));
            host.wake_up();
            timer.await;
            assert_eq!((runtime.now() - started, sim.elapsed()), (secs(10), secs(70)));
        });
    }

    #[test]
    fn what_is_sent_to_a_sleeping_host_is_lost() {
        let sim = Sim::new(1);
        let (host, other) = (sim.host(), sim.host());
        let socket = |host: &crate::Host| {
            let socket = std::net::UdpSocket::bind((host.addresses()[0], 0)).unwrap();
            host.runtime().wrap_udp_socket(socket).unwrap()
        };
        let (to, from) = (socket(&host), socket(&other));
        let send = async |byte: u8| {
            let destination = to.local_addr().unwrap();
            let transmit = webrtc::runtime::Transmit {
                destination,
                ecn: None,
                contents: &[byte],
                segment_size: None,
                src_ip: None,
            };
            std::future::poll_fn(|cx| from.poll_send(cx, &transmit)).await.unwrap();
            sim.sleep(Duration::from_millis(1)).await;
        };
        sim.run(async {
            host.fall_asleep();
            send(1).await;
            host.wake_up();
            send(2).await;
            let mut buffer = [0; 8];
            let mut meta = [webrtc::runtime::RecvMeta::default()];
            let mut buffers = [std::io::IoSliceMut::new(&mut buffer)];
            std::future::poll_fn(|cx| to.poll_recv(cx, &mut buffers, &mut meta)).await.unwrap();
            assert_eq!(buffer[0], 2);
        });
    }
}
