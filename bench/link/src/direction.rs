//! Packets from one device to another.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use maru_link::{Path, PathConfig, Verdict};
use tun::Device;

/// IP and UDP headers: [`Path`] counts them on top of a payload.
const HEADER_BYTES: usize = 28;
const LONGEST_PACKET: usize = 2048;
/// More are dropped, whatever the settings say.
const MOST_UNDER_WAY: usize = 20_000;

pub(crate) struct Direction {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    state: Mutex<State>,
    /// A packet was added that may be the next to arrive.
    added: Condvar,
}

struct State {
    path: Path,
    /// By arrival, since `began`; then in the order of sending.
    under_way: BinaryHeap<Reverse<(Duration, u64, Vec<u8>)>>,
    sent: u64,
    delivered: u64,
}

impl Direction {
    /// Reads from one device and writes to the other until the process ends.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn start(from: &Arc<Device>, to: &Arc<Device>, seed: u64, config: PathConfig) -> io::Result<Self> {
        let mut path = Path::new(seed);
        path.set_config(config);
        let state = State { path, under_way: BinaryHeap::new(), sent: 0, delivered: 0 };
        let shared = Arc::new(Shared { began: Instant::now(), state: Mutex::new(state), added: Condvar::new() });
        let (reader, writer) = (Arc::clone(&shared), Arc::clone(&shared));
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        thread::Builder::new().name("take".into()).spawn(move || reader.take(&from))?;
        thread::Builder::new().name("deliver".into()).spawn(move || writer.deliver(&to))?;
        Ok(Self { shared })
    }

    pub(crate) fn set_config(&self, config: PathConfig) {
        self.shared.lock().path.set_config(config);
    }

    /// What it carried, as a JSON object.
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
    fn take(&self, from: &Device) {
        let mut buffer = [0; LONGEST_PACKET];
        loop {
            let Ok(length) = from.recv(&mut buffer) else {
                // The device is not up yet.
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            let now = self.began.elapsed();
            let mut state = self.lock();
            if state.under_way.len() >= MOST_UNDER_WAY {
                continue;
            }
            if let Verdict::ArrivesAt(at) = state.path.send(now, length.saturating_sub(HEADER_BYTES)) {
                state.sent += 1;
                let entry = (at, state.sent, buffer[..length].to_vec());
                state.under_way.push(Reverse(entry));
                self.added.notify_one();
            }
        }
    }

    fn deliver(&self, to: &Device) {
        let mut state = self.lock();
        loop {
            let now = self.began.elapsed();
            let wait = match state.under_way.peek() {
                Some(Reverse((at, ..))) => at.saturating_sub(now),
                None => Duration::from_secs(1),
            };
            if !wait.is_zero() {
                state = self.added.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
            } else if let Some(Reverse((_, _, packet))) = state.under_way.pop() {
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
