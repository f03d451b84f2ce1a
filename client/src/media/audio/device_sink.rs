//! The worker's side of a speaker: how much audio waits in its ring.

use std::time::Duration;

use maru_core::media::AUDIO_CLOCK_HZ;
use maru_core::time::Timestamp;

use super::callbacks::{DeviceState, OutputRing};
use super::resample::RateConverter;
use super::worker::TICK;

/// What waits in the ring beyond the device's largest request, at first: covers a worker that wakes two ticks late.
const FIRST_RESERVE_MS: usize = 20;
/// The least: for a worker that has been punctual, as with real-time priority.
const MIN_RESERVE_MS: usize = 10;
const MAX_RESERVE_MS: usize = 80;
const RESERVE_STEP_MS: usize = 10;
/// The reserve shrinks by a step after this time without an underrun.
const SHRINK_AFTER: Duration = Duration::from_secs(30);
/// A request of the device is provided for during this time, and at most twice as long.
const REQUEST_WINDOW: Duration = Duration::from_secs(10);
/// By how much a punctual worker is late at most.
const PUNCTUAL: Duration = Duration::from_millis(4);
/// For so long after a late tick, and at most twice as long, the worker does not count as punctual.
const LATE_WINDOW: Duration = Duration::from_secs(60);
/// A device that takes nothing for this long is stalled.
const STALLED_AFTER: Duration = Duration::from_millis(200);

/// A speaker. It sets the pace: its ring is refilled to a target that grows with each underrun.
pub(super) struct DeviceSink {
    output: OutputRing,
    converter: RateConverter,
    /// Converted samples that found no place in the ring.
    pending: Vec<f32>,
    requests: Largest<usize>,
    /// By how much the worker's ticks were late.
    lateness: Largest<Duration>,
    updated: Option<Timestamp>,
    /// What waits in the ring for the device's next request.
    request_frames: usize,
    reserve_ms: usize,
    missed_frames: u64,
    /// Time of the last underrun or change of the reserve.
    reserve_since: Option<Timestamp>,
    taken_frames: u64,
    last_taken: Option<Timestamp>,
}

impl DeviceSink {
    /// Fills the ring with silence up to the target, so that the first refill does not drain the jitter buffers.
    ///
    /// # Errors
    /// The device's sample rate cannot be converted; a sentence.
    pub(super) fn new(output: OutputRing) -> Result<Self, String> {
        let converter = RateConverter::new(AUDIO_CLOCK_HZ, output.rate_hz)?;
        output.state.restart();
        let mut sink = Self {
            request_frames: output.rate_hz as usize / 100,
            output,
            converter,
            pending: Vec::new(),
            requests: Largest::of(REQUEST_WINDOW),
            lateness: Largest::of(LATE_WINDOW),
            updated: None,
            reserve_ms: FIRST_RESERVE_MS,
            missed_frames: 0,
            reserve_since: None,
            taken_frames: 0,
            last_taken: None,
        };
        sink.pending.resize(sink.target_frames(), 0.0);
        sink.push_pending();
        Ok(sink)
    }

    /// Looks at what the device took and missed since the last call: adapts the target and notices a stall.
    pub(super) fn update(&mut self, now: Timestamp) {
        let rate_hz = self.output.rate_hz as usize;
        let largest = self.requests.update(self.output.state.take_largest_request(), now).max(rate_hz / 100);
        // Shrinks by 1 ms per update (10 ms): what no longer waits here waits in the jitter buffers, which shorten it.
        self.request_frames = largest.max(self.request_frames.saturating_sub(rate_hz / 1000));
        let missed = self.output.state.missed_frames();
        if missed > self.missed_frames {
            self.missed_frames = missed;
            self.reserve_ms = (self.reserve_ms + RESERVE_STEP_MS).min(MAX_RESERVE_MS);
            self.reserve_since = Some(now);
            tracing::debug!(missed, reserve_ms = self.reserve_ms, "the speaker's ring ran empty");
        }
        let late = self.updated.replace(now).map_or(Duration::ZERO, |before| now.since(before).saturating_sub(TICK));
        let is_punctual = self.lateness.update(late, now) <= PUNCTUAL;
        let least_ms = if is_punctual { MIN_RESERVE_MS } else { FIRST_RESERVE_MS };
        self.reserve_ms = self.reserve_ms.max(least_ms);
        let since = *self.reserve_since.get_or_insert(now);
        if now.since(since) > SHRINK_AFTER && self.reserve_ms > least_ms {
            self.reserve_ms -= RESERVE_STEP_MS;
            self.reserve_since = Some(now);
        }
        let taken = self.output.state.frames();
        if taken != self.taken_frames || self.last_taken.is_none() {
            self.taken_frames = taken;
            self.last_taken = Some(now);
        }
    }

    pub(super) fn is_stalled(&self, now: Timestamp) -> bool {
        self.last_taken.is_some_and(|last| now.since(last) > STALLED_AFTER)
    }

    pub(super) fn state(&self) -> &DeviceState {
        &self.output.state
    }

    /// Whether less waits than the target.
    pub(super) fn needs_more(&self) -> bool {
        self.waiting_frames() < self.target_frames()
    }

    /// Audio between the mixer and the device, in ms.
    pub(super) fn waiting_ms(&self) -> f32 {
        self.waiting_frames() as f32 * 1e3 / self.output.rate_hz as f32
    }

    /// From the ring to the loudspeaker, as the driver says.
    pub(super) fn latency(&self) -> Duration {
        self.output.state.latency()
    }

    /// Appends mono samples at 48 kHz.
    pub(super) fn push(&mut self, samples: &[f32]) {
        self.converter.convert(samples, &mut self.pending);
        self.push_pending();
    }

    fn target_frames(&self) -> usize {
        let rate_hz = self.output.rate_hz as usize;
        (self.request_frames + self.reserve_ms * rate_hz / 1000).min(self.output.ring.buffer().capacity())
    }

    fn waiting_frames(&self) -> usize {
        self.output.ring.buffer().capacity() - self.output.ring.slots() + self.pending.len()
    }

    fn push_pending(&mut self) {
        let (pushed, _) = self.output.ring.push_partial_slice(&self.pending);
        let pushed = pushed.len();
        self.pending.drain(..pushed);
    }
}

/// The largest value of the last one to two windows: of the current one and of the one before.
#[derive(Debug)]
struct Largest<T> {
    window: Duration,
    started: Option<Timestamp>,
    current: T,
    before: T,
}

impl<T: Default + Copy + Ord> Largest<T> {
    fn of(window: Duration) -> Self {
        Self { window, started: None, current: T::default(), before: T::default() }
    }

    fn update(&mut self, value: T, now: Timestamp) -> T {
        let started = *self.started.get_or_insert(now);
        if now.since(started) > self.window {
            *self = Self { window: self.window, started: Some(now), current: T::default(), before: self.current };
        }
        self.current = self.current.max(value);
        self.current.max(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::super::callbacks::{OutputCallback, output};
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000);

    struct Bench {
        sink: DeviceSink,
        callback: OutputCallback,
    }

    impl Bench {
        fn new() -> Self {
            let (callback, ring) = output(2, 48_000);
            Self { sink: DeviceSink::new(ring).unwrap(), callback }
        }

        /// The device takes 10 ms this many times.
        fn take(&mut self, times: usize) {
            for _ in 0..times {
                self.callback.fill(&mut [0.0_f32; 960], Duration::ZERO);
            }
        }

        fn refill(&mut self, at_ms: u64) {
            self.sink.update(START + Duration::from_millis(at_ms));
            while self.sink.needs_more() {
                self.sink.push(&[0.0; 480]);
            }
        }
    }

    #[test]
    fn the_ring_never_runs_empty_while_the_worker_is_at_most_10_ms_late() {
        let mut bench = Bench::new();
        for tick in 0..1000_u64 {
            let is_late = tick % 7 == 3;
            bench.take(if is_late { 2 } else { 1 });
            bench.refill(tick * 10 + if is_late { 10 } else { 0 });
        }
        assert_eq!(bench.sink.output.state.missed_frames(), 0);
        assert_eq!(bench.sink.waiting_frames(), 1440, "10 ms for a request and 20 ms in reserve");
    }

    #[test]
    fn the_reserve_grows_with_each_underrun_up_to_its_maximum() {
        let mut bench = Bench::new();
        for tick in 0..100 {
            bench.take(20);
            bench.refill(tick * 10);
        }
        assert!(bench.sink.output.state.missed_frames() > 0);
        assert_eq!(bench.sink.waiting_frames(), 480 + MAX_RESERVE_MS * 48);
    }

    #[test]
    fn the_reserve_shrinks_after_30_s_without_an_underrun() {
        let mut bench = Bench::new();
        bench.take(10);
        bench.refill(0);
        let after_underrun = bench.sink.waiting_frames();
        for tick in 0..4000 {
            bench.take(1);
            bench.refill(tick * 10);
        }
        assert_eq!(after_underrun - bench.sink.waiting_frames(), RESERVE_STEP_MS * 48);
    }

    #[test]
    fn a_punctual_worker_needs_less_until_a_tick_is_late() {
        let mut bench = Bench::new();
        for tick in 0..4000 {
            bench.take(1);
            bench.refill(tick * 10 + tick % 4);
        }
        assert_eq!(bench.sink.waiting_ms(), 20.0, "10 ms for a request and 10 ms in reserve");
        bench.refill(40_010);
        assert_eq!(bench.sink.waiting_ms(), 30.0);
        assert_eq!(bench.sink.output.state.missed_frames(), 0);
    }

    #[test]
    fn one_large_request_adds_delay_for_20_s_at_most() {
        let mut bench = Bench::new();
        bench.refill(0);
        bench.callback.fill(&mut [0.0_f32; 2 * 400 * 48], Duration::ZERO);
        bench.refill(10);
        assert!(bench.sink.waiting_ms() >= 400.0, "another one like this would be served");
        let mut lowest_ms = f32::INFINITY;
        for tick in 2..4000 {
            bench.take(1);
            lowest_ms = lowest_ms.min(bench.sink.waiting_ms());
            bench.refill(tick * 10);
        }
        assert_eq!(bench.sink.waiting_ms(), 30.0, "10 ms for a request and 20 ms in reserve");
        assert!(lowest_ms >= 20.0, "{lowest_ms} ms: the ring is not drained on the way");
    }

    #[test]
    fn a_device_with_large_requests_is_always_provided_for() {
        let mut bench = Bench::new();
        bench.refill(0);
        for tick in 1..6000_u64 {
            if tick % 10 == 0 {
                bench.callback.fill(&mut [0.0_f32; 2 * 4800], Duration::ZERO);
            }
            bench.refill(tick * 10);
        }
        let missed = bench.sink.output.state.missed_frames();
        assert!(missed <= 4800, "{missed} frames: only the first request was a surprise");
    }

    #[test]
    fn a_device_that_takes_nothing_for_200_ms_is_stalled_until_it_takes_again() {
        let mut bench = Bench::new();
        bench.refill(0);
        let later = START + Duration::from_millis(201);
        bench.refill(201);
        assert!(bench.sink.is_stalled(later));
        bench.take(1);
        bench.refill(210);
        assert!(!bench.sink.is_stalled(START + Duration::from_millis(210)));
    }
}
