//! Files that are written during a call, and what is said when one cannot be.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use maru_core::rtp::RtpTime;
use serde_json::json;
use tokio::sync::mpsc;

use super::MediaEvent;
use super::event::send;
use crate::clock;
use crate::report::Report;

/// Of one name. A peer whose video changes its size begins a new file each time.
const MAX_FILES: u32 = 100;

/// Creates `STEM.EXTENSION`, or `STEM.2.EXTENSION` and so on if that exists: nothing is overwritten. A stem has no dot, so
/// the numbers of one peer are no name of another. `number` counts: 0 before the first file.
///
/// # Errors
/// The folder cannot be made or written, or has too many files of this name.
pub(super) fn create(folder: &Path, stem: &str, extension: &str, number: &mut u32) -> io::Result<(PathBuf, File)> {
    std::fs::create_dir_all(folder)?;
    while *number < MAX_FILES {
        *number += 1;
        let path = match *number {
            1 => folder.join(format!("{stem}.{extension}")),
            number => folder.join(format!("{stem}.{number}.{extension}")),
        };
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (path, file)),
        }
    }
    Err(io::Error::other(format!("there are {MAX_FILES} files of this name")))
}

/// Creates the file at `path` and its folders, or empties the one that is there.
///
/// # Errors
/// It cannot be written.
pub(super) fn replace(path: &Path) -> io::Result<File> {
    create_parent(path)?;
    File::create(path)
}

/// Checks that [`replace`] will work, and leaves the contents of the file until then: the call may be refused. Pipes are
/// not opened, which would wait for a reader.
///
/// # Errors
/// It cannot be written.
pub(super) fn check_file(path: &Path) -> io::Result<()> {
    create_parent(path)?;
    if path.exists() && !path.is_file() {
        return Ok(());
    }
    File::options().append(true).create(true).open(path).map(drop)
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}

/// Checks that files can be created in `folder`, which is made if it is missing.
///
/// # Errors
/// It cannot be made or written.
pub(super) fn check_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".maru-{}", std::process::id()));
    File::create(&probe)?;
    std::fs::remove_file(probe)
}

/// Reports to the person and in the report. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct SaveReporter {
    events: mpsc::Sender<MediaEvent>,
    report: Report,
}

impl SaveReporter {
    pub(super) fn new(events: mpsc::Sender<MediaEvent>, report: Report) -> Self {
        Self { events, report }
    }

    /// `file` cannot be written; nothing more is.
    pub(super) fn failed(&self, file: String, reason: String) {
        self.write(&file, &reason, None);
        send(&self.events, MediaEvent::NotSaved { file, reason });
    }

    /// Something is missing in `file`, because the disk is too slow.
    pub(super) fn has_gap(&self, file: &str, rtp_time: Option<RtpTime>) {
        self.write(file, "the disk is too slow: a part is not saved", rtp_time);
    }

    fn write(&self, file: &str, reason: &str, rtp_time: Option<RtpTime>) {
        tracing::warn!(file, reason, "not saved");
        let fields = json!({ "what": "save-remote", "file": file, "reason": reason, "rtp_time": rtp_time });
        self.report.event(clock::now(), "error", fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn name((path, _): &(PathBuf, File)) -> String {
        path.file_name().expect("a name").to_string_lossy().into_owned()
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let deeper = folder.path().join("deeper");
        let mut first = create(&deeper, "cam", "y4m", &mut 0).expect("a file");
        first.1.write_all(b"frames").expect("written");
        let mut number = 0;
        let second = create(&deeper, "cam", "y4m", &mut number).expect("a file");
        let third = create(&deeper, "cam", "y4m", &mut number).expect("a file");
        let of_another = create(&deeper, "cam-2", "y4m", &mut 0).expect("a file");
        let names = [&first, &second, &third, &of_another].map(name);
        assert_eq!(names, ["cam.y4m", "cam.2.y4m", "cam.3.y4m", "cam-2.y4m"]);
        assert_eq!(std::fs::read(first.0).expect("a file"), b"frames");
        assert!(create(&deeper, "cam", "y4m", &mut 100).is_err(), "there is a limit");
    }

    #[test]
    fn a_file_is_checked_before_it_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deeper").join("speaker.wav");
        check_file(&path).expect("it can be made");
        std::fs::write(&path, "an earlier call").expect("written");
        check_file(&path).expect("it can be written");
        assert_eq!(std::fs::read(&path).expect("a file"), b"an earlier call");
        replace(&path).expect("written");
        assert_eq!(std::fs::read(&path).expect("a file"), b"");
        check_file(folder.path()).expect("left to the one who opens it");
        assert!(check_file(&path.join("below a file.wav")).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_found_at_once_and_a_good_one_stays_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        check_folder(&folder.path().join("new")).expect("it can be made");
        assert_eq!(std::fs::read_dir(folder.path().join("new")).expect("it is there").count(), 0);
        let file = folder.path().join("file");
        File::create(&file).expect("a file");
        assert!(check_folder(&file).is_err());
        // Nobody, not even root, creates files here.
        #[cfg(target_os = "linux")]
        assert!(check_folder(Path::new("/proc")).is_err());
    }
}
