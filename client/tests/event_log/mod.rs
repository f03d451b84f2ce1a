//! What happened in a simulation, each event with its time, and waiting for what is still to come.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Events of type `E`, each with its time of type `T`.
pub(crate) struct EventLog<T, E> {
    events: Mutex<Vec<(T, E)>>,
    changed: Notify,
}

impl<T, E> Default for EventLog<T, E> {
    fn default() -> Self {
        Self { events: Mutex::default(), changed: Notify::new() }
    }
}

impl<T: Copy, E> EventLog<T, E> {
    pub(crate) fn push(&self, at: T, event: E) {
        self.events().push((at, event));
        self.changed.notify_waiters();
    }

    pub(crate) fn events(&self) -> MutexGuard<'_, Vec<(T, E)>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first event from the `skip`th on that `matches`. Returns when it came.
    pub(crate) async fn wait_from(&self, skip: usize, matches: impl Fn(&E) -> bool) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let found = self.events().iter().skip(skip).find(|(_, event)| matches(event)).map(|(at, _)| *at);
            if let Some(at) = found {
                return at;
            }
            changed.await;
        }
    }
}
