//! An X server that no one else uses.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use maru_screen::{Desktop, Shareable, Source};

/// Ends with the value.
pub(crate) struct Display {
    pub(crate) name: String,
    server: Child,
}

impl Display {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// One screen of 640x480, unless the arguments say something else.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        // Without -noreset it begins anew when its last client leaves, and cuts off one that comes meanwhile.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-ac", "-noreset"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed by ./test");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut number).expect("Xvfb says its number");
        assert!(!number.is_empty(), "Xvfb does not take {arguments:?}");
        Self { name: format!(":{}", number.trim()), server }
    }

    pub(crate) fn desktop(&self) -> Desktop {
        Desktop::of_variables(Some(&self.name), None).expect("a display")
    }

    /// Its first screen.
    pub(crate) fn screen(&self) -> Shareable {
        self.desktop().list(None).expect("a list").remove(0)
    }

    /// The only window in the list.
    pub(crate) fn only_window(&self) -> Shareable {
        let mut windows = self.desktop().list(None).expect("a list");
        windows.retain(|found| matches!(found.source, Source::Window { .. }));
        assert_eq!(windows.len(), 1, "{windows:?}");
        windows.remove(0)
    }

    /// It no longer answers.
    pub(crate) fn stop_answering(&self) {
        let status = Command::new("kill").args(["-STOP", &self.server.id().to_string()]).status();
        assert!(status.expect("kill is everywhere").success());
    }

    pub(crate) fn end(&mut self) {
        self.server.kill().expect("it runs");
        self.server.wait().expect("a child");
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
