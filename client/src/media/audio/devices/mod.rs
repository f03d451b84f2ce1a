//! Microphones and speakers through cpal.

use std::time::Duration;

use crate::media::DeviceKind;

mod catalog;
mod driver_call;
mod open;
mod stream;
mod supervisor;
mod watcher;

pub(super) use supervisor::{Context, Supervisor};
pub(super) use watcher::Watcher;

/// An audio server that takes longer to list its devices has none.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Input,
    Output,
}

impl Direction {
    fn kind(self) -> DeviceKind {
        match self {
            Self::Input => DeviceKind::Microphone,
            Self::Output => DeviceKind::Speaker,
        }
    }

    fn thread_name(self) -> &'static str {
        match self {
            Self::Input => "microphone",
            Self::Output => "speaker",
        }
    }
}

/// The names of the devices that are there now. Takes up to [`LIST_TIMEOUT`].
pub(super) fn names(direction: Direction) -> Vec<String> {
    let names = driver_call::call(LIST_TIMEOUT, move || {
        let names = |entries: Vec<catalog::Entry>| entries.into_iter().map(|entry| entry.name).collect();
        catalog::entries(direction).map(names)
    });
    match names {
        Ok(Ok(names)) => names,
        Ok(Err(error)) => {
            tracing::info!(%error, "audio devices cannot be listed");
            Vec::new()
        }
        Err(error) => {
            tracing::info!(?error, "the audio server does not answer");
            Vec::new()
        }
    }
}
