//! One participant's tile.

use std::fmt::Write;

use egui::{Rect, Response, Sense, Ui};

use crate::app::call_state::CallState;
use crate::app::screens::Live;
use crate::app::theme::Palette;
use crate::app::video::{Source, shape};
use crate::app::widgets::framing::Framing;
use crate::app::widgets::tile::Tile;
use crate::i18n::Texts;
use crate::participants::{ConnectionState, Participant};
use crate::session::ParticipantStats;

/// From here on a loss of packets is seen or heard now and then.
const WEAK_LOSS: f32 = 0.05;
/// From here on people interrupt each other (ITU-T G.114).
const WEAK_ROUND_TRIP_MS: f32 = 400.0;
const WEAK_CONCEALED: f32 = 0.03;

pub(super) fn show(
    ui: &mut Ui,
    rect: Rect,
    texts: &Texts,
    call: &CallState,
    peer: &Participant,
    live: &mut Live<'_>,
) -> Response {
    let mut status = status(texts, peer);
    if let Some((status, absent)) = status.as_mut().zip(call.absent_for(peer.key, live.now)) {
        let seconds = absent.as_secs();
        let _ = write!(status, " {}:{:02}", seconds / 60, seconds % 60);
    }
    Tile {
        source: Source::Peer(peer.key),
        name: peer.name.as_str(),
        initial_of: peer.name.as_str(),
        label: &label(texts, peer),
        muted: peer.muted,
        is_speaking: !peer.muted && peer.sound.is_speaking(),
        status: status.as_deref(),
        frames: peer.frames.as_ref().filter(|_| peer.camera_on),
        whole: call.stage.whole,
        hand_raised: peer.hand_raised,
        is_weak: peer.stats.as_ref().is_some_and(is_weak),
        sense: Sense::click(),
        behind: Palette::of(ui).background,
    }
    .show(ui, rect, live.videos)
}

/// Of the picture in a tile, in pixels. Before its shape is known it counts as 16:9.
pub(super) fn shown_height(call: &CallState, peer: &Participant, tile: Rect, pixels_per_point: f32) -> u32 {
    let frame = peer.frames.as_ref().and_then(|slot| slot.get());
    let shape = frame.map_or(egui::vec2(16.0, 9.0), |frame| shape(&frame));
    (Framing::of(shape, tile, call.stage.whole).picture_height() * pixels_per_point).round() as u32
}

fn is_weak(stats: &ParticipantStats) -> bool {
    stats.loss >= WEAK_LOSS
        || stats.concealed >= WEAK_CONCEALED
        || stats.round_trip_ms.is_some_and(|round_trip_ms| round_trip_ms >= WEAK_ROUND_TRIP_MS)
}

/// Why there is no new frame from `peer`.
fn status(texts: &Texts, peer: &Participant) -> Option<String> {
    let has_frame = peer.frames.as_ref().is_some_and(|slot| slot.get().is_some());
    match &peer.connection {
        ConnectionState::Connecting => Some(texts.tr("peer-connecting")),
        ConnectionState::Away => Some(texts.tr("peer-away")),
        ConnectionState::Interrupted => Some(texts.tr("peer-interrupted")),
        ConnectionState::Unreachable { reason } => {
            Some(texts.tr_with("peer-unreachable", &[("reason", reason.as_str().into())]))
        }
        ConnectionState::Connected if !peer.shared.video => Some(texts.tr("peer-no-video")),
        ConnectionState::Connected if !peer.camera_on => Some(texts.tr("peer-camera-off")),
        ConnectionState::Connected if !has_frame => Some(texts.tr("peer-waiting")),
        ConnectionState::Connected => None,
    }
}

fn label(texts: &Texts, peer: &Participant) -> String {
    let key = match (peer.camera_on, peer.muted) {
        (true, false) => "video-of",
        (true, true) => "video-of-muted",
        (false, false) => "video-of-camera-off",
        (false, true) => "video-of-camera-off-muted",
    };
    let label = texts.tr_with(key, &[("name", peer.name.as_str().into())]);
    if peer.hand_raised { format!("{label}, {}", texts.tr("hand-raised")) } else { label }
}
