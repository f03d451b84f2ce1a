//! Two connections over the simulated network, and media for them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod media;
pub mod pair;

use maru_simnet::Sim;
use tracing_subscriber::EnvFilter;

/// A world for connections. `RUST_LOG=rtc=debug` shows what the stacks do in it.
pub fn new_sim(seed: u64) -> Sim {
    // Fails when another test of this process was first: one is enough.
    let _ = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_test_writer().try_init();
    // The process's clock must not begin later than the world.
    maru::clock::now();
    Sim::new(seed)
}
