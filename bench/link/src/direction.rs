//! Carries packets from one TUN device to another, as a [`Path`] says.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use maru_link::{HEADER_BYTES, Path, PathConfig, Verdict};
use tun::Device;

/// The MTU of a TUN device is 1500 bytes.
const MAX_PACKET_BYTES: usize = 2048;

/// Packets between their sending and their arrival. More are dropped, whatever the settings say.
const MAX_IN_FLIGHT: usize = 20_000;

/// Pause before reading again from a device that is not up yet.
const NOT_UP_PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Direction {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    state: Mutex<State>,
    /// Notified when a packet is added: it may be the next one to arrive.
    added: Condvar,
}

struct State {
    path: Path,
    /// The next arrival first: time of arrival since `began`, number of sending, packet.
    in_flight: BinaryHeap<Reverse<(Duration, u64, Vec<u8>)>>,
    sent: u64,
    delivered: u64,
}

impl Direction {
    /// Reads from one device and writes to the other, on two threads, until the process ends.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub(crate) fn start(from: &Arc<Device>, to: &Arc<Device>, seed: u64, config: PathConfig) -> io::Result<Self> {
        let mut path = Path::new(seed);
        path.set_config(config);
        let state = State { path, in_flight: BinaryHeap::new(), sent: 0, delivered: 0 };
        let shared = Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), added: Condvar::new() });
        let (reader, writer) = (Arc::clone(&shared), Arc::clone(&shared));
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        thread::Builder::new().name("receive".into()).spawn(move || reader.receive(&from))?;
        thread::Builder::new().name("send".into()).spawn(move || writer.send(&to))?;
        Ok(Self { shared })
    }

    pub(crate) fn set_config(&self, config: PathConfig) {
        self.shared.lock().path.set_config(config);
    }

    /// Statistics of the packets, as a JSON object.
    pub(crate) fn summary(&self) -> String {
        let state = self.shared.lock();
        let stats = state.path.stats();
        format!(
            "{{\"packets\": {}, \"bytes\": {}, \"lost\": {}, \"overflowed\": {}, \"delivered\": {}}}",
            stats.sent, stats.sent_bytes, stats.lost, stats.overflowed, state.delivered
        )
    }
}

impl Shared {
    fn receive(&self, from: &Device) {
        let mut buffer = [0; MAX_PACKET_BYTES];
        loop {
            let Ok(length) = from.recv(&mut buffer) else {
                thread::sleep(NOT_UP_PAUSE);
                continue;
            };
            let now = self.began.elapsed();
            let mut state = self.lock();
            if state.in_flight.len() >= MAX_IN_FLIGHT {
                continue;
            }
            if let Verdict::ArrivesAt(at) = state.path.send(now, length.saturating_sub(HEADER_BYTES)) {
                state.sent += 1;
                let entry = (at, state.sent, buffer[..length].to_vec());
                state.in_flight.push(Reverse(entry));
                self.added.notify_one();
            }
        }
    }

    fn send(&self, to: &Device) {
        let mut state = self.lock();
        loop {
            let now = self.began.elapsed();
            let wait = match state.in_flight.peek() {
                Some(Reverse((at, ..))) => at.saturating_sub(now),
                None => Duration::from_secs(1),
            };
            if !wait.is_zero() {
                state = self.added.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
            } else if let Some(Reverse((_, _, packet))) = state.in_flight.pop() {
                drop(state);
                let written = to.send(&packet).is_ok();
                state = self.lock();
                state.delivered += u64::from(written);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
