//! Reuses the buffers of frames.

use std::sync::Arc;

use maru_core::frame::{I420, VideoFrame};

/// One in a slot, one in the window, one in a codec or a file, and one that is being filled.
const CAPACITY: usize = 4;

/// Remembers up to [`CAPACITY`] published frames, and reuses the buffer of one that nobody else holds any more.
#[derive(Default)]
pub(super) struct FramePool {
    published: Vec<Arc<VideoFrame>>,
}

impl FramePool {
    /// A buffer of unspecified size and contents.
    pub(super) fn image(&mut self) -> I420 {
        let free = self.published.iter().position(|frame| Arc::strong_count(frame) == 1);
        free.and_then(|index| Arc::into_inner(self.published.swap_remove(index)))
            .map_or_else(|| I420::black(0, 0), |frame| frame.image)
    }

    pub(super) fn publish(&mut self, frame: VideoFrame) -> Arc<VideoFrame> {
        let frame = Arc::new(frame);
        if self.published.len() < CAPACITY {
            self.published.push(Arc::clone(&frame));
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maru_core::rtp::RtpTime;
    use maru_core::time::Timestamp;

    #[test]
    fn a_buffer_is_reused_once_nobody_else_holds_its_frame() {
        let mut pool = FramePool::default();
        let mut image = pool.image();
        image.reshape(64, 48);
        let buffer = image.y.as_ptr();
        let held =
            pool.publish(VideoFrame { image, at: Timestamp::ZERO, rtp_time: RtpTime::new(0), source_frame: None });
        assert_eq!(pool.image().y.len(), 0, "still in use");
        drop(held);
        assert_eq!(pool.image().y.as_ptr(), buffer);
    }
}
