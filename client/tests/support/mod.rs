#![allow(dead_code, reason = "each test binary uses a part")]

pub mod media;
pub mod pair;
