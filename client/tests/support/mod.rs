//! Real processes for tests: a signal server in this process, clients as children, and what their reports say.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod browser;
pub mod client;
pub mod clip;
pub mod display;
pub mod namespace;
pub mod server;
pub mod sound_server;
pub mod xvfb;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long anything may take before a test gives up. Far above what is expected: it only bounds a failure. The virtual
/// machine for devices is emulated, and many times slower.
pub fn deadline() -> Duration {
    Duration::from_secs(if std::env::var_os("MARU_DEVICE_VM").is_some() { 400 } else { 60 })
}

/// The client: this build's, or the one in the folder `MARU_BIN`.
pub fn maru() -> PathBuf {
    std::env::var_os("MARU_BIN").map_or_else(|| env!("CARGO_BIN_EXE_maru").into(), |bin| Path::new(&bin).join("maru"))
}

/// Calls are heavy: one test at a time holds one, so that a machine of two cores keeps up.
pub fn one_call_at_a_time() -> MutexGuard<'static, ()> {
    static CALL: Mutex<()> = Mutex::new(());
    CALL.lock().unwrap_or_else(PoisonError::into_inner)
}
