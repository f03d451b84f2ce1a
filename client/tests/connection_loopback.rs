//! Two connections over real sockets on the loopback interface.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod connection_support;
mod event_log;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru::session::connection::{ConnectionConfig, ConnectionEvent};
use maru_core::call::StreamKind;
use webrtc::runtime::{Runtime, TokioRuntime};

use connection_support::media::frame;
use connection_support::pair::{Places, connect};

/// Far beyond what a loaded machine needs: only a connection that hangs takes longer.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_connections_connect_and_carry_video_and_text() {
    tokio::time::timeout(HANGS, call()).await.expect("no step hangs");
}

async fn call() {
    let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
    let config = || ConnectionConfig {
        runtime: Arc::clone(&runtime),
        ice_servers: Vec::new(),
        local_addresses: vec![IpAddr::from([127, 0, 0, 1])],
        path: Arc::default(),
    };
    let started = Instant::now();
    let places = Places {
        caller: config(),
        callee: config(),
        signaling_delay: Duration::ZERO,
        in_transit: std::convert::identity,
    };
    let (alice, bob) = connect(places).await;
    let opened = started.elapsed();
    let (alice_connected, bob_connected) = (alice.connected().await - started, bob.connected().await - started);
    let video = frame(0, 4_000, true);
    alice.connection.send_video(&video).await.expect("a frame is sent");
    let first_video = bob.wait(|event| matches!(event, ConnectionEvent::Video { .. })).await - started;
    let channel_open = alice.channel_open().await.max(bob.channel_open().await) - started;
    println!(
        "both open after {opened:?}; connected: caller {alice_connected:?}, callee {bob_connected:?}; \
         first video {first_video:?}; channel {channel_open:?}"
    );

    bob.connection.send_text("안녕").await.expect("sent");
    alice.wait(|event| matches!(event, ConnectionEvent::ChannelText(text) if text == "안녕")).await;
    bob.connection.request_key_frame(StreamKind::Camera).await;
    alice.wait(|event| matches!(event, ConnectionEvent::KeyFrameRequested)).await;

    alice.connection.close().await;
    alice.wait(|event| matches!(event, ConnectionEvent::Closed { .. })).await;
    bob.connection.close().await;
    bob.wait(|event| matches!(event, ConnectionEvent::Closed { .. })).await;
}
