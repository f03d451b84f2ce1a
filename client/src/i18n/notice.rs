//! Short lines about what happened in a call. The window shows them for a while and keeps them in the chat; the terminal
//! prints them.

use maru_protocol::{Nickname, RoomName};

use super::{Texts, device_problem, device_stands_in};
use crate::media::{DeviceKind, DeviceProblem};

/// Something that happened in the call or to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    Entered {
        room: RoomName,
    },
    OwnServer,
    /// The link is on the clipboard. `with_camera`: whether guests can use camera and microphone.
    Invited {
        with_camera: bool,
    },
    Joined {
        name: Nickname,
    },
    /// Was in the room before us.
    Present {
        name: Nickname,
    },
    Left {
        name: Nickname,
    },
    Lost {
        name: Nickname,
    },
    Renamed {
        old: Nickname,
        name: Nickname,
    },
    Interrupted {
        name: Nickname,
    },
    Away {
        name: Nickname,
    },
    Restored {
        name: Nickname,
    },
    Unreachable {
        name: Nickname,
        reason: String,
    },
    /// Wants to speak.
    HandRaised {
        name: Nickname,
    },
    /// Its program has no H.264.
    NoVideo {
        name: Nickname,
    },
    /// Its program has no Opus.
    NoAudio {
        name: Nickname,
    },
    ServerLost,
    ServerBack,
    Replaced,
    ComputerAtLimit,
    MicrophoneSilent,
    DeviceFailed {
        device: DeviceKind,
        problem: DeviceProblem,
    },
    DeviceBack {
        device: DeviceKind,
        name: String,
    },
    /// `name` is used while the chosen device is not there.
    DeviceStandsIn {
        name: String,
        chosen: String,
    },
    /// Another device has become the default.
    DeviceTakesOver {
        name: String,
    },
    NotSaved {
        file: String,
        reason: String,
    },
    /// Of a call, for a bug report.
    StatisticsSaved {
        file: String,
    },
    StatisticsNotSaved {
        file: String,
        reason: String,
    },
}

impl Notice {
    pub fn sentence(&self, texts: &Texts) -> String {
        let named = |key: &str, name: &str| texts.tr_with(key, &[("name", name.into())]);
        match self {
            Self::Entered { room } => texts.tr_with("notice-entered", &[("room", room.as_str().into())]),
            Self::OwnServer => texts.tr("notice-own-server"),
            Self::Invited { with_camera: true } => texts.tr("notice-invited"),
            Self::Invited { with_camera: false } => texts.tr("notice-invited-plain"),
            Self::Joined { name } => named("notice-joined", name.as_str()),
            Self::Present { name } => named("notice-present", name.as_str()),
            Self::Left { name } => named("notice-left", name.as_str()),
            Self::HandRaised { name } => named("notice-hand-raised", name.as_str()),
            Self::Lost { name } => named("notice-lost", name.as_str()),
            Self::Renamed { old, name } => {
                texts.tr_with("notice-renamed", &[("old", old.as_str().into()), ("name", name.as_str().into())])
            }
            Self::Interrupted { name } => named("notice-interrupted", name.as_str()),
            Self::Away { name } => named("notice-away", name.as_str()),
            Self::Restored { name } => named("notice-restored", name.as_str()),
            Self::Unreachable { name, reason } => texts
                .tr_with("notice-unreachable", &[("name", name.as_str().into()), ("reason", reason.as_str().into())]),
            Self::NoVideo { name } => named("notice-no-video", name.as_str()),
            Self::NoAudio { name } => named("notice-no-audio", name.as_str()),
            Self::ServerLost => texts.tr("notice-server-lost"),
            Self::ServerBack => texts.tr("notice-server-back"),
            Self::NotSaved { file, reason } => {
                texts.tr_with("notice-not-saved", &[("file", file.as_str().into()), ("reason", reason.as_str().into())])
            }
            Self::StatisticsSaved { file } => {
                texts.tr_with("notice-statistics-saved", &[("file", file.as_str().into())])
            }
            Self::StatisticsNotSaved { file, reason } => texts.tr_with(
                "notice-statistics-not-saved",
                &[("file", file.as_str().into()), ("reason", reason.as_str().into())],
            ),
            Self::MicrophoneSilent => texts.tr("microphone-silent"),
            Self::ComputerAtLimit => texts.tr("notice-computer-at-limit"),
            Self::Replaced => texts.tr("notice-replaced"),
            Self::DeviceFailed { device, problem } => device_problem(texts, *device, problem),
            Self::DeviceStandsIn { name, chosen } => device_stands_in(texts, chosen, name),
            Self::DeviceTakesOver { name } => named("device-takes-over", name),
            Self::DeviceBack { device, name } => match device {
                DeviceKind::Camera => named("notice-camera-back", name),
                DeviceKind::Microphone => named("notice-microphone-back", name),
                DeviceKind::Speaker => named("notice-speaker-back", name),
            },
        }
    }
}
