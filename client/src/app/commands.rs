//! What the person wants ([`Command`]), and what has to be done outside the window's state because of it ([`Effect`]).

use crate::i18n::Language;
use crate::media::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use crate::session::{CallCommand, CallConfig};
use crate::settings::Settings;

/// Returned by screens, panels and shortcuts; handled in one place, [`super::state::State::handle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    TypeName(String),
    TypeRoom(String),
    TypeServer(String),
    Join,
    /// Leaves the call, or gives up joining it.
    Leave,
    ChooseCamera(CameraChoice),
    ChooseMicrophone(MicrophoneChoice),
    ChooseSpeaker(SpeakerChoice),
    ChooseLanguage(Option<Language>),
    /// A picker opened: what is there may have changed.
    RefreshDevices,
    ToggleMicrophone,
    ToggleCamera,
    ToggleSide(Side),
    CloseSide,
    ToggleStats,
    TypeChat(String),
    SendChat,
    /// Takes the typed name during a call.
    Rename,
    Invite,
}

/// What is open beside the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Chat,
    Devices,
}

/// Done by [`super::shell::Shell`], which alone knows media, session and files.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    SetCamera(CameraChoice),
    SetMicrophone(MicrophoneChoice),
    SetSpeaker(SpeakerChoice),
    SetMuted(bool),
    SetCameraOn(bool),
    ListDevices,
    StartCall(CallConfig),
    Tell(CallCommand),
    /// Says goodbye and forgets the call.
    LeaveCall,
    Save(Settings),
    CopyText(String),
}
