//! Why a camera cannot be opened or read.

use crate::media::DeviceProblem;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CameraError {
    /// Another program uses it.
    Busy,
    /// It is no longer there.
    Gone,
    /// It delivers no frames.
    Stalled,
    /// Anything else; the reason is a sentence without a full stop.
    Unusable(String),
}

impl CameraError {
    /// What it means for the camera `name`.
    pub(super) fn problem(self, name: &str) -> DeviceProblem {
        let name = name.to_owned();
        match self {
            Self::Busy => DeviceProblem::Busy { name },
            Self::Gone => DeviceProblem::Unplugged { name },
            Self::Stalled => DeviceProblem::NotResponding { name },
            Self::Unusable(reason) => DeviceProblem::Unusable { name, reason },
        }
    }
}
