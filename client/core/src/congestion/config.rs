//! What the congestion controller can be tuned by.

use std::time::Duration;

use super::packet_pairs::MIN_PAIR_BYTES;

/// Configuration of a [`CongestionController`](super::CongestionController). "Simulation" and "networks" name where a
/// value was found: the tests in `congestion/simulation.rs`, and the calls over bad networks in `bench/networks`.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Target of a path that nothing is known of, in bit/s. It is corrected within a second.
    pub start_bps: u32,
    /// The least target, in bit/s: audio alone, with its headers. With 100 kbit/s two senders could not drain the queue of
    /// a link of 300 (simulation).
    pub min_bps: u32,
    /// The highest target to begin with, in bit/s: 720p, audio, headers and retransmissions. FEC comes on top.
    pub max_bps: u32,

    // Standing queue.
    /// The queue delay is the least delay of packets sent within this time: three frames and six audio packets, enough
    /// for one that met neither jitter nor a frame before it.
    pub queue_sent_within: Duration,
    /// Packets that arrived longer ago do not count either: after a fall of the rate, packets sent within
    /// `queue_sent_within` take far longer to arrive.
    pub queue_arrived_within: Duration,
    /// `queue_arrived_within` leaves at least so many packets, so that a single late packet is no queue.
    pub queue_min_packets: u64,
    /// Memory of the base delay, the least one-way delay. Long enough to have seen the path empty, short enough to
    /// follow clock drift: 1 ms in this time.
    pub base_delay_memory: Duration,
    /// A packet with less queue delay did not queue. The target grows below this queue delay.
    pub min_queue: Duration,
    /// A standing queue with more delay is drained. Between `min_queue` and this the target does not change.
    pub max_queue: Duration,
    /// Time in which a standing queue is to be drained, after which the target is lowered again.
    pub drain_time: Duration,
    /// The least share of the capacity that is used while a queue drains, 0 to 1. Halving the target gave away
    /// too much (simulation).
    pub min_drain_share: f64,
    /// The target is lowered again at once if the queue has grown by this factor since it was lowered last.
    pub queue_grown_factor: f64,
    /// The target is lowered again after `drain_time` if more than this share of the queue is left, 0 to 1.
    pub queue_left_share: f64,
    /// Where the path is shared, the target then falls at least by this factor. A flow whose base delay was measured behind
    /// the queue of another one would keep it full (simulation).
    pub queue_left_decrease: f64,
    /// A queue that has not halved in this time is part of the path: it becomes the base delay.
    pub max_drain_time: Duration,
    /// Where the path is shared, it does so only when less than this share of the most that was received meanwhile is
    /// received, 0 to 1. Before that nothing was tried.
    pub drained_share: f64,
    /// A queue whose delay has not changed by more than this in `max_drain_time` becomes the base delay, too: others vary.
    pub steady_queue: Duration,
    /// Size of a full packet in bits. Its serialization delay does not count as a queue.
    pub packet_bits: f64,
    /// The serialization delay that does not count is at most this.
    pub max_serialization_delay: Duration,

    // Other traffic in the queue.
    /// A standing queue with more delay is made by another flow: ours are shorter.
    pub foreign_queue: Duration,
    /// It holds more than this number of full packets at the rate of the path. With fewer, two calls that share
    /// 300 kbit/s take each other for downloads, and fill the queue together (simulation).
    pub foreign_queue_packets: f64,
    /// After this number of such queues within `foreign_queues_within` we compete with a flow that fills the queue.
    pub foreign_queues: usize,
    /// Time within which `foreign_queues` are counted.
    pub foreign_queues_within: Duration,
    /// How long we assume to compete. Only loss lowers the target during this time.
    pub competing_time: Duration,
    /// While competing: loss rate above the inherent one that lowers the target, 0 to 1.
    pub competing_excess_loss: f64,
    /// While competing: factor by which loss lowers the target (as CUBIC, RFC 9438, 4.6).
    pub competing_decrease: f64,

    // Capacity and growth.
    /// Growth of the target per second until the path is full for the first time, as a factor.
    pub startup_growth: f64,
    /// Growth per second below `recovery_share` of the capacity measured last, as a factor.
    pub recovery_growth: f64,
    /// Share of the capacity up to which `recovery_growth` applies, 0 to 1.
    pub recovery_share: f64,
    /// Growth above `recovery_share` of the capacity, in bit/s per second. It is the same for everyone, so that flows
    /// that share a path converge to equal shares (AIMD, Chiu and Jain 1989).
    pub additive_growth_bps: f64,
    /// `t` seconds after the path was full last, above `beyond_factor` times the capacity, growth is
    /// `additive_growth_bps * (1 + growth_acceleration * t^2)`: the path has changed, or another flow has ended.
    pub growth_acceleration: f64,
    /// See `growth_acceleration`.
    pub beyond_factor: f64,
    /// Growth above the capacity of a path that nobody shares, as a share of `additive_growth_bps`. Halves the queue of
    /// each search for more (simulation).
    pub alone_growth: f64,
    /// Nobody shares the path if we had this share of what packet pairs show, 0 to 1.
    pub alone_share: f64,
    /// The path has become wider if packet pairs show this many times the rate of before.
    pub widened_factor: f64,
    /// The target stays below what is really sent times this plus `reach_bps`. Frames take nine tenths of what they
    /// may.
    pub reach_factor: f64,
    /// `reach_factor` above the measured capacity.
    pub reach_factor_beyond: f64,
    /// See `reach_factor`; in bit/s. Audio has its part of the target also while nobody speaks.
    pub reach_bps: f64,
    /// `reach_bps` for a while after a queue stood. With more, two calls on a narrow path fill it in turn (simulation).
    pub reach_bps_after_queue: f64,
    /// How long that is.
    pub after_queue: Duration,
    /// A longer pause between reports is no time to grow.
    pub max_growth_step: Duration,

    // Packet pairs.
    /// Two packets sent within this time are a pair.
    pub pair_sent_within: Duration,
    /// Least size of the second packet in bytes: a smaller one measures clocks rather than the path.
    pub pair_min_bytes: usize,
    /// The estimate is the median of this number of pairs: two that met cross traffic do not change it.
    pub pair_count: usize,
    /// The estimate is outdated when the last pair is older: four times the interval of pairs without audio.
    pub pair_max_age: Duration,

    // Loss.
    /// The loss rate is measured over this time and at least `loss_min_packets`.
    pub loss_period: Duration,
    /// Least number of packets for a loss rate: of 50 packets at 10 % between 1 and 9 are lost.
    pub loss_min_packets: u32,
    /// The usual loss rate is the median of this number of periods, the inherent one their minimum.
    pub loss_periods: usize,
    /// The inherent loss rate is known after this number of periods. Until then it counts as 0, and the margin is
    /// doubled.
    pub loss_known_periods: usize,
    /// A higher loss rate is not taken for inherent, 0 to 1.
    pub max_inherent_loss: f64,
    /// Loss rate above the inherent one that is a sign of a full path, 0 to 1, times the square root of the mean loss
    /// run. With 200 packets per period and 10 % of loss, chance exceeds it once in a thousand seconds.
    pub excess_loss: f64,
    /// The share of sent packets that is taken for usually lost is at most this, 0 to 1.
    pub max_usual_loss: f64,
    /// Loss rate, 0 to 1, from which a key frame is better than retransmissions.
    pub heavy_loss: f64,
    /// A missing packet is lost when a packet sent this much later has arrived.
    pub reordering_time: Duration,
    /// Loss within this time after a standing queue may be due to it.
    pub queue_loss_time: Duration,
    /// The mean loss run is taken over about this number of runs.
    pub loss_runs: f64,

    // Bursts.
    /// A packet sent this long after the one before is the head of a burst: it finds a short queue empty.
    pub burst_gap: Duration,
    /// Number of packets that are remembered: ten seconds of video.
    pub burst_packets: f64,
    /// Bursts overflow the queue if at least this number of packets behind the heads is lost, and the next two hold.
    pub burst_min_lost: f64,
    /// At least this number of heads is known. At 5 % loss, chance spares that many three times in a thousand.
    pub burst_min_heads: f64,
    /// The loss rate of heads is less than this share of that of other packets, 0 to 1.
    pub burst_head_share: f64,
    /// After that, frames are spread for this time before bursts are tried again.
    pub spread_time: Duration,
    /// Frames are spread for this time after the path was full, too: audio would wait behind each frame.
    pub narrow_time: Duration,

    // Congestion window.
    /// Gain of the mean time to a report and of its deviation (as RFC 6298, 2) when they rise. A faster gain lets the
    /// window grow by half during the very congestion that it is for (simulation).
    pub window_gain_up: f64,
    /// The same gain when they fall.
    pub window_gain_down: f64,
    /// The window is `target * (mean + 2 * deviation + window_slack)`.
    pub window_slack: Duration,
    /// The window before the second report, in bytes: a key frame at `start_bps`, and less than what ordinary queues
    /// hold.
    pub window_first_bytes: f64,
    /// The least window, in bytes: without a few packets nothing would ever be reported.
    pub window_min_bytes: f64,
    /// The longest time to a report that is learnt from.
    pub window_max_delay: Duration,
    /// While the window is used up, one packet may leave this long after the last.
    pub probe_interval: Duration,

    // Throughput and feedback.
    /// The received rate is measured over this time: ten frames.
    pub throughput_window: Duration,
    /// The capacity is the rate over the last such time that the bottleneck was busy: three frames that just fit, or a
    /// part of one that does not.
    pub busy_time: Duration,
    /// Without feedback for this time after a packet was sent the target is halved.
    pub feedback_timeout: Duration,

    // Peers without transport-wide feedback (loss-based control of draft-ietf-rmcat-gcc-02, 6).
    /// Loss rate, 0 to 1, above which the target is lowered, to `1 - loss / 2` of it.
    pub receiver_high_loss: f64,
    /// Loss rate, 0 to 1, below which it grows.
    pub receiver_low_loss: f64,
    /// Growth per second, as a factor.
    pub receiver_growth: f64,
    /// The target is lowered at most once in this time and a round trip.
    pub receiver_reaction_time: Duration,
    /// A queue stands if the round trip exceeds its minimum within `receiver_round_trip_memory` by more than this.
    pub receiver_max_queue: Duration,
    /// Factor by which a standing queue lowers the target (that of GCC, 5.5).
    pub receiver_queue_decrease: f64,
    /// Memory of the least round trip.
    pub receiver_round_trip_memory: Duration,
    /// REMB is sent once a second; an older one limits nothing.
    pub remb_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            start_bps: 1_000_000,
            min_bps: 70_000,
            max_bps: 3_000_000,

            queue_sent_within: Duration::from_millis(120),
            queue_arrived_within: Duration::from_millis(150),
            queue_min_packets: 6,
            base_delay_memory: Duration::from_secs(10),
            min_queue: Duration::from_millis(10),
            max_queue: Duration::from_millis(25),
            drain_time: Duration::from_millis(500),
            min_drain_share: 0.8,
            queue_grown_factor: 1.25,
            queue_left_share: 0.8,
            queue_left_decrease: 0.7,
            max_drain_time: Duration::from_secs(2),
            drained_share: 0.75,
            steady_queue: Duration::from_millis(5),
            packet_bits: 1250.0 * 8.0,
            max_serialization_delay: Duration::from_millis(20),

            foreign_queue: Duration::from_millis(120),
            foreign_queue_packets: 16.0,
            foreign_queues: 3,
            foreign_queues_within: Duration::from_secs(10),
            competing_time: Duration::from_secs(30),
            competing_excess_loss: 0.02,
            competing_decrease: 0.7,

            startup_growth: 4.0,
            recovery_growth: 8.0,
            recovery_share: 0.85,
            additive_growth_bps: 50_000.0,
            growth_acceleration: 3.0,
            beyond_factor: 1.1,
            alone_growth: 0.3,
            alone_share: 0.8,
            widened_factor: 1.6,
            reach_factor: 1.5,
            reach_factor_beyond: 1.2,
            reach_bps: 50_000.0,
            reach_bps_after_queue: 20_000.0,
            after_queue: Duration::from_secs(8),
            max_growth_step: Duration::from_millis(200),

            pair_sent_within: Duration::from_millis(1),
            pair_min_bytes: MIN_PAIR_BYTES,
            pair_count: 5,
            pair_max_age: Duration::from_secs(2),

            loss_period: Duration::from_secs(1),
            loss_min_packets: 50,
            loss_periods: 10,
            loss_known_periods: 3,
            max_inherent_loss: 0.25,
            excess_loss: 0.08,
            max_usual_loss: 0.5,
            heavy_loss: 0.2,
            reordering_time: Duration::from_millis(150),
            queue_loss_time: Duration::from_secs(4),
            loss_runs: 64.0,

            burst_gap: Duration::from_millis(3),
            burst_packets: 2500.0,
            burst_min_lost: 20.0,
            burst_min_heads: 110.0,
            burst_head_share: 0.2,
            spread_time: Duration::from_secs(60),
            narrow_time: Duration::from_secs(20),

            window_gain_up: 0.006,
            window_gain_down: 0.03,
            window_slack: Duration::from_millis(10),
            window_first_bytes: 32_000.0,
            window_min_bytes: 5_000.0,
            window_max_delay: Duration::from_secs(1),
            probe_interval: Duration::from_millis(100),

            throughput_window: Duration::from_millis(340),
            busy_time: Duration::from_millis(100),
            feedback_timeout: Duration::from_secs(1),

            receiver_high_loss: 0.1,
            receiver_low_loss: 0.02,
            receiver_growth: 1.08,
            receiver_reaction_time: Duration::from_millis(300),
            receiver_max_queue: Duration::from_millis(100),
            receiver_queue_decrease: 0.85,
            receiver_round_trip_memory: Duration::from_secs(60),
            remb_timeout: Duration::from_secs(5),
        }
    }
}
