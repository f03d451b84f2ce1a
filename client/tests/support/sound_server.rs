//! Audio servers with null sinks instead of hardware, one for each test: PulseAudio, or PipeWire in its place.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than the slowest machine takes.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Servers that this process has started: each has a folder of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    PulseAudio,
    /// With WirePlumber, and PulseAudio's protocol.
    PipeWire,
}

/// Ends with the test.
struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    fn start(kind: Kind, sinks: &[&str]) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("maru-{kind:?}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        // The server lets anyone connect, but the client needs a cookie of this length.
        std::fs::write(folder.join("cookie"), [0; 256]).expect("a file");
        let mut command = match kind {
            Kind::PulseAudio => pulseaudio(&folder),
            Kind::PipeWire => pipewire(),
        };
        environment(&mut command, &folder);
        // All that it starts ends with it.
        let process = command.process_group(0).stderr(Stdio::null()).spawn().expect("an audio server is installed");
        let server = Self { process, folder };
        server.wait_until_up(kind);
        for sink in sinks {
            server.pactl(&["load-module", "module-null-sink"], sink.split(' '));
        }
        // Without its session manager PipeWire has no default device, and says so by this name.
        let deadline = Instant::now() + TIMEOUT;
        while server.pactl(&["get-default-sink"], std::iter::empty()).trim() == "@DEFAULT_SINK@" {
            assert!(Instant::now() < deadline, "WirePlumber does not come up");
        }
        server
    }

    fn wait_until_up(&self, kind: Kind) {
        let deadline = Instant::now() + TIMEOUT;
        while !self.pactl_answers(&["info"]) {
            assert!(Instant::now() < deadline, "{kind:?} does not come up");
        }
    }

    fn pactl_answers(&self, arguments: &[&str]) -> bool {
        let mut command = Command::new("pactl");
        environment(command.args(arguments), &self.folder);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.expect("Debian's package pulseaudio-utils is installed").success()
    }

    /// What pactl prints.
    fn pactl<'a>(&self, arguments: &[&'a str], more: impl Iterator<Item = &'a str>) -> String {
        let mut command = Command::new("pactl");
        environment(command.args(arguments).args(more), &self.folder);
        let output = command.output().expect("it ran before");
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn pulseaudio(folder: &Path) -> Command {
    let mut command = Command::new("pulseaudio");
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm"]);
    command.arg("-L").arg(format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket(folder).display()));
    command
}

/// The three processes find each other by a bus of their own.
fn pipewire() -> Command {
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "sh", "-c", "pipewire & wireplumber & exec pipewire-pulse"]).stdout(Stdio::null());
    command
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("native")
}

/// Sets all variables by which a client finds its server.
fn environment(command: &mut Command, folder: &Path) {
    for variable in ["HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "PULSE_RUNTIME_PATH"] {
        command.env(variable, folder);
    }
    command.env("PULSE_COOKIE", folder.join("cookie"));
    command.env("PULSE_SERVER", format!("unix:{}", socket(folder).display()));
    // Hides the account's ALSA settings.
    command.env("ALSA_CONFIG_PATH", "/dev/null");
}

/// Runs the test `body` in a process whose audio server has `sinks`.
pub fn with_server(kind: Kind, sinks: &[&str], body: &str) {
    let server = Server::start(kind, sinks);
    run_body(body, &server.folder);
}

/// Runs the test `body` in a process that looks for its audio server in `folder`.
pub fn run_body(body: &str, folder: &Path) {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", body, "--ignored", "--nocapture"]);
    environment(&mut command, folder);
    let status = command.status().expect("this test runs again");
    assert!(status.success(), "{body} failed, see above");
}

/// What pactl prints.
pub fn pactl(arguments: &[&str]) -> String {
    let output = Command::new("pactl").args(arguments).output();
    let output = output.expect("Debian's package pulseaudio-utils is installed");
    assert!(output.status.success(), "pactl {arguments:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The number of the module.
pub fn load_sink(sink: &str) -> String {
    let arguments: Vec<&str> = ["load-module", "module-null-sink"].into_iter().chain(sink.split(' ')).collect();
    pactl(&arguments)
}
