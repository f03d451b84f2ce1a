//! Microphones and loudspeakers, by way of cpal.

use std::time::Duration;

use crate::media::DeviceKind;

mod bounded;
mod catalog;
mod keeper;
mod stream;

pub(super) use keeper::{Keeper, Surroundings};

/// A sound server that takes longer to list its devices has none.
const LIST_PATIENCE: Duration = Duration::from_secs(3);

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

/// The names of the devices that are there now.
pub(super) fn names(direction: Direction) -> Vec<String> {
    let entries = bounded::call(LIST_PATIENCE, move || {
        let names = |entries: Vec<catalog::Entry>| entries.into_iter().map(|entry| entry.name).collect();
        catalog::entries(direction).map(names)
    });
    match entries {
        Ok(Ok(names)) => names,
        Ok(Err(error)) => {
            tracing::info!(%error, "sound devices cannot be listed");
            Vec::new()
        }
        Err(error) => {
            tracing::info!(?error, "the sound server does not answer");
            Vec::new()
        }
    }
}
