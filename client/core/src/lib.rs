//! The logic of a call: no I/O, no threads, no clock. Time is an argument ([`time::Timestamp`]), so all of it runs in
//! simulation.
#![forbid(unsafe_code)]

pub mod barcode;
pub mod call;
pub mod chat;
pub mod congestion;
pub mod convert;
pub mod cpu_guard;
pub mod downmix;
pub mod echo_reference;
pub mod fec;
pub mod fec_arrivals;
pub mod frame;
pub mod h264;
pub mod key_frames;
pub mod ladder;
pub mod layer_control;
pub mod lip_sync;
pub mod media;
pub mod mix;
pub mod negotiation;
pub mod pacer;
pub mod playout;
pub mod quality;
pub mod red;
pub mod rtp;
pub mod sample_clock;
pub mod scale;
pub mod send_queue;
pub mod spectrum;
pub mod speech;
pub mod test_pattern;
pub mod test_sound;
pub mod time;
pub mod video_playout;
pub mod video_receiver;
pub mod video_share;
