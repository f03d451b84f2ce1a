//! Which captured frames the encoder of a simulcast layer takes.

use std::sync::Arc;
use std::time::Duration;

use crate::media::VideoTarget;
use crate::send_queue::SendQueueDelay;

/// One and a half frames at 30 frames per second. While more waits in the send queues of all receivers, frames are dropped
/// before encoding: a later frame shows what the camera sees then, this one would only wait.
const MAX_SEND_QUEUE: Duration = Duration::from_millis(50);

/// What to do with a captured frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Nobody takes the layer.
    Off,
    /// Too much waits to be sent.
    Dropped,
    Encode(VideoTarget),
}

/// Settings of one layer's encoder.
#[derive(Debug, Default)]
pub struct LayerControl {
    target: VideoTarget,
    /// Of its receivers.
    send_queues: Vec<Arc<SendQueueDelay>>,
    is_key_wanted: bool,
    is_urgent: bool,
}

impl LayerControl {
    /// Changes limits and receivers.
    pub fn set(&mut self, target: VideoTarget, send_queues: Vec<Arc<SendQueueDelay>>) {
        self.target = target;
        self.send_queues = send_queues;
    }

    /// The next frame is a key frame. `at_once`: whatever waits to be sent, because without it that is of no use.
    pub fn request_key_frame(&mut self, at_once: bool) {
        self.is_key_wanted = true;
        self.is_urgent |= at_once;
    }

    /// See [`VideoTarget`].
    pub fn target(&self) -> VideoTarget {
        self.target
    }

    /// Whether the next frame would be a key frame on request.
    pub fn is_key_wanted(&self) -> bool {
        self.is_key_wanted
    }

    /// Whether to encode the next frame. A receiver whose send queue is long holds up no other one: the call leaves it out.
    pub fn admit(&self) -> Admission {
        if self.target.bitrate_bps == 0 {
            return Admission::Off;
        }
        let least = self.send_queues.iter().map(|queue| queue.get()).min().unwrap_or_default();
        if least > MAX_SEND_QUEUE && !self.is_urgent { Admission::Dropped } else { Admission::Encode(self.target) }
    }

    /// A frame is encoded now. Whether it has to be a key frame.
    pub fn take_key_wanted(&mut self) -> bool {
        self.is_urgent = false;
        std::mem::take(&mut self.is_key_wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: VideoTarget =
        VideoTarget { bitrate_bps: 500_000, max_width: 640, max_height: 360, max_fps: 30, temporal_layers: 1 };

    #[test]
    fn the_encoder_waits_only_while_the_send_queues_of_all_receivers_are_long() {
        let queues = [(); 2].map(|()| Arc::<SendQueueDelay>::default());
        let mut layer = LayerControl::default();
        assert_eq!(layer.admit(), Admission::Off);
        layer.set(TARGET, queues.to_vec());
        queues[0].set(Duration::from_secs(1000));
        assert_eq!(layer.admit(), Admission::Encode(TARGET));
        queues[1].set(Duration::from_millis(51));
        assert_eq!(layer.admit(), Admission::Dropped);
        layer.request_key_frame(false);
        assert_eq!(layer.admit(), Admission::Dropped, "also a key frame");
        layer.request_key_frame(true);
        assert_eq!(layer.admit(), Admission::Encode(TARGET));
        assert!(layer.take_key_wanted() && !layer.take_key_wanted());
        assert_eq!(layer.admit(), Admission::Dropped);
        layer.set(TARGET, Vec::new());
        assert_eq!(layer.admit(), Admission::Encode(TARGET));
    }
}
