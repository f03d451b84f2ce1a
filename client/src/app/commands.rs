//! What the person wants ([`Command`]), and what then has to be done outside the window's state ([`Effect`]).

use super::stage::{Corner, OwnPicture};
use super::video::Source;
use crate::i18n::Language;
use crate::media::{Cue, DeviceChoice, SelfTestRequest, VoiceProcessing};
use crate::session::{CallCommand, CallConfig, ParticipantId};
use crate::settings::{RecentRoom, Settings};

/// Returned by screens, panels and shortcuts; handled in one place, [`super::state::State::handle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    TypeName(String),
    TypeRoom(String),
    TypeServer(String),
    /// Something was pasted into the field of the room: perhaps an invitation link.
    ReadLink,
    Join,
    JoinRecent(RecentRoom),
    ForgetRoom(RecentRoom),
    /// Leaves the call, or gives up joining it.
    Leave,
    ChooseCamera(DeviceChoice),
    ChooseMicrophone(DeviceChoice),
    ChooseSpeaker(DeviceChoice),
    ChooseVoice(VoiceProcessing),
    TestAudio(SelfTestRequest),
    ChooseLanguage(Option<Language>),
    /// A picker was opened: list the devices again.
    RefreshDevices,
    ToggleMicrophone,
    /// Toggled for as long as a key is held: push-to-talk while it is off, push-to-mute while it is on.
    HoldMicrophone,
    ReleaseMicrophone,
    ToggleCamera,
    ToggleHand,
    ToggleSide(Side),
    CloseSide,
    /// All pictures alike, or whoever speaks large.
    ToggleView,
    /// One picture is large, or no longer.
    TogglePinned(Source),
    ChooseOwnPicture(OwnPicture),
    NextOwnPicture,
    MoveOwnPicture(Corner),
    ToggleWhole,
    FullScreen(bool),
    ToggleHelp,
    /// A file with the statistics of the last minutes.
    SaveStatistics,
    /// The window is to close. During a call with others it asks first.
    Close,
    KeepOpen,
    CloseAnyway,
    /// The picture of a participant has this height on the screen, in pixels.
    ShowVideo(ParticipantId, u32),
    TypeChat(String),
    SendChat,
    /// During a call: use the name that was typed.
    Rename,
    Invite,
}

/// The panel beside the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Chat,
    Devices,
    Statistics,
}

/// Performed by [`super::services::Services`].
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    SetCamera(DeviceChoice),
    SetMicrophone(DeviceChoice),
    SetSpeaker(DeviceChoice),
    SetVoice(VoiceProcessing),
    TestAudio(SelfTestRequest),
    SetMuted(bool),
    SetCameraOn(bool),
    ListDevices,
    StartCall(CallConfig),
    CallCommand(CallCommand),
    LeaveCall,
    Save(Settings),
    CopyText(String),
    FullScreen(bool),
    SaveStatistics(String),
    CloseWindow,
    /// Only this person hears it.
    PlayCue(Cue),
    /// The window is marked until it gets the focus.
    RequestAttention,
}
