//! Two links over the simulated network, and media for them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod media;
pub mod pair;
pub mod party;
