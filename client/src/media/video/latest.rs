//! A slot between two threads: the newest value replaces the one that waits.

use std::sync::{Condvar, Mutex, PoisonError};

/// Holds the newest value until it is taken.
pub(super) struct Latest<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    value: Option<T>,
    closed: bool,
}

impl<T> Latest<T> {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { value: None, closed: false }), changed: Condvar::new() }
    }

    /// Returns whether it replaced a value that was not taken.
    pub(super) fn put(&self, value: T) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let overwritten = state.value.replace(value).is_some();
        self.changed.notify_one();
        overwritten
    }

    /// Waits for a value. `None`: the slot is closed.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.closed {
                return None;
            }
            if let Some(value) = state.value.take() {
                return Some(value);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends each [`Self::take`], now and later.
    pub(super) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_taken_once() {
        let slot = Latest::new();
        assert!(!slot.put(1));
        assert!(slot.put(2));
        assert_eq!(slot.take(), Some(2));
        assert!(!slot.put(3));
        slot.close();
        assert_eq!(slot.take(), None);
    }
}
