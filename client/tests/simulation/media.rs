//! Devices and codecs that need none: frames and audio whose every byte tells where it comes from, as large as the call
//! asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use maru::clock;
use maru::media::{FrameSlot, LayerStats, MediaOutputs, PeerSound, ReceiveStats, SendStats};
use maru::session::surroundings::{CallMedia, ParticipantMedia};
use maru_core::frame::{I420, VideoFrame};
use maru_core::layer_control::{Admission, LayerControl};
use maru_core::media::{
    AccessUnit, AudioPacket, AudioTarget, EncodedAudio, EncodedVideo, MAX_LAYERS, VideoLayerId, VideoTarget,
};
use maru_core::rtp::RtpTime;
use maru_core::send_queue::SendQueueDelay;
use maru_core::time::Timestamp;
use tokio::sync::mpsc;
use webrtc::runtime::Runtime;

/// The longest time between two of `times` between `from` and `to`.
pub fn longest_gap(times: impl Iterator<Item = Duration>, from: Duration, to: Duration) -> Duration {
    let mut all = vec![from];
    all.extend(times.filter(|at| (from..=to).contains(at)));
    all.push(to);
    all.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default()
}

/// A key frame has so many times the bytes of another frame.
const KEY_FRAME_FACTOR: usize = 4;

pub struct SyntheticMedia {
    /// Itself, for the tasks that film and talk: they end with it.
    this: Weak<Self>,
    runtime: Arc<dyn Runtime>,
    /// Since the world began.
    clock: Clock,
    camera: Mutex<Camera>,
    participants: Mutex<Vec<(String, Arc<Receiver>)>>,
}

struct Camera {
    layers: [LayerControl; MAX_LAYERS],
    is_muted: bool,
    is_on: bool,
    stats: SendStats,
    key_frames: u64,
    /// The copies of each frame in all layers, by their RTP time.
    sent: BTreeMap<u32, Vec<Bytes>>,
}

type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What came from one participant.
pub struct Receiver {
    runtime: Arc<dyn Runtime>,
    clock: Clock,
    frames: FrameSlot,
    received: Mutex<Received>,
}

/// An audio packet, with its times since the world began.
struct Heard {
    at: Duration,
    spoken: Duration,
    number: u32,
}

#[derive(Default)]
struct Received {
    /// Each with its time since the world began.
    units: Vec<(Duration, AccessUnit)>,
    audio: Vec<Heard>,
}

impl SyntheticMedia {
    pub fn new(runtime: Arc<dyn Runtime>, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Arc<Self> {
        let camera = Camera {
            layers: Default::default(),
            is_muted: false,
            is_on: true,
            stats: SendStats { source_height: 720, ..SendStats::default() },
            key_frames: 0,
            sent: BTreeMap::new(),
        };
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            runtime,
            clock: Arc::new(clock),
            camera: Mutex::new(camera),
            participants: Mutex::default(),
        })
    }

    /// What came from the participant that joined last under this name.
    pub fn of(&self, name: &str) -> Arc<Receiver> {
        let participants = self.participants.lock().unwrap_or_else(PoisonError::into_inner);
        let found = participants.iter().rev().find(|(joined, _)| joined == name);
        Arc::clone(&found.unwrap_or_else(|| panic!("nobody is called {name}")).1)
    }

    /// The copies of each frame in all layers, by their RTP time.
    pub fn sent(&self) -> BTreeMap<u32, Vec<Bytes>> {
        self.camera().sent.clone()
    }

    /// The camera's picture has this height from now on.
    pub fn set_source_height(&self, height: u32) {
        self.camera().stats.source_height = height;
    }

    pub fn key_frames(&self) -> u64 {
        self.camera().key_frames
    }

    /// Limits of the layers that somebody takes.
    pub fn targets(&self) -> Vec<VideoTarget> {
        let camera = self.camera();
        camera.layers.iter().map(LayerControl::target).filter(|target| target.bitrate_bps > 0).collect()
    }

    fn camera(&self) -> MutexGuard<'_, Camera> {
        self.camera.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn film(media: Weak<SyntheticMedia>, runtime: Arc<dyn Runtime>, frames: mpsc::Sender<EncodedVideo>) {
    for number in 0.. {
        runtime.sleep(Duration::from_secs(1) / 30).await;
        let Some(media) = media.upgrade() else { return };
        if frames.is_closed() {
            return;
        }
        for frame in media.camera().next_frames(number, clock::timestamp(runtime.now())) {
            let layer = frame.layer;
            if frames.try_send(frame).is_err() {
                media.camera().layers[layer.0].request_key_frame(false);
            }
        }
    }
}

async fn talk(media: Weak<SyntheticMedia>, runtime: Arc<dyn Runtime>, packets: mpsc::Sender<EncodedAudio>) {
    for number in 0u32.. {
        runtime.sleep(Duration::from_millis(20)).await;
        let Some(media) = media.upgrade() else { return };
        if packets.is_closed() {
            return;
        }
        if media.camera().is_muted {
            continue;
        }
        let payload = spoken(number, (media.clock)());
        let captured = clock::timestamp(runtime.now());
        // Full: it is dropped, as the real encoder does.
        let _ = packets.try_send(EncodedAudio {
            payload,
            rtp_time: RtpTime::new(u64::from(number) * 960),
            marker: number == 0,
            captured,
        });
    }
}

/// 20 ms of Opus at 32 kbit/s are as long.
const AUDIO_BYTES: usize = 80;

/// An audio packet that tells its number and when it was spoken, since the world began.
fn spoken(number: u32, at: Duration) -> Bytes {
    let mut payload = BytesMut::zeroed(AUDIO_BYTES);
    let mut fields = &mut payload[..];
    fields.put_u32(number);
    fields.put_u64(at.as_micros() as u64);
    payload.freeze()
}

impl Camera {
    /// One of each layer.
    fn next_frames(&mut self, number: u32, captured: Timestamp) -> Vec<EncodedVideo> {
        if !self.is_on {
            return Vec::new();
        }
        self.stats.captured += 1;
        (0..MAX_LAYERS).filter_map(|layer| self.encode(number, captured, layer)).collect()
    }

    fn encode(&mut self, number: u32, captured: Timestamp, layer: usize) -> Option<EncodedVideo> {
        let (control, stats) = (&mut self.layers[layer], &mut self.stats.layers[layer]);
        let target = match control.admit() {
            Admission::Off => {
                *stats = LayerStats { height: 0, ..*stats };
                return None;
            }
            Admission::Dropped => {
                stats.dropped_backlog += 1;
                return None;
            }
            Admission::Encode(target) => target,
        };
        // A change of size begins with a key frame.
        let is_key = control.take_key_wanted() | (target.max_height != stats.height);
        let bytes = (target.bitrate_bps as usize / 8 / 30).max(100);
        let rtp_time = captured.rtp_time(90_000);
        // The copies of one frame differ.
        let data = frame_bytes(number * MAX_LAYERS as u32 + layer as u32, bytes, is_key);
        stats.encoded += 1;
        (stats.width, stats.height) = (target.max_width, target.max_height);
        self.key_frames += u64::from(is_key);
        self.sent.entry(rtp_time.truncated()).or_default().push(data.clone());
        let unit = AccessUnit { data, is_key, rtp_time };
        let is_discardable = target.temporal_layers > 1 && number % 2 == 1 && !is_key;
        let (width, height) = (target.max_width, target.max_height);
        Some(EncodedVideo { layer: VideoLayerId(layer), unit, is_discardable, captured, width, height })
    }
}

/// An access unit of which no start code can be made but its own.
fn frame_bytes(number: u32, bytes: usize, is_key: bool) -> Bytes {
    let mut data = BytesMut::new();
    if is_key {
        data.put_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xda]);
        data.put_slice(&[0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80]);
    }
    data.put_slice(&[0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }]);
    let body = if is_key { bytes * KEY_FRAME_FACTOR } else { bytes };
    data.extend((0..body).map(|i| ((i as u32).wrapping_mul(31).wrapping_add(number) % 255) as u8 + 1));
    data.freeze()
}

impl CallMedia for SyntheticMedia {
    fn attach(&self) -> MediaOutputs {
        let (frames, video) = mpsc::channel(4);
        let (packets, audio) = mpsc::channel(16);
        let runtime = &self.runtime;
        runtime.spawn(Box::pin(film(self.this.clone(), Arc::clone(runtime), frames))).detach();
        runtime.spawn(Box::pin(talk(self.this.clone(), Arc::clone(runtime), packets))).detach();
        MediaOutputs { video, audio }
    }

    fn add_participant(&self, name: &str) -> Arc<dyn ParticipantMedia> {
        let receiver = Arc::new(Receiver {
            runtime: Arc::clone(&self.runtime),
            clock: Arc::clone(&self.clock),
            frames: FrameSlot::default(),
            received: Mutex::default(),
        });
        let mut participants = self.participants.lock().unwrap_or_else(PoisonError::into_inner);
        participants.push((name.to_owned(), Arc::clone(&receiver)));
        receiver
    }

    fn set_audio(&self, _: AudioTarget) {}

    fn set_video_layer(&self, layer: VideoLayerId, target: VideoTarget, send_queues: Vec<Arc<SendQueueDelay>>) {
        self.camera().layers[layer.0].set(target, send_queues);
    }

    fn request_key_frame(&self, layer: VideoLayerId, at_once: bool) {
        self.camera().layers[layer.0].request_key_frame(at_once);
    }

    fn set_muted(&self, muted: bool) {
        self.camera().is_muted = muted;
    }

    fn set_camera_on(&self, on: bool) {
        self.camera().is_on = on;
    }

    fn is_camera_available(&self) -> bool {
        self.camera().is_on
    }

    fn stats(&self) -> SendStats {
        self.camera().stats
    }
}

impl Receiver {
    /// Complete frames, each with its time since the world began.
    pub fn units(&self) -> Vec<(Duration, AccessUnit)> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).units.clone()
    }

    /// Numbers of the audio packets, in the order of arrival.
    pub fn audio(&self) -> Vec<u32> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).audio.iter().map(|heard| heard.number).collect()
    }

    /// The longest time without an audio packet between `from` and `to`.
    pub fn longest_silence(&self, from: Duration, to: Duration) -> Duration {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        longest_gap(received.audio.iter().map(|heard| heard.at), from, to)
    }

    /// How long each audio packet that came between `from` and `to` was on its way, the shortest first.
    pub fn sound_delays(&self, from: Duration, to: Duration) -> Vec<Duration> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = received.audio.iter().filter(|heard| (from..=to).contains(&heard.at));
        let mut delays: Vec<_> = heard.map(|heard| heard.at.saturating_sub(heard.spoken)).collect();
        delays.sort();
        delays
    }
}

impl ParticipantMedia for Receiver {
    fn push_video(&self, unit: AccessUnit) -> bool {
        let at = clock::timestamp(self.runtime.now());
        let image = I420::black(2, 2);
        self.frames.put(Some(Arc::new(VideoFrame { image, at, rtp_time: unit.rtp_time, source_frame: None })));
        self.received.lock().unwrap_or_else(PoisonError::into_inner).units.push(((self.clock)(), unit));
        true
    }

    fn push_audio(&self, packet: AudioPacket) {
        let mut fields = packet.payload.as_ref();
        let (Ok(number), Ok(spoken_us)) = (fields.try_get_u32(), fields.try_get_u64()) else { return };
        let heard = Heard { at: (self.clock)(), spoken: Duration::from_micros(spoken_us), number };
        self.received.lock().unwrap_or_else(PoisonError::into_inner).audio.push(heard);
    }

    fn heard(&self) -> Option<(Timestamp, RtpTime)> {
        None
    }

    fn take_key_frame_request(&self) -> bool {
        false
    }

    fn set_name(&self, _name: &str) {}

    fn set_camera_on(&self, on: bool) {
        if !on {
            self.frames.put(None);
        }
    }

    fn frames(&self) -> FrameSlot {
        self.frames.clone()
    }

    fn sound(&self) -> PeerSound {
        PeerSound::default()
    }

    fn stats(&self) -> ReceiveStats {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        ReceiveStats { presented: received.units.len() as u64, ..ReceiveStats::default() }
    }
}
