//! The window's state: everything that the screens draw. It changes only here, and it does no I/O, so tests need no window.

use std::net::IpAddr;
use std::time::Duration;

use maru_core::time::Timestamp;
use maru_protocol::{Nickname, RoomName};

use super::call_state::{Alert, CallState, Progress};
use super::chat_log::RoomLogs;
use super::commands::{Command, Effect, Side};
use super::devices::Devices;
use super::form::{Form, Problems};
use super::statistics_file::Saved;
use crate::device_status::DeviceStatus;
use crate::i18n::{Notice, Texts};
use crate::media::{Cue, DeviceChoice, DeviceKind, DeviceList, MediaConfig, MediaEvent, MicrophoneState};
use crate::session::{CallCommand, CallConfig, CallEvent, EndReason, Event, ServerChoice};
use crate::settings::{Device, Settings};

/// Whoever writes a hundred messages is heard now and then.
const CUE_INTERVAL: Duration = Duration::from_secs(3);

pub(crate) struct State {
    pub(crate) texts: Texts,
    pub(crate) settings: Settings,
    pub(crate) form: Form,
    pub(crate) devices: Devices,
    /// From the click on Join until the call ends.
    pub(crate) call: Option<CallState>,
    /// Why the last call ended. `None` after the person left it.
    pub(crate) ended: Option<EndReason>,
    /// Whether to close the window during a call.
    pub(crate) asks_to_close: bool,
    /// The person looks at the window.
    pub(crate) is_focused: bool,
    /// When the last sound for someone who joined or wrote began.
    last_cue: Option<Timestamp>,
    chats: RoomLogs,
    addresses: Vec<IpAddr>,
    /// The person has been told.
    is_microphone_silent: bool,
    /// What the command line gave: name, room and server. As long as it stays it is not saved.
    launched: [Option<String>; 3],
}

/// Launch options: what the command line sets. `None` and [`ServerChoice::Lan`] keep the value from the settings.
#[derive(Debug, Clone)]
pub(crate) struct LaunchOptions {
    pub(crate) room: Option<RoomName>,
    pub(crate) name: Option<Nickname>,
    pub(crate) server: ServerChoice,
    /// Addresses of this machine to use; empty: all.
    pub(crate) addresses: Vec<IpAddr>,
}

pub(crate) enum Screen<'a> {
    Start,
    Joining(&'a CallState),
    Call(&'a CallState),
}

impl State {
    pub(crate) fn new(texts: Texts, settings: Settings, media: &MediaConfig, options: LaunchOptions) -> Self {
        let server = match options.server {
            ServerChoice::Lan => None,
            ServerChoice::Url(url) => Some(url),
        };
        let launched = [options.name.map(String::from), options.room.map(String::from), server];
        let [name, room, server] = launched.clone();
        let form = Form {
            name: name.unwrap_or_else(|| settings.name.clone()),
            room: room.unwrap_or_else(|| settings.room.clone()),
            server: server.unwrap_or_else(|| settings.server.clone()),
            problems: Problems::default(),
        };
        Self {
            texts,
            settings,
            is_microphone_silent: false,
            launched,
            form,
            devices: Devices::new(media),
            is_focused: true,
            last_cue: None,
            chats: RoomLogs::default(),
            addresses: options.addresses,
            call: None,
            ended: None,
            asks_to_close: false,
        }
    }

    pub(crate) fn screen(&self) -> Screen<'_> {
        match &self.call {
            None => Screen::Start,
            Some(call) if call.progress == Progress::Joined => Screen::Call(call),
            Some(call) => Screen::Joining(call),
        }
    }

    /// Applies `command` and returns what has to be done outside.
    pub(crate) fn handle(&mut self, command: Command, now: Timestamp) -> Vec<Effect> {
        match command {
            Command::TypeName(name) => {
                self.form.name = name;
                self.form.problems.name = None;
                vec![]
            }
            Command::TypeRoom(room) => {
                self.form.room = room;
                self.form.problems.room = None;
                vec![]
            }
            Command::TypeServer(server) => {
                self.form.server = server;
                self.form.problems.server = false;
                vec![]
            }
            Command::ReadLink => {
                self.form.read_link();
                vec![]
            }
            Command::Join => self.join(),
            Command::JoinRecent(recent) => {
                self.form.room = recent.room;
                self.form.server = recent.server.unwrap_or_else(|| std::mem::take(&mut self.form.server));
                self.join()
            }
            Command::ForgetRoom(recent) => {
                self.settings.forget_room(&recent);
                vec![Effect::Save(self.settings.clone())]
            }
            Command::Leave => {
                let mut effects = self.handle(Command::ReleaseMicrophone, now);
                effects.extend(self.end_call().then_some(Effect::LeaveCall));
                effects
            }
            Command::ChooseCamera(choice) => self.choose_camera(choice),
            Command::ChooseMicrophone(choice) => self.choose_microphone(choice),
            Command::ChooseSpeaker(choice) => self.choose_speaker(choice),
            Command::ChooseVoice(voice) => {
                self.settings.voice = voice;
                vec![Effect::SetVoice(voice), Effect::Save(self.settings.clone())]
            }
            Command::TestAudio(request) => vec![Effect::TestAudio(request)],
            Command::ChooseLanguage(language) => {
                self.settings.language = language;
                self.texts = Texts::new(self.settings.language());
                vec![Effect::Save(self.settings.clone())]
            }
            Command::RefreshDevices => vec![Effect::ListDevices],
            Command::HoldMicrophone if self.devices.is_held => vec![],
            Command::HoldMicrophone => {
                self.devices.is_held = true;
                self.toggle_microphone()
            }
            Command::ReleaseMicrophone if !self.devices.is_held => vec![],
            Command::ToggleMicrophone | Command::ReleaseMicrophone => {
                self.devices.is_held = false;
                self.toggle_microphone()
            }
            Command::ToggleCamera => {
                self.devices.camera_on = !self.devices.camera_on;
                self.devices.expect(DeviceKind::Camera);
                let on = self.devices.camera_on;
                self.with_call_command(Effect::SetCameraOn(on), CallCommand::SetCameraOn(on))
            }
            Command::ToggleHand => match &mut self.call {
                Some(call) => {
                    call.hand_raised = !call.hand_raised;
                    vec![Effect::CallCommand(CallCommand::SetHandRaised(call.hand_raised))]
                }
                None => vec![],
            },
            Command::ToggleSide(side) => self.toggle_side(side),
            Command::CloseSide => self.in_call(|call| {
                call.side = None;
                call.chat.handle_closed();
            }),
            Command::ToggleView => self.in_call(|call| call.stage.toggle_view()),
            Command::TogglePinned(source) => self.in_call(|call| call.stage.toggle_pinned(source)),
            Command::ChooseOwnPicture(own) => self.in_call(|call| call.stage.choose_own(own)),
            Command::NextOwnPicture => self.in_call(|call| call.stage.next_own(call.participants.iter().len())),
            Command::MoveOwnPicture(corner) => self.in_call(|call| call.stage.corner = corner),
            Command::ToggleWhole => self.in_call(|call| call.stage.whole = !call.stage.whole),
            Command::ToggleHelp => self.in_call(|call| call.shows_help = !call.shows_help),
            Command::FullScreen(is_full) => vec![Effect::FullScreen(is_full)],
            Command::SaveStatistics => match &self.call {
                Some(call) => vec![Effect::SaveStatistics(call.history.report())],
                None => vec![],
            },
            Command::Close => {
                let is_talking = self.call.as_ref().is_some_and(|call| call.participants.iter().len() > 0);
                self.asks_to_close = is_talking;
                if is_talking { vec![] } else { vec![Effect::CloseWindow] }
            }
            Command::KeepOpen => {
                self.asks_to_close = false;
                vec![]
            }
            Command::CloseAnyway => vec![Effect::CloseWindow],
            Command::ShowVideo(participant, max_height) => match &mut self.call {
                Some(call) => {
                    call.viewing.told(participant, max_height);
                    vec![Effect::CallCommand(CallCommand::ShowVideo { participant, max_height })]
                }
                None => vec![],
            },
            Command::TypeChat(draft) => self.in_call(|call| call.chat.draft = draft),
            Command::SendChat => match self.call.as_mut().and_then(|call| call.send_draft(now)) {
                Some((id, text)) => vec![Effect::CallCommand(CallCommand::SendChat { id, text })],
                None => vec![],
            },
            Command::Rename => self.rename(),
            Command::Invite => match &mut self.call {
                Some(call) => vec![Effect::CopyText(call.invite(now))],
                None => vec![],
            },
        }
    }

    /// Applies `event` and returns what has to be done outside.
    pub(crate) fn apply_call(&mut self, event: CallEvent, now: Timestamp) -> Vec<Effect> {
        match (event, &mut self.call) {
            (CallEvent::Call(Event::Ended(reason)), _) => {
                self.end_call();
                self.ended = Some(reason);
                vec![]
            }
            (event, Some(call)) => match call.apply(event, now) {
                Some(alert) => self.alert(alert, now),
                None => vec![],
            },
            (_, None) => vec![],
        }
    }

    fn in_call(&mut self, change: impl FnOnce(&mut CallState)) -> Vec<Effect> {
        if let Some(call) = &mut self.call {
            change(call);
        }
        vec![]
    }

    fn alert(&mut self, alert: Alert, now: Timestamp) -> Vec<Effect> {
        let sees_chat = self.is_focused && self.call.as_ref().is_some_and(|call| call.side == Some(Side::Chat));
        let mut effects = vec![];
        if !self.is_focused {
            effects.push(Effect::RequestAttention);
        }
        let cue = match alert {
            Alert::Joined => Some(Cue::Joined),
            Alert::Wrote => (!sees_chat).then_some(Cue::Message),
        };
        let is_due = self.last_cue.is_none_or(|last| now.since(last) >= CUE_INTERVAL);
        if let Some(cue) = cue.filter(|_| is_due) {
            self.last_cue = Some(now);
            effects.push(Effect::PlayCue(cue));
        }
        effects
    }

    /// Whether there was a call.
    fn end_call(&mut self) -> bool {
        let Some(call) = self.call.take() else { return false };
        self.chats.keep(&call.room, call.chat);
        self.asks_to_close = false;
        true
    }

    /// Told once in a call, until it delivers something again.
    pub(crate) fn look_at_microphone(&mut self, microphone: MicrophoneState, now: Timestamp) {
        let is_silent = microphone.is_silent && !self.devices.muted && self.devices.microphone_in_use();
        let Some(call) = &mut self.call else {
            self.is_microphone_silent = false;
            return;
        };
        if is_silent && !self.is_microphone_silent {
            call.notify(Notice::MicrophoneSilent, now);
        }
        self.is_microphone_silent = is_silent;
    }

    pub(crate) fn apply_media(&mut self, event: MediaEvent, now: Timestamp) {
        let Some(notice) = self.devices.apply(event) else { return };
        if let Some(call) = &mut self.call {
            call.notify(notice, now);
        }
    }

    pub(crate) fn apply_saved(&mut self, saved: Saved, now: Timestamp) {
        let notice = match saved {
            Saved::As { file } => Notice::StatisticsSaved { file: file.display().to_string() },
            Saved::Not { file, reason } => Notice::StatisticsNotSaved { file: file.display().to_string(), reason },
        };
        if let Some(call) = &mut self.call {
            call.notify(notice, now);
        }
    }

    pub(crate) fn apply_device_list(&mut self, available: DeviceList) {
        self.devices.available = available;
    }

    /// Whether the microphone's meter is on the screen and moving.
    pub(crate) fn meter_moves(&self) -> bool {
        matches!(self.devices.status(DeviceKind::Microphone), DeviceStatus::Open { .. })
            && match self.screen() {
                Screen::Start => true,
                Screen::Joining(_) => false,
                Screen::Call(call) => call.side == Some(Side::Devices),
            }
    }

    fn join(&mut self) -> Vec<Effect> {
        if self.call.is_some() {
            return vec![];
        }
        self.ended = None;
        let Some((name, room, server)) = self.form.parse() else { return vec![] };
        let texts = [&self.form.name, &self.form.room, &self.form.server];
        let saved = [&mut self.settings.name, &mut self.settings.room, &mut self.settings.server];
        for ((text, saved), given) in texts.into_iter().zip(saved).zip(&self.launched) {
            if given.as_ref() != Some(text) {
                saved.clone_from(text);
            }
        }
        let [_, launched_room, launched_server] = &self.launched;
        if launched_room.as_ref() != Some(&self.form.room) {
            let server = (launched_server.as_ref() != Some(&self.form.server)).then(|| self.form.server.clone());
            self.settings.remember_room(&room, server);
        }
        self.settings.set_aside = None;
        self.call = Some(CallState::new(room.clone(), name.clone(), self.chats.take(&room)));
        let Devices { muted, camera_on, .. } = self.devices;
        let config = CallConfig { room, name, server, addresses: self.addresses.clone(), muted, camera_on };
        vec![Effect::Save(self.settings.clone()), Effect::StartCall(config)]
    }

    fn rename(&mut self) -> Vec<Effect> {
        let Some(call) = &mut self.call else { return vec![] };
        let Some(name) = self.form.parse_name() else { return vec![] };
        if name == call.name {
            return vec![];
        }
        call.name = name.clone();
        self.settings.name.clone_from(&self.form.name);
        vec![Effect::Save(self.settings.clone()), Effect::CallCommand(CallCommand::Rename(name))]
    }

    fn toggle_microphone(&mut self) -> Vec<Effect> {
        self.devices.muted = !self.devices.muted;
        let muted = self.devices.muted;
        self.with_call_command(Effect::SetMuted(muted), CallCommand::SetMuted(muted))
    }

    fn toggle_side(&mut self, side: Side) -> Vec<Effect> {
        let Some(call) = &mut self.call else { return vec![] };
        call.side = if call.side == Some(side) { None } else { Some(side) };
        if call.side != Some(Side::Chat) {
            call.chat.handle_closed();
        }
        match call.side {
            Some(Side::Chat) => {
                call.chat.handle_opened();
                vec![]
            }
            Some(Side::Devices) => vec![Effect::ListDevices],
            Some(Side::Statistics) | None => vec![],
        }
    }

    fn choose_camera(&mut self, choice: DeviceChoice) -> Vec<Effect> {
        self.settings.camera = match &choice {
            DeviceChoice::Auto => Device::Auto,
            DeviceChoice::None => Device::None,
            DeviceChoice::Test => Device::Test,
            DeviceChoice::Named(name) => Device::Named(name.clone()),
            DeviceChoice::File(_) => self.settings.camera.clone(),
        };
        self.devices.camera = choice.clone();
        self.devices.expect(DeviceKind::Camera);
        vec![Effect::SetCamera(choice), Effect::Save(self.settings.clone())]
    }

    fn choose_microphone(&mut self, choice: DeviceChoice) -> Vec<Effect> {
        self.settings.microphone = match &choice {
            DeviceChoice::Auto => Device::Auto,
            DeviceChoice::None => Device::None,
            DeviceChoice::Test => Device::Test,
            DeviceChoice::Named(name) => Device::Named(name.clone()),
            DeviceChoice::File(_) => self.settings.microphone.clone(),
        };
        self.devices.microphone = choice.clone();
        self.devices.expect(DeviceKind::Microphone);
        vec![Effect::SetMicrophone(choice), Effect::Save(self.settings.clone())]
    }

    fn choose_speaker(&mut self, choice: DeviceChoice) -> Vec<Effect> {
        self.settings.speaker = match &choice {
            DeviceChoice::Auto => Device::Auto,
            DeviceChoice::None => Device::None,
            DeviceChoice::Named(name) => Device::Named(name.clone()),
            DeviceChoice::Test | DeviceChoice::File(_) => self.settings.speaker.clone(),
        };
        self.devices.speaker = choice.clone();
        self.devices.expect(DeviceKind::Speaker);
        vec![Effect::SetSpeaker(choice), Effect::Save(self.settings.clone())]
    }

    /// `effect` for the device, and `command` for the peers if there is a call.
    fn with_call_command(&self, effect: Effect, command: CallCommand) -> Vec<Effect> {
        match &self.call {
            Some(_) => vec![effect, Effect::CallCommand(command)],
            None => vec![effect],
        }
    }
}
