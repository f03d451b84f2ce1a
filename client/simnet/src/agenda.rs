//! The clock: what will happen, in the order of time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// What is due at some time.
pub(crate) type Action = Box<dyn FnOnce() + Send>;

pub(crate) struct Agenda {
    /// An [`Instant`] cannot be made from nothing: virtual time counts from this one.
    base: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    /// Ordered by time, then by the order of entry.
    entries: BTreeMap<(Duration, u64), Entry>,
    next_id: u64,
}

enum Entry {
    Timer(Option<Waker>),
    Action(Action),
}

impl Agenda {
    pub(crate) fn new() -> Self {
        Self { base: Instant::now(), state: Mutex::default() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    pub(crate) fn now(&self) -> Instant {
        self.at(self.elapsed())
    }

    /// `elapsed`: since the beginning.
    pub(crate) fn at(&self, elapsed: Duration) -> Instant {
        self.base + elapsed
    }

    /// `action` happens at `at` (since the beginning), between two steps of the tasks.
    pub(crate) fn schedule(&self, at: Duration, action: Action) {
        self.lock().add(at, Entry::Action(action));
    }

    /// Counts from this call, not from the first poll.
    pub(crate) fn sleep(this: &Arc<Self>, duration: Duration) -> Sleep {
        let key = if duration.is_zero() {
            None
        } else {
            let mut state = this.lock();
            let at = state.elapsed.saturating_add(duration);
            Some(state.add(at, Entry::Timer(None)))
        };
        Sleep { agenda: Arc::clone(this), key }
    }

    /// Lets time pass until the next entry and does that one. `false`: there is none.
    pub(crate) fn advance(&self) -> bool {
        let entry = {
            let mut state = self.lock();
            let Some(((at, _), entry)) = state.entries.pop_first() else { return false };
            state.elapsed = state.elapsed.max(at);
            entry
        };
        match entry {
            Entry::Timer(waker) => {
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Entry::Action(action) => action(),
        }
        true
    }

    pub(crate) fn clear(&self) {
        let entries = std::mem::take(&mut self.lock().entries);
        // Outside the lock: what is dropped may come back to cancel its own timers.
        drop(entries);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, at: Duration, entry: Entry) -> (Duration, u64) {
        let key = (at, self.next_id);
        self.next_id += 1;
        self.entries.insert(key, entry);
        key
    }
}

/// Done when its time has come.
pub(crate) struct Sleep {
    agenda: Arc<Agenda>,
    /// `None`: done.
    key: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(key) = self.key else { return Poll::Ready(()) };
        let waiting = match self.agenda.lock().entries.get_mut(&key) {
            Some(Entry::Timer(waker)) => {
                *waker = Some(cx.waker().clone());
                true
            }
            // The agenda took it off: its time has come.
            Some(Entry::Action(_)) | None => false,
        };
        if waiting {
            return Poll::Pending;
        }
        self.key = None;
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let entry = self.agenda.lock().entries.remove(&key);
            drop(entry);
        }
    }
}
