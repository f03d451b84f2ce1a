//! Two links over real sockets on the loopback interface.

mod link_support;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maru::session::link::{LinkConfig, LinkEvent};
use webrtc::runtime::{Runtime, TokioRuntime};

use link_support::media::picture;
use link_support::pair::{Places, connect};

/// Far beyond what a loaded machine needs: only a link that hangs takes longer.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_links_connect_and_carry_video_and_text() {
    tokio::time::timeout(HANGS, call()).await.expect("no step hangs");
}

async fn call() {
    let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
    let config = || LinkConfig {
        runtime: Arc::clone(&runtime),
        ice_servers: Vec::new(),
        local_addresses: vec![IpAddr::from([127, 0, 0, 1])],
        path: Arc::default(),
    };
    let started = Instant::now();
    let places = Places { caller: config(), callee: config(), signaling_delay: Duration::ZERO };
    let (alice, bob) = connect(places).await;
    let opened = started.elapsed();
    let (alice_connected, bob_connected) = (alice.connected().await - started, bob.connected().await - started);
    let video = picture(0, 4_000, true);
    alice.link.send_video(&video).await.expect("a picture is sent");
    let first_video = bob.wait(|event| matches!(event, LinkEvent::Video { .. })).await - started;
    let channel_open = alice.channel_open().await.max(bob.channel_open().await) - started;
    println!(
        "both open after {opened:?}; connected: caller {alice_connected:?}, callee {bob_connected:?}; \
         first video {first_video:?}; channel {channel_open:?}"
    );

    bob.link.send_text("안녕").await.expect("sent");
    alice.wait(|event| matches!(event, LinkEvent::ChannelText(text) if text == "안녕")).await;
    bob.link.request_key_frame().await;
    alice.wait(|event| matches!(event, LinkEvent::KeyFrameWanted)).await;

    alice.link.close().await;
    alice.wait(|event| matches!(event, LinkEvent::Closed { .. })).await;
    bob.link.close().await;
    bob.wait(|event| matches!(event, LinkEvent::Closed { .. })).await;
}
