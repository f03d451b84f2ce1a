//! Errors in files that stand in for devices.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}, {place}: {reason}", .path.display())]
pub struct SourceError {
    pub path: PathBuf,
    /// Where the error is: `"opening"`, `"header"`, `"byte 71"`, `"frame 12 (byte 16589323)"`, `"sample 1000"`.
    pub place: String,
    /// A sentence without a full stop.
    pub reason: String,
}

impl SourceError {
    pub fn new(path: &Path, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), place: place.into(), reason: reason.into() }
    }
}
