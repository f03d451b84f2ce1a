//! The lines of connection statistics that lie on a video tile.

use crate::i18n::{Texts, Value};
use crate::session::{CallStats, ParticipantStats};

/// The connection to one peer.
pub(crate) fn of_peer(texts: &Texts, stats: &ParticipantStats) -> Vec<String> {
    let bitrates =
        [("received", (stats.received_bitrate_bps / 1_000).into()), ("sent", (stats.sent_bitrate_bps / 1_000).into())];
    let network = [("loss", number(stats.loss * 100.0, 1)), ("jitter", number(stats.jitter_ms, 0))];
    let delays = [("video", known(stats.video_delay_ms)), ("playout", known(stats.audio_delay_ms))];
    let queues = [("send", number(stats.pacing_ms, 0)), ("network", number(stats.queue_ms, 0))];
    let limit = match stats.limited_by.as_str() {
        "network" => texts.tr("stats-limited-network"),
        "cpu" => texts.tr("stats-limited-cpu"),
        "camera" => texts.tr("stats-limited-camera"),
        _ => texts.tr("stats-not-limited"),
    };
    vec![
        frame(texts, "stats-frame", stats.width, stats.height, stats.fps),
        texts.tr_with("stats-bitrates", &bitrates),
        texts.tr_with("stats-network", &network),
        texts.tr_with("stats-round-trip", &[("round_trip", known(stats.round_trip_ms))]),
        texts.tr_with("stats-delays", &delays),
        texts.tr_with("stats-queues", &queues),
        texts.tr_with("stats-decode-delay", &[("decode", number(stats.decode_delay_ms, 0))]),
        texts.tr_with("stats-concealed", &[("concealed", number(stats.concealed * 100.0, 1))]),
        limit,
    ]
}

/// The video that everyone receives from us.
pub(crate) fn of_sending(texts: &Texts, stats: &CallStats) -> Vec<String> {
    vec![
        frame(texts, "stats-sent-frame", stats.sent_width, stats.sent_height, stats.sent_fps),
        texts.tr_with("stats-encode-delay", &[("encode", number(stats.encode_delay_ms, 0))]),
    ]
}

fn frame(texts: &Texts, key: &str, width: u32, height: u32, fps: f32) -> String {
    texts.tr_with(key, &[("width", width.into()), ("height", height.into()), ("fps", number(fps, 0))])
}

fn known(milliseconds: Option<f32>) -> Value<'static> {
    milliseconds.map_or_else(|| "–".into(), |milliseconds| number(milliseconds, 0))
}

fn number(number: f32, digits: usize) -> Value<'static> {
    format!("{number:.digits$}").into()
}
