//! Hands frames from media threads to the window.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use maru_core::frame::VideoFrame;

/// Holds the newest frame only. Clones share it.
#[derive(Clone, Default)]
pub struct FrameSlot {
    shared: Arc<SlotShared>,
}

#[derive(Default)]
struct SlotShared {
    frame: Mutex<Option<Arc<VideoFrame>>>,
    generation: AtomicU64,
}

impl FrameSlot {
    /// Replaces the frame. `None`: the sender's camera is off.
    pub fn put(&self, frame: Option<Arc<VideoFrame>>) {
        *self.shared.frame.lock().unwrap_or_else(PoisonError::into_inner) = frame;
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    pub fn get(&self) -> Option<Arc<VideoFrame>> {
        self.shared.frame.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes with each [`Self::put`].
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for FrameSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameSlot").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

/// Calls what the window wants to be called when there is something new to draw. Clones share it.
#[derive(Clone, Default)]
pub struct Wake {
    wake: Arc<Mutex<Option<Arc<dyn Fn() + Send + Sync>>>>,
}

impl Wake {
    pub(super) fn set(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }

    /// Sets `flag`, and calls if that changes it.
    pub(super) fn set_flag(&self, flag: &AtomicBool, value: bool) {
        if flag.swap(value, Ordering::Relaxed) != value {
            self.call();
        }
    }

    pub(super) fn call(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            wake();
        }
    }
}

impl std::fmt::Debug for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wake").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maru_core::frame::I420;
    use maru_core::rtp::RtpTime;
    use maru_core::time::Timestamp;

    #[test]
    fn the_newest_frame_wins_and_the_generation_moves() {
        let slot = FrameSlot::default();
        let frame = |rtp_time| {
            let image = I420::black(2, 2);
            Some(Arc::new(VideoFrame {
                image,
                at: Timestamp::ZERO,
                rtp_time: RtpTime::new(rtp_time),
                source_frame: None,
            }))
        };
        let before = slot.generation();
        slot.put(frame(1));
        slot.put(frame(2));
        assert_eq!(slot.get().map(|p| p.rtp_time), Some(RtpTime::new(2)));
        assert_eq!(slot.generation(), before + 2);
        slot.put(None);
        assert!(slot.get().is_none());
    }
}
