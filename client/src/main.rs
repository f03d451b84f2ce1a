//! The program: reads the command line, then runs the window, the terminal call or the demonstration.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use maru::cli::Cli;
use maru::demo;
use maru::headless::{self, HeadlessConfig};
use maru::i18n::Texts;
use maru::media::{self, DeviceList, MediaConfig, SaveRemote};
use maru::report::Report;
use maru::session::ServerChoice;
use maru::settings::Settings;
use maru::signals;
use maru::{app, clock};
use maru_protocol::Nickname;
use serde_json::json;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

/// Exit code for an option or a file that cannot be used.
const BAD_INPUT: u8 = 2;
/// What is logged without `MARU_LOG`: our own warnings. The WebRTC stack has errors of its own for each address of a peer
/// that has no route.
const LOG_FILTER: &str = "off,maru=warn,maru_core=warn,maru_protocol=warn,signal_server=warn";
/// Longest time that the end of the process waits for a slow reader of its output.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let code = run();
    maru_console::finish(OUTPUT_TIMEOUT);
    code
}

fn run() -> ExitCode {
    let started = clock::now();
    let cli = Cli::parse();
    maru_console::start_log("MARU_LOG", LOG_FILTER);
    // One crypto provider for the whole process: with two, rustls panics.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = Settings::load();
    let texts = Texts::new(settings.language());
    if cli.list_devices {
        print_devices(&media::list_devices(), &texts);
        return ExitCode::SUCCESS;
    }
    let report = match cli.report.as_deref().map(Report::create) {
        None => Report::none(),
        Some(Ok(report)) => report,
        Some(Err(error)) => {
            let path = cli.report.unwrap_or_default();
            return bad_input(&format!("{}: {error}", path.display()));
        }
    };
    report.event(started, "started", json!({ "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id() }));
    let media = media_config(&cli, &settings);
    if let Err(error) = media::check_files(&media) {
        return bad_input(&error.to_string());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return bad_input(&error.to_string()),
    };
    let code = run_call(cli, settings, &texts, media, report, &runtime);
    // Not by dropping it: that would wait for name servers that do not answer.
    runtime.shutdown_background();
    code
}

fn run_call(
    cli: Cli,
    settings: Settings,
    texts: &Texts,
    media: MediaConfig,
    report: Report,
    runtime: &Runtime,
) -> ExitCode {
    if cli.demo {
        return runtime.block_on(demo::run(cli.duration, texts));
    }
    let server = cli.server.map(ServerChoice::Url);
    match cli.room {
        Some(room) if cli.headless => {
            let config = HeadlessConfig {
                room,
                name: cli.name.unwrap_or_else(own_name),
                server: server.unwrap_or(ServerChoice::Lan),
                addresses: cli.address,
                media,
                duration: cli.duration,
                greeting: cli.greet,
                show_height: cli.show_height,
            };
            runtime.block_on(headless::run(config, texts, report))
        }
        room => open_window(app::AppConfig {
            room,
            name: cli.name,
            server: server.unwrap_or(ServerChoice::Lan),
            addresses: cli.address,
            media,
            report,
            language: settings.language(),
            settings,
            duration: cli.duration,
            runtime: runtime.handle().clone(),
            greeting: cli.greet,
            stop: Some(stop_on_signal(runtime.handle())),
        }),
    }
}

fn open_window(config: app::AppConfig) -> ExitCode {
    if !demo::has_display() {
        return bad_input(&Texts::new(config.settings.language()).tr("window-no-display"));
    }
    match app::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            maru_console::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// On a signal, the window closes and leaves its call before the process ends.
fn stop_on_signal(runtime: &Handle) -> oneshot::Receiver<()> {
    let (stop, stopped) = oneshot::channel();
    runtime.spawn(async move {
        signals::told_to_end().await;
        let _ = stop.send(());
    });
    stopped
}

/// Options override the settings. A terminal call ignores the settings, so that scripts run the same everywhere.
fn media_config(cli: &Cli, settings: &Settings) -> MediaConfig {
    let last = if cli.headless { Settings::default().media() } else { settings.media() };
    MediaConfig {
        camera: cli.camera.clone().unwrap_or(last.camera),
        microphone: cli.microphone.clone().unwrap_or(last.microphone),
        speaker: cli.speaker.clone().unwrap_or(last.speaker),
        voice: cli.voice.unwrap_or(last.voice),
        processes_files: cli.voice.is_some(),
        save_remote: cli.save_remote.clone().map(|folder| SaveRemote { folder, every: cli.save_every }),
        ..last
    }
}

/// The name of the account, for calls without `--name`.
fn own_name() -> Nickname {
    let account = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()?.parse().ok());
    account.unwrap_or_else(|| "guest".parse().expect("five letters are a nickname"))
}

fn print_devices(devices: &DeviceList, texts: &Texts) {
    let print = |title: &str, names: &[String]| {
        maru_console::print(&texts.tr(title));
        if names.is_empty() {
            maru_console::print(&format!("  {}", texts.tr("devices-none-found")));
        }
        for name in names {
            maru_console::print(&format!("  {name}"));
        }
    };
    print("devices-cameras", &devices.cameras);
    print("devices-microphones", &devices.microphones);
    print("devices-speakers", &devices.speakers);
}

fn bad_input(sentence: &str) -> ExitCode {
    maru_console::tell(&format!("maru: {sentence}"));
    ExitCode::from(BAD_INPUT)
}
