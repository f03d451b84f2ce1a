//! `maru --demo`: a server and two clients on this computer, with the test pattern and the test sound.

mod terminal;
mod windows;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::i18n::Texts;

const TERMINAL_DURATION: Duration = Duration::from_secs(8);
/// Level (0 to 1) above which audio counts as heard. The test sound is far above it.
const AUDIBLE: f32 = 0.01;
/// Frames that count as video: one second.
const ENOUGH_FRAMES: u64 = 30;
const ROOM: &str = "demo";
const NAMES: [&str; 2] = ["Mina", "준호"];
const GREETINGS: [&str; 2] = ["Hello from Mina 👋", "안녕하세요, 준호입니다"];

/// What one client received from the other.
#[derive(Debug, Clone, Default)]
struct Verdict {
    name: String,
    frames: u64,
    heard: bool,
    read: Option<String>,
    /// The last frame, as a PNG.
    shot: Option<PathBuf>,
}

impl Verdict {
    fn saw(&self) -> bool {
        self.frames >= ENOUGH_FRAMES
    }

    fn all_well(&self) -> bool {
        self.saw() && self.heard && self.read.is_some()
    }
}

/// Runs the demonstration. Succeeds only if video, audio and a message arrived on both sides.
pub async fn run(duration: Option<Duration>, texts: &Texts) -> ExitCode {
    let result = match has_display() {
        true => windows::run(duration, texts).await,
        false => {
            maru_console::tell(&texts.tr("demo-no-display"));
            terminal::run(duration.unwrap_or(TERMINAL_DURATION), texts).await
        }
    };
    match result {
        Ok(verdicts) => summarise(&verdicts, texts),
        Err(error) => {
            maru_console::tell(&texts.tr_with("demo-failed", &[("reason", error.to_string().into())]));
            ExitCode::FAILURE
        }
    }
}

/// Whether there is a display for a window. Windows and macOS always have one.
pub fn has_display() -> bool {
    !cfg!(all(unix, not(target_os = "macos")))
        || ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

/// Starts a signal server that runs until the process ends. Returns its URL.
async fn start_server() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let served = signal_server::run(listener, signal_server::Config::default(), std::future::pending::<()>()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the demonstration's server ended");
        }
    });
    Ok(url)
}

fn summarise(verdicts: &[Verdict; 2], texts: &Texts) -> ExitCode {
    let word = |yes: bool| texts.tr(if yes { "demo-yes" } else { "demo-no" });
    maru_console::print("");
    for verdict in verdicts {
        maru_console::print(&texts.tr_with(
            "demo-verdict",
            &[
                ("name", verdict.name.as_str().into()),
                ("saw", word(verdict.saw()).into()),
                ("frames", verdict.frames.to_string().into()),
                ("heard", word(verdict.heard).into()),
                ("read", verdict.read.clone().unwrap_or_else(|| word(false)).into()),
            ],
        ));
        if let Some(shot) = &verdict.shot {
            let path = shot.display().to_string();
            maru_console::print(&format!("  {}", texts.tr_with("demo-last-frame", &[("path", path.into())])));
        }
    }
    if verdicts.iter().all(Verdict::all_well) {
        maru_console::print(&texts.tr("demo-well"));
        ExitCode::SUCCESS
    } else {
        maru_console::print(&texts.tr("demo-not-well"));
        ExitCode::FAILURE
    }
}
