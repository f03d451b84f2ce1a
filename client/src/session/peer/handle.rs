//! What the call holds of a peer's task: queues that never make the call wait.

use std::sync::Arc;

use maru_core::media::{EncodedAudio, EncodedVideo};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{PathState, PeerInput};

/// A quarter of a second of frames; more would be too late to be of use.
pub(super) const VIDEO_QUEUE_UNITS: usize = 8;
/// Half a second of sound.
pub(super) const AUDIO_QUEUE_PACKETS: usize = 25;

pub(in crate::session) struct PeerHandle {
    inputs: mpsc::Sender<PeerInput>,
    video: mpsc::Sender<Arc<EncodedVideo>>,
    audio: mpsc::Sender<Arc<EncodedAudio>>,
    path: Arc<PathState>,
    task: JoinHandle<()>,
    connected: bool,
    needs_key_frame: bool,
}

impl PeerHandle {
    pub(super) fn new(
        inputs: mpsc::Sender<PeerInput>,
        video: mpsc::Sender<Arc<EncodedVideo>>,
        audio: mpsc::Sender<Arc<EncodedAudio>>,
        path: Arc<PathState>,
        task: JoinHandle<()>,
    ) -> Self {
        Self { inputs, video, audio, path, task, connected: false, needs_key_frame: true }
    }

    /// Full means that the peer's task hangs: what is said to it then is lost, and counted in the log.
    pub(in crate::session) fn tell(&self, input: PeerInput) {
        if let Err(error) = self.inputs.try_send(input) {
            tracing::warn!(%error, "a peer's task does not listen");
        }
    }

    /// The connection stands: media may flow, beginning with a key frame.
    pub(in crate::session) fn connected(&mut self) {
        self.connected = true;
        self.needs_key_frame = true;
    }

    /// Bits per second that the way to the peer carries; `None` while there is none.
    pub(in crate::session) fn unrepaired_bps(&self) -> Option<u32> {
        self.connected.then(|| self.path.unrepaired_bps())
    }

    /// Whether the peer needs a key frame, without having said so yet.
    pub(in crate::session) fn take_need_of_key_frame(&self) -> bool {
        self.connected && self.path.take_need_of_key_frame()
    }

    /// The peer's decoder cannot go on without a key frame.
    pub(in crate::session) fn needs_key_frame(&mut self) {
        self.needs_key_frame = true;
    }

    /// Queues a frame, unless the peer has to wait for a key frame. `false`: it had to be dropped, and a key frame is
    /// needed.
    pub(in crate::session) fn send_video(&mut self, unit: &Arc<EncodedVideo>) -> bool {
        if !self.connected || (self.needs_key_frame && !unit.unit.is_key) {
            return true;
        }
        let sent = self.video.try_send(Arc::clone(unit)).is_ok();
        self.needs_key_frame = !sent;
        sent
    }

    /// Queues a packet of sound; drops it if half a second is waiting already.
    pub(in crate::session) fn send_audio(&self, packet: &Arc<EncodedAudio>) {
        if self.connected && self.audio.try_send(Arc::clone(packet)).is_err() {
            tracing::debug!("sound was dropped on its way to a peer");
        }
    }

    /// Waits until the task has ended.
    pub(in crate::session) async fn ended(self) {
        drop((self.inputs, self.video, self.audio));
        let _ = self.task.await;
    }
}
