//! The logic of a call: no I/O, no threads, no clock. Time is an argument ([`time::Timestamp`]), so all of it runs in
//! simulation.
#![forbid(unsafe_code)]

pub mod media;
pub mod mix;
pub mod picture;
pub mod playout;
pub mod test_sound;
pub mod time;
