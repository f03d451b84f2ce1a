//! What most calls need only once, closed until then: the devices, and the settings.

use egui::{CollapsingHeader, Ui};

use super::concerns_server;
use crate::app::commands::Command;
use crate::app::panels::devices::{language_picker, pickers, voice};
use crate::app::screens::Live;
use crate::app::state::State;
use crate::app::widgets::appeared::appeared;
use crate::app::widgets::field::{Field, calm_sentence, problem_sentence};
use crate::device_status::DeviceStatus;
use crate::i18n;
use crate::media::DeviceKind;

pub(super) fn show(ui: &mut Ui, state: &State, live: &Live<'_>, commands: &mut Vec<Command>) {
    devices(ui, state, live, commands);
    settings(ui, state, commands);
}

fn devices(ui: &mut Ui, state: &State, live: &Live<'_>, commands: &mut Vec<Command>) {
    let (texts, devices) = (&state.texts, &state.devices);
    let has_trouble =
        [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker].iter().any(|it| devices.has_trouble(*it));
    // Only when the trouble begins: the person may close it.
    let open = (has_trouble && appeared(ui, "trouble of a device")).then_some(true);
    let menu = CollapsingHeader::new(texts.tr("devices-menu")).id_salt("devices").open(open).show(ui, |ui| {
        pickers(ui, state, live.microphone, commands);
        ui.separator();
        voice(ui, state, commands);
    });
    if !menu.fully_closed() {
        return;
    }
    for (device, key) in [(DeviceKind::Microphone, "no-microphone"), (DeviceKind::Speaker, "no-speaker")] {
        if devices.is_missing(device) {
            calm_sentence(ui, &texts.tr(key));
        }
    }
    let delivers = matches!(devices.status(DeviceKind::Microphone), DeviceStatus::Open { .. });
    if delivers && live.microphone.is_silent {
        problem_sentence(ui, &texts.tr("microphone-silent"));
    }
}

fn settings(ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
    let (texts, form) = (&state.texts, &state.form);
    let ended = state.ended.as_ref().filter(|reason| concerns_server(reason));
    let problem = match ended {
        _ if form.problems.server => Some(texts.tr("server-scheme")),
        ended => ended.map(|reason| i18n::end_reason(texts, reason)),
    };
    let open = problem.is_some().then_some(true);
    CollapsingHeader::new(texts.tr("settings")).id_salt("settings").open(open).show(ui, |ui| {
        let server = Field {
            id: "server",
            label: &texts.tr("server-label"),
            hint: &texts.tr("server-hint"),
            text: &form.server,
            problem,
        }
        .show(ui);
        commands.extend(server.text.map(Command::TypeServer));
        if server.entered {
            commands.push(Command::Join);
        }
        language_picker(ui, state, commands);
    });
}
