//! What is wrong with a file that was named as a camera, microphone or speaker.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that cannot be used, and where in it the trouble is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}, {place}: {reason}", .path.display())]
pub struct SourceError {
    pub path: PathBuf,
    /// `"header"`, `"byte 71"`, `"frame 12 (byte 16589323)"`, or `"opening"`.
    pub place: String,
    pub reason: String,
}

impl SourceError {
    pub fn new(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), place: place.into(), reason: reason.into() }
    }
}
