//! From the peers to the speaker.

use std::path::Path;
use std::time::Duration;

use maru_core::echo_reference::EchoReference;
use maru_core::mix::Mixer;
use maru_core::time::Timestamp;

use super::callbacks::DeviceState;
use super::cue::{Cue, CuePlayer};
use super::device_sink::DeviceSink;
use super::peer::Peer;
use super::self_test::SelfTest;
use super::wav_saver::WavSaver;

/// 10 ms at 48 kHz.
pub(super) const BLOCK_SAMPLES: usize = 480;
const BLOCK: Duration = Duration::from_millis(10);
/// Blocks that are later than this (the machine slept) are skipped.
const MAX_BACKLOG: Duration = Duration::from_millis(500);

/// Where the mix goes.
pub(super) enum Sink {
    /// To a file or nowhere, at the pace of the clock.
    Clock {
        file: Option<WavSaver>,
    },
    Device(Box<DeviceSink>),
}

/// What is played.
pub(super) struct Heard<'a> {
    pub(super) peers: &'a mut [Peer],
    pub(super) test: &'a mut SelfTest,
    /// Where the peers' files go.
    pub(super) folder: Option<&'a Path>,
}

/// Mixes the peers and fills the sink.
pub(super) struct Playback {
    sink: Sink,
    mixer: Mixer,
    cue: CuePlayer,
    /// When the next block is due by the clock.
    due: Option<Timestamp>,
    /// One block of one peer, and of all.
    peer_block: [f32; BLOCK_SAMPLES],
    mix: [f32; BLOCK_SAMPLES],
}

impl Playback {
    pub(super) fn new() -> Self {
        Self {
            sink: Sink::Clock { file: None },
            mixer: Mixer::default(),
            cue: CuePlayer::default(),
            due: None,
            peer_block: [0.0; BLOCK_SAMPLES],
            mix: [0.0; BLOCK_SAMPLES],
        }
    }

    pub(super) fn device(&self) -> Option<&DeviceState> {
        match &self.sink {
            Sink::Device(device) => Some(device.state()),
            Sink::Clock { .. } => None,
        }
    }

    /// Returns the sink that was used before.
    pub(super) fn set_sink(&mut self, sink: Sink) -> Sink {
        std::mem::replace(&mut self.sink, sink)
    }

    /// Adds a sound to what is played. The others do not hear it.
    pub(super) fn play_cue(&mut self, cue: Cue) {
        self.cue.start(cue);
    }

    /// Plays what is due at `now`. A device's part goes to `reference`, too.
    pub(super) fn tick(&mut self, now: Timestamp, heard: &mut Heard<'_>, reference: &mut EchoReference) {
        for peer in heard.peers.iter_mut() {
            peer.receive(now, heard.folder);
        }
        // Counted also while a device sets the pace, so that the clock can take over when the device stalls.
        let by_clock = self.blocks_due(now);
        match &mut self.sink {
            Sink::Clock { .. } => (0..by_clock).for_each(|_| self.play_block(now, heard, reference)),
            Sink::Device(device) => {
                device.update(now);
                if device.is_stalled(now) {
                    (0..by_clock).for_each(|_| self.mix_block(now, 0.0, heard));
                } else {
                    self.fill_device(now, heard, reference);
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

    fn fill_device(&mut self, now: Timestamp, heard: &mut Heard<'_>, reference: &mut EchoReference) {
        while let Sink::Device(device) = &self.sink {
            if !device.needs_more() {
                break;
            }
            self.play_block(now, heard, reference);
        }
    }

    fn play_block(&mut self, now: Timestamp, heard: &mut Heard<'_>, reference: &mut EchoReference) {
        let waiting_ms = match &self.sink {
            Sink::Clock { .. } => 0.0,
            Sink::Device(device) => device.waiting_ms(),
        };
        self.mix_block(now, waiting_ms, heard);
        match &mut self.sink {
            Sink::Clock { file } => {
                if let Some(file) = file {
                    file.write(&self.mix);
                }
            }
            Sink::Device(device) => {
                let wait = Duration::from_secs_f32(waiting_ms / 1e3);
                reference.push(now + wait + device.latency(), &self.mix);
                device.push(&self.mix);
            }
        }
    }

    fn mix_block(&mut self, now: Timestamp, waiting_ms: f32, heard: &mut Heard<'_>) {
        self.mix.fill(0.0);
        for peer in heard.peers.iter_mut() {
            peer.play(now, waiting_ms, &mut self.peer_block);
            Mixer::add(&mut self.mix, &self.peer_block);
        }
        heard.test.play(&mut self.mix);
        self.cue.play(&mut self.mix);
        self.mixer.finish(&mut self.mix);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::callbacks::output;
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_000_000);

    fn waiting_ms(playback: &Playback) -> f32 {
        let Sink::Device(device) = &playback.sink else { panic!("a device") };
        device.waiting_ms()
    }

    #[test]
    fn each_block_goes_to_the_device_once_it_has_room() {
        let (mut callback, ring) = output(2, 48_000);
        let mut playback = Playback::new();
        playback.set_sink(Sink::Device(Box::new(DeviceSink::new(ring).unwrap())));
        let mut reference = EchoReference::default();
        let mut test = SelfTest::new(Arc::default());
        let mut heard = Heard { peers: &mut [], test: &mut test, folder: None };
        playback.tick(START, &mut heard, &mut reference);
        assert_eq!(waiting_ms(&playback), 30.0);
        callback.fill(&mut [0.0_f32; 960], Duration::ZERO);
        assert_eq!(waiting_ms(&playback), 20.0);
        playback.tick(START + BLOCK, &mut heard, &mut reference);
        assert_eq!(waiting_ms(&playback), 30.0);
    }

    #[test]
    fn the_clock_counts_each_block_once_and_skips_what_a_sleep_left_behind() {
        let mut playback = Playback::new();
        let due: Vec<usize> = [0, 10, 25, 30, 31, 40, 10_000, 10_010]
            .map(|at_ms| playback.blocks_due(START + Duration::from_millis(at_ms)))
            .to_vec();
        assert_eq!(due, [1, 1, 1, 1, 0, 1, 1, 1]);
    }
}
