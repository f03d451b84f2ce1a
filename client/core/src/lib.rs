//! The logic of a call: no I/O, no threads, no clock. Time is an argument ([`time::Timestamp`]), so all of it runs in
//! simulation.
#![forbid(unsafe_code)]

pub mod barcode;
pub mod convert;
pub mod media;
pub mod picture;
pub mod quality;
pub mod scale;
pub mod test_picture;
pub mod time;
