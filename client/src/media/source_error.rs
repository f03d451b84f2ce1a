//! What is wrong with a file that stands in for a camera or a microphone.

use std::path::PathBuf;

/// A file that cannot be used, where it goes wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {place}: {reason}", path.display())]
pub struct SourceError {
    pub path: PathBuf,
    /// A byte, sample or frame number, in words.
    pub place: String,
    pub reason: String,
}
