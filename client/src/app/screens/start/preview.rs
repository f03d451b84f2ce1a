//! One's own picture as the others will see it, with the switches of microphone and camera on it.

use egui::accesskit::Role;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align, Align2, Context, FontId, Layout, Rect, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use crate::app::commands::Command;
use crate::app::devices::Devices;
use crate::app::screens::Live;
use crate::app::shortcuts::Shortcut;
use crate::app::state::State;
use crate::app::theme::{Palette, ROUNDING};
use crate::app::video::{Picture, Source};
use crate::app::widgets::avatar::avatar;
use crate::app::widgets::icon_button::{IconButton, Look};
use crate::app::widgets::meter::meter;
use crate::app::widgets::switches;
use crate::device_status::DeviceStatus;
use crate::i18n::Texts;
use crate::media::DeviceKind;

/// The bar with the switches, and its distance from the edge of the picture.
const BAR_HEIGHT: f32 = 56.0;
const BAR_MARGIN: f32 = 10.0;
const BUTTON_WIDTH: f32 = 48.0;
const METER_WIDTH: f32 = 64.0;
const GAP: f32 = 8.0;

/// The picture is at most `height` high.
pub(super) fn show(ui: &mut Ui, state: &State, live: &mut Live<'_>, height: f32, commands: &mut Vec<Command>) {
    let width = ui.available_width();
    let (_, rect) = ui.allocate_space(vec2(width, (width * 9.0 / 16.0).min(height)));
    let (texts, devices) = (&state.texts, &state.devices);
    let has_camera = devices.camera_in_use();
    let label = texts.tr(if has_camera { "own-video" } else { "own-video-off" });
    let response = ui.interact(rect, ui.scope_id().with("preview"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    ui.painter().rect_filled(rect, ROUNDING, Palette::of(ui).stage);
    let behind = Palette::of(ui).background;
    let picture = Picture { source: Source::Own, slot: &live.self_view, whole: false, behind };
    if !(has_camera && live.videos.draw(ui, rect, picture)) {
        card(ui, rect, state.form.name.trim(), &status(texts, devices));
    }
    bar(ui, rect, state, live, commands);
    ui.add_space(4.0);
}

/// The switches by their keys, unless a field has the keyboard.
pub(super) fn pressed(ctx: &Context) -> Vec<Command> {
    if ctx.text_edit_focused() {
        return vec![];
    }
    let switches = [(Shortcut::Microphone, Command::ToggleMicrophone), (Shortcut::Camera, Command::ToggleCamera)];
    switches.into_iter().filter(|(shortcut, _)| shortcut.is_pressed(ctx)).map(|(_, command)| command).collect()
}

/// Why there is no picture.
fn status(texts: &Texts, devices: &Devices) -> String {
    match devices.status(DeviceKind::Camera) {
        _ if !devices.camera_on => texts.tr("peer-camera-off"),
        _ if devices.is_missing(DeviceKind::Camera) => texts.tr("no-camera"),
        DeviceStatus::Off => texts.tr("peer-camera-off"),
        DeviceStatus::Failed(_) => texts.tr("no-picture"),
        DeviceStatus::Opening | DeviceStatus::Open { .. } => texts.tr("peer-waiting"),
    }
}

/// Stands for the picture: the first letter of the name, and why there is none.
fn card(ui: &Ui, rect: Rect, name: &str, status: &str) {
    let (palette, painter) = (Palette::of(ui), ui.painter_at(rect));
    let free = rect.with_max_y(rect.bottom() - BAR_HEIGHT - BAR_MARGIN);
    let radius = (free.height() * 0.24).clamp(16.0, 60.0);
    let mut job = LayoutJob::single_section(
        status.to_owned(),
        TextFormat::simple(FontId::proportional(15.0), palette.weak_on_stage),
    );
    job.wrap = TextWrapping { max_width: (rect.width() - 24.0).max(1.0), max_rows: 2, ..TextWrapping::default() };
    job.halign = Align::Center;
    let galley = painter.layout_job(job);
    let top = free.center().y - (2.0 * radius + GAP + galley.size().y) / 2.0;
    let center = pos2(free.center().x, top + radius);
    avatar(&painter, palette, center, radius, name);
    painter.galley(pos2(center.x, center.y + radius + GAP), galley, palette.weak_on_stage);
}

fn bar(ui: &mut Ui, picture: Rect, state: &State, live: &Live<'_>, commands: &mut Vec<Command>) {
    let (texts, devices, palette) = (&state.texts, &state.devices, Palette::of(ui));
    let delivers = matches!(devices.status(DeviceKind::Microphone), DeviceStatus::Open { .. });
    let level_width = if delivers { METER_WIDTH + GAP } else { 0.0 };
    let size = vec2(2.0 * BUTTON_WIDTH + GAP + level_width + 2.0 * GAP, BAR_HEIGHT);
    let bottom = pos2(picture.center().x, picture.bottom() - BAR_MARGIN);
    let rect = Align2::CENTER_BOTTOM.anchor_size(bottom, size);
    ui.painter().rect(rect, 18.0, palette.surface, Stroke::new(1.0, palette.outline), StrokeKind::Inside);
    let inside = UiBuilder::new().max_rect(rect.shrink2(vec2(GAP, 0.0))).layout(Layout::left_to_right(Align::Center));
    // Red only where the person switched something off.
    ui.scope_builder(inside, |ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        let (icon, key, look) = switches::microphone(devices, Look::Plain);
        let label = texts.tr_with(key, &[("key", Shortcut::Microphone.name().into())]);
        if IconButton::new(icon, &label, look).show(ui).clicked() {
            commands.push(Command::ToggleMicrophone);
        }
        if delivers {
            let level = if devices.muted { 0.0 } else { live.microphone.level };
            ui.allocate_ui_with_layout(vec2(METER_WIDTH, 8.0), Layout::top_down(Align::Min), |ui| {
                meter(ui, &texts.tr("microphone-level"), level);
            });
        }
        let (icon, key, look) = switches::camera(devices, Look::Plain);
        let label = texts.tr_with(key, &[("key", Shortcut::Camera.name().into())]);
        if IconButton::new(icon, &label, look).show(ui).clicked() {
            commands.push(Command::ToggleCamera);
        }
    });
}
