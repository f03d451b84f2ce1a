//! A client as a child process. Its report comes through a pipe, so that a test waits for events instead of sleeping.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::Value;

use super::deadline;

/// What a child has said so far.
struct Heard<T> {
    all: Mutex<(Vec<T>, bool)>,
    more: Condvar,
}

impl<T: Clone + std::fmt::Debug + Send + 'static> Heard<T> {
    fn listen(source: impl Read + Send + 'static, parse: fn(&str) -> Option<T>) -> (Arc<Self>, JoinHandle<()>) {
        let heard = Arc::new(Self { all: Mutex::new((Vec::new(), false)), more: Condvar::new() });
        let to = Arc::clone(&heard);
        let thread = std::thread::Builder::new().name("listener".into()).spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                to.all.lock().unwrap_or_else(PoisonError::into_inner).0.extend(parse(&line));
                to.more.notify_all();
            }
            to.all.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
            to.more.notify_all();
        });
        (heard, thread.unwrap())
    }

    fn wait<R>(&self, what: &str, mut find: impl FnMut(&[T]) -> Option<R>) -> R {
        let end = Instant::now() + deadline();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = find(&all.0) {
                return found;
            }
            assert!(!all.1, "the client ended without: {what}");
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {:?}: {what}. Before that:\n{}", deadline(), last(&all.0));
            all = self.more.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn now(&self) -> Vec<T> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// The last ones that do not come all the time, for a person to read.
fn last<T: std::fmt::Debug>(all: &[T]) -> String {
    const FREQUENT: [&str; 5] = ["captured", "presented", "spoken", "heard", "\"stats"];
    let lines = all.iter().rev().map(|one| format!("{one:?}"));
    let lines: Vec<_> = lines.filter(|line| !FREQUENT.iter().any(|word| line.contains(word))).take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

pub struct Client {
    pub child: Child,
    input: Option<ChildStdin>,
    events: Arc<Heard<Value>>,
    printed: Arc<Heard<String>>,
    told: Arc<Heard<String>>,
    listeners: Vec<JoinHandle<()>>,
    pub folder: PathBuf,
}

impl Client {
    /// `maru --headless ROOM --name NAME` and `arguments`, without devices unless those name some.
    pub fn start(folder: &Path, room: &str, name: &str, server: &str, arguments: &[&str]) -> Self {
        let arguments = [&["--address", "127.0.0.1"], arguments].concat();
        Self::start_on_all_addresses(folder, room, name, server, &arguments)
    }

    /// The same, reachable at all addresses of the machine.
    pub fn start_on_all_addresses(folder: &Path, room: &str, name: &str, server: &str, arguments: &[&str]) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new(super::maru());
        command.args(["--headless", room, "--name", name]);
        if !server.is_empty() {
            command.args(["--server", server]);
        }
        for (option, value) in [("--camera", "none"), ("--microphone", "none"), ("--speaker", "none")] {
            if !arguments.contains(&option) {
                command.args([option, value]);
            }
        }
        command.args(arguments);
        Self::spawn(command, folder)
    }

    /// Runs `command` with a report; its home is a folder of its own.
    pub fn spawn(mut command: Command, folder: PathBuf) -> Self {
        let report = folder.join("report.pipe");
        let made = Command::new("mkfifo").arg(&report).status().expect("mkfifo is part of every Unix");
        assert!(made.success());
        let mut child = command
            .arg("--report")
            .arg(&report)
            .env("MARU_CONFIG_DIR", folder.join("config"))
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client starts");
        // Opening waits for the client to open its end: in the thread, since a refused client never does.
        let (events, pipe) =
            Heard::listen(LazyFile { path: report, file: None }, |line| serde_json::from_str(line).ok());
        let (printed, out) = Heard::listen(child.stdout.take().unwrap(), |line| Some(line.to_owned()));
        let (told, err) = Heard::listen(child.stderr.take().unwrap(), |line| Some(line.to_owned()));
        let input = child.stdin.take();
        drop(pipe);
        Self { child, input, events, printed, told, listeners: vec![out, err], folder }
    }

    /// Waits for an event that `matches`.
    pub fn event(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.events.wait(what, |all| all.iter().find(|event| matches(event)).cloned())
    }

    /// Waits for the first event of this kind.
    pub fn first(&self, kind: &str) -> Value {
        self.event(kind, |event| event["event"] == kind)
    }

    /// Waits until there are `count` events of this kind that `matches`, from event number `from` on.
    pub fn count_from(&self, from: usize, kind: &str, count: usize, matches: impl Fn(&Value) -> bool) {
        self.events.wait(&format!("{count} × {kind}"), |all| {
            let found = all.iter().skip(from).filter(|event| event["event"] == kind && matches(event)).count();
            (found >= count).then_some(())
        });
    }

    /// The longest time without a frame, in ms, from somewhat before the `from`th event on.
    pub fn longest_gap(&self, from: usize) -> f64 {
        let events = self.events_so_far();
        let frames = events[from.saturating_sub(20)..].iter().filter(|event| event["event"] == "presented");
        let times: Vec<f64> = frames.filter_map(|event| event["t_ms"].as_f64()).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
    }

    pub fn events_so_far(&self) -> Vec<Value> {
        self.events.now()
    }

    /// Waits for a line on standard output that contains `text`.
    pub fn prints(&self, text: &str) -> String {
        self.printed.wait(text, |all| all.iter().find(|line| line.contains(text)).cloned())
    }

    /// Waits for a line on standard error that contains `text`.
    pub fn tells(&self, text: &str) -> String {
        self.told.wait(text, |all| all.iter().find(|line| line.contains(text)).cloned())
    }

    pub fn told_so_far(&self) -> String {
        self.told.now().join("\n")
    }

    /// Types a line.
    pub fn types(&mut self, text: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{text}").expect("the client reads what is typed");
    }

    /// Writes to standard input as it is.
    pub fn writes(&mut self, bytes: &[u8]) {
        self.input.as_mut().expect("the input is open").write_all(bytes).expect("the client reads its input");
    }

    /// As if the terminal was closed.
    pub fn hang_up(&self) {
        self.signal("-HUP");
    }

    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    pub fn kill(&self) {
        self.signal("-KILL");
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> ExitStatus {
        for listener in self.listeners.drain(..) {
            listener.join().unwrap();
        }
        self.child.wait().unwrap()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct LazyFile {
    path: PathBuf,
    file: Option<File>,
}

impl Read for LazyFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.file.is_none() {
            self.file = Some(File::open(&self.path)?);
        }
        self.file.as_mut().expect("just opened").read(buffer)
    }
}
