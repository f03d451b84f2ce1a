//! A model of a network link: delay, jitter, loss, and a rate with a queue. Simulated calls ask it for the fate of each
//! packet; the program of this package applies it to real packets.

mod path;
mod rng;

pub use path::{HEADER_BYTES, Path, PathConfig, PathStats, Verdict};
