//! One thread for the microphone and one for the loudspeaker: opens what is chosen, notices when it goes, takes it again
//! when it is back. Never in the way of the audio worker.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use cpal::{Error, ErrorKind, Stream};
use tokio::sync::mpsc;

use super::super::playback::{DeviceSink, Sink};
use super::super::source::{DeviceSource, PacedSource, Source};
use super::super::wav::WavLoop;
use super::super::wav_saver::WavSaver;
use super::super::worker::Command;
use super::stream::{FailureSink, Ring};
use super::{Direction, bounded, catalog, stream};
use crate::media::event::DeviceReporter;
use crate::media::thread::{StopFlag, StoppableThread};
use crate::media::{DeviceChoice, DeviceProblem, MediaEvent};
use crate::report::Report;

/// How often a lost device is tried again, and the default one looked up. There are no hotplug events.
const POLL: Duration = Duration::from_secs(2);
/// Longer than a sound server that is being started needs.
const PATIENCE: Duration = Duration::from_secs(5);
/// A stream that does not close in this time is left behind.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// What the keeper is told.
#[derive(Debug)]
pub(crate) enum Note {
    Choose(DeviceChoice),
    /// The stream of that generation has ended.
    Lost {
        generation: u64,
        error: Error,
    },
    Stop,
}

/// What the keeper needs from the engine.
pub(crate) struct Surroundings {
    pub(crate) worker: SyncSender<Command>,
    pub(crate) events: mpsc::Sender<MediaEvent>,
    pub(crate) report: Report,
}

/// Few choices fit into the time that a driver may hang.
const NOTES: usize = 64;

/// The handle of a keeper's thread. Dropping it closes the device.
#[derive(Debug)]
pub(crate) struct Keeper {
    notes: SyncSender<Note>,
    thread: StoppableThread,
}

impl Keeper {
    pub(crate) fn start(
        direction: Direction,
        first: DeviceChoice,
        surroundings: Surroundings,
    ) -> std::io::Result<Self> {
        let (notes, inbox) = sync_channel(NOTES);
        let body = Thread {
            direction,
            reporter: DeviceReporter::new(direction.kind(), surroundings.events.clone()),
            surroundings,
            notes: notes.clone(),
            choice: first,
            open: Open::Nothing,
            generation: 0,
        };
        let thread = StoppableThread::spawn(direction.thread_name(), move |stop| body.run(&inbox, stop))?;
        Ok(Self { notes, thread })
    }

    /// Never waits.
    pub(crate) fn choose(&self, choice: DeviceChoice) {
        if self.notes.try_send(Note::Choose(choice)).is_err() {
            tracing::warn!("the sound device does not answer, the choice is dropped");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.thread.stop();
        // Ends the wait for a note; while the queue is full there is no wait.
        let _ = self.notes.try_send(Note::Stop);
        self.thread.join_within(CLOSE_PATIENCE * 2);
    }
}

struct Thread {
    direction: Direction,
    surroundings: Surroundings,
    notes: SyncSender<Note>,
    choice: DeviceChoice,
    open: Open,
    generation: u64,
    reporter: DeviceReporter,
}

enum Open {
    /// Not open, and to be tried again where something is chosen.
    Nothing,
    /// A file or the test sound: nothing to look after.
    Virtual,
    Device {
        stream: Stream,
        id: String,
        name: String,
    },
}

impl Thread {
    fn run(mut self, inbox: &Receiver<Note>, stop: &StopFlag) {
        self.open();
        while !stop.is_set() {
            match inbox.recv_timeout(POLL) {
                Ok(Note::Choose(choice)) => {
                    self.choice = choice;
                    self.reporter.reset();
                    self.close();
                    self.open();
                }
                Ok(Note::Lost { generation, error }) if generation == self.generation => self.lost(&error),
                Ok(Note::Lost { .. }) => {}
                Err(RecvTimeoutError::Timeout) => self.look_after(),
                Ok(Note::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.close();
    }

    fn open(&mut self) {
        match (self.choice.clone(), self.direction) {
            (DeviceChoice::None, _) | (DeviceChoice::Test, Direction::Output) => self.open = Open::Virtual,
            (DeviceChoice::Test, Direction::Input) => {
                self.use_virtual(Source::Paced(Box::new(PacedSource::test())).into(), "test".into());
            }
            (DeviceChoice::File(path), _) => self.open_file(path),
            (DeviceChoice::Auto, _) => self.open_device(None),
            (DeviceChoice::Named(name), _) => self.open_device(Some(name)),
        }
    }

    fn open_file(&mut self, path: PathBuf) {
        let name = path.display().to_string();
        let end = match self.direction {
            Direction::Input => WavLoop::open(&path)
                .map(|file| Source::Paced(Box::new(PacedSource::file(file))).into())
                .map_err(|error| error.to_string()),
            Direction::Output => WavSaver::create(&path, self.surroundings.report.clone())
                .map(|file| Sink::Clock { file: Some(file) }.into())
                .map_err(|error| error.to_string()),
        };
        match end {
            Ok(end) => self.use_virtual(end, name),
            Err(reason) => self.reporter.failed(DeviceProblem::Unusable { name, reason }),
        }
    }

    fn use_virtual(&mut self, end: WorkerEnd, name: String) {
        self.hand_over(end);
        self.open = Open::Virtual;
        self.reporter.opened(name);
    }

    fn open_device(&mut self, name: Option<String>) {
        self.generation += 1;
        let told = Arc::new(AtomicBool::new(false));
        let failures = FailureSink { notes: self.notes.clone(), generation: self.generation, told };
        let direction = self.direction;
        let wanted = name.clone();
        let answer = bounded::call(PATIENCE, move || open_named(direction, wanted.as_deref(), &failures));
        match answer {
            Ok(Ok(Opened { stream, end, id, name })) => {
                self.hand_over(end);
                self.open = Open::Device { stream, id, name: name.clone() };
                self.reporter.opened(name);
            }
            Ok(Err(problem)) => self.reporter.failed(problem),
            Err(bounded::NoAnswer::Crashed(problem)) => self.reporter.failed(problem),
            Err(bounded::NoAnswer::TimedOut) => {
                let name = name.unwrap_or_else(|| "the default device".into());
                self.reporter.failed(DeviceProblem::Unusable { name, reason: "it does not answer".into() });
            }
        }
    }

    /// Closes what is open; the worker goes on without it.
    fn close(&mut self) {
        self.generation += 1;
        let end = match self.direction {
            Direction::Input => Source::None.into(),
            Direction::Output => Sink::Clock { file: None }.into(),
        };
        self.hand_over(end);
        if let Open::Device { stream, .. } = std::mem::replace(&mut self.open, Open::Nothing) {
            let closed = bounded::call(CLOSE_PATIENCE, move || drop(stream));
            if closed.is_err() {
                tracing::warn!("a sound device does not close");
            }
        }
    }

    fn lost(&mut self, error: &Error) {
        let Open::Device { name, .. } = &self.open else { return };
        let name = name.clone();
        tracing::info!(%error, name, "a sound device is lost");
        self.close();
        let problem = match error.kind() {
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => {
                DeviceProblem::Unplugged { name }
            }
            _ => problem_of(error, Some(&name)),
        };
        self.reporter.failed(problem);
    }

    fn look_after(&mut self) {
        match &self.open {
            Open::Virtual => {}
            Open::Nothing => self.open(),
            Open::Device { id, name, .. } => {
                let (direction, id, name) = (self.direction, id.clone(), name.clone());
                let is_auto = self.choice == DeviceChoice::Auto;
                // Without an answer nothing is known, and what runs is left running.
                match bounded::call(PATIENCE, move || presence(direction, &id, is_auto)) {
                    Ok(Presence::Gone) => {
                        self.close();
                        self.reporter.failed(DeviceProblem::Unplugged { name });
                    }
                    Ok(Presence::OtherDefault) => {
                        self.close();
                        self.open();
                    }
                    Ok(Presence::There) | Err(_) => {}
                }
            }
        }
    }

    fn hand_over(&self, end: WorkerEnd) {
        let command = match end {
            WorkerEnd::Source(source) => Command::SetSource(source),
            WorkerEnd::Sink(sink) => Command::SetSink(sink),
        };
        // Waits for the worker if it must: this thread has time. An error means that the worker has ended.
        let _ = self.surroundings.worker.send(command);
    }
}

/// What the audio worker gets.
enum WorkerEnd {
    Source(Source),
    Sink(Sink),
}

impl From<Source> for WorkerEnd {
    fn from(source: Source) -> Self {
        Self::Source(source)
    }
}

impl From<Sink> for WorkerEnd {
    fn from(sink: Sink) -> Self {
        Self::Sink(sink)
    }
}

struct Opened {
    stream: Stream,
    end: WorkerEnd,
    id: String,
    name: String,
}

/// `None`: the default device.
fn open_named(direction: Direction, name: Option<&str>, failures: &FailureSink) -> Result<Opened, DeviceProblem> {
    let found = match name {
        None => catalog::default_entry(direction),
        Some(name) => catalog::entries(direction).map(|entries| entries.into_iter().find(|entry| entry.name == name)),
    };
    let entry = found.map_err(|error| problem_of(&error, name))?.ok_or_else(|| not_there(name))?;
    let (stream, ring) =
        stream::open(&entry.device, direction, failures).map_err(|error| match (error.kind(), name) {
            (ErrorKind::DeviceNotAvailable, None) => DeviceProblem::NoDevice,
            _ => problem_of(&error, Some(&entry.name)),
        })?;
    let unusable = |reason| DeviceProblem::Unusable { name: entry.name.clone(), reason };
    let end = match ring {
        Ring::Input(input) => Source::Device(Box::new(DeviceSource::new(input).map_err(unusable)?)).into(),
        Ring::Output(output) => Sink::Device(Box::new(DeviceSink::new(output).map_err(unusable)?)).into(),
    };
    Ok(Opened { stream, end, id: entry.id, name: entry.name })
}

enum Presence {
    There,
    Gone,
    OtherDefault,
}

/// Whether the open device is still to be used.
fn presence(direction: Direction, id: &str, is_auto: bool) -> Presence {
    if is_auto {
        return match catalog::default_entry(direction) {
            Ok(Some(default)) if default.id != id => Presence::OtherDefault,
            Ok(Some(_)) => Presence::There,
            Ok(None) | Err(_) => Presence::Gone,
        };
    }
    match catalog::entries(direction) {
        Ok(entries) if entries.iter().any(|entry| entry.id == id) => Presence::There,
        _ => Presence::Gone,
    }
}

fn not_there(name: Option<&str>) -> DeviceProblem {
    name.map_or(DeviceProblem::NoDevice, |name| DeviceProblem::NotFound { name: name.into() })
}

fn problem_of(error: &Error, name: Option<&str>) -> DeviceProblem {
    let name = name.unwrap_or("the default device").to_owned();
    match error.kind() {
        ErrorKind::DeviceNotAvailable => DeviceProblem::NotFound { name },
        ErrorKind::HostUnavailable => DeviceProblem::NoDevice,
        ErrorKind::DeviceBusy => DeviceProblem::Busy { name },
        _ => DeviceProblem::Unusable { name, reason: error.to_string() },
    }
}
