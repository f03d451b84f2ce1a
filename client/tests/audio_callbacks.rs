//! The audio driver's callbacks never allocate.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

use std::time::Duration;

use assert_no_alloc::{AllocDisabler, assert_no_alloc};
use maru::media::audio::callbacks::{input, output};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn the_microphone_callback_allocates_nothing_even_when_its_ring_is_full() {
    let (mut callback, mut end) = input(2, 48_000);
    let (floats, ints) = ([0.25_f32; 960], [1000_i16; 48]);
    assert_no_alloc(|| {
        for _ in 0..200 {
            callback.take(&floats, Duration::from_millis(10));
            callback.take(&ints, Duration::from_millis(10));
        }
    });
    assert!(end.state.missed_frames() > 0, "the ring was full");
    assert_eq!(end.ring.pop(), Ok(0.25));
    drop(end);
    assert_no_alloc(|| callback.take(&floats, Duration::ZERO));
}

#[test]
fn the_speaker_callback_allocates_nothing_even_when_its_ring_is_empty() {
    let (mut callback, mut end) = output(2, 48_000);
    for _ in 0..4800 {
        end.ring.push(0.5).unwrap();
    }
    let (mut floats, mut ints) = ([0.0_f32; 960], [0_i16; 960]);
    assert_no_alloc(|| {
        for _ in 0..20 {
            callback.fill(&mut floats, Duration::from_millis(10));
            callback.fill(&mut ints, Duration::from_millis(10));
        }
    });
    assert!(end.state.missed_frames() > 0, "the ring ran empty");
    drop(end);
    assert_no_alloc(|| callback.fill(&mut floats, Duration::ZERO));
}
