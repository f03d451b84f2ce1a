//! The tasks of all hosts, run one at a time on the thread that calls [`run`].

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use webrtc::runtime::JoinHandle;

use crate::agenda::Agenda;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Far beyond what tasks do at one instant: more is a circle of tasks that wake each other.
const STEPS_AT_ONE_INSTANT: u64 = 10_000_000;

/// Tasks that can run, first come first served.
#[derive(Default)]
pub(crate) struct Executor {
    ready: Mutex<VecDeque<Arc<Task>>>,
    tasks: Mutex<Vec<Weak<Task>>>,
}

struct Task {
    /// Empty once it is done.
    future: Mutex<Option<BoxFuture>>,
    queued: AtomicBool,
    aborted: AtomicBool,
    finished: AtomicBool,
    executor: Weak<Executor>,
}

/// Runs tasks, and lets time pass whenever none can run, until `future` is done.
pub(crate) fn run<F: Future>(executor: &Executor, agenda: &Agenda, future: F) -> F::Output {
    let mut future = pin!(future);
    let root = Arc::new(RootWaker(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&root));
    let mut steps = 0;
    loop {
        assert!(steps < STEPS_AT_ONE_INSTANT, "the tasks keep running, but time does not pass");
        steps += 1;
        if root.0.swap(false, Ordering::AcqRel) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
        } else if let Some(task) = executor.next() {
            task.step();
        } else {
            assert!(agenda.advance(), "nothing can ever happen any more: no task can run and no timer is set");
            steps = 0;
        }
    }
}

impl Executor {
    pub(crate) fn spawn(self: &Arc<Self>, future: BoxFuture) -> Box<dyn JoinHandle> {
        let task = Arc::new(Task {
            future: Mutex::new(Some(future)),
            queued: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            executor: Arc::downgrade(self),
        });
        {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.retain(|task| task.strong_count() > 0);
            tasks.push(Arc::downgrade(&task));
        }
        Arc::clone(&task).wake();
        Box::new(Handle(task))
    }

    /// Drops every task, done or not.
    pub(crate) fn clear(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks.iter().filter_map(Weak::upgrade) {
            task.abort();
        }
        let ready = std::mem::take(&mut *self.ready.lock().unwrap_or_else(PoisonError::into_inner));
        drop(ready);
    }

    fn next(&self) -> Option<Arc<Task>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Task {
    fn step(self: &Arc<Self>) {
        self.queued.store(false, Ordering::Release);
        let done = {
            let mut slot = self.future.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(future) = slot.as_mut() else { return };
            let waker = Waker::from(Arc::clone(self));
            let ready = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            if ready || self.aborted.load(Ordering::Acquire) { slot.take() } else { None }
        };
        if done.is_some() {
            self.finished.store(true, Ordering::Release);
        }
    }

    fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        let future = match self.future.try_lock() {
            Ok(mut slot) => slot.take(),
            Err(TryLockError::Poisoned(slot)) => slot.into_inner().take(),
            // It is running, and has aborted itself: `step` ends it.
            Err(TryLockError::WouldBlock) => return,
        };
        drop(future);
        self.finished.store(true, Ordering::Release);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(executor) = self.executor.upgrade() {
            executor.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self);
        }
    }
}

struct RootWaker(AtomicBool);

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

struct Handle(Arc<Task>);

impl JoinHandle for Handle {
    fn detach(&self) {
        // Tasks never depend on their handles.
    }

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.finished.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn tasks_run_in_the_order_they_were_woken() {
        let executor = Arc::new(Executor::default());
        let agenda = Arc::new(Agenda::new());
        let order = Arc::new(Mutex::new(Vec::new()));
        for (name, delay_ms) in [("c", 3), ("a", 1), ("b", 2), ("b2", 2)] {
            let sleep = Agenda::sleep(&agenda, Duration::from_millis(delay_ms));
            let order = Arc::clone(&order);
            executor.spawn(Box::pin(async move {
                sleep.await;
                order.lock().unwrap().push(name);
            }));
        }
        run(&executor, &agenda, Agenda::sleep(&agenda, Duration::from_millis(4)));
        assert_eq!(*order.lock().unwrap(), ["a", "b", "b2", "c"]);
    }

    #[test]
    fn an_aborted_task_is_dropped_at_once() {
        let executor = Arc::new(Executor::default());
        let held = Arc::new(());
        let inside = Arc::clone(&held);
        let handle = executor.spawn(Box::pin(async move {
            std::future::pending::<()>().await;
            drop(inside);
        }));
        assert!(!handle.is_finished());
        handle.abort();
        assert!(handle.is_finished());
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
