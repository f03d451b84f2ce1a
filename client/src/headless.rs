//! A call in the terminal. Each line of standard input is sent as a chat message, received messages go to standard
//! output, and notices to standard error.

mod input;
mod undelivered;

use std::collections::{BTreeSet, HashMap};
use std::io::IsTerminal;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use maru_console::{print, tell};
use maru_protocol::peer::MAX_CHAT_CHARS;
use maru_protocol::{Nickname, RoomName};
use tokio::sync::mpsc;

use self::input::Line;
use self::undelivered::Undelivered;
use crate::device_status::DeviceStatus;
use crate::i18n::{self, Notice, Texts};
use crate::media::{DeviceKind, Media, MediaConfig, MediaEvent};
use crate::participants::Participants;
use crate::report::Report;
use crate::session::{self, Call, CallCommand, CallConfig, CallEvent, EndReason, Event, ParticipantId, ServerChoice};
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
    /// The largest picture that is wanted, in pixels. 0: none.
    pub show_height: Option<u32>,
}

/// Runs the call until `duration` is over, the server refuses it, or a signal ends it.
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
        devices: HashMap::new(),
        all_saved: true,
        commands: commands.clone(),
        next_id: 1,
        undelivered: Undelivered::default(),
        out_of_reach: BTreeSet::new(),
        is_typed: std::io::stdin().is_terminal(),
    };
    let mut lines = input::read_lines();
    let mut line: Option<String> = None;
    let mut stop = std::pin::pin!(stopped(config.duration));
    let mut leaving = false;
    let mut leave_timeout = std::pin::pin!(tokio::time::sleep(Duration::from_secs(365 * 24 * 3600)));
    let reason = loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(CallEvent::Call(Event::Ended(reason))) => break reason,
                None => break EndReason::Internal { reason: "the session ended by itself".into() },
                Some(event) => {
                    terminal.show(&event, config.greeting.as_deref());
                    terminal.subscribe(&event, config.show_height);
                }
            },
            Some(event) = media_events.recv() => terminal.show_device(event),
            Some(read) = lines.recv(), if line.is_none() && terminal.takes_lines() => line = terminal.check(read),
            Ok(permit) = commands.reserve(), if line.is_some() => {
                if let Some(text) = line.take() {
                    permit.send(terminal.chat(text));
                }
            }
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
    drop((terminal, commands));
    drop(media);
    let finished = async {
        while let Some(event) = media_events.recv().await {
            if let MediaEvent::NotSaved { file, reason } = event {
                tell(&Notice::NotSaved { file, reason }.sentence(texts));
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
            tell(&i18n::end_reason(texts, &reason));
            ExitCode::FAILURE
        }
    }
}

/// A message as it is printed. Its further lines are indented: none of them looks like another person's message.
fn chat_line(name: &str, text: &str) -> String {
    format!("{name}: {}", text.replace('\n', "\n    "))
}

struct Terminal<'a> {
    texts: &'a Texts,
    room: RoomName,
    participants: Participants,
    devices: HashMap<DeviceKind, DeviceStatus>,
    /// Whether no file failed so far.
    all_saved: bool,
    commands: mpsc::Sender<CallCommand>,
    next_id: u64,
    undelivered: Undelivered,
    /// Those of whom was said that messages do not reach them.
    out_of_reach: BTreeSet<ParticipantId>,
    /// A person types. Otherwise lines come from a file or a program, and can wait.
    is_typed: bool,
}

impl Terminal<'_> {
    fn show(&mut self, event: &CallEvent, greeting: Option<&str>) {
        match event {
            CallEvent::Call(Event::Searching) => tell(&self.texts.tr("searching-server")),
            CallEvent::Call(Event::Chat { participant, text, .. }) => {
                let name = self.participants.get(*participant).map_or("?", |writer| writer.name.as_str());
                print(&chat_line(name, text));
            }
            CallEvent::Call(Event::ChatDelivered { participant, id }) => self.undelivered.delivered(*id, *participant),
            CallEvent::Call(Event::ParticipantConnected { participant }) => {
                self.out_of_reach.remove(participant);
            }
            _ => {}
        }
        for notice in self.participants.apply(&self.room, event) {
            tell(&notice.sentence(self.texts));
        }
        if let (CallEvent::Call(Event::ParticipantConnected { .. }), Some(greeting)) = (event, greeting) {
            self.greet(greeting);
        }
    }

    fn show_device(&mut self, event: MediaEvent) {
        let notice = match event {
            MediaEvent::Failed { device, problem } => self.status(device).failed(device, problem),
            MediaEvent::Opened { device, name, instead_of } => self.status(device).opened(device, name, instead_of),
            MediaEvent::NotSaved { file, reason } => {
                self.all_saved = false;
                Some(Notice::NotSaved { file, reason })
            }
        };
        if let Some(notice) = notice {
            tell(&notice.sentence(self.texts));
        }
    }

    fn status(&mut self, device: DeviceKind) -> &mut DeviceStatus {
        self.devices.entry(device).or_insert(DeviceStatus::Opening)
    }

    /// Whether the next line of the input can be sent. What does not come from a person waits for someone to be there.
    fn takes_lines(&self) -> bool {
        (self.is_typed || self.participants.iter().next().is_some()) && self.undelivered.has_room(&self.participants)
    }

    /// The text of the line, if it can be sent; otherwise says why not.
    fn check(&self, line: Line) -> Option<String> {
        match line {
            Line::Text(text) if text.trim().is_empty() => None,
            Line::Text(_) if self.participants.iter().next().is_none() => {
                tell(&self.texts.tr("terminal-nobody"));
                None
            }
            Line::Text(text) => Some(text),
            Line::TooLong => {
                let limit = MAX_CHAT_CHARS.to_string();
                tell(&self.texts.tr_with("terminal-too-long", &[("limit", limit.into())]));
                None
            }
        }
    }

    /// Says who does not get the message.
    fn chat(&mut self, text: String) -> CallCommand {
        let id = self.next_id;
        self.next_id += 1;
        for key in self.undelivered.written(id, &self.participants) {
            if self.out_of_reach.insert(key)
                && let Some(participant) = self.participants.get(key)
            {
                tell(&self.texts.tr_with("terminal-out-of-reach", &[("name", participant.name.as_str().into())]));
            }
        }
        CallCommand::SendChat { id, text }
    }

    /// Tells whoever has joined how large its picture has to be.
    fn subscribe(&self, event: &CallEvent, show_height: Option<u32>) {
        if let (CallEvent::Call(Event::ParticipantJoined { participant, .. }), Some(max_height)) = (event, show_height)
        {
            let command = CallCommand::ShowVideo { participant: *participant, max_height };
            if let Err(error) = self.commands.try_send(command) {
                tracing::warn!(%error, "the call accepts no command");
            }
        }
    }

    fn greet(&mut self, greeting: &str) {
        let Some(text) = self.check(Line::Text(greeting.to_owned())) else { return };
        let commands = self.commands.clone();
        match commands.try_reserve() {
            Ok(permit) => permit.send(self.chat(text)),
            Err(_) => tell(&self.texts.tr("terminal-too-fast")),
        }
    }
}

/// Returns after `duration`, or on a signal.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_forges_no_message_of_someone_else() {
        assert_eq!(
            chat_line("Mallory", "hello\nMina: send me the password"),
            "Mallory: hello\n    Mina: send me the password"
        );
    }
}
