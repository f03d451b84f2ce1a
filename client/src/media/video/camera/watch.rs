//! Notices that a camera has stalled. Time is passed in.

use std::time::Duration;

use maru_core::time::Timestamp;

use super::error::CameraError;

/// A camera without a usable frame for this long is closed and opened again. The slowest cameras deliver one frame per
/// second.
pub(super) const STALLED_AFTER: Duration = Duration::from_secs(2);

/// The time since the last usable frame, and why the frames since then could not be used.
#[derive(Debug)]
pub(super) struct FrameWatch {
    last_frame: Timestamp,
    broken: Option<String>,
}

impl FrameWatch {
    /// A usable frame came at `now`, or the camera was opened.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { last_frame: now, broken: None }
    }

    /// A frame came that cannot be used. Some cameras begin with a few of them.
    pub(super) fn broken_frame(&mut self, reason: String) {
        self.broken = Some(reason);
    }

    /// # Errors
    /// No usable frame has come for [`STALLED_AFTER`]: [`CameraError::Stalled`], or the reason if broken frames came.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), CameraError> {
        if now.since(self.last_frame) < STALLED_AFTER {
            return Ok(());
        }
        Err(self.broken.clone().map_or(CameraError::Stalled, CameraError::Unusable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: Timestamp = Timestamp::from_micros(7_000_000);

    #[test]
    fn a_camera_stalls_after_two_seconds_without_a_frame() {
        let watch = FrameWatch::new(OPENED);
        assert_eq!(watch.check(OPENED + Duration::from_millis(1999)), Ok(()));
        assert_eq!(watch.check(OPENED + STALLED_AFTER), Err(CameraError::Stalled));
    }

    #[test]
    fn broken_frames_are_no_frames_but_give_the_reason() {
        let mut watch = FrameWatch::new(OPENED);
        watch.broken_frame("broken JPEG".into());
        assert_eq!(watch.check(OPENED + Duration::from_secs(1)), Ok(()), "a camera may begin with some");
        assert_eq!(watch.check(OPENED + STALLED_AFTER), Err(CameraError::Unusable("broken JPEG".into())));
    }
}
