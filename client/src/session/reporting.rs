//! What goes into the report of a call, in one place. `--report` in the README shows the events.

use std::sync::Arc;

use maru_core::call::{EndReason, Event, ParticipantId};
use maru_core::media::SharedMedia;
use maru_core::time::Timestamp;
use serde_json::{Value, json};
use webrtc::runtime::Runtime;

use super::surroundings::now;
use super::{CallStats, ParticipantStats};
use crate::report::Report;

pub(super) struct Reporter {
    report: Report,
    runtime: Arc<dyn Runtime>,
}

impl Reporter {
    pub(super) fn new(report: Report, runtime: Arc<dyn Runtime>) -> Self {
        Self { report, runtime }
    }

    /// Reports `event` if it is one of those that a report has.
    pub(super) fn event(&self, event: &Event, name_of: impl Fn(ParticipantId) -> String) {
        let name = |participant: &ParticipantId| name_of(*participant);
        let (what, fields) = match event {
            Event::Joined { server, present } => {
                ("joined", json!({ "server": server.url, "own_server": server.is_own, "peers": present }))
            }
            Event::ServerLost => ("server-lost", Value::Null),
            Event::ServerBack { .. } => ("server-back", Value::Null),
            Event::Replaced => ("replaced", Value::Null),
            Event::ComputerAtLimit(is_at_limit) => ("computer-at-limit", json!({ "at_limit": is_at_limit })),
            Event::ServerRefused { message } => ("error", json!({ "message": message })),
            Event::ParticipantJoined { participant, name } => {
                ("peer-joined", json!({ "peer": name.as_str(), "peer_key": participant.0 }))
            }
            Event::ParticipantRenamed { participant, old, name } => {
                ("peer-renamed", json!({ "peer": name.as_str(), "old": old.as_str(), "peer_key": participant.0 }))
            }
            Event::ParticipantConnected { participant } => {
                ("connected", json!({ "peer": name(participant), "peer_key": participant.0 }))
            }
            Event::ParticipantInterrupted { participant } => ("peer-interrupted", json!({ "peer": name(participant) })),
            Event::ParticipantAway { participant } => ("peer-away", json!({ "peer": name(participant) })),
            Event::ParticipantUnreachable { participant, reason } => {
                ("error", json!({ "message": format!("no connection to {}: {reason}", name(participant)) }))
            }
            Event::ParticipantState { participant, muted, camera_on, hand_raised } => {
                let peer = name(participant);
                let state = json!({
                    "peer": peer, "muted": muted, "camera_on": camera_on, "hand_raised": hand_raised
                });
                ("peer-state", state)
            }
            Event::MediaAgreed { participant, shared } => {
                let SharedMedia { audio, video } = shared;
                ("media-agreed", json!({ "peer": name(participant), "audio": audio, "video": video }))
            }
            Event::ParticipantLeft { participant, name, lost } => {
                ("peer-left", json!({ "peer": name.as_str(), "peer_key": participant.0, "lost": lost }))
            }
            Event::Chat { participant, text, sent_unix_ms } => {
                ("chat", json!({ "from": name(participant), "text": text, "sent_unix_ms": sent_unix_ms }))
            }
            Event::ChatDelivered { participant, id } => {
                ("chat-delivered", json!({ "peer": name(participant), "id": id }))
            }
            // [`Self::ended`] reports the end, after the goodbyes.
            Event::Searching | Event::Connecting { .. } | Event::Ended(_) => return,
        };
        self.write(what, fields);
    }

    pub(super) fn first_frame(&self, at: Timestamp, peer: &str) {
        self.report.event(at, "first-frame", json!({ "peer": peer }));
    }

    pub(super) fn chat_sent(&self, text: &str) {
        self.write("chat", json!({ "to": "all", "text": text }));
    }

    pub(super) fn stats(&self, stats: &CallStats) {
        self.write("stats", stats_fields(stats));
    }

    pub(super) fn ended(&self, reason: &EndReason) {
        self.write("left", json!({ "reason": format!("{reason:?}") }));
    }

    fn write(&self, what: &str, fields: Value) {
        self.report.event(now(self.runtime.as_ref()), what, fields);
    }
}

fn stats_fields(stats: &CallStats) -> Value {
    json!({
        "sent_width": stats.sent_width,
        "sent_height": stats.sent_height,
        "sent_fps": stats.sent_fps,
        "encode_delay_ms": stats.encode_delay_ms,
        "peers": stats.participants.iter().map(participant_fields).collect::<Vec<_>>(),
    })
}

fn participant_fields(stats: &ParticipantStats) -> Value {
    json!({
        "peer": stats.name,
        "sent_bitrate_bps": stats.sent_bitrate_bps,
        "received_bitrate_bps": stats.received_bitrate_bps,
        "fps": stats.fps,
        "width": stats.width,
        "height": stats.height,
        "loss": stats.loss,
        "path_bitrate_bps": stats.path_bitrate_bps,
        "queue_ms": stats.queue_ms,
        "pacing_ms": stats.pacing_ms,
        "round_trip_ms": stats.round_trip_ms,
        "jitter_ms": stats.jitter_ms,
        "decode_delay_ms": stats.decode_delay_ms,
        "video_delay_ms": stats.video_delay_ms,
        "audio_buffer_ms": stats.audio_delay_ms,
        "concealed": stats.concealed,
        "level": stats.level,
        "limited_by": stats.limited_by,
    })
}
