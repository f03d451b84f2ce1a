//! The call: the peers' video, one's own in the corner, a bar of buttons, and a panel beside the video.

use egui::accesskit::Role;
use egui::{
    Align, CentralPanel, FontId, Frame, Label, Layout, Margin, Panel, Rect, RichText, Sense, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::Live;
use crate::app::call_state::{CallState, ServerState};
use crate::app::commands::{Command, Side};
use crate::app::panels::{self, statistics};
use crate::app::shortcuts::{self, Shortcut};
use crate::app::state::State;
use crate::app::theme::{Palette, ROUNDING};
use crate::app::video::Source;
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::icons::Icon;
use crate::app::widgets::tile::Tile;
use crate::app::widgets::tile_grid;
use crate::i18n::Texts;
use crate::participants::{ConnectionState, Participant};

/// From this width on, panels are beside the video. In narrower windows they replace it.
const BESIDE: f32 = 720.0;
const SIDE_WIDTH: f32 = 330.0;
const GAP: f32 = 6.0;

pub(super) fn show(ui: &mut Ui, state: &State, call: &CallState, live: &mut Live<'_>, commands: &mut Vec<Command>) {
    commands.extend(shortcuts::pressed(ui.ctx(), call));
    let surface = Frame::new().fill(Palette::of(ui).surface).inner_margin(Margin::symmetric(10, 6));
    Panel::top("call-top").frame(surface).resizable(false).show(ui, |ui| top_bar(ui, state, call, commands));
    Panel::bottom("call-bar").frame(surface).resizable(false).show(ui, |ui| button_bar(ui, state, call, commands));

    let side_frame = surface.inner_margin(Margin::same(12));
    match call.side {
        Some(side) if ui.available_width() >= BESIDE => {
            Panel::right("call-side").frame(side_frame).resizable(false).exact_size(SIDE_WIDTH).show(ui, |ui| {
                panels::show(ui, side, state, call, live, commands);
            });
        }
        Some(side) => {
            CentralPanel::default().frame(side_frame).show(ui, |ui| {
                panels::show(ui, side, state, call, live, commands);
            });
            commands.extend(hide_all(call));
            return;
        }
        None => {}
    }
    let stage = Frame::new().fill(Palette::of(ui).background).inner_margin(Margin::same(6));
    CentralPanel::default().frame(stage).show(ui, |ui| {
        let area = ui.available_rect_before_wrap();
        if call.participants.iter().len() == 0 {
            alone(ui, area, &state.texts, call);
        } else {
            others(ui, area, &state.texts, call, live, commands);
        }
        self_view(ui, area, state, call, live);
        notices(ui, area, &state.texts, call, live);
        if state.devices.muted && live.microphone.is_speaking {
            let sentence = state.texts.tr_with("speaking-muted", &[("key", Shortcut::Microphone.name().into())]);
            above_buttons(ui, area, &sentence);
        }
    });
}

fn top_bar(ui: &mut Ui, state: &State, call: &CallState, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    ui.horizontal(|ui| {
        let room = texts.tr_with("room-name", &[("room", call.room.as_str().into())]);
        let width = (ui.available_width() - 48.0).max(40.0);
        ui.scope(|ui| {
            ui.set_max_width(width);
            ui.add(Label::new(RichText::new(room).strong()).truncate());
        });
        if IconButton::new(Icon::Copy, &texts.tr("invite"), Look::Bare).show(ui).clicked() {
            commands.push(Command::Invite);
        }
    });
    let problem = match call.server {
        ServerState::There => return,
        ServerState::Lost => "server-lost-bar",
        ServerState::Replaced => "replaced-bar",
    };
    let color = Palette::of(ui).problem_text;
    ui.add(Label::new(RichText::new(texts.tr(problem)).color(color).size(13.0)).wrap());
}

fn button_bar(ui: &mut Ui, state: &State, call: &CallState, commands: &mut Vec<Command>) {
    let (texts, devices) = (&state.texts, &state.devices);
    let named = |key: &str, shortcut: Shortcut| texts.tr_with(key, &[("key", shortcut.name().into())]);
    let unread = call.chat.unread;
    let chat = match unread {
        0 => named("chat-button", Shortcut::Chat),
        _ => texts.tr_with("chat-button-unread", &[("count", unread.into()), ("key", Shortcut::Chat.name().into())]),
    };
    let selected = |is_selected: bool| if is_selected { Look::Selected } else { Look::Plain };
    let microphone = match devices.muted {
        true => (Icon::MicrophoneOff, named("unmute", Shortcut::Microphone), Look::Danger),
        false if !devices.microphone_in_use() => {
            (Icon::MicrophoneOff, named("microphone-none", Shortcut::Microphone), Look::Danger)
        }
        false => (Icon::Microphone, named("mute", Shortcut::Microphone), Look::Plain),
    };
    let camera = match devices.camera_on {
        false => (Icon::CameraOff, named("camera-start", Shortcut::Camera), Look::Danger),
        true if !devices.camera_in_use() => (Icon::CameraOff, named("camera-none", Shortcut::Camera), Look::Danger),
        true => (Icon::Camera, named("camera-stop", Shortcut::Camera), Look::Plain),
    };
    let is_open = |side| selected(call.side == Some(side));
    let buttons = [
        (microphone, 0, Command::ToggleMicrophone),
        (camera, 0, Command::ToggleCamera),
        ((Icon::Chat, chat, is_open(Side::Chat)), unread, Command::ToggleSide(Side::Chat)),
        (
            (Icon::Devices, named("devices-button", Shortcut::Devices), is_open(Side::Devices)),
            0,
            Command::ToggleSide(Side::Devices),
        ),
        (
            (Icon::Statistics, named("stats-button", Shortcut::Statistics), selected(call.show_stats)),
            0,
            Command::ToggleStats,
        ),
        ((Icon::Leave, named("leave", Shortcut::Leave), Look::Danger), 0, Command::Leave),
    ];
    let width = buttons.len() as f32 * (48.0 + ui.spacing().item_spacing.x) - ui.spacing().item_spacing.x;
    ui.horizontal(|ui| {
        ui.add_space(((ui.available_width() - width) / 2.0).max(0.0));
        for ((icon, label, look), badge, command) in buttons {
            if IconButton::new(icon, &label, look).badge(badge).show(ui).clicked() {
                commands.push(command);
            }
        }
    });
}

fn alone(ui: &mut Ui, area: Rect, texts: &Texts, call: &CallState) {
    let center = Rect::from_center_size(area.center() - vec2(0.0, 40.0), vec2(area.width().min(420.0), 120.0));
    ui.scope_builder(egui::UiBuilder::new().max_rect(center), |ui| {
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.label(RichText::new(texts.tr("alone")).size(20.0));
            let hint = texts.tr_with("alone-hint", &[("room", call.room.as_str().into())]);
            ui.add(Label::new(RichText::new(hint).color(Palette::of(ui).weak_text)).wrap());
        });
    });
}

/// No participant's picture is on the screen.
pub(crate) fn hide_all(call: &CallState) -> impl Iterator<Item = Command> {
    call.participants.iter().filter_map(|peer| show_video(call, peer, 0))
}

fn show_video(call: &CallState, peer: &Participant, height: u32) -> Option<Command> {
    call.viewing.change(peer.key, height).map(|height| Command::ShowVideo(peer.key, height))
}

fn others(ui: &mut Ui, area: Rect, texts: &Texts, call: &CallState, live: &mut Live<'_>, commands: &mut Vec<Command>) {
    let participants = call.participants.iter();
    let rects = tile_grid::tiles(participants.len(), area, GAP);
    for (peer, rect) in participants.zip(rects) {
        let mut status = status(texts, peer);
        if let Some((status, absent)) = status.as_mut().zip(call.absent_for(peer.key, live.now)) {
            let seconds = absent.as_secs();
            *status += &format!(" {}:{:02}", seconds / 60, seconds % 60);
        }
        let lines = match &peer.stats {
            Some(stats) if call.show_stats => statistics::of_peer(texts, stats),
            _ => vec![],
        };
        Tile {
            source: Source::Peer(peer.key),
            name: peer.name.as_str(),
            initial_of: peer.name.as_str(),
            label: &label(texts, peer),
            muted: peer.muted,
            is_speaking: !peer.muted && peer.sound.is_speaking(),
            status: status.as_deref(),
            frames: peer.frames.as_ref().filter(|_| peer.camera_on),
            statistics: &lines,
        }
        .show(ui, rect, live.videos);
        commands.extend(show_video(call, peer, shown_height(peer, rect, ui.pixels_per_point())));
    }
}

/// Of the picture in a tile, in pixels. Before its shape is known it counts as 16:9.
fn shown_height(peer: &Participant, tile: Rect, pixels_per_point: f32) -> u32 {
    let frame = peer.frames.as_ref().and_then(|slot| slot.get());
    let shape = frame.map_or(vec2(16.0, 9.0), |frame| vec2(frame.image.width as f32, frame.image.height as f32));
    (tile_grid::fit(shape, tile).height() * pixels_per_point).round() as u32
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
    texts.tr_with(key, &[("name", peer.name.as_str().into())])
}

fn self_view_rect(area: Rect) -> Rect {
    let width = (area.width() * 0.22).clamp(104.0, 240.0);
    let size = vec2(width, width * 9.0 / 16.0);
    Rect::from_min_size(area.max - size - Vec2::splat(8.0), size)
}

fn self_view(ui: &mut Ui, area: Rect, state: &State, call: &CallState, live: &mut Live<'_>) {
    let texts = &state.texts;
    let rect = self_view_rect(area);
    let has_camera = state.devices.camera_in_use();
    let lines = if call.show_stats { statistics::of_sending(texts, &call.sent) } else { vec![] };
    ui.painter().rect_filled(rect.expand(2.0), ROUNDING, Palette::of(ui).outline);
    Tile {
        source: Source::Own,
        name: &texts.tr("you"),
        initial_of: call.name.as_str(),
        label: &texts.tr(if has_camera { "own-video" } else { "own-video-off" }),
        muted: state.devices.muted,
        is_speaking: !state.devices.muted && live.microphone.is_speaking,
        status: None,
        frames: has_camera.then_some(&live.self_view),
        statistics: &lines,
    }
    .show(ui, rect, live.videos);
}

fn above_buttons(ui: &Ui, area: Rect, sentence: &str) {
    let palette = Palette::of(ui);
    let pad = vec2(12.0, 7.0);
    // Beside one's own picture, above the name of a tile.
    let free = Rect::from_min_max(area.min, pos2(self_view_rect(area).left(), area.bottom() - 44.0));
    let width = (free.width() - 24.0).clamp(40.0, 520.0) - 2.0 * pad.x;
    let galley = ui.painter().layout(sentence.to_owned(), FontId::proportional(15.0), palette.problem_text, width);
    let size = galley.size() + 2.0 * pad;
    let rect = Rect::from_min_size(pos2(free.center().x - size.x / 2.0, free.bottom() - size.y), size);
    let response = ui.interact(rect, ui.scope_id().with("speaking-muted"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, sentence));
    ui.painter().rect(rect, 6.0, palette.surface, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    ui.painter().galley(rect.min + pad, galley, palette.problem_text);
}

fn notices(ui: &Ui, area: Rect, texts: &Texts, call: &CallState, live: &Live<'_>) {
    let palette = Palette::of(ui);
    let pad = vec2(10.0, 5.0);
    let width = (area.width() - 48.0).clamp(40.0, 520.0) - 2.0 * pad.x;
    let mut top = area.top() + 8.0;
    for (index, notice) in call.notices(live.now).enumerate() {
        let sentence = notice.sentence(texts);
        let galley = ui.painter().layout(sentence.clone(), FontId::proportional(14.0), palette.text, width);
        let size = galley.size() + 2.0 * pad;
        let rect = Rect::from_min_size(pos2(area.center().x - size.x / 2.0, top), size);
        let response = ui.interact(rect, ui.scope_id().with(("notice", index)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &sentence));
        ui.painter().rect(rect, 6.0, palette.surface, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
        ui.painter().galley(rect.min + pad, galley, palette.text);
        top = rect.bottom() + 4.0;
    }
}
