//! A capture, and what the picture shows.

use std::time::Duration;

use maru_core::convert;
use maru_core::frame::I420;
use maru_screen::{Capture, Desktop, Options, ScreenError, Target};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// In which nothing is to happen.
const MOMENT: Duration = Duration::from_millis(80);

pub(crate) struct Shot {
    pub(crate) capture: Capture,
    pub(crate) image: I420,
}

impl Shot {
    /// Opens a capture without the pointer and takes the first picture.
    pub(crate) fn of(desktop: &Desktop, target: &Target) -> Self {
        Self::with(desktop, target, Options { pointer: false, max_fps: 200 })
    }

    pub(crate) fn with(desktop: &Desktop, target: &Target, options: Options) -> Self {
        let capture = Capture::open(desktop, target, options).expect("it can be captured");
        let mut shot = Self { capture, image: I420::black(0, 0) };
        shot.next();
        shot
    }

    /// The next picture, which has to come.
    pub(crate) fn next(&mut self) {
        assert_eq!(self.capture.next(&mut self.image, PATIENCE), Ok(true));
    }

    /// Waits until the picture is as described: a change may reach it in several pictures.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            let next = self.capture.next(&mut self.image, PATIENCE);
            assert_eq!(next, Ok(true), "{what}: no more pictures");
        }
    }

    /// Takes what still comes of past changes, then nothing comes.
    pub(crate) fn rests(&mut self) {
        while self.capture.next(&mut self.image, MOMENT) == Ok(true) {}
        self.stays();
    }

    /// What was done meanwhile is no change.
    pub(crate) fn stays(&mut self) {
        assert_eq!(self.capture.next(&mut self.image, MOMENT), Ok(false));
    }

    /// How the capture ends.
    pub(crate) fn end(&mut self) -> ScreenError {
        loop {
            match self.capture.next(&mut self.image, PATIENCE) {
                Ok(true) => {}
                Ok(false) => panic!("it does not end"),
                Err(error) => return error,
            }
        }
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.image.width, self.image.height)
    }

    /// Whether the pixel is of this colour (RGB), as I420 has it.
    pub(crate) fn is(&self, x: usize, y: usize, colour: u32) -> bool {
        let image = &self.image;
        let mut same = I420::black(0, 0);
        let pixels = colour.to_le_bytes().repeat(image.width as usize * image.height as usize);
        convert::bgra_to_i420(&pixels, image.width, image.height, &mut same).expect("whole");
        let luma = y * image.width as usize + x;
        let chroma = y / 2 * image.chroma_width() as usize + x / 2;
        let near = |a: u8, b: u8| a.abs_diff(b) <= 2;
        near(image.y[luma], same.y[luma])
            && near(image.u[chroma], same.u[chroma])
            && near(image.v[chroma], same.v[chroma])
    }

    pub(crate) fn assert_is(&self, x: usize, y: usize, colour: u32) {
        assert!(self.is(x, y, colour), "no {colour:06x} at {x},{y} of {:?}", self.size());
    }
}
