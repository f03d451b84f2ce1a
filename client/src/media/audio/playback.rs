//! From the peers to the loudspeaker.

use std::path::Path;
use std::time::Duration;

use maru_core::media::AUDIO_CLOCK_HZ;
use maru_core::mix::Mixer;
use maru_core::time::Timestamp;

use super::callbacks::OutputRing;
use super::peer::Peer;
use super::resample::RateConverter;
use super::wav_saver::WavSaver;

/// 10 ms.
pub(super) const BLOCK_SAMPLES: usize = 480;
const BLOCK: Duration = Duration::from_millis(10);
/// A clock that gets this far ahead (the machine slept) is followed at once.
const MAX_BACKLOG: Duration = Duration::from_millis(500);
/// A device that takes nothing for so long does not pace the peers any more.
const STALLED: Duration = Duration::from_millis(200);

/// On top of the device's largest request: what a worker that is late by a tick and a bit needs.
const FIRST_RESERVE_MS: usize = 20;
const MAX_RESERVE_MS: usize = 80;
const RESERVE_STEP_MS: usize = 10;
/// After so long without a hole a part of a reserve that has grown is given back.
const CALM: Duration = Duration::from_secs(30);

/// Where the mix goes.
pub(super) enum Sink {
    /// Nowhere, or to a file, at the pace of the clock.
    Clock {
        file: Option<WavSaver>,
    },
    Device(Box<DeviceSink>),
}

/// A loudspeaker, which sets the pace.
pub(super) struct DeviceSink {
    output: OutputRing,
    converter: RateConverter,
    ready: Vec<f32>,
    reserve_ms: usize,
    missed_frames: u64,
    /// Of the last hole, or of the last change of the reserve.
    last_missed: Option<Timestamp>,
    taken_frames: u64,
    last_taken: Option<Timestamp>,
}

impl DeviceSink {
    /// The ring starts full of silence, so that opening a device takes nothing from the jitter buffers.
    pub(super) fn new(output: OutputRing) -> Result<Self, String> {
        let converter = RateConverter::new(AUDIO_CLOCK_HZ, output.rate_hz)?;
        output.state.restart();
        let mut sink = Self {
            output,
            converter,
            ready: Vec::new(),
            reserve_ms: FIRST_RESERVE_MS,
            missed_frames: 0,
            last_missed: None,
            taken_frames: 0,
            last_taken: None,
        };
        sink.ready.resize(sink.wanted_frames(), 0.0);
        sink.push_ready();
        Ok(sink)
    }

    /// How many frames the ring is to hold.
    fn wanted_frames(&self) -> usize {
        let rate_hz = self.output.rate_hz as usize;
        let request = self.output.state.largest_request().max(rate_hz / 100);
        (request + self.reserve_ms * rate_hz / 1000).min(self.output.ring.buffer().capacity())
    }

    fn waiting_frames(&self) -> usize {
        self.output.ring.buffer().capacity() - self.output.ring.slots() + self.ready.len()
    }

    fn push_ready(&mut self) {
        let (pushed, _) = self.output.ring.push_partial_slice(&self.ready);
        let pushed = pushed.len();
        self.ready.drain(..pushed);
    }

    /// Keeps more in reserve after the ring has run empty, and less again when it has been calm.
    fn learn(&mut self, now: Timestamp) {
        let state = &self.output.state;
        let missed = state.missed_frames();
        if missed > self.missed_frames {
            self.missed_frames = missed;
            self.reserve_ms = (self.reserve_ms + RESERVE_STEP_MS).min(MAX_RESERVE_MS);
            self.last_missed = Some(now);
            tracing::debug!(missed, reserve_ms = self.reserve_ms, "the loudspeaker ran out of sound");
        }
        if now.since(*self.last_missed.get_or_insert(now)) > CALM && self.reserve_ms > FIRST_RESERVE_MS {
            self.reserve_ms -= RESERVE_STEP_MS;
            self.last_missed = Some(now);
        }
        let taken = state.frames();
        if taken != self.taken_frames || self.last_taken.is_none() {
            self.taken_frames = taken;
            self.last_taken = Some(now);
        }
    }

    fn is_stalled(&self, now: Timestamp) -> bool {
        self.last_taken.is_some_and(|last| now.since(last) > STALLED)
    }
}

/// Mixes the peers and fills the sink.
pub(super) struct Playback {
    sink: Sink,
    mixer: Mixer,
    /// When the next block is due where the clock sets the pace.
    due: Option<Timestamp>,
    voice: [f32; BLOCK_SAMPLES],
    mix: [f32; BLOCK_SAMPLES],
}

impl Playback {
    pub(super) fn new() -> Self {
        Self {
            sink: Sink::Clock { file: None },
            mixer: Mixer::default(),
            due: None,
            voice: [0.0; BLOCK_SAMPLES],
            mix: [0.0; BLOCK_SAMPLES],
        }
    }

    /// Returns the sink that was used before.
    pub(super) fn set_sink(&mut self, sink: Sink) -> Sink {
        std::mem::replace(&mut self.sink, sink)
    }

    /// Plays what is due at `now`.
    pub(super) fn tick(&mut self, now: Timestamp, peers: &mut [Peer], folder: Option<&Path>) {
        for peer in peers.iter_mut() {
            peer.receive(folder);
        }
        // Blocks due by the clock are counted on even while a device sets the pace, so that either can take over.
        let by_clock = self.blocks_due(now);
        match &mut self.sink {
            Sink::Clock { .. } => (0..by_clock).for_each(|_| self.play_block(now, peers)),
            Sink::Device(device) => {
                device.learn(now);
                if device.is_stalled(now) {
                    (0..by_clock).for_each(|_| self.mix_block(now, 0.0, peers));
                } else {
                    self.fill_device(now, peers);
                }
            }
        }
    }

    fn blocks_due(&mut self, now: Timestamp) -> usize {
        let mut due = self.due.unwrap_or(now);
        if now.since(due) > MAX_BACKLOG {
            due = now;
        }
        let mut blocks = 0;
        while due <= now {
            due = due + BLOCK;
            blocks += 1;
        }
        self.due = Some(due);
        blocks
    }

    fn fill_device(&mut self, now: Timestamp, peers: &mut [Peer]) {
        while let Sink::Device(device) = &self.sink {
            if device.waiting_frames() >= device.wanted_frames() {
                break;
            }
            self.play_block(now, peers);
        }
    }

    fn play_block(&mut self, now: Timestamp, peers: &mut [Peer]) {
        let waiting_ms = match &self.sink {
            Sink::Clock { .. } => 0.0,
            Sink::Device(device) => device.waiting_frames() as f32 * 1e3 / device.output.rate_hz as f32,
        };
        self.mix_block(now, waiting_ms, peers);
        match &mut self.sink {
            Sink::Clock { file } => {
                if let Some(file) = file {
                    file.write(&self.mix);
                }
            }
            Sink::Device(device) => {
                device.converter.convert(&self.mix, &mut device.ready);
                device.push_ready();
            }
        }
    }

    fn mix_block(&mut self, now: Timestamp, waiting_ms: f32, peers: &mut [Peer]) {
        self.mix.fill(0.0);
        for peer in peers {
            peer.play(now, waiting_ms, &mut self.voice);
            Mixer::add(&mut self.mix, &self.voice);
        }
        self.mixer.finish(&mut self.mix);
    }
}

#[cfg(test)]
mod tests {
    use super::super::callbacks::{OutputCallback, output};
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000);

    fn with_device() -> (Playback, OutputCallback) {
        let (callback, ring) = output(2, 48_000);
        let mut playback = Playback::new();
        playback.set_sink(Sink::Device(Box::new(DeviceSink::new(ring).unwrap())));
        (playback, callback)
    }

    fn missed(playback: &Playback) -> u64 {
        let Sink::Device(device) = &playback.sink else { panic!("a device") };
        device.output.state.missed_frames()
    }

    fn waiting(playback: &Playback) -> usize {
        let Sink::Device(device) = &playback.sink else { panic!("a device") };
        device.waiting_frames()
    }

    #[test]
    fn a_device_never_runs_empty_while_the_worker_is_at_most_10_ms_late() {
        let (mut playback, mut callback) = with_device();
        let mut sound = [0.0_f32; 960];
        for tick in 0..1000_u64 {
            let late = if tick % 7 == 3 { 10 } else { 0 };
            for _ in 0..if tick % 7 == 3 { 2 } else { 1 } {
                callback.fill(&mut sound, Duration::ZERO);
            }
            playback.tick(START + Duration::from_millis(tick * 10 + late), &mut [], None);
        }
        assert_eq!(missed(&playback), 0);
        assert_eq!(waiting(&playback), 1440, "10 ms for a request and 20 ms in reserve");
    }

    #[test]
    fn the_reserve_grows_where_it_was_too_small_but_not_without_end() {
        let (mut playback, mut callback) = with_device();
        let mut sound = [0.0_f32; 960];
        for tick in 0..100_u64 {
            for _ in 0..20 {
                callback.fill(&mut sound, Duration::ZERO);
            }
            playback.tick(START + Duration::from_millis(tick * 10), &mut [], None);
        }
        assert!(missed(&playback) > 0);
        assert_eq!(waiting(&playback), 480 + MAX_RESERVE_MS * 48);
    }

    #[test]
    fn a_reserve_that_has_grown_is_given_back_when_it_is_calm() {
        let (mut playback, mut callback) = with_device();
        let mut sound = [0.0_f32; 960];
        callback.fill(&mut [0.0_f32; 9600], Duration::ZERO);
        playback.tick(START, &mut [], None);
        let after_a_hole = waiting(&playback);
        for tick in 0..4000_u64 {
            callback.fill(&mut sound, Duration::ZERO);
            playback.tick(START + Duration::from_millis(tick * 10), &mut [], None);
        }
        assert_eq!(after_a_hole - waiting(&playback), RESERVE_STEP_MS * 48);
    }

    #[test]
    fn the_clock_takes_over_from_a_device_that_hangs_and_gives_way_again() {
        let (mut playback, mut callback) = with_device();
        playback.tick(START, &mut [], None);
        let later = START + Duration::from_secs(1);
        playback.tick(later, &mut [], None);
        let Sink::Device(device) = &playback.sink else { panic!("a device") };
        assert!(device.is_stalled(later));
        callback.fill(&mut [0.0_f32; 960], Duration::ZERO);
        playback.tick(later + Duration::from_millis(10), &mut [], None);
        assert_eq!(waiting(&playback), 1440);
    }
}
