//! Opening a device by its name, looking whether it is still there, and what its errors mean.

use cpal::{Error, ErrorKind, Stream};

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
}

pub(super) enum Presence {
    There,
    Gone,
    /// Another device has become the default one.
    OtherDefault,
}

/// Opens the device `name`, or the default device. May take long, or hang.
///
/// # Errors
/// There is no such device, it is busy, or it cannot be used.
pub(super) fn open(direction: Direction, name: Option<&str>, failures: &FailureSink) -> Result<Opened, DeviceProblem> {
    let found = match name {
        None => catalog::default_entry(direction),
        Some(name) => catalog::entries(direction).map(|entries| entries.into_iter().find(|entry| entry.name == name)),
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
    let command = match ring {
        Ring::Input(ring) => Command::SetSource(Source::Device(Box::new(DeviceSource::new(ring).map_err(unusable)?))),
        Ring::Output(ring) => Command::SetSink(Sink::Device(Box::new(DeviceSink::new(ring).map_err(unusable)?))),
    };
    Ok(Opened { stream, command, id: entry.id, name: entry.name })
}

/// Whether the open device `id` is still the one to use. May take long, or hang.
pub(super) fn presence(direction: Direction, id: &str, is_default: bool) -> Presence {
    if is_default {
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
