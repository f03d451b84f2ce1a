//! What a link does to packets: delay, jitter, loss, a rate with a queue. Tests in simulation ask it for the fate of
//! each packet; the program of this package applies it to real ones.

mod path;
mod rng;

pub use path::{Path, PathConfig, PathStats, Verdict};
