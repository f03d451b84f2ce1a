//! An X server that no one else uses.

use std::process::Command;

use maru_screen::{Desktop, Shareable, Source};

use super::xvfb::Xvfb;

/// Ends with the value.
pub(crate) struct Display {
    pub(crate) name: String,
    server: Xvfb,
}

impl Display {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// One screen of 640x480, unless the arguments say something else.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let server = Xvfb::start(&[&["-screen", "0", "640x480x24"], arguments].concat());
        Self { name: server.name.clone(), server }
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
        let status = Command::new("kill").args(["-STOP", &self.server.server.id().to_string()]).status();
        assert!(status.expect("kill is everywhere").success());
    }

    pub(crate) fn end(&mut self) {
        self.server.server.kill().expect("it runs");
        self.server.server.wait().expect("a child");
    }
}
