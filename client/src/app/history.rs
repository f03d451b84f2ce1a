//! The statistics of the last two minutes, for plots and for a report.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::session::{CallStats, ParticipantId, ParticipantStats};

/// One entry a second.
const SECONDS: usize = 120;

#[derive(Debug, Default)]
pub(crate) struct History {
    /// Seconds with statistics since the call began.
    seconds: u64,
    of: BTreeMap<ParticipantId, VecDeque<Second>>,
    /// Without participants.
    sent: VecDeque<CallStats>,
}

/// What was measured in one second.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    /// Since the call began.
    pub(crate) at: u64,
    pub(crate) stats: ParticipantStats,
}

impl History {
    pub(crate) fn add(&mut self, mut stats: CallStats) {
        self.seconds += 1;
        for stats in std::mem::take(&mut stats.participants) {
            push(self.of.entry(stats.participant).or_default(), Second { at: self.seconds, stats });
        }
        push(&mut self.sent, stats);
        // Whoever has left is forgotten with the last of its seconds.
        let oldest = self.seconds.saturating_sub(SECONDS as u64);
        self.of.retain(|_, seconds| seconds.back().is_some_and(|last| last.at > oldest));
    }

    /// Oldest first.
    pub(crate) fn of(&self, participant: ParticipantId) -> impl Iterator<Item = &Second> {
        self.of.get(&participant).into_iter().flatten()
    }

    /// What everyone receives from us, in the last second. Without participants.
    pub(crate) fn sent(&self) -> Option<&CallStats> {
        self.sent.back()
    }

    /// The second that is under way.
    pub(crate) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Everything as JSON, for a bug report: without names, addresses and rooms. Participants are numbered.
    pub(crate) fn report(&self) -> String {
        let participants: Vec<Value> =
            self.of.values().map(|seconds| seconds.iter().map(one_second).collect::<Vec<_>>().into()).collect();
        let sent = self.sent.iter().map(|sent| {
            json!({
                "width": sent.sent_width, "height": sent.sent_height, "fps": sent.sent_fps,
                "encode_delay_ms": sent.encode_delay_ms,
            })
        });
        let report = json!({
            "program": concat!("Maru ", env!("CARGO_PKG_VERSION")),
            "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            "sent": sent.collect::<Vec<_>>(),
            "participants": participants,
        });
        format!("{report:#}\n")
    }
}

fn one_second(second: &Second) -> Value {
    let stats = &second.stats;
    json!({
        "second": second.at,
        "sent_bitrate_bps": stats.sent_bitrate_bps, "received_bitrate_bps": stats.received_bitrate_bps,
        "path_bitrate_bps": stats.path_bitrate_bps,
        "fps": stats.fps, "width": stats.width, "height": stats.height,
        "loss": stats.loss, "round_trip_ms": stats.round_trip_ms, "jitter_ms": stats.jitter_ms,
        "queue_ms": stats.queue_ms, "pacing_ms": stats.pacing_ms, "decode_delay_ms": stats.decode_delay_ms,
        "video_delay_ms": stats.video_delay_ms, "audio_delay_ms": stats.audio_delay_ms,
        "concealed": stats.concealed, "limited_by": stats.limited_by,
    })
}

fn push<T>(list: &mut VecDeque<T>, entry: T) {
    if list.len() == SECONDS {
        list.pop_front();
    }
    list.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(keys: &[u32]) -> CallStats {
        let of = |key: &u32| ParticipantStats {
            participant: ParticipantId(*key),
            name: "Mina".into(),
            limited_by: "none".into(),
            ..ParticipantStats::default()
        };
        CallStats { participants: keys.iter().map(of).collect(), ..CallStats::default() }
    }

    #[test]
    fn two_minutes_are_kept_and_whoever_left_is_forgotten() {
        let mut history = History::default();
        for _ in 0..10 {
            history.add(stats(&[1, 2]));
        }
        for _ in 0..500 {
            history.add(stats(&[1]));
        }
        let seconds: Vec<u64> = history.of(ParticipantId(1)).map(|second| second.at).collect();
        assert_eq!((seconds.len(), seconds.first(), seconds.last()), (SECONDS, Some(&391), Some(&510)));
        assert_eq!(history.of(ParticipantId(2)).count(), 0);
    }

    #[test]
    fn a_report_names_nobody() {
        let mut history = History::default();
        history.add(stats(&[1]));
        let report = history.report();
        assert!(report.contains("\"second\": 1") && !report.contains("Mina"), "{report}");
    }
}
