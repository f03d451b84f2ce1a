//! What waits for the person at this end. The call waits for nobody, and statistics never take the place of what happened
//! once.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::CallEvent;

/// Events that the window or the terminal has not taken yet.
const CHANNEL: usize = 1024;
/// Statistics leave this many places free.
const FREE_FOR_STATES: usize = CHANNEL / 2;
/// Events that wait behind a full channel. So many wait only where nobody takes them any more.
const MAX_WAITING: usize = 4096;

pub(super) struct EventQueue {
    events: mpsc::Sender<CallEvent>,
    waiting: VecDeque<CallEvent>,
}

impl EventQueue {
    pub(super) fn new() -> (Self, mpsc::Receiver<CallEvent>) {
        let (events, received) = mpsc::channel(CHANNEL);
        (Self { events, waiting: VecDeque::new() }, received)
    }

    pub(super) fn push(&mut self, event: CallEvent) {
        if matches!(event, CallEvent::Stats(_)) {
            // Newer ones follow.
            if self.waiting.is_empty() && self.events.capacity() > FREE_FOR_STATES {
                let _ = self.events.try_send(event);
            }
            return;
        }
        if self.waiting.len() == MAX_WAITING {
            tracing::warn!("an event is dropped: nobody takes them");
            return;
        }
        self.waiting.push_back(event);
        self.flush();
    }

    /// Waits until events that wait have found room; for ever if none waits.
    pub(super) async fn make_room(&mut self) {
        if self.waiting.is_empty() {
            return std::future::pending().await;
        }
        match self.events.reserve().await {
            Ok(place) => {
                if let Some(event) = self.waiting.pop_front() {
                    place.send(event);
                }
            }
            // Nobody listens any more.
            Err(_) => self.waiting.clear(),
        }
    }

    /// Waits until all events have found room, or nobody listens any more.
    pub(super) async fn close(mut self) {
        while !self.waiting.is_empty() {
            self.make_room().await;
        }
    }

    fn flush(&mut self) {
        while let Ok(place) = self.events.try_reserve()
            && let Some(event) = self.waiting.pop_front()
        {
            place.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use maru_core::call::{Event, ParticipantId};

    use super::super::CallStats;
    use super::*;

    fn delivered(id: u64) -> CallEvent {
        CallEvent::Call(Event::ChatDelivered { participant: ParticipantId(1), id })
    }

    #[tokio::test]
    async fn hours_of_statistics_that_nobody_takes_cost_no_other_event() {
        let (mut queue, mut received) = EventQueue::new();
        let mut sent = 0;
        for second in 0..10_000 {
            queue.push(CallEvent::Stats(CallStats::default()));
            if second % 5 == 0 {
                queue.push(delivered(sent));
                sent += 1;
            }
        }
        let mut ids = Vec::new();
        while ids.len() < sent as usize {
            tokio::select! {
                biased;
                event = received.recv() => {
                    if let Some(CallEvent::Call(Event::ChatDelivered { id, .. })) = event {
                        ids.push(id);
                    }
                }
                () = queue.make_room() => {}
            }
        }
        assert_eq!(ids, (0..sent).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let (mut queue, _received) = EventQueue::new();
        for id in 0..100_000 {
            queue.push(delivered(id));
        }
        assert_eq!(queue.waiting.len(), MAX_WAITING);
    }
}
