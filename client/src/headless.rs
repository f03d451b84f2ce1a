//! A call in the terminal. Each line of standard input is sent as a chat message, received messages go to standard
//! output, and notices to standard error.

use std::io::BufRead;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use maru_protocol::{Nickname, RoomName};
use tokio::sync::mpsc;

use crate::i18n::{self, Notice, Texts};
use crate::media::{DeviceKind, Media, MediaConfig, MediaEvent};
use crate::participants::Participants;
use crate::report::Report;
use crate::session::{self, Call, CallCommand, CallConfig, CallEvent, EndReason, Event, ServerChoice};
use crate::signals;

/// Longest time that leaving waits for the peers to receive the goodbye.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time that the end waits for the files to be complete.
const SAVE_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct HeadlessConfig {
    pub room: RoomName,
    pub name: Nickname,
    pub server: ServerChoice,
    pub addresses: Vec<IpAddr>,
    pub media: MediaConfig,
    pub duration: Option<Duration>,
    /// A chat message that is sent whenever a peer is connected.
    pub greeting: Option<String>,
}

/// Runs the call until `duration` is over, the server refuses it, or Ctrl-C or SIGTERM ends it.
pub async fn run(config: HeadlessConfig, texts: &Texts, report: Report) -> ExitCode {
    let (muted, camera_on) = (config.media.muted, config.media.camera_on);
    let (media, mut media_events) = Media::start(config.media, report.clone());
    let call = session::start(
        CallConfig {
            room: config.room.clone(),
            name: config.name,
            server: config.server,
            addresses: config.addresses,
            muted,
            camera_on,
        },
        Arc::clone(&media),
        report.clone(),
    );
    let Call { commands, mut events } = call;
    let mut terminal = Terminal {
        texts,
        room: config.room,
        participants: Participants::default(),
        failed: Vec::new(),
        all_saved: true,
        commands,
        next_id: 1,
    };
    let mut typed = read_lines();
    let mut stop = std::pin::pin!(stopped(config.duration));
    let mut leaving = false;
    let mut leave_timeout = std::pin::pin!(tokio::time::sleep(Duration::from_secs(365 * 24 * 3600)));
    let reason = loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(CallEvent::Call(Event::Ended(reason))) => break reason,
                None => break EndReason::Internal { reason: "the session ended by itself".into() },
                Some(event) => terminal.show(&event, config.greeting.as_deref()),
            },
            Some(event) = media_events.recv() => terminal.show_device(event),
            Some(line) = typed.recv() => terminal.write(line),
            () = &mut stop, if !leaving => {
                leaving = true;
                let _ = terminal.commands.try_send(CallCommand::Leave);
                leave_timeout.as_mut().reset(tokio::time::Instant::now() + LEAVE_TIMEOUT);
            }
            () = &mut leave_timeout => break EndReason::Left,
        }
    };
    // Closes the devices, and finishes the files, before the process ends. That may fail, too.
    let mut all_saved = terminal.all_saved;
    drop(terminal);
    drop(media);
    let finished = async {
        while let Some(event) = media_events.recv().await {
            if let MediaEvent::NotSaved { file, reason } = event {
                eprintln!("{}", Notice::NotSaved { file, reason }.sentence(texts));
                all_saved = false;
            }
        }
    };
    if tokio::time::timeout(SAVE_TIMEOUT, finished).await.is_err() {
        tracing::warn!("a device or a disk hangs");
    }
    match reason {
        EndReason::Left if all_saved => ExitCode::SUCCESS,
        EndReason::Left => ExitCode::FAILURE,
        reason => {
            eprintln!("{}", i18n::end_reason(texts, &reason));
            ExitCode::FAILURE
        }
    }
}

struct Terminal<'a> {
    texts: &'a Texts,
    room: RoomName,
    participants: Participants,
    failed: Vec<DeviceKind>,
    /// Whether no file failed so far.
    all_saved: bool,
    commands: mpsc::Sender<CallCommand>,
    next_id: u64,
}

impl Terminal<'_> {
    fn show(&mut self, event: &CallEvent, greeting: Option<&str>) {
        match event {
            CallEvent::Call(Event::Searching) => eprintln!("{}", self.texts.tr("searching-server")),
            CallEvent::Call(Event::Chat { participant, text, .. }) => {
                println!("{}: {text}", self.participants.get(*participant).map_or("?", |writer| writer.name.as_str()));
            }
            _ => {}
        }
        for notice in self.participants.apply(&self.room, event) {
            eprintln!("{}", notice.sentence(self.texts));
        }
        if let (CallEvent::Call(Event::ParticipantConnected { .. }), Some(greeting)) = (event, greeting) {
            self.write(greeting.to_owned());
        }
    }

    /// Announces devices that fail and those that work again, not those that open at the start.
    fn show_device(&mut self, event: MediaEvent) {
        let notice = match event {
            MediaEvent::Failed { device, problem } => {
                self.failed.push(device);
                Notice::DeviceFailed { device, problem }
            }
            MediaEvent::Opened { device, name } if self.failed.contains(&device) => {
                self.failed.retain(|failed| *failed != device);
                Notice::DeviceBack { device, name }
            }
            MediaEvent::Opened { .. } => return,
            MediaEvent::NotSaved { file, reason } => {
                self.all_saved = false;
                Notice::NotSaved { file, reason }
            }
        };
        eprintln!("{}", notice.sentence(self.texts));
    }

    fn write(&mut self, text: String) {
        if text.trim().is_empty() {
            return;
        }
        match self.commands.try_send(CallCommand::SendChat { id: self.next_id, text }) {
            Ok(()) => self.next_id += 1,
            Err(_) => eprintln!("{}", self.texts.tr("terminal-too-fast")),
        }
    }
}

/// Returns after `duration`, or on Ctrl-C or SIGTERM.
async fn stopped(duration: Option<Duration>) {
    let duration_over = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = duration_over => {}
        () = signals::told_to_end() => {}
    }
}

/// The lines of standard input. The thread blocks in a read, so only the end of the process ends it.
fn read_lines() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(64);
    let reader = std::thread::Builder::new().name("stdin".into()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    if let Err(error) = reader {
        tracing::warn!(%error, "standard input cannot be read");
    }
    typed
}
