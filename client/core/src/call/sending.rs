//! What is encoded: simulcast layers, as many as the paths of the receivers differ. The number of participants, the paths and
//! the frame size that a bitrate is enough for decide on each.

use std::collections::VecDeque;
use std::time::Duration;

use super::action::{Action, Estimate, LayerTarget};
use super::ids::ConnectionId;
use super::layers::{self, Layers, ReceiverPath};
use crate::cpu_guard::CpuGuard;
use crate::key_frames::KeyFrameThrottle;
use crate::ladder::{self, Ladder, Rung};
use crate::media::{MAX_LAYERS, VideoLayerId, VideoTarget};
use crate::time::Timestamp;
use crate::video_share::VideoShare;

/// Audio with its headers, 50 packets a second.
const AUDIO_BPS: u32 = 60_000;
/// Share of the rest that video payloads get: of 1,280 bytes on the wire 80 are headers, and some packets are
/// retransmitted.
const VIDEO_SHARE: f64 = 0.92;
/// Room for retransmissions.
const RETRANSMITTED: f64 = 1.08;
/// For the first frame over a path that nothing is known of, so that it arrives soon on a narrow one. The estimate of the
/// path replaces it at once.
const FIRST_BPS: u32 = 400_000;
/// What most cameras give, in pixels.
const USUAL_HEIGHT: u32 = 720;
/// Smaller changes of the bitrate do not reach the encoder.
const MIN_CHANGE: f64 = 0.03;

/// Frames at the encoder, counted over some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncoderCounts {
    pub captured: u64,
    /// Of the newest frame, in pixels. 0: there was none.
    pub source_height: u32,
    /// Dropped because the encoder was not ready for them.
    pub dropped_busy: u64,
    /// Dropped before encoding because the send queues were too long, by layer.
    pub dropped_backlog: [u64; MAX_LAYERS],
}

/// A participant that takes our video, and how large it shows it, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Viewer {
    pub(super) estimate: Estimate,
    pub(super) max_height: u32,
}

#[derive(Debug, Default)]
pub(super) struct Sending {
    layers: Layers,
    key_frames: [KeyFrameThrottle; MAX_LAYERS],
    /// Of layers that somebody takes.
    ladders: [Option<Ladder>; MAX_LAYERS],
    targets: Option<[LayerTarget; MAX_LAYERS]>,
    participants: usize,
    /// Media have flowed to one of the participants.
    has_begun: bool,
    cpu: CpuGuard,
    /// Of the camera's picture, in pixels. `None` before the first frame.
    source_height: Option<u32>,
}

impl Sending {
    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.key_frames.iter().filter_map(KeyFrameThrottle::poll_timeout).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        for (layer, key_frames) in layers::all().zip(&mut self.key_frames) {
            if key_frames.poll(now) {
                out.push_back(Action::RequestKeyFrame { layer, at_once: false });
            }
        }
    }

    /// The layer of `connection` begins again with a key frame, for all who take it. `at_once`: whatever waits to be sent.
    pub(super) fn request_key_frame(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        at_once: bool,
        out: &mut VecDeque<Action>,
    ) {
        let Some(layer) = self.layers.layer_of(connection) else { return };
        if at_once {
            out.push_back(Action::RequestKeyFrame { layer, at_once });
        } else if let Some(key_frames) = self.key_frames.get_mut(layer.0) {
            key_frames.request();
            self.handle_timeout(now, out);
        }
    }

    /// The same, if none was made in the last moments: that one may be on its way.
    pub(super) fn request_missing_key_frame(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        out: &mut VecDeque<Action>,
    ) {
        let Some(layer) = self.layers.layer_of(connection) else { return };
        let next = self.key_frames.get(layer.0).and_then(KeyFrameThrottle::next_allowed);
        if next.is_none_or(|at| at <= now) {
            self.request_key_frame(now, connection, false, out);
        }
    }

    pub(super) fn participants(&self) -> usize {
        self.participants
    }

    pub(super) fn participants_changed(&mut self, now: Timestamp, participants: usize, out: &mut VecDeque<Action>) {
        self.participants = participants;
        self.has_begun &= participants > 0;
        self.decide(now, out);
    }

    /// Media can flow over `connection`; nothing is known of its path yet.
    pub(super) fn established(&mut self, now: Timestamp, connection: ConnectionId, out: &mut VecDeque<Action>) {
        self.has_begun = true;
        let shown = self.useful_size(u32::MAX);
        self.layers.add(ReceiverPath { connection, video_bps: FIRST_BPS, shown, send_queue: Duration::ZERO });
        self.decide(now, out);
    }

    /// Gives the connections that get another layer from now on, and need a key frame of it.
    pub(super) fn handle_estimates(
        &mut self,
        now: Timestamp,
        viewers: &[Viewer],
        out: &mut VecDeque<Action>,
    ) -> Vec<ConnectionId> {
        let share_bps = VideoShare::for_receivers(self.participants).bitrate_bps;
        let path = |Viewer { estimate, max_height }: &Viewer| ReceiverPath {
            connection: estimate.connection,
            video_bps: video_bps(estimate.bitrate_bps).min(share_bps),
            shown: self.useful_size(*max_height),
            send_queue: estimate.send_queue,
        };
        let paths: Vec<_> = viewers.iter().map(path).collect();
        let moved = self.layers.update(now, &paths);
        for (layer, key_frames) in layers::all().zip(&mut self.key_frames) {
            let estimates = viewers.iter().map(|viewer| viewer.estimate);
            let in_layer = estimates.filter(|estimate| self.layers.layer_of(estimate.connection) == Some(layer));
            if let Some(shortest) = in_layer.map(|estimate| estimate.round_trip).min() {
                key_frames.set_round_trip(shortest);
            }
        }
        self.decide(now, out);
        moved
    }

    /// Frames at the encoder in the last second. Returns whether this machine limits the video, if that is new.
    pub(super) fn second_passed(
        &mut self,
        now: Timestamp,
        counts: EncoderCounts,
        out: &mut VecDeque<Action>,
    ) -> Option<bool> {
        let before = self.cpu.is_limiting();
        if counts.source_height > 0 {
            self.source_height = Some(counts.source_height);
        }
        let share = VideoShare::for_receivers(self.participants);
        let wanted_height = self.source_height().min(share.max_height);
        if self.cpu.second_passed(counts.captured, counts.dropped_busy, wanted_height) {
            self.decide(now, out);
        }
        (self.cpu.is_limiting() != before).then_some(!before)
    }

    fn source_height(&self) -> u32 {
        self.source_height.unwrap_or(USUAL_HEIGHT)
    }

    /// What is of use where the picture is shown with this height: the camera may give less.
    fn useful_size(&self, theirs_shown_at: u32) -> Rung {
        let given = self.source_height().min(self.cpu.max_height());
        let (shown, source) = (ladder::enough_for(theirs_shown_at), ladder::of_source(given));
        if shown.max_height < source.max_height { shown } else { source }
    }

    /// The most that one path has a use for, in bit/s, with audio, headers and retransmissions.
    pub(super) fn most_bps(&self) -> u32 {
        let share_bps = VideoShare::for_receivers(self.participants).bitrate_bps;
        let video_bps = share_bps.min(self.useful_size(u32::MAX).max_bps);
        ((f64::from(video_bps) / VIDEO_SHARE + f64::from(AUDIO_BPS)) * RETRANSMITTED) as u32
    }

    pub(super) fn layer_of(&self, connection: ConnectionId) -> Option<VideoLayerId> {
        self.layers.layer_of(connection)
    }

    /// See [`Layers::leaving`].
    pub(super) fn leaving(&self, connection: ConnectionId) -> Option<VideoLayerId> {
        self.layers.leaving(connection)
    }

    /// See [`Layers::has_left`].
    pub(super) fn has_left(&mut self, connection: ConnectionId) {
        self.layers.has_left(connection);
    }

    /// Whether others get the same layer.
    pub(super) fn is_shared(&self, connection: ConnectionId) -> bool {
        self.layers.is_shared(connection)
    }

    /// See [`Layers::skips_upper_frames`].
    pub(super) fn skips_upper_frames(&self, connection: ConnectionId) -> bool {
        self.layers.skips_upper_frames(connection)
    }

    /// See [`Layers::is_left_behind`].
    pub(super) fn is_left_behind(&self, connection: ConnectionId) -> bool {
        self.layers.is_left_behind(connection)
    }

    /// What keeps the video on `connection` from being better.
    pub(super) fn limited_by(&self, connection: ConnectionId, counts: EncoderCounts) -> &'static str {
        let EncoderCounts { captured, dropped_busy, dropped_backlog, .. } = counts;
        let share = VideoShare::for_receivers(self.participants);
        let layer = self.layers.layer_of(connection).unwrap_or_default();
        let target = self.targets.as_ref().and_then(|targets| targets.get(layer.0));
        let shown_bps = self.layers.shown(layer).map_or(u32::MAX, |shown| shown.max_bps);
        let full_bps = share.bitrate_bps.min(shown_bps);
        let is_path_slow = target.is_some_and(|layer| layer.target.bitrate_bps < full_bps / 10 * 9);
        let dropped_backlog = dropped_backlog.get(layer.0).copied().unwrap_or(0);
        if captured == 0 || self.participants == 0 {
            "none"
        } else if is_path_slow || dropped_backlog * 10 > captured {
            "network"
        } else if dropped_busy * 10 > captured || self.cpu.is_limiting() {
            "cpu"
        } else if captured < u64::from(share.max_fps) * 9 / 10 {
            "camera"
        } else {
            "none"
        }
    }

    fn decide(&mut self, now: Timestamp, out: &mut VecDeque<Action>) {
        let share = VideoShare::for_receivers(self.participants);
        let targets = std::array::from_fn(|number| {
            let layer = VideoLayerId(number);
            let receivers: Vec<_> = self.layers.receivers_of(layer).collect();
            // The encoder is ready when the first connection is.
            let is_ready_for_first = number == 0 && !self.has_begun && self.participants > 0;
            let ladder = &mut self.ladders[number];
            let rate_and_size = match self.layers.video_bps(layer).zip(self.layers.shown(layer)) {
                Some((bps, shown)) => {
                    let bitrate_bps = bps.min(share.bitrate_bps);
                    let size = ladder.get_or_insert_default().choose(now, bitrate_bps);
                    Some((bitrate_bps, if size.max_height > shown.max_height { shown } else { size }))
                }
                None => {
                    *ladder = None;
                    is_ready_for_first.then(|| (FIRST_BPS, Ladder::first()))
                }
            };
            let temporal_layers = self.layers.temporal_layers(now, layer);
            let target = |(bitrate_bps, size): (u32, Rung)| VideoTarget {
                temporal_layers,
                bitrate_bps,
                max_width: share.max_width.min(size.max_width).min(self.cpu.max_width()),
                max_height: share.max_height.min(size.max_height).min(self.cpu.max_height()),
                max_fps: share.max_fps,
            };
            LayerTarget { target: rate_and_size.map(target).unwrap_or_default(), receivers }
        });
        let is_change = self
            .targets
            .as_ref()
            .is_none_or(|last| last.iter().zip(&targets).any(|(last, next)| is_considerable(last, next)));
        if is_change {
            self.targets = Some(targets.clone());
            out.push_back(Action::SetVideoLayers(targets));
        }
    }
}

/// What is left for video where a path carries `path_bps`.
fn video_bps(path_bps: u32) -> u32 {
    (f64::from(path_bps.saturating_sub(AUDIO_BPS)) * VIDEO_SHARE) as u32
}

fn is_considerable(last: &LayerTarget, next: &LayerTarget) -> bool {
    let (last_bps, next_bps) = (last.target.bitrate_bps, next.target.bitrate_bps);
    let by = f64::from(next_bps.abs_diff(last_bps));
    let same_rate = VideoTarget { bitrate_bps: next_bps, ..last.target };
    by > f64::from(last_bps) * MIN_CHANGE || same_rate != next.target || last.receivers != next.receivers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ids::{Generation, ParticipantId};

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    fn id(number: usize) -> ConnectionId {
        ConnectionId { participant: ParticipantId(number as u32), generation: Generation(1) }
    }

    /// The layers after these estimates, if they changed.
    fn decide(sending: &mut Sending, ms: u64, paths_bps: &[u32]) -> Option<[LayerTarget; MAX_LAYERS]> {
        decide_for(sending, ms, paths_bps, |_| u32::MAX)
    }

    /// The same, with the height that each receiver shows.
    fn decide_for(
        sending: &mut Sending,
        ms: u64,
        paths_bps: &[u32],
        max_height: impl Fn(usize) -> u32,
    ) -> Option<[LayerTarget; MAX_LAYERS]> {
        let estimate = |number, bitrate_bps| Estimate {
            connection: id(number),
            bitrate_bps,
            send_queue: Duration::ZERO,
            round_trip: Duration::from_millis(40),
            silent_for: Duration::ZERO,
            needs_key_frame: false,
            loses_audio: false,
        };
        let viewer =
            |(number, path_bps)| Viewer { estimate: estimate(number, path_bps), max_height: max_height(number) };
        let viewers: Vec<_> = paths_bps.iter().copied().enumerate().map(viewer).collect();
        let mut out = VecDeque::new();
        sending.participants = paths_bps.len();
        sending.handle_estimates(at(ms), &viewers, &mut out);
        out.into_iter().find_map(|action| if let Action::SetVideoLayers(layers) = action { Some(layers) } else { None })
    }

    fn rates_and_heights(layers: &[LayerTarget]) -> Vec<(u32, u32)> {
        let active = layers.iter().map(|layer| layer.target).filter(|target| target.bitrate_bps > 0);
        active.map(|target| (target.bitrate_bps, target.max_height)).collect()
    }

    #[test]
    fn a_narrow_path_costs_the_others_nothing_and_small_changes_are_ignored() {
        let mut sending = Sending::default();
        let layers = decide(&mut sending, 0, &[5_000_000, 800_000]).expect("the first");
        assert_eq!(rates_and_heights(&layers), [(1_600_000, 360), (680_800, 360)]);
        assert_eq!(decide(&mut sending, 50, &[5_000_000, 810_000]), None);
        let layers = decide(&mut sending, 1_550, &[5_000_000, 800_000]).expect("for long enough");
        assert_eq!(rates_and_heights(&layers), [(1_600_000, 720), (680_800, 540)]);
        let layers = decide(&mut sending, 1_600, &[5_000_000, 200_000]).expect("much less");
        assert_eq!(rates_and_heights(&layers), [(1_600_000, 720), (128_800, 180)], "a fall to less than a third");
        let layers = decide(&mut sending, 1_650, &[]).expect("nobody");
        assert!(layers.iter().all(|layer| layer.target.bitrate_bps == 0 && layer.receivers.is_empty()));
    }

    #[test]
    fn a_wide_path_gives_the_share() {
        let mut sending = Sending::default();
        decide(&mut sending, 0, &[3_000_000]);
        let layers = decide(&mut sending, 1_550, &[3_000_000]).expect("for long enough");
        assert_eq!((rates_and_heights(&layers), layers[0].target.max_fps), (vec![(2_500_000, 720)], 30));
        let layers = decide(&mut sending, 1_600, &[3_000_000; 7]).expect("more receivers");
        assert_eq!((rates_and_heights(&layers), layers[0].target.max_fps), (vec![(600_000, 360)], 20));
        assert_eq!(layers[0].receivers.len(), 7);
    }

    #[test]
    fn a_small_tile_gets_a_small_picture_and_says_nothing_of_the_network() {
        let mut sending = Sending::default();
        let show = |number| if number == 0 { 200 } else { 1_080 };
        decide_for(&mut sending, 0, &[3_000_000; 2], show);
        let layers = decide_for(&mut sending, 1_550, &[3_000_000; 2], show).expect("for long enough");
        assert_eq!(rates_and_heights(&layers), [(200_000, 180), (1_600_000, 720)]);
        let counts =
            EncoderCounts { captured: 30, source_height: 720, dropped_busy: 0, dropped_backlog: [0; MAX_LAYERS] };
        assert_eq!([0, 1].map(|number| sending.limited_by(id(number), counts)), ["none", "none"]);
    }

    #[test]
    fn the_encoder_is_ready_before_the_first_connection_is() {
        let mut sending = Sending::default();
        let mut out = VecDeque::new();
        sending.participants_changed(at(0), 1, &mut out);
        let Some(Action::SetVideoLayers(layers)) = out.pop_front() else { panic!("no layers") };
        assert_eq!(rates_and_heights(&layers), [(400_000, 360)]);
        sending.established(at(500), id(1), &mut out);
        let Some(Action::SetVideoLayers(layers)) = out.pop_front() else { panic!("no layers") };
        assert_eq!((rates_and_heights(&layers), layers[0].receivers.len()), (vec![(400_000, 360)], 1));
    }

    #[test]
    fn what_limits_has_a_name_for_each_receiver() {
        let mut sending = Sending::default();
        let counts = |captured, dropped_busy, dropped_backlog| EncoderCounts {
            source_height: 720,
            captured,
            dropped_busy,
            dropped_backlog: [dropped_backlog, 0, 0],
        };
        decide(&mut sending, 0, &[3_000_000]);
        assert_eq!(sending.limited_by(id(0), counts(30, 0, 0)), "none");
        assert_eq!(sending.limited_by(id(0), counts(30, 10, 0)), "cpu");
        assert_eq!(sending.limited_by(id(0), counts(30, 0, 10)), "network");
        assert_eq!(sending.limited_by(id(0), counts(15, 0, 0)), "camera");
        assert_eq!(sending.limited_by(id(0), counts(0, 0, 0)), "none");
        decide(&mut sending, 50, &[3_000_000, 500_000]);
        assert_eq!(sending.limited_by(id(0), counts(30, 0, 0)), "none");
        assert_eq!(sending.limited_by(id(1), counts(30, 0, 0)), "network");
    }
}
