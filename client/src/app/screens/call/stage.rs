//! The pictures: a grid, or one that is large with the others beside it, and one's own.

use egui::{Rect, Response, Sense, Ui, Vec2, vec2};

use super::{show_video, tiles};
use crate::app::call_state::CallState;
use crate::app::commands::Command;
use crate::app::screens::Live;
use crate::app::stage::{Corner, OwnPicture};
use crate::app::state::State;
use crate::app::theme::{Palette, ROUNDING};
use crate::app::video::Source;
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::icons::Icon;
use crate::app::widgets::tile::Tile;
use crate::app::widgets::tile_grid;
use crate::i18n::Texts;

const GAP: f32 = 6.0;
/// From the small own picture to the edges of the stage.
const MARGIN: f32 = 10.0;
/// Smaller tiles have no button.
const MIN_WITH_BUTTON: f32 = 120.0;

/// Returns the part of `area` beside the small own picture.
pub(super) fn show(
    ui: &mut Ui,
    area: Rect,
    state: &State,
    call: &CallState,
    live: &mut Live<'_>,
    commands: &mut Vec<Command>,
) -> Rect {
    let others = call.participants.iter().len();
    let own = if others == 0 { OwnPicture::Small } else { call.stage.own(others) };
    let large = call.stage.large();
    let own_is_tile = own == OwnPicture::Tile || large == Some(Source::Own) && others > 0;
    let own_tile = own_is_tile.then_some(Source::Own);
    let sources: Vec<Source> = call.participants.iter().map(|peer| Source::Peer(peer.key)).chain(own_tile).collect();
    for (source, rect) in places(&sources, large, area) {
        let response = match source {
            Source::Own => own_picture(ui, rect, state, call, live, false),
            Source::Peer(key) => {
                let Some(peer) = call.participants.get(key) else { continue };
                let height = tiles::shown_height(call, peer, rect, ui.pixels_per_point());
                commands.extend(show_video(call, peer, height));
                tiles::show(ui, rect, &state.texts, call, peer, live)
            }
        };
        interact(ui, &response, source, sources.len() > 1, &state.texts, call, commands);
    }
    if own_is_tile || own == OwnPicture::Hidden {
        return area;
    }
    small_own_picture(ui, area, state, call, live, commands)
}

/// Where everyone is. In the order of `sources`, so that the keyboard visits them in the same order in each view.
fn places(sources: &[Source], large: Option<Source>, area: Rect) -> Vec<(Source, Rect)> {
    match large.filter(|large| sources.contains(large)) {
        Some(large) => {
            let (rect, small) = tile_grid::with_large(sources.len() - 1, area, GAP);
            let mut small = small.into_iter();
            let place = |source: &Source| {
                let place = if *source == large { Some(rect) } else { small.next() };
                place.map(|place| (*source, place))
            };
            sources.iter().filter_map(place).collect()
        }
        None => sources.iter().copied().zip(tile_grid::tiles(sources.len(), area, GAP)).collect(),
    }
}

/// A double click or Enter makes a picture large, and a menu says what else there is.
fn interact(
    ui: &mut Ui,
    response: &Response,
    source: Source,
    is_among_others: bool,
    texts: &Texts,
    call: &CallState,
    commands: &mut Vec<Command>,
) {
    let is_pinned = call.stage.is_pinned(source);
    let (key, icon) = if is_pinned { ("unpin", Icon::Shrink) } else { ("pin", Icon::Enlarge) };
    let by_keyboard = response.clicked() && !response.clicked_by(egui::PointerButton::Primary);
    if is_among_others && (response.double_clicked() || by_keyboard) {
        commands.push(Command::TogglePinned(source));
    }
    response.context_menu(|ui| {
        let mut entry = |ui: &mut Ui, text: String, command: Command| {
            if ui.button(text).clicked() {
                commands.push(command);
                ui.close();
            }
        };
        if is_among_others {
            entry(ui, texts.tr(key), Command::TogglePinned(source));
        }
        let whole = if call.stage.whole { "pictures-fill" } else { "pictures-whole" };
        entry(ui, texts.tr(whole), Command::ToggleWhole);
        if source == Source::Own {
            for (key, own) in
                [("own-small", OwnPicture::Small), ("own-tile", OwnPicture::Tile), ("own-hidden", OwnPicture::Hidden)]
            {
                entry(ui, texts.tr(key), Command::ChooseOwnPicture(own));
            }
        }
    });
    let rect = response.rect;
    if is_among_others && rect.width().min(rect.height()) >= MIN_WITH_BUTTON && ui.rect_contains_pointer(rect) {
        let size = Vec2::splat(32.0);
        let place = Rect::from_min_size(rect.right_top() + vec2(-size.x - 8.0, 8.0), size);
        ui.painter().rect_filled(place, 8.0, Palette::of(ui).surface);
        ui.scope_builder(egui::UiBuilder::new().max_rect(place), |ui| {
            if IconButton::new(icon, &texts.tr(key), Look::Bare).show(ui).clicked() {
                commands.push(Command::TogglePinned(source));
            }
        });
    }
}

/// `is_small`: with an outline around it, and it can be dragged.
fn own_picture(
    ui: &mut Ui,
    rect: Rect,
    state: &State,
    call: &CallState,
    live: &mut Live<'_>,
    is_small: bool,
) -> Response {
    let texts = &state.texts;
    let has_camera = state.devices.camera_in_use();
    Tile {
        source: Source::Own,
        name: &texts.tr("you"),
        initial_of: call.name.as_str(),
        label: &texts.tr(if has_camera { "own-video" } else { "own-video-off" }),
        muted: state.devices.muted,
        is_speaking: !state.devices.muted && live.microphone.is_speaking,
        status: None,
        frames: has_camera.then_some(&live.self_view),
        whole: call.stage.whole,
        hand_raised: call.hand_raised,
        is_weak: false,
        sense: if is_small { Sense::click_and_drag() } else { Sense::click() },
        behind: if is_small { Palette::of(ui).outline } else { Palette::of(ui).background },
    }
    .show(ui, rect, live.videos)
}

/// In a corner, to which it can be dragged. Returns the part of `area` beside it.
fn small_own_picture(
    ui: &mut Ui,
    area: Rect,
    state: &State,
    call: &CallState,
    live: &mut Live<'_>,
    commands: &mut Vec<Command>,
) -> Rect {
    let width = (area.width() * 0.22).clamp(104.0, 240.0).min(area.width());
    let size = vec2(width, width * 9.0 / 16.0);
    let rect = in_corner(area.shrink(MARGIN), size, call.stage.corner);
    let id = ui.scope_id().with("own-picture");
    let dragged = ui.data(|data| data.get_temp::<Vec2>(id)).unwrap_or_default();
    let shown = rect.translate(dragged);
    ui.painter().rect_filled(shown.expand(2.0), ROUNDING, Palette::of(ui).outline);
    let response = own_picture(ui, shown, state, call, live, true);
    if response.dragged() {
        let moved = dragged + response.drag_delta();
        ui.data_mut(|data| data.insert_temp(id, moved));
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove_temp::<Vec2>(id));
        let (center, middle) = (shown.center(), area.center());
        commands.push(Command::MoveOwnPicture(Corner { is_left: center.x < middle.x, is_top: center.y < middle.y }));
    }
    interact(ui, &response, Source::Own, call.participants.iter().len() > 0, &state.texts, call, commands);
    let mut free = area;
    if call.stage.corner.is_left {
        free.min.x = rect.right();
    } else {
        free.max.x = rect.left();
    }
    free
}

fn in_corner(area: Rect, size: Vec2, corner: Corner) -> Rect {
    let x = if corner.is_left { area.left() } else { area.right() - size.x };
    let y = if corner.is_top { area.top() } else { area.bottom() - size.y };
    Rect::from_min_size(egui::pos2(x, y), size)
}
