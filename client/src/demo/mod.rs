//! `maru --demo`: a server and two callers on this machine, with the built-in test pattern and test sound.

mod terminal;
mod windows;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::i18n::Texts;

const ROOM: &str = "demo";
const NAMES: [&str; 2] = ["Mina", "준호"];
const GREETINGS: [&str; 2] = ["Hello from Mina 👋", "안녕하세요, 준호입니다"];

/// What one side got from the other.
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
        self.frames >= 30
    }

    fn all_well(&self) -> bool {
        self.saw() && self.heard && self.read.is_some()
    }
}

/// Holds the demonstration. Success only if both sides saw, heard and wrote to each other.
pub async fn run(duration: Option<Duration>, texts: &Texts) -> ExitCode {
    let held = match has_display() {
        true => windows::run(duration, texts).await,
        false => {
            eprintln!("{}", texts.tr("demo-no-display"));
            terminal::run(duration.unwrap_or(Duration::from_secs(8)), texts).await
        }
    };
    match held {
        Ok(verdicts) => summarise(&verdicts, texts),
        Err(error) => {
            eprintln!("{}", texts.tr_with("demo-failed", &[("reason", error.to_string().into())]));
            ExitCode::FAILURE
        }
    }
}

/// Whether a window can be opened. Only Unix desktops without X11 or Wayland have none.
pub fn has_display() -> bool {
    !cfg!(all(unix, not(target_os = "macos")))
        || ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

/// Runs a server of our own for the demonstration, until the process ends. Gives its URL.
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
    println!();
    for verdict in verdicts {
        println!(
            "{}",
            texts.tr_with(
                "demo-verdict",
                &[
                    ("name", verdict.name.as_str().into()),
                    ("saw", word(verdict.saw()).into()),
                    ("frames", verdict.frames.to_string().into()),
                    ("heard", word(verdict.heard).into()),
                    ("read", verdict.read.clone().unwrap_or_else(|| word(false)).into()),
                ],
            )
        );
        if let Some(shot) = &verdict.shot {
            println!("  {}", texts.tr_with("demo-last-frame", &[("path", shot.display().to_string().into())]));
        }
    }
    if verdicts.iter().all(Verdict::all_well) {
        println!("{}", texts.tr("demo-well"));
        ExitCode::SUCCESS
    } else {
        println!("{}", texts.tr("demo-not-well"));
        ExitCode::FAILURE
    }
}
