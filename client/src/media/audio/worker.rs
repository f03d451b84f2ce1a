//! The audio worker: one thread that encodes, decodes and mixes, every 10 ms.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use maru_core::media::EncodedAudio;
use maru_core::time::Timestamp;
use tokio::sync::mpsc;

use super::EngineState;
use super::capture::Capture;
use super::codec::Encoder;
use super::peer::Peer;
use super::playback::{Playback, Sink};
use super::source::Source;
use crate::clock;

const TICK: Duration = Duration::from_millis(10);
/// A worker that is later than this skips the ticks it missed.
const MAX_LATE: Duration = Duration::from_millis(100);

pub(super) enum Command {
    SetSource(Source),
    SetSink(Sink),
    Attach(mpsc::Sender<EncodedAudio>),
    AddPeer(Box<Peer>),
    Stop,
}

/// Everything that the worker owns.
pub(super) struct AudioWorker {
    capture: Capture,
    playback: Playback,
    peers: Vec<Peer>,
    /// `--save-remote`.
    folder: Option<PathBuf>,
    /// Threads that are still writing files.
    savers: Vec<JoinHandle<()>>,
}

impl AudioWorker {
    pub(super) fn new(encoder: Encoder, state: Arc<EngineState>, folder: Option<PathBuf>) -> Self {
        Self {
            capture: Capture::new(encoder, state),
            playback: Playback::new(),
            peers: Vec::new(),
            folder,
            savers: Vec::new(),
        }
    }

    /// Runs until [`Command::Stop`], or until all senders of commands are gone. The files are complete when it returns.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        let mut next = clock::now() + TICK;
        loop {
            match commands.recv_timeout(next.since(clock::now())) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.handle(command),
                Err(RecvTimeoutError::Timeout) => {
                    let now = clock::now();
                    self.tick(now);
                    next = if now.since(next) > MAX_LATE { now + TICK } else { next + TICK };
                }
            }
        }
        self.finish();
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::SetSource(source) => self.capture.set_source(source),
            Command::SetSink(sink) => {
                let before = self.playback.set_sink(sink);
                self.end_file(before);
            }
            Command::Attach(output) => self.capture.set_output(output),
            Command::AddPeer(peer) => self.peers.push(*peer),
            Command::Stop => {}
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.capture.tick(now);
        self.playback.tick(now, &mut self.peers, self.folder.as_deref());
        for peer in self.peers.extract_if(.., |peer| peer.is_gone()) {
            self.savers.extend(peer.finish());
        }
        self.savers.retain(|saver| !saver.is_finished());
    }

    fn end_file(&mut self, sink: Sink) {
        if let Sink::Clock { file: Some(file) } = sink {
            self.savers.push(file.finish());
        }
    }

    fn finish(mut self) {
        let sink = self.playback.set_sink(Sink::Clock { file: None });
        self.end_file(sink);
        self.savers.extend(self.peers.drain(..).filter_map(Peer::finish));
        for saver in self.savers {
            // A saver that panicked loses its own file only.
            let _ = saver.join();
        }
    }
}
