//! Who gets which simulcast layer: as many layers as the paths of the receivers differ, and no more.
//!
//! A layer's bitrate is that of the narrowest path among its receivers. So a receiver whose path is much narrower than the
//! others', or whose send queue grows while theirs are empty, gets another layer: what it lacks is taken from nobody else.
//! So does one that shows the picture much smaller than the others; where it shares a layer with one that shows it larger,
//! that one decides.
//! It comes back when its path has been wide enough for some seconds, later after each failure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ids::ConnectionId;
use crate::ladder::Rung;
use crate::media::{MAX_LAYERS, VideoLayerId};
use crate::time::Timestamp;

/// A receiver can join a layer if its path carries this share of the layer's bitrate: the layer becomes little worse by it.
const FITS: f64 = 0.8;
/// A receiver whose path carries less than this share of the widest path in its layer gets another layer.
const DRAGS: f64 = 0.5;
/// A layer is better if its bitrate is higher by this factor. Less is not worth a key frame.
const BETTER: f64 = 1.25;
/// A receiver goes to a better layer when its path has carried this share of it for [`UP_AFTER`].
const FITS_FOR_LONG: f64 = 0.9;
const UP_AFTER: Duration = Duration::from_secs(2);
const LONGEST_UP_AFTER: Duration = Duration::from_secs(30);
/// A send queue that is longer belongs to a path that does not carry its layer.
const MAX_SEND_QUEUE: Duration = Duration::from_millis(150);
/// So long after a queue the layer has upper frames, which can be left out.
const UNEVEN_FOR: Duration = Duration::from_secs(30);
/// A send queue that is not longer than one and a half frames at 30 a second.
const SHORT_SEND_QUEUE: Duration = Duration::from_millis(50);

/// What is known of the path to one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiverPath {
    pub(super) connection: ConnectionId,
    /// What the path carries beside audio and headers, but not more than a receiver is to get.
    pub(super) video_bps: u32,
    /// What is enough for the size in which the picture is shown.
    pub(super) shown: Rung,
    pub(super) send_queue: Duration,
}

impl ReceiverPath {
    /// What it has a use for.
    fn useful_bps(&self) -> u32 {
        self.video_bps.min(self.shown.max_bps)
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Layers {
    receivers: BTreeMap<ConnectionId, Receiver>,
}

#[derive(Debug)]
struct Receiver {
    layer: VideoLayerId,
    /// The layer before, which it takes until the key frame of the new one is there.
    leaving: Option<VideoLayerId>,
    path: ReceiverPath,
    /// When its send queue was longer than [`SHORT_SEND_QUEUE`] last.
    queued_at: Option<Timestamp>,
    /// When it was moved to a better layer last.
    moved_up_at: Option<Timestamp>,
    /// Since when a better layer would suit it.
    better_since: Option<Timestamp>,
    up_after: Duration,
}

impl Layers {
    /// Gives the layer of a receiver that is new.
    pub(super) fn add(&mut self, path: ReceiverPath) -> VideoLayerId {
        let layer = self.place(path.useful_bps(), None);
        let receiver = Receiver {
            layer,
            leaving: None,
            path,
            queued_at: None,
            moved_up_at: None,
            better_since: None,
            up_after: UP_AFTER,
        };
        self.receivers.insert(path.connection, receiver);
        layer
    }

    /// The receivers of now. Gives those that begin with another layer: they need a key frame of it.
    pub(super) fn update(&mut self, now: Timestamp, paths: &[ReceiverPath]) -> Vec<ConnectionId> {
        self.receivers.retain(|id, _| paths.iter().any(|path| path.connection == *id));
        let mut moved = Vec::new();
        for path in paths {
            match self.receivers.get_mut(&path.connection) {
                Some(receiver) => {
                    receiver.path = *path;
                    if path.send_queue > SHORT_SEND_QUEUE {
                        receiver.queued_at = Some(now);
                    }
                }
                None => {
                    self.add(*path);
                    moved.push(path.connection);
                }
            }
        }
        // The narrowest first: what it leaves may be good for the next one.
        let mut order: Vec<_> = self.receivers.iter().map(|(id, receiver)| (receiver.path.useful_bps(), *id)).collect();
        order.sort_unstable();
        for (_, id) in order {
            if self.move_down(now, id) || self.move_up(now, id) {
                moved.push(id);
            }
        }
        moved
    }

    pub(super) fn layer_of(&self, id: ConnectionId) -> Option<VideoLayerId> {
        self.receivers.get(&id).map(|receiver| receiver.layer)
    }

    /// The layer that it still takes while it waits for the key frame of [`Self::layer_of`].
    pub(super) fn leaving(&self, id: ConnectionId) -> Option<VideoLayerId> {
        self.receivers.get(&id)?.leaving
    }

    /// It got the key frame of its layer, or cannot go on with the layer before.
    pub(super) fn has_left(&mut self, id: ConnectionId) {
        if let Some(receiver) = self.receivers.get_mut(&id) {
            receiver.leaving = None;
        }
    }

    pub(super) fn receivers_of(&self, layer: VideoLayerId) -> impl Iterator<Item = ConnectionId> {
        let takes = move |receiver: &Receiver| receiver.layer == layer || receiver.leaving == Some(layer);
        self.receivers.iter().filter(move |(_, receiver)| takes(receiver)).map(|(id, _)| *id)
    }

    pub(super) fn is_shared(&self, id: ConnectionId) -> bool {
        self.layer_of(id).is_some_and(|layer| self.receivers_of(layer).nth(1).is_some())
    }

    /// Frames of its layer are encoded for others while its own send queue is long: it is left out.
    pub(super) fn is_left_behind(&self, id: ConnectionId) -> bool {
        self.has_queue_over(MAX_SEND_QUEUE, id) && self.is_shared(id)
    }

    /// Its send queue grows while frames of its layer are encoded for others: it does without the frames that no other
    /// refers to.
    pub(super) fn skips_upper_frames(&self, id: ConnectionId) -> bool {
        self.has_queue_over(SHORT_SEND_QUEUE, id) && self.is_shared(id)
    }

    fn has_queue_over(&self, limit: Duration, id: ConnectionId) -> bool {
        self.receivers.get(&id).is_some_and(|receiver| receiver.path.send_queue > limit)
    }

    /// Two temporal layers, where one of several receivers had to do without frames in the last moments. They cost 1.3 dB at
    /// 2.5 Mbit/s (`cargo bench -p maru --bench codec`).
    pub(super) fn temporal_layers(&self, now: Timestamp, layer: VideoLayerId) -> u8 {
        let takes = |receiver: &&Receiver| receiver.layer == layer;
        let is_uneven = |receiver: &Receiver| receiver.queued_at.is_some_and(|at| now.since(at) < UNEVEN_FOR);
        let is_shared = self.receivers.values().filter(takes).nth(1).is_some();
        if is_shared && self.receivers.values().filter(takes).any(is_uneven) { 2 } else { 1 }
    }

    /// What the narrowest path of the layer's receivers carries, as far as one of them has a use for it. `None`: nobody
    /// takes the layer.
    pub(super) fn video_bps(&self, layer: VideoLayerId) -> Option<u32> {
        let shown = self.shown(layer)?;
        self.in_layer(layer).map(|path| path.video_bps.min(shown.max_bps)).min()
    }

    /// The largest size in which one of the layer's receivers shows the picture.
    pub(super) fn shown(&self, layer: VideoLayerId) -> Option<Rung> {
        self.in_layer(layer).map(|path| path.shown).max_by_key(|shown| shown.max_height)
    }

    /// Those who are about to leave count only while they are the last.
    fn in_layer(&self, layer: VideoLayerId) -> impl Iterator<Item = &ReceiverPath> {
        let is_left = !self.receivers.values().any(|receiver| receiver.layer == layer);
        let counts = move |receiver: &Receiver| {
            if is_left { receiver.leaving == Some(layer) } else { receiver.layer == layer }
        };
        self.receivers.values().filter(move |receiver| counts(receiver)).map(|receiver| &receiver.path)
    }

    fn active(&self) -> impl Iterator<Item = (VideoLayerId, u32)> {
        all().filter_map(|layer| Some((layer, self.video_bps(layer)?)))
    }

    /// Whether a receiver that has a use for `useful_bps` can join the layer: neither it nor those who are there drag.
    fn suits(&self, layer: VideoLayerId, useful_bps: u32, fits: f64) -> bool {
        let narrowest = self.in_layer(layer).map(ReceiverPath::useful_bps).min();
        let widest = self.in_layer(layer).map(ReceiverPath::useful_bps).max();
        let (Some(narrowest), Some(widest)) = (narrowest.map(f64::from), widest.map(f64::from)) else { return false };
        let own = f64::from(useful_bps);
        own >= narrowest * fits && own >= widest * DRAGS && narrowest >= own * DRAGS
    }

    /// The best layer but `without` that suits `useful_bps`, or one of its own, or the one with the least bitrate.
    fn place(&self, useful_bps: u32, without: Option<VideoLayerId>) -> VideoLayerId {
        let suits = |&(layer, _): &(VideoLayerId, u32)| Some(layer) != without && self.suits(layer, useful_bps, FITS);
        let best = self.active().filter(suits).max_by_key(|&(layer, bps)| (bps, std::cmp::Reverse(layer)));
        let free = || all().find(|layer| self.video_bps(*layer).is_none());
        let least = || self.active().min_by_key(|&(_, bps)| bps).map(|(layer, _)| layer);
        best.map(|(layer, _)| layer).or_else(free).or_else(least).unwrap_or_default()
    }

    fn move_down(&mut self, now: Timestamp, id: ConnectionId) -> bool {
        let Some(receiver) = self.receivers.get(&id) else { return false };
        let others = || self.receivers.iter().filter(|(other, it)| **other != id && it.layer == receiver.layer);
        let Some(widest_bps) = others().map(|(_, other)| other.path.useful_bps()).max() else { return false };
        let narrowest_bps = others().map(|(_, other)| other.path.video_bps).min().unwrap_or(0);
        let useful_bps = receiver.path.useful_bps();
        // Then it can go on with the old layer for a moment.
        let carries = f64::from(receiver.path.video_bps) >= f64::from(narrowest_bps) * FITS;
        let drags = f64::from(useful_bps) < f64::from(widest_bps) * DRAGS;
        let is_left_behind = receiver.path.send_queue > MAX_SEND_QUEUE
            && others().any(|(_, other)| other.path.send_queue <= SHORT_SEND_QUEUE);
        if !drags && !is_left_behind {
            return false;
        }
        let layer = self.place(useful_bps, Some(receiver.layer));
        let Some(receiver) = self.receivers.get_mut(&id) else { return false };
        let has_moved = layer != receiver.layer;
        if has_moved {
            let is_again = receiver.moved_up_at.is_some_and(|at| now.since(at) < LONGEST_UP_AFTER);
            receiver.up_after = if is_again { (receiver.up_after * 2).min(LONGEST_UP_AFTER) } else { UP_AFTER };
            receiver.leaving = Some(receiver.layer).filter(|_| carries && !is_left_behind);
            receiver.layer = layer;
            receiver.better_since = None;
        }
        has_moved
    }

    fn move_up(&mut self, now: Timestamp, id: ConnectionId) -> bool {
        let Some(receiver) = self.receivers.get(&id) else { return false };
        let own = receiver.layer;
        let own_bps = f64::from(self.video_bps(own).unwrap_or(0));
        let is_better = |layer: VideoLayerId, bps: f64| bps > own_bps * BETTER || layer < own && bps >= own_bps * FITS;
        let better = self.active().find(|&(layer, bps)| {
            layer != own
                && is_better(layer, f64::from(bps))
                && self.suits(layer, receiver.path.useful_bps(), FITS_FOR_LONG)
        });
        let is_ready = receiver.path.send_queue <= SHORT_SEND_QUEUE;
        let Some(receiver) = self.receivers.get_mut(&id) else { return false };
        let Some((layer, _)) = better.filter(|_| is_ready) else {
            receiver.better_since = None;
            return false;
        };
        let since = *receiver.better_since.get_or_insert(now);
        let moves = now.since(since) >= receiver.up_after;
        if moves {
            receiver.leaving = Some(receiver.layer);
            receiver.layer = layer;
            receiver.moved_up_at = Some(now);
            receiver.better_since = None;
        }
        moves
    }
}

/// All layers, active or not.
pub(super) fn all() -> impl Iterator<Item = VideoLayerId> {
    (0..MAX_LAYERS).map(VideoLayerId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::ids::{Generation, ParticipantId};
    use crate::ladder::enough_for;

    const EMPTY: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_millis(400);

    fn id(number: u32) -> ConnectionId {
        ConnectionId { participant: ParticipantId(number), generation: Generation(1) }
    }

    /// Receivers with these paths, numbered from 0.
    struct Bench {
        layers: Layers,
        now: Timestamp,
        moves: usize,
        /// Heights. Who is not named shows the largest.
        shown: Vec<u32>,
        /// Each change of layer gets its key frame at once.
        has_key_frames: bool,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                layers: Layers::default(),
                now: Timestamp::from_micros(1_000_000),
                moves: 0,
                shown: vec![],
                has_key_frames: true,
            }
        }

        /// 50 ms pass. Gives who is in which layer.
        fn step(&mut self, paths: &[(u32, Duration)]) -> Vec<usize> {
            self.now = self.now + Duration::from_millis(50);
            let path = |(number, &(video_bps, send_queue)): (usize, &(u32, Duration))| ReceiverPath {
                connection: id(number as u32),
                video_bps,
                shown: enough_for(self.shown.get(number).copied().unwrap_or(u32::MAX)),
                send_queue,
            };
            let paths: Vec<_> = paths.iter().enumerate().map(path).collect();
            let moved = self.layers.update(self.now, &paths);
            self.moves += moved.len();
            if self.has_key_frames {
                for id in moved {
                    self.layers.has_left(id);
                }
            }
            paths.iter().map(|path| self.layers.layer_of(path.connection).expect("a layer").0).collect()
        }

        fn run(&mut self, seconds: u64, paths: &[(u32, Duration)]) -> Vec<usize> {
            (0..seconds * 20).map(|_| self.step(paths)).last().expect("a step")
        }
    }

    #[test]
    fn good_paths_share_one_layer() {
        let mut bench = Bench::new();
        assert_eq!(bench.run(60, &[(1_600_000, EMPTY), (1_500_000, EMPTY), (1_200_000, EMPTY)]), [0, 0, 0]);
        assert_eq!(bench.layers.video_bps(VideoLayerId(0)), Some(1_200_000));
        assert_eq!(bench.moves, 3, "each was placed once");
    }

    #[test]
    fn a_narrow_path_gets_a_layer_of_its_own_and_returns_when_it_is_wide_for_long() {
        let mut bench = Bench::new();
        let good = (1_600_000, EMPTY);
        bench.step(&[good, good, good]);
        assert_eq!(bench.step(&[good, good, (220_000, EMPTY)]), [0, 0, 1], "at once");
        assert_eq!(bench.layers.video_bps(VideoLayerId(0)), Some(1_600_000));
        assert_eq!(bench.step(&[good, good, good]), [0, 0, 1]);
        let times = (0..).take_while(|_| bench.step(&[good, good, good]) == [0, 0, 1]).count();
        assert!((39..=80).contains(&times), "after {} ms", times * 50);
        assert_eq!(bench.layers.video_bps(VideoLayerId(1)), None, "a layer that nobody takes");
    }

    #[test]
    fn a_layer_has_upper_frames_while_a_queue_is_not_long_ago() {
        let mut bench = Bench::new();
        let (good, queued) = ((1_600_000, EMPTY), (1_600_000, Duration::from_millis(80)));
        let layers = |bench: &Bench| bench.layers.temporal_layers(bench.now, VideoLayerId(0));
        bench.run(1, &[good, good]);
        assert_eq!(layers(&bench), 1);
        bench.step(&[good, queued]);
        assert_eq!(layers(&bench), 2);
        bench.run(29, &[good, good]);
        assert_eq!(layers(&bench), 2);
        bench.run(2, &[good, good]);
        assert_eq!(layers(&bench), 1);
        bench.step(&[queued]);
        assert_eq!(layers(&bench), 1, "alone, it drops frames before they are encoded");
    }

    #[test]
    fn the_old_layer_goes_on_until_the_new_one_has_a_key_frame() {
        let mut bench = Bench { has_key_frames: false, ..Bench::new() };
        let good = (1_600_000, EMPTY);
        bench.step(&[good, good, (220_000, EMPTY)]);
        assert_eq!(bench.layers.leaving(id(2)), None, "it was never in another");
        while bench.step(&[good, good, good]) != [0, 0, 0] {}
        assert_eq!(bench.layers.leaving(id(2)), Some(VideoLayerId(1)));
        assert_eq!(bench.layers.video_bps(VideoLayerId(1)), Some(1_600_000), "it is encoded as long");
        assert_eq!(bench.layers.receivers_of(VideoLayerId(1)).collect::<Vec<_>>(), [id(2)]);
        bench.layers.has_left(id(2));
        assert_eq!((bench.layers.leaving(id(2)), bench.layers.video_bps(VideoLayerId(1))), (None, None));
        // A path that does not carry the old layer gets no more of it.
        bench.step(&[good, good, (220_000, EMPTY)]);
        assert_eq!(bench.layers.leaving(id(2)), None);
    }

    #[test]
    fn a_newcomer_whose_path_is_unknown_does_not_lower_the_others() {
        let mut bench = Bench::new();
        let good = (1_600_000, EMPTY);
        bench.run(1, &[good, good]);
        assert_eq!(bench.step(&[good, good, (865_000, EMPTY)]), [0, 0, 1]);
        assert_eq!(bench.run(3, &[good, good, good]), [0, 0, 0]);
    }

    #[test]
    fn a_send_queue_that_grows_is_moved_out_though_its_estimate_has_not_fallen() {
        let mut bench = Bench::new();
        let good = (1_600_000, EMPTY);
        bench.run(1, &[good, good, good]);
        assert_eq!(bench.step(&[good, (1_600_000, LONG), good]), [0, 1, 0]);
        // Where all queues are long the encoder waits: the way out of this machine is full.
        let full = (1_600_000, LONG);
        let mut bench = Bench::new();
        bench.run(1, &[good, good, good]);
        assert_eq!(bench.step(&[full, full, full]), [0, 0, 0]);
    }

    #[test]
    fn a_path_that_comes_and_goes_is_moved_less_and_less() {
        let mut bench = Bench::new();
        let good = (1_600_000, EMPTY);
        bench.step(&[good, good]);
        let mut moves = Vec::new();
        for _ in 0..10 {
            let before = bench.moves;
            for _ in 0..3 {
                bench.run(4, &[good, (200_000, EMPTY)]);
                bench.run(4, &[good, good]);
            }
            moves.push(bench.moves - before);
        }
        assert!(moves[0] > 2 && moves[9] <= 1, "{moves:?}");
    }

    #[test]
    fn one_that_shows_a_small_picture_gets_a_small_one_and_costs_the_others_nothing() {
        let mut bench = Bench::new();
        let good = (1_600_000, EMPTY);
        assert_eq!(bench.run(1, &[good, good, good]), [0, 0, 0]);
        bench.shown = vec![720, 180, 720];
        assert_eq!(bench.step(&[good, good, good]), [0, 1, 0]);
        assert_eq!(bench.layers.video_bps(VideoLayerId(0)), Some(1_600_000));
        assert_eq!(bench.layers.video_bps(VideoLayerId(1)), Some(200_000));
        assert_eq!(bench.layers.shown(VideoLayerId(1)).map(|shown| shown.max_height), Some(180));
        bench.shown = vec![720, 720, 720];
        assert_eq!(bench.run(3, &[good, good, good]), [0, 0, 0]);
        // Somewhat smaller is not worth another encoding; the larger one decides.
        bench.shown = vec![720, 540, 720];
        assert_eq!(bench.run(3, &[good, good, good]), [0, 0, 0]);
        assert_eq!(bench.layers.video_bps(VideoLayerId(0)), Some(1_600_000));
        bench.shown = vec![180, 180, 180];
        assert_eq!(bench.run(3, &[good, good, good]), [0, 0, 0]);
        assert_eq!(bench.layers.video_bps(VideoLayerId(0)), Some(200_000));
    }

    #[test]
    fn there_are_no_more_than_three_layers_and_the_narrowest_share_the_last() {
        let mut bench = Bench::new();
        let paths: Vec<_> = [1_600_000, 700_000, 300_000, 120_000, 50_000].map(|bps| (bps, EMPTY)).into();
        let layers = bench.run(10, &paths);
        assert_eq!(layers[..2], [0, 1]);
        assert!(layers[2..].iter().all(|layer| *layer == 2), "{layers:?}");
        assert_eq!(bench.layers.video_bps(VideoLayerId(2)), Some(50_000));
    }

    #[test]
    fn one_that_is_left_behind_in_a_shared_layer_holds_nobody_up() {
        let mut bench = Bench::new();
        let paths = [(1_600_000, EMPTY), (700_000, EMPTY), (40_000, EMPTY), (36_000, LONG)];
        assert_eq!(bench.run(10, &paths), [0, 1, 2, 2]);
        assert!(bench.layers.is_left_behind(id(3)) && !bench.layers.is_left_behind(id(2)));
        assert!(bench.layers.skips_upper_frames(id(3)) && !bench.layers.skips_upper_frames(id(2)));
        let alone = [(1_600_000, LONG)];
        bench.step(&alone);
        assert!(!bench.layers.is_left_behind(id(0)), "the encoder waits for it");
    }

    #[test]
    fn random_paths_always_have_a_layer_and_never_drag_while_one_is_free() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut bench = Bench::new();
        for _ in 0..20_000 {
            let count = random.usize(1..8);
            let paths: Vec<_> = (0..count)
                .map(|_| (random.u32(36_000..1_600_000), Duration::from_millis(random.u64(0..300))))
                .collect();
            let layers = bench.step(&paths);
            let used = all().filter(|layer| layers.contains(&layer.0)).count();
            for (number, layer) in layers.iter().enumerate().filter(|_| used < MAX_LAYERS) {
                let widest = (0..count).filter(|other| layers[*other] == *layer).map(|other| paths[other].0).max();
                let least_bps = f64::from(widest.unwrap_or(0)) * DRAGS;
                assert!(f64::from(paths[number].0) >= least_bps, "{paths:?} {layers:?}");
            }
        }
    }
}
