//! What goes into the report of a call, in one place. `--report` in the README shows the events.

use maru_core::time::Timestamp;
use serde_json::{Value, json};

use super::{CallEvent, CallStats, PeerKey, PeerStats};
use crate::clock;
use crate::report::Report;

pub(super) struct Reporter {
    report: Report,
}

impl Reporter {
    pub(super) fn new(report: Report) -> Self {
        Self { report }
    }

    /// Reports `event` if it is one of those that a report has.
    pub(super) fn event(&self, event: &CallEvent, name_of: impl Fn(PeerKey) -> String) {
        let name = |key: &PeerKey| name_of(*key);
        let (what, fields) = match event {
            CallEvent::Joined { server, own_server, peers } => {
                ("joined", json!({ "server": server, "own_server": own_server, "peers": peers }))
            }
            CallEvent::PeerJoined { peer, name } => {
                ("peer-joined", json!({ "peer": name.as_str(), "peer_key": peer.0 }))
            }
            CallEvent::PeerRenamed { peer, old, name } => {
                ("peer-renamed", json!({ "peer": name.as_str(), "old": old.as_str(), "peer_key": peer.0 }))
            }
            CallEvent::PeerConnected { peer, .. } => ("connected", json!({ "peer": name(peer), "peer_key": peer.0 })),
            CallEvent::PeerState { peer, muted, camera_on } => {
                ("peer-state", json!({ "peer": name(peer), "muted": muted, "camera_on": camera_on }))
            }
            CallEvent::Chat { peer, text, sent_unix_ms } => {
                ("chat", json!({ "from": name(peer), "text": text, "sent_unix_ms": sent_unix_ms }))
            }
            CallEvent::ChatDelivered { peer, id } => ("chat-delivered", json!({ "peer": name(peer), "id": id })),
            CallEvent::PeerInterrupted { peer } => ("peer-interrupted", json!({ "peer": name(peer) })),
            CallEvent::PeerUnreachable { peer, reason } => {
                ("error", json!({ "message": format!("no connection to {}: {reason}", name(peer)) }))
            }
            CallEvent::ServerLost => ("server-lost", Value::Null),
            CallEvent::ServerBack => ("server-back", Value::Null),
            CallEvent::Stats(stats) => ("stats", stats_fields(stats)),
            CallEvent::Ended(reason) => ("left", json!({ "reason": format!("{reason:?}") })),
            CallEvent::Searching | CallEvent::Connecting { .. } | CallEvent::Invitation(_) => return,
            // Reported with what only the call knows: see below.
            CallEvent::FirstFrame { .. } | CallEvent::PeerLeft { .. } => return,
        };
        self.report.event(clock::now(), what, fields);
    }

    pub(super) fn first_frame(&self, at: Timestamp, peer: &str) {
        self.report.event(at, "first-frame", json!({ "peer": peer }));
    }

    pub(super) fn peer_left(&self, peer: PeerKey, name: &str, lost: bool) {
        self.report.event(clock::now(), "peer-left", json!({ "peer": name, "peer_key": peer.0, "lost": lost }));
    }

    pub(super) fn chat_sent(&self, text: &str) {
        self.report.event(clock::now(), "chat", json!({ "to": "all", "text": text }));
    }

    pub(super) fn error(&self, message: &str) {
        self.report.event(clock::now(), "error", json!({ "message": message }));
    }
}

fn stats_fields(stats: &CallStats) -> Value {
    json!({
        "sent_width": stats.sent_width,
        "sent_height": stats.sent_height,
        "sent_fps": stats.sent_fps,
        "encode_delay_ms": stats.encode_delay_ms,
        "peers": stats.peers.iter().map(peer_fields).collect::<Vec<_>>(),
    })
}

fn peer_fields(stats: &PeerStats) -> Value {
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
