//! One thread for the microphone and one for the speaker. It opens the chosen device, notices when the device is lost,
//! and opens it again when it is back. The audio worker never waits for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use cpal::{Error, Stream};
use tokio::sync::mpsc;

use super::super::EngineState;
use super::super::callbacks::DeviceState;
use super::super::playback::Sink;
use super::super::source::{PacedSource, Source};
use super::super::wav::WavLoop;
use super::super::wav_saver::WavSaver;
use super::super::worker::Command;
use super::driver_call::NoAnswer;
use super::open::{self, Opened, Presence, Wanted};
use super::stream::FailureSink;
use super::{Direction, catalog, driver_call};
use crate::media::event::DeviceReporter;
use crate::media::saved_file::SaveReporter;
use crate::media::thread::{StopFlag, StoppableThread, catch_panic};
use crate::media::{DeviceChoice, DeviceProblem, MediaEvent};

/// How often a lost device is tried again and the default device looked up, if nobody says that devices have changed.
const POLL: Duration = Duration::from_secs(2);
/// What the audio server says within this time is one change: a headset is a speaker and a microphone.
const SETTLE: Duration = Duration::from_millis(50);
/// How often a chosen device that is listed and cannot be opened is tried again while another one stands in.
const RETRY_CHOSEN: Duration = Duration::from_secs(10);
/// Longer than an audio server takes to start.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// A stream that takes longer to close is left to its thread.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// More choices than a person makes while a driver hangs.
const MESSAGES: usize = 64;

/// The handle of a supervisor's thread. Dropping it closes the device.
#[derive(Debug)]
pub(crate) struct Supervisor {
    messages: SyncSender<Message>,
    thread: StoppableThread,
}

/// What the supervisor uses of the engine.
pub(crate) struct Context {
    /// Files and the test sound are processed as a microphone is.
    pub(crate) processes_files: bool,
    pub(crate) worker: SyncSender<Command>,
    pub(crate) events: mpsc::Sender<MediaEvent>,
    pub(crate) save_reporter: SaveReporter,
    pub(crate) state: Arc<EngineState>,
}

/// To the supervisor's thread.
#[derive(Debug)]
pub(crate) enum Message {
    Choose(DeviceChoice),
    /// Devices have come or gone, or another one is the default.
    DevicesChanged,
    /// The stream of this generation has ended.
    Lost {
        generation: u64,
        error: Error,
    },
    Stop,
}

impl Supervisor {
    /// # Errors
    /// The system cannot start another thread.
    pub(crate) fn start(direction: Direction, choice: DeviceChoice, context: Context) -> std::io::Result<Self> {
        let (messages, inbox) = sync_channel(MESSAGES);
        let body = Thread {
            direction,
            reporter: DeviceReporter::new(direction.kind(), context.events),
            processes_files: context.processes_files,
            worker: context.worker,
            save_reporter: context.save_reporter,
            state: context.state,
            messages: messages.clone(),
            choice,
            last_id: None,
            open: Open::Nothing,
            tried: None,
            chosen_failed: None,
            generation: 0,
        };
        let thread = StoppableThread::spawn(direction.thread_name(), move |stop| body.run(&inbox, stop))?;
        Ok(Self { messages, thread })
    }

    /// What tells the supervisor, from any thread, that devices have changed. Never waits.
    pub(crate) fn on_devices_changed(&self) -> impl Fn() + Send + use<> {
        let messages = self.messages.clone();
        // While the queue is full it looks at the devices in any case.
        move || {
            let _ = messages.try_send(Message::DevicesChanged);
        }
    }

    /// Never waits.
    pub(crate) fn choose(&self, choice: DeviceChoice) {
        if self.messages.try_send(Message::Choose(choice)).is_err() {
            tracing::warn!("the audio driver hangs: the choice of a device is dropped");
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.thread.stop();
        // Ends the wait for a message. While the queue is full the thread does not wait.
        let _ = self.messages.try_send(Message::Stop);
        self.thread.join_within(CLOSE_TIMEOUT * 2);
    }
}

struct Thread {
    direction: Direction,
    reporter: DeviceReporter,
    processes_files: bool,
    worker: SyncSender<Command>,
    save_reporter: SaveReporter,
    state: Arc<EngineState>,
    messages: SyncSender<Message>,
    choice: DeviceChoice,
    /// Of the device that was open last, unless it stood in for the chosen one.
    last_id: Option<String>,
    open: Open,
    /// When the device was opened, or last tried.
    tried: Option<Instant>,
    /// When the chosen device was listed and could not be opened, while another one stood in.
    chosen_failed: Option<Instant>,
    /// Counts streams, so that a late message about an old one is ignored.
    generation: u64,
}

enum Open {
    /// To be tried again.
    Nothing,
    /// No device, a file or the test sound: cannot be lost.
    Virtual,
    Device {
        stream: Stream,
        id: String,
        name: String,
        /// The default device is used because the chosen one is not there.
        stands_in: bool,
        state: Arc<DeviceState>,
        /// Frames that it had delivered or taken at the last check.
        frames: u64,
    },
}

/// Waits until nobody has said for [`SETTLE`] that devices have changed. Gives another message that came meanwhile.
fn settled(inbox: &Receiver<Message>) -> Option<Message> {
    // A device that changes all the time does not keep us.
    for _ in 0..10 {
        match inbox.recv_timeout(SETTLE) {
            Ok(Message::DevicesChanged) => {}
            Ok(other) => return Some(other),
            Err(_) => return None,
        }
    }
    None
}

impl Thread {
    fn run(mut self, inbox: &Receiver<Message>, stop: &StopFlag) {
        self.guard(Self::open);
        // What came while the devices were changing.
        let mut postponed = None;
        while !stop.is_set() {
            match postponed.take().map_or_else(|| inbox.recv_timeout(POLL), Ok) {
                Ok(Message::DevicesChanged) => {
                    postponed = settled(inbox);
                    self.guard(Self::check);
                }
                Ok(Message::Choose(choice)) => {
                    self.choice = choice;
                    self.reporter.reset();
                    self.guard(|thread| {
                        thread.close();
                        thread.take_crash();
                        thread.open();
                    });
                }
                Ok(Message::Lost { generation, error }) if generation == self.generation => {
                    self.guard(|thread| thread.lost(&error));
                }
                Ok(Message::Lost { .. }) => {}
                Err(RecvTimeoutError::Timeout) => self.guard(Self::check),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.guard(Self::close);
    }

    /// Runs `step`. After a panic nothing is open, and the next check tries again.
    fn guard(&mut self, step: impl FnOnce(&mut Self)) {
        if let Err(problem) = catch_panic(|| step(self)) {
            let _ = catch_panic(|| self.close());
            self.reporter.failed(problem);
        }
    }

    /// The panic of the worker in what it did for this device.
    fn take_crash(&self) -> Option<DeviceProblem> {
        match self.direction {
            Direction::Input => self.state.microphone_crash.take(),
            Direction::Output => self.state.speaker_crash.take(),
        }
    }

    fn open(&mut self) {
        if let Err(problem) = self.try_open() {
            self.reporter.failed(problem);
        }
    }

    fn try_open(&mut self) -> Result<(), DeviceProblem> {
        self.tried = Some(Instant::now());
        match (self.choice.clone(), self.direction) {
            (DeviceChoice::None, _) | (DeviceChoice::Test, Direction::Output) => self.open = Open::Virtual,
            (DeviceChoice::Test, Direction::Input) => {
                let source = self.paced(PacedSource::test());
                self.use_virtual(Command::SetSource(source), "test".into());
            }
            (DeviceChoice::File(path), _) => self.open_file(path)?,
            (DeviceChoice::Auto, _) => self.open_device(None, None)?,
            (DeviceChoice::Named(name), _) => match self.open_device(Some(name.clone()), None) {
                Err(problem) if problem.is_absence() && self.may_stand_in() => {
                    self.open_device(None, Some(name)).map_err(|_| problem)?;
                }
                result => result?,
            },
        }
        Ok(())
    }

    /// The conversation goes on with another device. But nobody hears a microphone in the place of one that was never used,
    /// or of one that records what a speaker plays.
    fn may_stand_in(&self) -> bool {
        let was_microphone = self.last_id.as_ref().is_some_and(|id| !catalog::is_monitor(id));
        self.direction == Direction::Output || was_microphone
    }

    fn open_file(&mut self, path: PathBuf) -> Result<(), DeviceProblem> {
        let name = path.display().to_string();
        let command = match self.direction {
            Direction::Input => WavLoop::open(&path)
                .map(|file| Command::SetSource(self.paced(PacedSource::file(file))))
                .map_err(|error| error.to_string()),
            Direction::Output => WavSaver::replace(path, self.save_reporter.clone())
                .map(|file| Command::SetSink(Sink::Clock { file: Some(file) }))
                .map_err(|error| error.to_string()),
        };
        match command {
            Ok(command) => self.use_virtual(command, name),
            Err(reason) => return Err(DeviceProblem::Unusable { name, reason }),
        }
        Ok(())
    }

    fn paced(&self, source: PacedSource) -> Source {
        Source::Paced(Box::new(source.processed(self.processes_files)))
    }

    fn use_virtual(&mut self, command: Command, name: String) {
        self.send(command);
        self.open = Open::Virtual;
        self.reporter.opened(name);
    }

    /// `name`: `None` is the default device. `instead_of`: the chosen one, which is not there.
    fn open_device(&mut self, name: Option<String>, instead_of: Option<String>) -> Result<(), DeviceProblem> {
        self.generation += 1;
        let reported = Arc::new(AtomicBool::new(false));
        let failures = FailureSink { messages: self.messages.clone(), generation: self.generation, reported };
        let direction = self.direction;
        let (wanted, last_id) = (name.clone(), self.last_id.clone());
        let open = move || open::open(direction, wanted.as_deref(), last_id.as_deref(), &failures);
        let answer = driver_call::call(OPEN_TIMEOUT, open);
        let no_answer = |error: NoAnswer| error.problem(name.unwrap_or_else(|| open::DEFAULT_NAME.into()));
        let Opened { stream, command, id, name, state } = answer.map_err(no_answer)??;
        self.send(command);
        let stands_in = instead_of.is_some();
        if !stands_in {
            self.last_id = Some(id.clone());
        }
        self.open = Open::Device { stream, id, name: name.clone(), stands_in, state, frames: 0 };
        self.reporter.opened_instead_of(instead_of, name);
        Ok(())
    }

    /// Closes what is open; the worker goes on without it.
    fn close(&mut self) {
        self.generation += 1;
        self.send(match self.direction {
            Direction::Input => Command::SetSource(Source::None),
            Direction::Output => Command::SetSink(Sink::Clock { file: None }),
        });
        if let Open::Device { stream, .. } = std::mem::replace(&mut self.open, Open::Nothing)
            && driver_call::call(CLOSE_TIMEOUT, move || drop(stream)).is_err()
        {
            tracing::warn!("an audio device does not close");
        }
    }

    fn lost(&mut self, error: &Error) {
        let Open::Device { name, .. } = &self.open else { return };
        let problem = open::lost_problem(error, name);
        tracing::info!(%error, name, "an audio device is lost");
        self.replace(problem);
    }

    /// The chosen device is listed again. If it cannot be opened, another one goes on standing in.
    fn take_up_chosen(&mut self) {
        if let Err(problem) = self.try_open() {
            let DeviceChoice::Named(choice) = self.choice.clone() else { return };
            if self.open_device(None, Some(choice)).is_err() {
                self.reporter.failed(problem);
            }
        }
        let stands_in = matches!(self.open, Open::Device { stands_in: true, .. });
        self.chosen_failed = stands_in.then(Instant::now);
    }

    /// Another device takes the place of the open one, if there is any.
    fn replace(&mut self, problem: DeviceProblem) {
        let may_try = self.tried.is_none_or(|tried| tried.elapsed() >= POLL);
        self.close();
        // One that breaks as soon as it is open is left until the next check.
        if !(may_try && problem.is_absence() && self.try_open().is_ok()) {
            self.reporter.failed(problem);
        }
    }

    /// Tries a lost device again, or looks whether the open one is still the one to use.
    fn check(&mut self) {
        if let Some(problem) = self.take_crash() {
            self.close();
            self.reporter.failed(problem);
            return;
        }
        match &mut self.open {
            Open::Virtual => {}
            Open::Nothing => self.open(),
            Open::Device { id, name, stands_in, state, frames, .. } => {
                let (direction, id, name, stood_in) = (self.direction, id.clone(), name.clone(), *stands_in);
                let runs = state.frames() != std::mem::replace(frames, state.frames());
                let wanted = match &self.choice {
                    DeviceChoice::Named(choice) if *stands_in => {
                        Wanted::Default { instead_of: Some((choice.clone(), self.last_id.clone())) }
                    }
                    DeviceChoice::Named(_) => Wanted::Chosen,
                    _ => Wanted::Default { instead_of: None },
                };
                match driver_call::call(OPEN_TIMEOUT, move || open::presence(direction, &id, &wanted)) {
                    // While a stream runs its device is there, whatever the audio server says or does not say.
                    Ok(Presence::Unknown) | Err(_) if runs => {}
                    Ok(Presence::Gone | Presence::Unknown) => self.replace(DeviceProblem::Unplugged { name }),
                    // A chosen device that is listed and cannot be opened is tried again after a while: each time the
                    // audio pauses.
                    Ok(Presence::Other)
                        if stood_in && self.chosen_failed.is_some_and(|at| at.elapsed() < RETRY_CHOSEN) => {}
                    Ok(Presence::Other) => {
                        self.close();
                        if stood_in {
                            self.take_up_chosen();
                        } else {
                            self.open();
                        }
                    }
                    // A server that does not answer at all may only be slow.
                    Ok(Presence::There) | Err(_) => {}
                }
            }
        }
    }

    /// Waits while the worker's queue is full. An error means that the worker has ended.
    fn send(&self, command: Command) {
        let _ = self.worker.send(command);
    }
}
