//! The callbacks that run on the audio driver's threads. They use rings and atomics only: no allocation (asserted by
//! `tests/audio_callbacks.rs`), lock, log or system call, but for one `gettid` in the first callback of a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cpal::{FromSample, Sample};
use maru_core::downmix::Downmix;
use rtrb::{Consumer, Producer, RingBuffer};

use super::realtime::CallbackThread;

/// What a callback reports to the audio worker.
#[derive(Debug, Default)]
pub struct DeviceState {
    latency_us: AtomicU32,
    frames: AtomicU64,
    missed_frames: AtomicU64,
    largest_request: AtomicU32,
    thread: CallbackThread,
}

impl DeviceState {
    /// From the microphone to the callback, or from the callback to the speaker.
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed).into())
    }

    /// Frames that the device has delivered or taken.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Frames dropped because the ring was full, or replaced by silence because it was empty.
    pub fn missed_frames(&self) -> u64 {
        self.missed_frames.load(Ordering::Relaxed)
    }

    /// The most frames in one callback since the last call.
    pub fn take_largest_request(&self) -> usize {
        self.largest_request.swap(0, Ordering::Relaxed) as usize
    }

    /// Resets missed frames and largest request: a driver may call before the ring can be filled.
    pub fn restart(&self) {
        self.missed_frames.store(0, Ordering::Relaxed);
        self.largest_request.store(0, Ordering::Relaxed);
    }

    /// The driver's thread that calls.
    pub(super) fn thread(&self) -> &CallbackThread {
        &self.thread
    }

    fn note(&self, frames: usize, missed: usize, latency: Duration) {
        self.thread.note();
        self.frames.fetch_add(frames as u64, Ordering::Relaxed);
        if missed > 0 {
            self.missed_frames.fetch_add(missed as u64, Ordering::Relaxed);
        }
        self.largest_request.fetch_max(frames.min(u32::MAX as usize) as u32, Ordering::Relaxed);
        let latency_us = latency.as_micros().min(u128::from(u32::MAX)) as u32;
        self.latency_us.store(latency_us, Ordering::Relaxed);
    }
}

/// The microphone's callback.
#[derive(Debug)]
pub struct InputCallback {
    ring: Producer<f32>,
    channels: usize,
    downmix: Downmix,
    state: Arc<DeviceState>,
}

/// The worker's end of a microphone: mono at the device's rate.
#[derive(Debug)]
pub struct InputRing {
    pub ring: Consumer<f32>,
    pub state: Arc<DeviceState>,
    pub rate_hz: u32,
}

/// A ring of half a second. Frames that do not fit, because the worker hangs, are dropped and counted.
pub fn input(channels: u16, rate_hz: u32) -> (InputCallback, InputRing) {
    let (producer, consumer) = RingBuffer::new(rate_hz as usize / 2);
    let state = Arc::<DeviceState>::default();
    let channels = usize::from(channels).max(1);
    let downmix = Downmix::new(channels, rate_hz);
    let callback = InputCallback { ring: producer, channels, downmix, state: state.clone() };
    (callback, InputRing { ring: consumer, state, rate_hz })
}

impl InputCallback {
    /// Appends interleaved `samples` to the ring, mixed down to one channel.
    pub fn take<T: Sample>(&mut self, samples: &[T], latency: Duration)
    where
        f32: FromSample<T>,
    {
        let frames = samples.len() / self.channels;
        let fit = frames.min(self.ring.slots());
        if let Ok(chunk) = self.ring.write_chunk_uninit(fit) {
            let frames = samples.chunks_exact(self.channels);
            self.downmix.measure(frames.clone().map(as_floats));
            chunk.fill_from_iter(frames.map(|frame| self.downmix.mix(as_floats(frame))));
        }
        self.state.note(frames, frames - fit, latency);
    }
}

fn as_floats<T: Sample>(frame: &[T]) -> impl Iterator<Item = f32>
where
    f32: FromSample<T>,
{
    frame.iter().map(|&sample| f32::from_sample(sample))
}

/// The speaker's callback.
#[derive(Debug)]
pub struct OutputCallback {
    ring: Consumer<f32>,
    channels: usize,
    state: Arc<DeviceState>,
}

/// The worker's end of a speaker: mono at the device's rate.
#[derive(Debug)]
pub struct OutputRing {
    pub ring: Producer<f32>,
    pub state: Arc<DeviceState>,
    pub rate_hz: u32,
}

/// A ring of half a second, of which the worker fills a small part.
pub fn output(channels: u16, rate_hz: u32) -> (OutputCallback, OutputRing) {
    let (producer, consumer) = RingBuffer::new(rate_hz as usize / 2);
    let state = Arc::<DeviceState>::default();
    let callback = OutputCallback { ring: consumer, channels: usize::from(channels).max(1), state: state.clone() };
    (callback, OutputRing { ring: producer, state, rate_hz })
}

impl OutputCallback {
    /// Fills interleaved `samples`, the same on all channels. What the ring lacks is silence.
    pub fn fill<T: Sample + FromSample<f32>>(&mut self, samples: &mut [T], latency: Duration) {
        let frames = samples.len() / self.channels;
        let available = frames.min(self.ring.slots());
        let mut filled = 0;
        if let Ok(chunk) = self.ring.read_chunk(available) {
            for (frame, sample) in samples.chunks_exact_mut(self.channels).zip(chunk) {
                frame.fill(T::from_sample(sample));
                filled += self.channels;
            }
        }
        samples[filled..].fill(T::EQUILIBRIUM);
        self.state.note(frames, frames - available, latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_mixed_down_to_one() {
        let (mut callback, mut end) = input(2, 48_000);
        callback.take(&[0.5_f32, 0.25, -0.25, -0.5], Duration::from_millis(3));
        assert_eq!([end.ring.pop(), end.ring.pop()], [Ok(0.375), Ok(-0.375)]);
        assert_eq!((end.state.frames(), end.state.latency()), (2, Duration::from_millis(3)));
        let (mut callback, mut end) = input(1, 48_000);
        callback.take(&[i16::MIN, 0, 16_384], Duration::ZERO);
        assert_eq!([end.ring.pop(), end.ring.pop(), end.ring.pop()], [Ok(-1.0), Ok(0.0), Ok(0.5)]);
    }

    #[test]
    fn all_channels_get_the_same_and_an_empty_ring_gives_silence() {
        let (mut callback, mut end) = output(2, 48_000);
        end.ring.push(0.5).unwrap();
        let mut samples = [1.0_f32; 4];
        callback.fill(&mut samples, Duration::ZERO);
        assert_eq!(samples, [0.5, 0.5, 0.0, 0.0]);
        assert_eq!((end.state.frames(), end.state.missed_frames()), (2, 1));
        let mut samples = [7_u8; 2];
        callback.fill(&mut samples, Duration::ZERO);
        assert_eq!(samples, [128, 128], "unsigned samples are silent at 128");
    }

    #[test]
    fn a_full_ring_drops_and_counts_frames() {
        let (mut callback, end) = input(1, 1000);
        callback.take(&[0.0_f32; 700], Duration::ZERO);
        assert_eq!((end.ring.slots(), end.state.missed_frames()), (500, 200));
    }
}
