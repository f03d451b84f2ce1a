//! The pickers for camera, microphone and speaker. During a call, also the name and the language.

use egui::{Button, ScrollArea, Ui};

use crate::app::commands::Command;
use crate::app::devices::{DeviceStatus, Devices};
use crate::app::screens::Live;
use crate::app::state::State;
use crate::app::widgets::field::{Field, problem_sentence};
use crate::app::widgets::meter::meter;
use crate::app::widgets::picker::{Picked, Picker};
use crate::i18n::{self, Language, Texts};
use crate::media::{DeviceChoice, DeviceKind};

pub(super) fn show(ui: &mut Ui, state: &State, live: &Live<'_>, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        pickers(ui, state, live.level, commands);
        ui.separator();
        let name = Field {
            id: "call-name",
            label: &texts.tr("name-label"),
            hint: &texts.tr("name-hint"),
            text: &state.form.name,
            problem: state.form.problems.name.as_ref().map(|error| i18n::name_error(texts, error)),
        }
        .show(ui);
        commands.extend(name.text.map(Command::TypeName));
        let changed = state.call.as_ref().is_some_and(|call| call.name.as_str() != state.form.name.trim());
        if ui.add_enabled(changed, Button::new(texts.tr("rename"))).clicked() || name.entered {
            commands.push(Command::Rename);
        }
        ui.separator();
        language_picker(ui, state, commands);
    });
}

/// The three pickers, each with the problem of its device, and the microphone's meter.
/// `level`: the microphone's highest sample, 0 to 1.
pub(crate) fn pickers(ui: &mut Ui, state: &State, level: f32, commands: &mut Vec<Command>) {
    let (texts, devices) = (&state.texts, &state.devices);
    let camera = Picker {
        id: "camera",
        label: &texts.tr("camera"),
        current: &devices.camera,
        current_text: automatic(texts, devices, DeviceKind::Camera, camera_text(texts, &devices.camera)),
        options: camera_options(devices)
            .into_iter()
            .map(|choice| (choice.clone(), camera_text(texts, &choice)))
            .collect(),
    }
    .show(ui);
    picked(camera, Command::ChooseCamera, commands);
    problem(ui, texts, devices, DeviceKind::Camera);

    let microphone = Picker {
        id: "microphone",
        label: &texts.tr("microphone"),
        current: &devices.microphone,
        current_text: automatic(texts, devices, DeviceKind::Microphone, microphone_text(texts, &devices.microphone)),
        options: microphone_options(devices)
            .into_iter()
            .map(|choice| (choice.clone(), microphone_text(texts, &choice)))
            .collect(),
    }
    .show(ui);
    picked(microphone, Command::ChooseMicrophone, commands);
    let is_open = matches!(devices.status(DeviceKind::Microphone), DeviceStatus::Open { .. });
    meter(ui, &texts.tr("microphone-level"), if is_open { level } else { 0.0 });
    problem(ui, texts, devices, DeviceKind::Microphone);

    let speaker = Picker {
        id: "speaker",
        label: &texts.tr("speaker"),
        current: &devices.speaker,
        current_text: automatic(texts, devices, DeviceKind::Speaker, speaker_text(texts, &devices.speaker)),
        options: speaker_options(devices)
            .into_iter()
            .map(|choice| (choice.clone(), speaker_text(texts, &choice)))
            .collect(),
    }
    .show(ui);
    picked(speaker, Command::ChooseSpeaker, commands);
    problem(ui, texts, devices, DeviceKind::Speaker);
}

pub(crate) fn language_picker(ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    let name = |language: Option<Language>| match language {
        None => texts.tr("language-system"),
        Some(language) => language.own_name().to_owned(),
    };
    let options = std::iter::once(None).chain(Language::ALL.map(Some));
    let language = Picker {
        id: "language",
        label: &texts.tr("language-label"),
        current: &state.settings.language,
        current_text: name(state.settings.language),
        options: options.map(|language| (language, name(language))).collect(),
    }
    .show(ui);
    commands.extend(language.choice.map(Command::ChooseLanguage));
}

fn picked<T>(picked: Picked<T>, command: impl Fn(T) -> Command, commands: &mut Vec<Command>) {
    if picked.toggled {
        commands.push(Command::RefreshDevices);
    }
    commands.extend(picked.choice.map(command));
}

fn problem(ui: &mut Ui, texts: &Texts, devices: &Devices, device: DeviceKind) {
    if let DeviceStatus::Failed(problem) = devices.status(device) {
        problem_sentence(ui, &i18n::device_problem(texts, device, problem));
    }
}

/// `Automatic` together with the device that was opened.
fn automatic(texts: &Texts, devices: &Devices, device: DeviceKind, text: String) -> String {
    let is_automatic = match device {
        DeviceKind::Camera => devices.camera == DeviceChoice::Auto,
        DeviceKind::Microphone => devices.microphone == DeviceChoice::Auto,
        DeviceKind::Speaker => devices.speaker == DeviceChoice::Auto,
    };
    match devices.status(device) {
        DeviceStatus::Open { name } if is_automatic => {
            texts.tr_with("choice-auto-named", &[("name", name.as_str().into())])
        }
        DeviceStatus::Opening => format!("{text} · {}", texts.tr("device-opening")),
        _ => text,
    }
}

fn camera_options(devices: &Devices) -> Vec<DeviceChoice> {
    let named = devices.available.cameras.iter().cloned().map(DeviceChoice::Named);
    let options = [DeviceChoice::Auto, DeviceChoice::None, DeviceChoice::Test].into_iter().chain(named);
    with_current(options.collect(), &devices.camera)
}

fn microphone_options(devices: &Devices) -> Vec<DeviceChoice> {
    let named = devices.available.microphones.iter().cloned().map(DeviceChoice::Named);
    let options = [DeviceChoice::Auto, DeviceChoice::None, DeviceChoice::Test].into_iter().chain(named);
    with_current(options.collect(), &devices.microphone)
}

fn speaker_options(devices: &Devices) -> Vec<DeviceChoice> {
    let named = devices.available.speakers.iter().cloned().map(DeviceChoice::Named);
    let options = [DeviceChoice::Auto, DeviceChoice::None].into_iter().chain(named);
    with_current(options.collect(), &devices.speaker)
}

/// A chosen file, or a chosen device that is not connected, is in the list too.
fn with_current<T: PartialEq + Clone>(mut options: Vec<T>, current: &T) -> Vec<T> {
    if !options.contains(current) {
        options.push(current.clone());
    }
    options
}

fn camera_text(texts: &Texts, choice: &DeviceChoice) -> String {
    match choice {
        DeviceChoice::Auto => texts.tr("choice-auto"),
        DeviceChoice::None => texts.tr("choice-none"),
        DeviceChoice::Test => texts.tr("choice-test-pattern"),
        DeviceChoice::File(path) => file_text(texts, path),
        DeviceChoice::Named(name) => name.clone(),
    }
}

fn microphone_text(texts: &Texts, choice: &DeviceChoice) -> String {
    match choice {
        DeviceChoice::Auto => texts.tr("choice-auto"),
        DeviceChoice::None => texts.tr("choice-none"),
        DeviceChoice::Test => texts.tr("choice-test-sound"),
        DeviceChoice::File(path) => file_text(texts, path),
        DeviceChoice::Named(name) => name.clone(),
    }
}

fn speaker_text(texts: &Texts, choice: &DeviceChoice) -> String {
    match choice {
        DeviceChoice::Auto => texts.tr("choice-auto"),
        DeviceChoice::None | DeviceChoice::Test => texts.tr("choice-none"),
        DeviceChoice::File(path) => file_text(texts, path),
        DeviceChoice::Named(name) => name.clone(),
    }
}

fn file_text(texts: &Texts, path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    texts.tr_with("choice-file", &[("name", name.into())])
}
