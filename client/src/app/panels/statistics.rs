//! The quality view: what was measured over the last two minutes, as plots and in words.

use egui::{Button, Color32, Frame, Label, Panel, RichText, ScrollArea, Ui, vec2};
use egui_plot::{Line, Plot, PlotPoints};

use crate::app::call_state::CallState;
use crate::app::commands::Command;
use crate::app::history::Second;
use crate::app::theme::Palette;
use crate::i18n::{Texts, Value};
use crate::participants::Participant;
use crate::session::{CallStats, ParticipantStats};

const PLOT_HEIGHT: f32 = 92.0;
const SHOWN_SECONDS: f64 = 120.0;

pub(super) fn show(ui: &mut Ui, texts: &Texts, call: &CallState, commands: &mut Vec<Command>) {
    Panel::bottom("save-statistics").frame(Frame::new()).resizable(false).show_separator_line(false).show(ui, |ui| {
        ui.add_space(8.0);
        if ui.add(Button::new(texts.tr("stats-save")).wrap()).clicked() {
            commands.push(Command::SaveStatistics);
        }
        let hint = RichText::new(texts.tr("stats-save-hint")).color(Palette::of(ui).weak_text).size(13.0);
        ui.add(Label::new(hint).wrap());
    });
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.label(RichText::new(texts.tr("you")).strong());
        lines(ui, &call.history.sent().map_or_else(|| vec![texts.tr("stats-none")], |sent| of_sending(texts, sent)));
        for peer in &call.participants {
            ui.separator();
            ui.add(Label::new(RichText::new(peer.name.as_str()).strong()).truncate());
            match &peer.stats {
                Some(stats) => {
                    plots(ui, texts, call, peer);
                    lines(ui, &of_peer(texts, stats));
                }
                None => lines(ui, &[texts.tr("stats-none")]),
            }
        }
    });
}

fn lines(ui: &mut Ui, lines: &[String]) {
    ui.spacing_mut().item_spacing.y = 3.0;
    for line in lines {
        ui.add(Label::new(RichText::new(line).size(13.0)).wrap());
    }
}

/// One curve of a plot.
struct Curve {
    name: &'static str,
    of: fn(&ParticipantStats) -> Option<f64>,
}

const RATES: &[Curve] = &[
    Curve { name: "plot-received", of: |stats| Some(stats.received_bitrate_bps as f64 / 1e3) },
    Curve { name: "plot-sent", of: |stats| Some(stats.sent_bitrate_bps as f64 / 1e3) },
    Curve { name: "plot-path", of: |stats| Some(f64::from(stats.path_bitrate_bps) / 1e3) },
];
const DELAYS: &[Curve] = &[
    Curve { name: "plot-round-trip", of: |stats| stats.round_trip_ms.map(f64::from) },
    Curve { name: "plot-video-delay", of: |stats| stats.video_delay_ms.map(f64::from) },
    Curve { name: "plot-playout-delay", of: |stats| stats.audio_delay_ms.map(f64::from) },
    Curve { name: "plot-queue", of: |stats| Some(f64::from(stats.queue_ms + stats.pacing_ms)) },
];
const LOSSES: &[Curve] = &[
    Curve { name: "plot-loss", of: |stats| Some(f64::from(stats.loss) * 100.0) },
    Curve { name: "plot-concealed", of: |stats| Some(f64::from(stats.concealed) * 100.0) },
];

fn plots(ui: &mut Ui, texts: &Texts, call: &CallState, peer: &Participant) {
    for (title, curves, least) in
        [("plot-rate", RATES, 100.0), ("plot-delay", DELAYS, 50.0), ("plot-losses", LOSSES, 5.0)]
    {
        ui.label(RichText::new(texts.tr(title)).size(13.0).color(Palette::of(ui).weak_text));
        ui.horizontal_wrapped(|ui| {
            for (curve, color) in curves.iter().zip(colors(ui)) {
                ui.label(RichText::new(texts.tr(curve.name)).size(12.0).color(color));
            }
        });
        plot(ui, texts, call, peer, (title, curves, least));
    }
}

/// Of the curves of a plot, in their order.
fn colors(ui: &Ui) -> [Color32; 4] {
    let palette = Palette::of(ui);
    [palette.accent, palette.level, palette.problem_text, palette.weak_text]
}

/// `least`: the smallest range of the vertical axis.
fn plot(ui: &mut Ui, texts: &Texts, call: &CallState, peer: &Participant, what: (&str, &[Curve], f64)) {
    let (title, curves, least) = what;
    let now = call.history.seconds() as f64;
    let colors = colors(ui);
    Plot::new((title, peer.key.0))
        .height(PLOT_HEIGHT)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_x(false)
        .show_axes([false, true])
        .show_grid([false, true])
        .y_axis_min_width(34.0)
        .include_x(-SHOWN_SECONDS)
        .include_x(0.0)
        .include_y(0.0)
        .include_y(least)
        .set_margin_fraction(vec2(0.0, 0.05))
        .show(ui, |plot| {
            for (curve, color) in curves.iter().zip(colors) {
                let point = |second: &Second| Some([second.at as f64 - now, (curve.of)(&second.stats)?]);
                let points: PlotPoints<'_> = call.history.of(peer.key).filter_map(point).collect();
                plot.line(Line::new(texts.tr(curve.name), points).color(color).width(1.5));
            }
        });
}

/// The connection to one peer.
fn of_peer(texts: &Texts, stats: &ParticipantStats) -> Vec<String> {
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
fn of_sending(texts: &Texts, stats: &CallStats) -> Vec<String> {
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
