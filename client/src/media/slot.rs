//! Pictures from media threads to the window.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use maru_core::picture::Picture;

/// The newest picture, and nothing older.
#[derive(Clone, Default)]
pub struct PictureSlot {
    shared: Arc<SlotShared>,
}

#[derive(Default)]
struct SlotShared {
    picture: Mutex<Option<Arc<Picture>>>,
    generation: AtomicU64,
}

impl PictureSlot {
    /// Replaces the picture; `None` when the sender's camera is off.
    pub fn put(&self, picture: Option<Arc<Picture>>) {
        *self.shared.picture.lock().unwrap_or_else(PoisonError::into_inner) = picture;
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    pub fn get(&self) -> Option<Arc<Picture>> {
        self.shared.picture.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes whenever the picture does.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for PictureSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureSlot").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

/// What the window asked to be called for each new picture. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Wake {
    wake: Arc<Mutex<Option<Arc<dyn Fn() + Send + Sync>>>>,
}

impl Wake {
    pub(super) fn set(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }

    pub(super) fn call(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maru_core::picture::I420;
    use maru_core::time::Timestamp;

    #[test]
    fn the_newest_picture_wins_and_the_generation_moves() {
        let slot = PictureSlot::default();
        let picture = |rtp_time| {
            let image = I420::black(2, 2);
            Some(Arc::new(Picture { image, at: Timestamp::ZERO, rtp_time, source_frame: None }))
        };
        let before = slot.generation();
        slot.put(picture(1));
        slot.put(picture(2));
        assert_eq!(slot.get().map(|p| p.rtp_time), Some(2));
        assert_eq!(slot.generation(), before + 2);
        slot.put(None);
        assert!(slot.get().is_none());
    }
}
