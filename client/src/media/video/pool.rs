//! Buffers of frames that nobody looks at any more, for the next ones.

use std::sync::Arc;

use maru_core::frame::{I420, VideoFrame};

/// Remembers the last few frames it published and takes their buffers back once all others have let go of them.
#[derive(Default)]
pub(super) struct FramePool {
    published: Vec<Arc<VideoFrame>>,
}

impl FramePool {
    /// A buffer to draw into. Its size and contents are unspecified.
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

/// One in a slot, one with the window, one with a codec or the disk, and one in work.
const CAPACITY: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use maru_core::time::Timestamp;

    #[test]
    fn buffers_come_back_when_nobody_holds_them() {
        let mut pool = FramePool::default();
        let mut image = pool.image();
        image.reshape(64, 48);
        let buffer = image.y.as_ptr();
        let held = pool.publish(VideoFrame { image, at: Timestamp::ZERO, rtp_time: 0, source_frame: None });
        assert_eq!(pool.image().y.len(), 0, "still in use");
        drop(held);
        assert_eq!(pool.image().y.as_ptr(), buffer);
    }
}
