//! What runs on the sound driver's threads: rings and atomics, nothing else. No allocation, lock, log or system call
//! (`tests/audio_callbacks.rs` asserts the first, reading this file the rest).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cpal::{FromSample, Sample};
use rtrb::{Consumer, Producer, RingBuffer};

/// What a callback tells the audio worker.
#[derive(Debug, Default)]
pub struct DeviceState {
    /// Time from the microphone to the callback, or from the callback to the loudspeaker.
    latency_us: AtomicU32,
    /// Frames that the device has delivered or taken.
    frames: AtomicU64,
    /// Frames that found no place in the ring, or no sound in it.
    missed_frames: AtomicU64,
    /// The most frames at once.
    largest_request: AtomicU32,
}

impl DeviceState {
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed).into())
    }

    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    pub fn missed_frames(&self) -> u64 {
        self.missed_frames.load(Ordering::Relaxed)
    }

    pub fn largest_request(&self) -> usize {
        self.largest_request.load(Ordering::Relaxed) as usize
    }

    /// Forgets what was counted: a driver may ask for sound before there can be any.
    pub fn restart(&self) {
        self.missed_frames.store(0, Ordering::Relaxed);
        self.largest_request.store(0, Ordering::Relaxed);
    }

    fn note(&self, frames: usize, missed: usize, latency: Duration) {
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
    state: Arc<DeviceState>,
}

/// The worker's end of a microphone: mono at the device's rate.
#[derive(Debug)]
pub struct InputRing {
    pub ring: Consumer<f32>,
    pub state: Arc<DeviceState>,
    pub rate_hz: u32,
}

/// A ring for half a second. What does not fit (the worker hangs) is dropped and counted.
pub fn input(channels: u16, rate_hz: u32) -> (InputCallback, InputRing) {
    let (producer, consumer) = RingBuffer::new(rate_hz as usize / 2);
    let state = Arc::<DeviceState>::default();
    let callback = InputCallback { ring: producer, channels: usize::from(channels).max(1), state: state.clone() };
    (callback, InputRing { ring: consumer, state, rate_hz })
}

impl InputCallback {
    /// `sound` is interleaved; the channels are averaged.
    pub fn take<T: Sample>(&mut self, sound: &[T], latency: Duration)
    where
        f32: FromSample<T>,
    {
        let frames = sound.len() / self.channels;
        let fit = frames.min(self.ring.slots());
        if let Ok(chunk) = self.ring.write_chunk_uninit(fit) {
            let share = 1.0 / self.channels as f32;
            let mono = sound.chunks_exact(self.channels).map(|frame| {
                let sum: f32 = frame.iter().map(|&sample| f32::from_sample(sample)).sum();
                sum * share
            });
            chunk.fill_from_iter(mono);
        }
        self.state.note(frames, frames - fit, latency);
    }
}

/// The loudspeaker's callback.
#[derive(Debug)]
pub struct OutputCallback {
    ring: Consumer<f32>,
    channels: usize,
    state: Arc<DeviceState>,
}

/// The worker's end of a loudspeaker: mono at the device's rate.
#[derive(Debug)]
pub struct OutputRing {
    pub ring: Producer<f32>,
    pub state: Arc<DeviceState>,
    pub rate_hz: u32,
}

/// A ring for half a second, of which the worker fills a small part.
pub fn output(channels: u16, rate_hz: u32) -> (OutputCallback, OutputRing) {
    let (producer, consumer) = RingBuffer::new(rate_hz as usize / 2);
    let state = Arc::<DeviceState>::default();
    let callback = OutputCallback { ring: consumer, channels: usize::from(channels).max(1), state: state.clone() };
    (callback, OutputRing { ring: producer, state, rate_hz })
}

impl OutputCallback {
    /// Fills `sound` (interleaved) with the same on all channels; silence where there is none.
    pub fn fill<T: Sample + FromSample<f32>>(&mut self, sound: &mut [T], latency: Duration) {
        let frames = sound.len() / self.channels;
        let there = frames.min(self.ring.slots());
        let mut filled = 0;
        if let Ok(chunk) = self.ring.read_chunk(there) {
            for (frame, sample) in sound.chunks_exact_mut(self.channels).zip(chunk) {
                frame.fill(T::from_sample(sample));
                filled += self.channels;
            }
        }
        sound[filled..].fill(T::EQUILIBRIUM);
        self.state.note(frames, frames - there, latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_channels_becomes_one() {
        let (mut callback, mut end) = input(2, 48_000);
        callback.take(&[0.5_f32, 0.25, -1.0, 0.0], Duration::from_millis(3));
        assert_eq!([end.ring.pop(), end.ring.pop()], [Ok(0.375), Ok(-0.5)]);
        assert_eq!((end.state.frames(), end.state.latency()), (2, Duration::from_millis(3)));
        let (mut callback, mut end) = input(1, 48_000);
        callback.take(&[i16::MIN, 0, 16_384], Duration::ZERO);
        assert_eq!([end.ring.pop(), end.ring.pop(), end.ring.pop()], [Ok(-1.0), Ok(0.0), Ok(0.5)]);
    }

    #[test]
    fn one_becomes_all_channels_and_the_rest_is_silence() {
        let (mut callback, mut end) = output(2, 48_000);
        end.ring.push(0.5).unwrap();
        let mut sound = [1.0_f32; 4];
        callback.fill(&mut sound, Duration::ZERO);
        assert_eq!(sound, [0.5, 0.5, 0.0, 0.0]);
        assert_eq!((end.state.frames(), end.state.missed_frames()), (2, 1));
        let mut sound = [7_u8; 2];
        callback.fill(&mut sound, Duration::ZERO);
        assert_eq!(sound, [128, 128], "silence of unsigned samples is in the middle");
    }

    #[test]
    fn a_full_ring_drops_and_counts() {
        let (mut callback, end) = input(1, 1000);
        callback.take(&[0.0_f32; 700], Duration::ZERO);
        assert_eq!((end.ring.slots(), end.state.missed_frames()), (500, 200));
    }
}
