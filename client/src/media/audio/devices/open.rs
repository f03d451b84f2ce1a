//! Opening a device by its name, looking whether it is still there, and what its errors mean.

use std::sync::Arc;

use cpal::{Error, ErrorKind, Stream};

use super::super::callbacks::DeviceState;
use super::super::device_sink::DeviceSink;
use super::super::playback::Sink;
use super::super::source::{DeviceSource, Source};
use super::super::worker::Command;
use super::stream::{self, FailureSink, Ring};
use super::{Direction, catalog};
use crate::media::DeviceProblem;

/// The name of the default device while its own is not known.
pub(super) const DEFAULT_NAME: &str = "the default device";

pub(super) struct Opened {
    pub(super) stream: Stream,
    /// Hands the device to the audio worker.
    pub(super) command: Command,
    pub(super) id: String,
    pub(super) name: String,
    /// What the stream does.
    pub(super) state: Arc<DeviceState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    There,
    Gone,
    /// Another device has become the one to use: the default, or the chosen one is there again.
    Other,
    /// The devices cannot be listed.
    Unknown,
}

/// Opens the device that the choice `name` means, or the default device. `last_id`: the one that was open last. May take
/// long, or hang.
///
/// # Errors
/// There is no such device, it is busy, or it cannot be used.
pub(super) fn open(
    direction: Direction,
    name: Option<&str>,
    last_id: Option<&str>,
    failures: &FailureSink,
) -> Result<Opened, DeviceProblem> {
    let found = match name {
        None => catalog::default_entry(direction),
        Some(name) => catalog::chosen_entry(direction, name, last_id),
    };
    let found = found.map_err(|error| problem(&error, name.unwrap_or(DEFAULT_NAME)))?;
    let absent = || name.map_or(DeviceProblem::NoDevice, |name| DeviceProblem::NotFound { name: name.into() });
    let entry = found.ok_or_else(absent)?;
    let opened = stream::open(&entry.device, direction, failures);
    let (stream, ring) = opened.map_err(|error| match (error.kind(), name) {
        (ErrorKind::DeviceNotAvailable, None) => DeviceProblem::NoDevice,
        _ => problem(&error, &entry.name),
    })?;
    let unusable = |reason| DeviceProblem::Unusable { name: entry.name.clone(), reason };
    let state = match &ring {
        Ring::Input(ring) => ring.state.clone(),
        Ring::Output(ring) => ring.state.clone(),
    };
    let command = match ring {
        Ring::Input(ring) => Command::SetSource(Source::Device(Box::new(DeviceSource::new(ring).map_err(unusable)?))),
        Ring::Output(ring) => Command::SetSink(Sink::Device(Box::new(DeviceSink::new(ring).map_err(unusable)?))),
    };
    Ok(Opened { stream, command, id: entry.id, name: entry.name, state })
}

/// What an open device is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one that was chosen by name. It was found when it was opened.
    Chosen,
    /// The default device. `instead_of`: for as long as this choice, and the device that was open for it last, is not there.
    Default { instead_of: Option<(String, Option<String>)> },
}

/// Whether the open device `id` is still the one to use. May take long, or hang.
pub(super) fn presence(direction: Direction, id: &str, wanted: &Wanted) -> Presence {
    let ids = |entries: Vec<catalog::Entry>| entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    let default = match wanted {
        Wanted::Chosen => Ok(None),
        Wanted::Default { instead_of: None } => catalog::default_entry(direction),
        Wanted::Default { instead_of: Some((choice, last_id)) } => {
            match catalog::chosen_entry(direction, choice, last_id.as_deref()) {
                Ok(Some(_)) => return Presence::Other,
                Ok(None) => catalog::default_entry(direction),
                Err(error) => Err(error),
            }
        }
    };
    let listed = default.and_then(|default| match default {
        Some(default) => Ok((Some(default.id), Vec::new())),
        None => Ok((None, catalog::entries(direction).map(ids)?)),
    });
    if let Err(error) = &listed {
        tracing::info!(%error, "audio devices cannot be listed");
    }
    judge(id, listed.ok().as_ref())
}

/// `listed`: the default device, if it is wanted and there is one; otherwise all devices.
fn judge(id: &str, listed: Option<&(Option<String>, Vec<String>)>) -> Presence {
    match listed {
        None => Presence::Unknown,
        Some((Some(default), _)) if default != id => Presence::Other,
        Some((Some(_), _)) => Presence::There,
        // Where no default device is known, the open one stays.
        Some((None, ids)) if ids.iter().any(|listed| listed == id) => Presence::There,
        Some((None, _)) => Presence::Gone,
    }
}

/// What an error of a running stream means.
pub(super) fn lost_problem(error: &Error, name: &str) -> DeviceProblem {
    match error.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => {
            DeviceProblem::Unplugged { name: name.into() }
        }
        _ => problem(error, name),
    }
}

/// What an error of listing or opening means.
fn problem(error: &Error, name: &str) -> DeviceProblem {
    let name = name.to_owned();
    match error.kind() {
        ErrorKind::DeviceNotAvailable => DeviceProblem::NotFound { name },
        ErrorKind::HostUnavailable => DeviceProblem::NoDevice,
        ErrorKind::DeviceBusy => DeviceProblem::Busy { name },
        _ => DeviceProblem::Unusable { name, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_without_it_shows_that_a_device_is_gone() {
        let listed = |default: Option<&str>, ids: &[&str]| {
            Some((default.map(str::to_owned), ids.iter().map(|&id| id.to_owned()).collect()))
        };
        for (listed, presence) in [
            (None, Presence::Unknown),
            (listed(None, &[]), Presence::Gone),
            (listed(None, &["b"]), Presence::Gone),
            (listed(None, &["b", "a"]), Presence::There),
            (listed(Some("a"), &[]), Presence::There),
            (listed(Some("b"), &[]), Presence::Other),
        ] {
            assert_eq!(judge("a", listed.as_ref()), presence, "{listed:?}");
        }
    }

    #[test]
    fn a_device_that_is_not_available_was_unplugged_if_it_ran_and_is_not_found_otherwise() {
        let name = || "Speaker".to_owned();
        let error = |kind| Error::with_message(kind, "text");
        let gone = error(ErrorKind::DeviceNotAvailable);
        assert_eq!(lost_problem(&gone, "Speaker"), DeviceProblem::Unplugged { name: name() });
        assert_eq!(problem(&gone, "Speaker"), DeviceProblem::NotFound { name: name() });
        assert_eq!(lost_problem(&error(ErrorKind::DeviceBusy), "Speaker"), DeviceProblem::Busy { name: name() });
        assert_eq!(problem(&error(ErrorKind::HostUnavailable), "Speaker"), DeviceProblem::NoDevice);
    }
}
