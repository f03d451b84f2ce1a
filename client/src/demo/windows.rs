//! The demonstration in two windows: two processes of this program. Their reports say what arrived.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::{AUDIBLE, GREETINGS, NAMES, ROOM, Verdict, start_server};
use crate::i18n::Texts;

struct Window {
    child: Child,
    report: PathBuf,
}

/// Runs until both windows are closed, or for `duration`.
pub(super) async fn run(duration: Option<Duration>, texts: &Texts) -> std::io::Result<[Verdict; 2]> {
    let folder = std::env::temp_dir().join(format!("maru-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let url = start_server().await?;
    maru_console::print(&texts.tr_with("demo-windows", &[("server", url.as_str().into())]));
    let mut windows = [open(0, &url, &folder, duration)?, open(1, &url, &folder, duration)?];
    for window in &mut windows {
        let status = window.child.wait().await?;
        if !status.success() {
            return Err(std::io::Error::other(
                texts.tr_with("demo-window-failed", &[("status", status.to_string().into())]),
            ));
        }
    }
    let mut verdicts = [Verdict::default(), Verdict::default()];
    for (index, window) in windows.iter().enumerate() {
        verdicts[index] = judge(NAMES[index], &std::fs::read_to_string(&window.report)?);
    }
    Ok(verdicts)
}

fn open(index: usize, url: &str, folder: &Path, duration: Option<Duration>) -> std::io::Result<Window> {
    let report = folder.join(format!("side-{}.jsonl", index + 1));
    let mut command = Command::new(std::env::current_exe()?);
    command.args([ROOM, "--server", url, "--name", NAMES[index], "--greet", GREETINGS[index]]);
    command
        .args(["--camera", "test", "--microphone", "test", "--speaker", "none", "--address", "127.0.0.1", "--report"])
        .arg(&report);
    if let Some(duration) = duration {
        command.args(["--duration", &duration.as_secs_f64().to_string()]);
    }
    Ok(Window { child: command.kill_on_drop(true).spawn()?, report })
}

/// What arrived, according to a report.
fn judge(name: &str, report: &str) -> Verdict {
    let mut verdict = Verdict { name: name.into(), ..Verdict::default() };
    for event in report.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        match event["event"].as_str() {
            Some("presented") => verdict.frames += 1,
            Some("chat") if event["from"].is_string() => verdict.read = event["text"].as_str().map(str::to_owned),
            Some("stats") => {
                let loud = |peer: &Value| peer["level"].as_f64().is_some_and(|level| level > f64::from(AUDIBLE));
                verdict.heard |= event["peers"].as_array().is_some_and(|peers| peers.iter().any(loud));
            }
            _ => {}
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_judged_by_what_arrived() {
        let silent = r#"{"event":"chat","to":"all","text":"mine"}"#;
        assert!(!judge("Mina", silent).all_well());
        let mut report = String::from("{\"event\":\"chat\",\"from\":\"준호\",\"text\":\"안녕\"}\n");
        report += "{\"event\":\"stats\",\"peers\":[{\"level\":0.2}]}\n";
        report += &"{\"event\":\"presented\"}\n".repeat(30);
        assert!(judge("Mina", &report).all_well());
    }
}
