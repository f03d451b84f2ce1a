//! What a call takes from its surroundings: clock, timers, tasks, sockets, servers and devices. In a simulation all of
//! them are simulated, and the session's own code runs on them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use maru_core::media::{AccessUnit, AudioPacket, AudioTarget, VideoLayerId, VideoTarget};
use maru_core::rtp::RtpTime;
use maru_core::send_queue::SendQueueDelay;
use maru_core::time::Timestamp;
use webrtc::runtime::Runtime;

use super::server::Servers;
use crate::clock;
use crate::media::{FrameSlot, Media, MediaOutputs, PeerMedia, PeerSound, ReceiveStats, SendStats};

/// See the [module](self).
pub struct Surroundings {
    /// Clock, timers, tasks and sockets.
    pub runtime: Arc<dyn Runtime>,
    pub servers: Box<dyn Servers>,
    pub media: Arc<dyn CallMedia>,
    /// The addresses of this machine that a participant might reach. Asked anew for each connection.
    pub addresses: Arc<dyn Fn() -> Vec<IpAddr> + Send + Sync>,
    /// Since whenever. Unlike the clock of `runtime` it goes on while this machine sleeps.
    pub time_of_day: Arc<dyn Fn() -> Duration + Send + Sync>,
}

/// Devices and codecs, as a call uses them. No method waits.
pub trait CallMedia: Send + Sync {
    /// Starts encoding for this call.
    fn attach(&self) -> MediaOutputs;
    /// Starts decoding and playing a participant.
    fn add_participant(&self, name: &str) -> Arc<dyn ParticipantMedia>;
    /// Limits of a simulcast layer, and the send queues of those who take it. While all of these are long, no frame of the
    /// layer is encoded.
    fn set_video_layer(&self, layer: VideoLayerId, target: VideoTarget, send_queues: Vec<Arc<SendQueueDelay>>);
    /// How the microphone is encoded.
    fn set_audio(&self, target: AudioTarget);
    /// The layer's next frame is a key frame. `at_once`: even while the send queues are long.
    fn request_key_frame(&self, layer: VideoLayerId, at_once: bool);
    fn set_muted(&self, muted: bool);
    fn set_camera_on(&self, on: bool);
    fn is_camera_available(&self) -> bool;
    fn stats(&self) -> SendStats;
}

/// Decoder and playback of one participant. Dropping it ends them. No method waits.
pub trait ParticipantMedia: Send + Sync {
    /// `false`: the unit was dropped, and a key frame is needed.
    fn push_video(&self, unit: AccessUnit) -> bool;
    fn push_audio(&self, packet: AudioPacket);
    /// Which audio, by its RTP time, reached the loudspeaker last, and when.
    fn heard(&self) -> Option<(Timestamp, RtpTime)>;
    /// Whether the decoder needs a key frame. Reading clears it.
    fn take_key_frame_request(&self) -> bool;
    fn set_name(&self, name: &str);
    fn set_camera_on(&self, on: bool);
    fn frames(&self) -> FrameSlot;
    fn sound(&self) -> PeerSound;
    fn stats(&self) -> ReceiveStats;
}

/// Now, by the clock of `runtime`.
pub(super) fn now(runtime: &dyn Runtime) -> Timestamp {
    clock::timestamp(runtime.now())
}

/// Waits until `deadline`; for ever if there is none.
pub(super) async fn until(runtime: &dyn Runtime, deadline: Option<Timestamp>) {
    match deadline {
        Some(deadline) => runtime.sleep(deadline.since(now(runtime))).await,
        None => std::future::pending().await,
    }
}

impl CallMedia for Media {
    fn attach(&self) -> MediaOutputs {
        self.attach()
    }

    fn add_participant(&self, name: &str) -> Arc<dyn ParticipantMedia> {
        Arc::new(self.add_peer(name))
    }

    fn set_audio(&self, target: AudioTarget) {
        self.set_audio(target);
    }

    fn set_video_layer(&self, layer: VideoLayerId, target: VideoTarget, send_queues: Vec<Arc<SendQueueDelay>>) {
        self.set_video_layer(layer, target, send_queues);
    }

    fn request_key_frame(&self, layer: VideoLayerId, at_once: bool) {
        self.request_key_frame(layer, at_once);
    }

    fn set_muted(&self, muted: bool) {
        self.set_muted(muted);
    }

    fn set_camera_on(&self, on: bool) {
        self.set_camera_on(on);
    }

    fn is_camera_available(&self) -> bool {
        self.is_camera_available()
    }

    fn stats(&self) -> SendStats {
        self.stats()
    }
}

impl ParticipantMedia for PeerMedia {
    fn push_video(&self, unit: AccessUnit) -> bool {
        self.push_video(unit)
    }

    fn push_audio(&self, packet: AudioPacket) {
        self.push_audio(packet);
    }

    fn heard(&self) -> Option<(Timestamp, RtpTime)> {
        self.heard()
    }

    fn take_key_frame_request(&self) -> bool {
        self.take_key_frame_request()
    }

    fn set_name(&self, name: &str) {
        self.set_name(name);
    }

    fn set_camera_on(&self, on: bool) {
        self.set_camera_on(on);
    }

    fn frames(&self) -> FrameSlot {
        self.frames()
    }

    fn sound(&self) -> PeerSound {
        self.sound()
    }

    fn stats(&self) -> ReceiveStats {
        self.stats()
    }
}
