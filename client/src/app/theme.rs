//! The colours, for a dark and a light window.

use std::sync::Arc;

use egui::{Color32, Context, CornerRadius, Stroke, Style, Theme, ThemePreference, Ui, Visuals, vec2};

/// Colours by use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) background: Color32,
    /// Panels and bars.
    pub(crate) surface: Color32,
    pub(crate) outline: Color32,
    pub(crate) text: Color32,
    pub(crate) weak_text: Color32,
    pub(crate) accent: Color32,
    pub(crate) on_accent: Color32,
    pub(crate) danger: Color32,
    pub(crate) on_danger: Color32,
    pub(crate) problem_text: Color32,
    pub(crate) button: Color32,
    pub(crate) button_hovered: Color32,
    pub(crate) field: Color32,
    pub(crate) focus: Color32,
    /// Behind a frame, and where there is none.
    pub(crate) stage: Color32,
    /// Behind the initial of someone without a picture.
    pub(crate) card: Color32,
    pub(crate) on_stage: Color32,
    pub(crate) weak_on_stage: Color32,
    pub(crate) avatar: Color32,
    /// Behind text on a frame.
    pub(crate) veil: Color32,
    pub(crate) on_veil: Color32,
    pub(crate) level: Color32,
    pub(crate) own_message: Color32,
    pub(crate) their_message: Color32,
}

impl Palette {
    pub(crate) fn of(ui: &Ui) -> &'static Self {
        if ui.visuals().dark_mode { &DARK } else { &LIGHT }
    }
}

/// Rounding of tiles, in points.
pub(crate) const ROUNDING: f32 = 8.0;

/// Sets both themes. The system's preference chooses one.
pub(crate) fn install(ctx: &Context) {
    ctx.set_style_of(Theme::Dark, style(Visuals::dark(), &DARK));
    ctx.set_style_of(Theme::Light, style(Visuals::light(), &LIGHT));
    ctx.set_theme(ThemePreference::System);
}

fn style(mut visuals: Visuals, palette: &Palette) -> Arc<Style> {
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.surface;
    visuals.window_stroke = Stroke::new(1.0, palette.outline);
    visuals.extreme_bg_color = palette.field;
    visuals.faint_bg_color = palette.surface;
    visuals.weak_text_color = Some(palette.weak_text);
    visuals.error_fg_color = palette.problem_text;
    visuals.hyperlink_color = palette.accent;
    visuals.selection.bg_fill = palette.accent.gamma_multiply(0.5);
    visuals.selection.stroke = Stroke::new(2.0, palette.focus);
    let radius = CornerRadius::same(6);
    let widgets = &mut visuals.widgets;
    let each = [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ];
    for widget in each {
        widget.corner_radius = radius;
        widget.expansion = 0.0;
        widget.bg_stroke = Stroke::new(1.0, palette.outline);
        widget.fg_stroke.color = palette.text;
    }
    for widget in [&mut widgets.inactive, &mut widgets.open] {
        widget.weak_bg_fill = palette.button;
        widget.bg_fill = palette.button;
    }
    for widget in [&mut widgets.hovered, &mut widgets.active] {
        widget.weak_bg_fill = palette.button_hovered;
        widget.bg_fill = palette.button_hovered;
    }
    // Also drawn for the keyboard focus, so it must be visible.
    widgets.hovered.bg_stroke = Stroke::new(1.5, palette.focus);
    widgets.active.bg_stroke = Stroke::new(2.0, palette.focus);

    let mut style = Style { visuals, ..Style::default() };
    style.spacing.item_spacing = vec2(8.0, 8.0);
    style.spacing.button_padding = vec2(12.0, 7.0);
    style.spacing.interact_size.y = 32.0;
    // No animations: each would repaint the whole window.
    style.animation_time = 0.0;
    for (text_style, size) in [
        (egui::TextStyle::Small, 12.0),
        (egui::TextStyle::Body, 15.0),
        (egui::TextStyle::Button, 15.0),
        (egui::TextStyle::Monospace, 13.0),
        (egui::TextStyle::Heading, 24.0),
    ] {
        if let Some(font) = style.text_styles.get_mut(&text_style) {
            font.size = size;
        }
    }
    Arc::new(style)
}

const DARK: Palette = Palette {
    background: Color32::from_rgb(0x14, 0x17, 0x1c),
    surface: Color32::from_rgb(0x1c, 0x21, 0x28),
    outline: Color32::from_rgb(0x38, 0x40, 0x4b),
    text: Color32::from_rgb(0xe8, 0xeb, 0xef),
    weak_text: Color32::from_rgb(0xa2, 0xab, 0xb7),
    accent: Color32::from_rgb(0x4c, 0x8d, 0xf5),
    on_accent: Color32::from_rgb(0x06, 0x10, 0x20),
    danger: Color32::from_rgb(0xe0, 0x4f, 0x4f),
    on_danger: Color32::from_rgb(0xff, 0xff, 0xff),
    problem_text: Color32::from_rgb(0xff, 0x9a, 0x8f),
    button: Color32::from_rgb(0x2b, 0x32, 0x3c),
    button_hovered: Color32::from_rgb(0x38, 0x41, 0x4e),
    field: Color32::from_rgb(0x0e, 0x11, 0x15),
    focus: Color32::from_rgb(0x8c, 0xb8, 0xff),
    stage: Color32::from_rgb(0x0a, 0x0c, 0x0f),
    card: Color32::from_rgb(0x21, 0x27, 0x30),
    on_stage: Color32::from_rgb(0xe8, 0xeb, 0xef),
    weak_on_stage: Color32::from_rgb(0xa2, 0xab, 0xb7),
    avatar: Color32::from_rgb(0x34, 0x4a, 0x6e),
    veil: Color32::from_rgba_premultiplied(0, 0, 0, 0xa8),
    on_veil: Color32::from_rgb(0xff, 0xff, 0xff),
    level: Color32::from_rgb(0x45, 0xc4, 0x7b),
    own_message: Color32::from_rgb(0x24, 0x3b, 0x5e),
    their_message: Color32::from_rgb(0x2b, 0x32, 0x3c),
};

const LIGHT: Palette = Palette {
    background: Color32::from_rgb(0xf4, 0xf6, 0xf9),
    surface: Color32::from_rgb(0xff, 0xff, 0xff),
    outline: Color32::from_rgb(0xc3, 0xca, 0xd4),
    text: Color32::from_rgb(0x1a, 0x1f, 0x27),
    weak_text: Color32::from_rgb(0x55, 0x5f, 0x6d),
    accent: Color32::from_rgb(0x1d, 0x5f, 0xd1),
    on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
    danger: Color32::from_rgb(0xc6, 0x34, 0x34),
    on_danger: Color32::from_rgb(0xff, 0xff, 0xff),
    problem_text: Color32::from_rgb(0xb0, 0x25, 0x1c),
    button: Color32::from_rgb(0xe6, 0xea, 0xf0),
    button_hovered: Color32::from_rgb(0xd6, 0xdd, 0xe7),
    field: Color32::from_rgb(0xff, 0xff, 0xff),
    focus: Color32::from_rgb(0x1d, 0x5f, 0xd1),
    stage: Color32::from_rgb(0xdd, 0xe2, 0xea),
    card: Color32::from_rgb(0xdd, 0xe2, 0xea),
    on_stage: Color32::from_rgb(0x1a, 0x1f, 0x27),
    weak_on_stage: Color32::from_rgb(0x4b, 0x55, 0x63),
    avatar: Color32::from_rgb(0xb3, 0xc8, 0xec),
    veil: Color32::from_rgba_premultiplied(0, 0, 0, 0xa8),
    on_veil: Color32::from_rgb(0xff, 0xff, 0xff),
    level: Color32::from_rgb(0x1f, 0x9d, 0x57),
    own_message: Color32::from_rgb(0xd5, 0xe4, 0xfc),
    their_message: Color32::from_rgb(0xe6, 0xea, 0xf0),
};
