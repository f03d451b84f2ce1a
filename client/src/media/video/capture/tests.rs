use std::sync::mpsc::{Receiver, sync_channel};

use maru_core::barcode;
use maru_core::frame::I420;

use super::super::encoder::EncoderThread;
use super::super::y4m::Y4mWriter;
use super::*;

struct Bench {
    capture: Capture,
    encoder: EncoderThread,
    self_view: FrameSlot,
    wakes: Receiver<()>,
    events: mpsc::Receiver<MediaEvent>,
}

fn bench(choice: DeviceChoice, on: bool) -> Bench {
    let (woken, wakes) = sync_channel(1);
    let wake = Wake::default();
    wake.set(Arc::new(move || {
        let _ = woken.try_send(());
    }));
    let (sender, events) = mpsc::channel(16);
    let encoder = EncoderThread::start(sender.clone());
    let self_view = FrameSlot::default();
    let outlets = Outlets {
        encoder: encoder.input(),
        self_view: self_view.clone(),
        wake,
        events: sender,
        report: Report::none(),
        rtp_offset: 77,
    };
    Bench { capture: Capture::start(choice, on, outlets), encoder, self_view, wakes, events }
}

impl Bench {
    /// Waits until the self view is as wanted.
    fn wait_for(&self, wanted: impl Fn(Option<&VideoFrame>) -> bool) {
        while !wanted(self.self_view.get().as_deref()) {
            self.wakes.recv().expect("the capture thread is there");
        }
    }
}

fn opened(name: &str) -> MediaEvent {
    MediaEvent::Opened { device: DeviceKind::Camera, name: name.into(), instead_of: None }
}

#[test]
fn the_test_pattern_is_captured_with_its_number_and_rtp_time() {
    let mut bench = bench(DeviceChoice::Test, true);
    bench.wait_for(|frame| frame.is_some_and(|frame| frame.source_frame >= Some(2)));
    let frame = bench.self_view.get().expect("a frame");
    assert_eq!(barcode::read(&frame.image).map(u64::from), frame.source_frame);
    assert_eq!(frame.rtp_time, frame.at.rtp_time(90_000) + 77);
    assert_eq!((frame.image.width, frame.image.height), (1280, 720));
    assert_eq!(bench.events.blocking_recv(), Some(opened("test pattern")));
    assert!(bench.encoder.stats().captured >= 3);
}

#[test]
fn the_self_view_is_empty_while_the_camera_is_off() {
    let bench = bench(DeviceChoice::Test, true);
    bench.wait_for(|frame| frame.is_some());
    bench.capture.set_on(false);
    assert!(!bench.capture.is_available());
    bench.wait_for(|frame| frame.is_none());
    bench.capture.set_on(true);
    assert!(bench.capture.is_available(), "it is being opened");
    bench.wait_for(|frame| frame.is_some());
}

#[test]
fn a_file_replaces_the_test_pattern_and_plays_in_a_loop() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("clip.y4m");
    let mut writer = Y4mWriter::new(std::fs::File::create(&path).expect("created"), 320, 180).expect("begun");
    let mut image = I420::black(320, 180);
    for number in 0..3 {
        barcode::write(&mut image, 1000 + number);
        writer.write(&image).expect("written");
    }
    drop(writer);
    let mut bench = bench(DeviceChoice::Test, true);
    bench.wait_for(|frame| frame.is_some());
    bench.capture.set_choice(DeviceChoice::File(path.clone()));
    let is = |index| {
        move |frame: Option<&VideoFrame>| {
            frame.is_some_and(|frame| frame.image.width == 320 && frame.source_frame == Some(index))
        }
    };
    bench.wait_for(is(2));
    assert_eq!(barcode::read(&bench.self_view.get().expect("a frame").image).map(|n| n / 1000), Some(1));
    bench.wait_for(is(0));
    bench.wait_for(is(2));
    assert_eq!(bench.events.blocking_recv(), Some(opened("test pattern")));
    assert_eq!(bench.events.blocking_recv(), Some(opened(&path.display().to_string())));
}

#[test]
fn a_camera_that_is_not_found_is_reported_once_and_another_choice_works() {
    let name = "no camera is called like this".to_owned();
    let mut bench = bench(DeviceChoice::Named(name.clone()), true);
    let problem = DeviceProblem::NotFound { name };
    let failed = MediaEvent::Failed { device: DeviceKind::Camera, problem };
    assert_eq!(bench.events.blocking_recv(), Some(failed));
    assert!(!bench.capture.is_available());
    bench.capture.set_choice(DeviceChoice::Test);
    bench.wait_for(|frame| frame.is_some());
    assert_eq!(bench.events.blocking_recv(), Some(opened("test pattern")));
}
