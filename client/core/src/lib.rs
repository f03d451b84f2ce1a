//! The logic of a call: no I/O, no threads, no clock. Time is an argument ([`time::Timestamp`]), so all of it runs in
//! simulation.
#![forbid(unsafe_code)]

pub mod chat;
pub mod h264;
pub mod key_frames;
pub mod barcode;
pub mod convert;
pub mod media;
pub mod negotiation;
pub mod picture;
pub mod roster;
pub mod quality;
pub mod scale;
pub mod test_picture;
pub mod time;
pub mod video_receiver;
pub mod video_share;
