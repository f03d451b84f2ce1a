//! An X server that no one else uses (Xvfb). `client/screen`'s tests have it, too.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Ends with the value.
pub struct Xvfb {
    /// For DISPLAY.
    pub name: String,
    pub server: Child,
}

impl Xvfb {
    /// `arguments`: among them a screen.
    pub fn start(arguments: &[&str]) -> Self {
        // Without -noreset it begins anew when its last client leaves, and cuts off one that comes meanwhile.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-ac", "-noreset"])
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
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
