//! The signal server as a program.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use maru_protocol::signal::IceServer;
use signal_server::{Config, parse_ice_url};
use tokio::net::TcpListener;

/// Longest time that the end of the process waits for a slow reader of its output.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// Introduces Maru callers to each other. It sees no media and no chat, and stores nothing.
#[derive(Parser)]
#[command(name = "signal-server", version)]
struct Arguments {
    /// Address to listen on. Port 0 picks a free port; the first line printed tells the address.
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:7400")]
    listen: SocketAddr,

    /// Most peers in one room.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    room_capacity: u16,

    /// Most clients at the same time.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,

    /// Most rooms at the same time.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_rooms: u32,

    /// Messages that a client may send per second. It may send four times as many at once.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    messages_per_second: u32,

    /// Seconds between two pings to a client. A client that sends nothing for 2.25 times as long is disconnected.
    #[arg(long, value_name = "SECS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    ping_interval: u64,

    /// Seconds that a client may take for its handshake, and then for joining a room.
    #[arg(long, value_name = "SECS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    join_timeout: u64,

    /// A STUN or TURN server for all clients: stun:HOST:PORT or turn:USER:CREDENTIAL@HOST:PORT?transport=udp. May be
    /// given several times.
    #[arg(long = "ice-server", value_name = "URL", value_parser = parse_ice_url)]
    ice_servers: Vec<IceServer>,
}

impl Arguments {
    fn config(self) -> Config {
        Config {
            room_capacity: self.room_capacity.into(),
            max_connections: self.max_connections as usize,
            max_rooms: self.max_rooms as usize,
            ice_servers: self.ice_servers,
            join_timeout: Duration::from_secs(self.join_timeout),
            ping_interval: Duration::from_secs(self.ping_interval),
            burst_frames: self.messages_per_second * 4,
            frames_per_second: self.messages_per_second,
            ..Config::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    maru_console::start_log("RUST_LOG", "info");
    let listen = arguments.listen;
    let code = match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            maru_console::tell(&format!("signal-server: cannot listen on {listen}: {error}"));
            ExitCode::FAILURE
        }
    };
    maru_console::finish(OUTPUT_TIMEOUT);
    code
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let listener = TcpListener::bind(arguments.listen).await?;
    let address = listener.local_addr()?;
    // Before the address is printed: a program that reads it may send a signal at once.
    let shutdown = shutdown_signal()?;
    maru_console::print(&format!("listening on ws://{address}"));
    signal_server::run(listener, arguments.config(), shutdown).await?;
    tracing::info!("all connections are closed");
    Ok(())
}

#[cfg(unix)]
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
    })
}

#[cfg(not(unix))]
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without Ctrl-C, only killing the process ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        tracing::info!("shutting down");
    })
}
