//! Errors as sentences that say what to do.

use maru_protocol::IdError;

use super::Texts;
use crate::media::{DeviceKind, DeviceProblem};
use crate::session::EndReason;

/// Why a call ended, or never began.
pub fn end_reason(texts: &Texts, reason: &EndReason) -> String {
    match reason {
        EndReason::Left => texts.tr("ended-left"),
        EndReason::BadUrl { url, reason } => {
            texts.tr_with("ended-bad-url", &[("url", url.as_str().into()), ("reason", reason.as_str().into())])
        }
        EndReason::NoServer { url, reason } => {
            texts.tr_with("ended-no-server", &[("url", url.as_str().into()), ("reason", reason.as_str().into())])
        }
        EndReason::BadCertificate { url, reason } => {
            texts.tr_with("ended-bad-certificate", &[("url", url.as_str().into()), ("reason", reason.as_str().into())])
        }
        EndReason::NotAServer { url, reason } => {
            texts.tr_with("ended-not-a-server", &[("url", url.as_str().into()), ("reason", reason.as_str().into())])
        }
        EndReason::OtherVersion { server } => {
            texts.tr_with("ended-other-version", &[("server", server.as_str().into())])
        }
        EndReason::RoomFull { capacity: None } => texts.tr("ended-room-full"),
        EndReason::RoomFull { capacity: Some(capacity) } => {
            texts.tr_with("ended-room-full-capacity", &[("capacity", (*capacity).into())])
        }
        EndReason::ServerFull => texts.tr("ended-server-full"),
        EndReason::Internal { reason } => texts.tr_with("ended-internal", &[("reason", reason.as_str().into())]),
    }
}

/// What is wrong with a device.
pub fn device_problem(texts: &Texts, device: DeviceKind, problem: &DeviceProblem) -> String {
    let keys = DeviceKeys::of(device);
    match problem {
        DeviceProblem::NoDevice => texts.tr(keys.missing),
        DeviceProblem::NotFound { name } => texts.tr_with(keys.not_found, &[("name", name.as_str().into())]),
        DeviceProblem::Busy { name } => texts.tr_with(keys.busy, &[("name", name.as_str().into())]),
        DeviceProblem::Unplugged { name } => texts.tr_with(keys.unplugged, &[("name", name.as_str().into())]),
        DeviceProblem::NotResponding { name } => texts.tr_with(keys.not_responding, &[("name", name.as_str().into())]),
        DeviceProblem::Unusable { name, reason } => {
            texts.tr_with(keys.unusable, &[("name", name.as_str().into()), ("reason", reason.as_str().into())])
        }
        DeviceProblem::Crashed { reason } => texts.tr_with(keys.crashed, &[("reason", reason.as_str().into())]),
    }
}

/// That another device is used while the chosen one is not there.
pub fn device_stands_in(texts: &Texts, chosen: &str, name: &str) -> String {
    texts.tr_with("device-stands-in", &[("chosen", chosen.into()), ("name", name.into())])
}

/// What is wrong with a nickname.
pub fn name_error(texts: &Texts, error: &IdError) -> String {
    match error {
        IdError::Empty => texts.tr("name-empty"),
        IdError::TooLong { length, limit } => {
            texts.tr_with("name-too-long", &[("length", (*length).into()), ("limit", (*limit).into())])
        }
        IdError::ControlCharacter | IdError::NotAnId => texts.tr("name-control"),
    }
}

/// What is wrong with a room name.
pub fn room_error(texts: &Texts, error: &IdError) -> String {
    match error {
        IdError::Empty => texts.tr("room-empty"),
        IdError::TooLong { length, limit } => {
            texts.tr_with("room-too-long", &[("length", (*length).into()), ("limit", (*limit).into())])
        }
        IdError::ControlCharacter | IdError::NotAnId => texts.tr("room-control"),
    }
}

struct DeviceKeys {
    missing: &'static str,
    not_found: &'static str,
    busy: &'static str,
    unplugged: &'static str,
    not_responding: &'static str,
    unusable: &'static str,
    crashed: &'static str,
}

impl DeviceKeys {
    fn of(device: DeviceKind) -> Self {
        match device {
            DeviceKind::Camera => Self {
                missing: "camera-missing",
                not_found: "camera-not-found",
                busy: "camera-busy",
                unplugged: "camera-unplugged",
                not_responding: "camera-not-responding",
                unusable: "camera-unusable",
                crashed: "camera-crashed",
            },
            DeviceKind::Microphone => Self {
                missing: "microphone-missing",
                not_found: "microphone-not-found",
                busy: "microphone-busy",
                unplugged: "microphone-unplugged",
                not_responding: "microphone-not-responding",
                unusable: "microphone-unusable",
                crashed: "microphone-crashed",
            },
            DeviceKind::Speaker => Self {
                missing: "speaker-missing",
                not_found: "speaker-not-found",
                busy: "speaker-busy",
                unplugged: "speaker-unplugged",
                not_responding: "speaker-not-responding",
                unusable: "speaker-unusable",
                crashed: "speaker-crashed",
            },
        }
    }
}
