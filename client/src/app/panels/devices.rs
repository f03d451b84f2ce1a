//! The pickers for camera, microphone and speaker. During a call, also the name and the language.

use egui::{Button, Label, ScrollArea, Slider, Ui};

use crate::app::call_state::CallState;
use crate::app::commands::Command;
use crate::app::devices::Devices;
use crate::app::screens::Live;
use crate::app::state::State;
use crate::app::widgets::field::{Field, calm_sentence, problem_sentence};
use crate::app::widgets::meter::meter;
use crate::app::widgets::picker::{Picked, Picker};
use crate::device_status::DeviceStatus;
use crate::i18n::{self, Language, Texts};
use crate::media::{DeviceChoice, DeviceKind, MicrophoneState, NoiseSuppression, SelfTestPhase, SelfTestRequest};

pub(super) fn show(ui: &mut Ui, state: &State, call: &CallState, live: &Live<'_>, commands: &mut Vec<Command>) {
    let texts = &state.texts;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        pickers(ui, state, live.microphone, commands);
        ui.separator();
        voice(ui, state, commands);
        ui.separator();
        volumes(ui, texts, call);
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
pub(crate) fn pickers(ui: &mut Ui, state: &State, heard: MicrophoneState, commands: &mut Vec<Command>) {
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
    let delivers = is_open(devices, DeviceKind::Microphone);
    meter(ui, &texts.tr("microphone-level"), if delivers { heard.level } else { 0.0 });
    if delivers && heard.is_silent {
        problem_sentence(ui, &texts.tr("microphone-silent"));
    }
    problem(ui, texts, devices, DeviceKind::Microphone);
    test_of_microphone(ui, texts, devices, heard.test, commands);

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
    let is_free = heard.test == SelfTestPhase::Idle && is_open(devices, DeviceKind::Speaker);
    if ui.add_enabled(is_free, Button::new(texts.tr("test-speaker"))).clicked() {
        commands.push(Command::TestAudio(SelfTestRequest::Sound));
    }
}

/// A button that records and plays back what was recorded, and stops either.
fn test_of_microphone(
    ui: &mut Ui,
    texts: &Texts,
    devices: &Devices,
    phase: SelfTestPhase,
    commands: &mut Vec<Command>,
) {
    let (key, request) = match phase {
        SelfTestPhase::Idle => ("test-microphone", SelfTestRequest::Record),
        SelfTestPhase::Recording => ("test-recording", SelfTestRequest::Stop),
        SelfTestPhase::Playing => ("test-playing", SelfTestRequest::Stop),
    };
    let can_test = is_open(devices, DeviceKind::Microphone) && is_open(devices, DeviceKind::Speaker);
    let is_enabled = can_test || phase != SelfTestPhase::Idle;
    if ui.add_enabled(is_enabled, Button::new(texts.tr(key))).clicked() {
        commands.push(Command::TestAudio(request));
    }
}

fn is_open(devices: &Devices, device: DeviceKind) -> bool {
    matches!(devices.status(device), DeviceStatus::Open { .. })
}

/// What is done to the voice. Changes are heard at once.
pub(crate) fn voice(ui: &mut Ui, state: &State, commands: &mut Vec<Command>) {
    let (texts, before) = (&state.texts, state.settings.voice);
    let mut voice = before;
    ui.checkbox(&mut voice.echo_cancellation, texts.tr("echo-cancellation"))
        .on_hover_text(texts.tr("echo-cancellation-hint"));
    ui.checkbox(&mut voice.automatic_gain, texts.tr("automatic-gain")).on_hover_text(texts.tr("automatic-gain-hint"));
    let level = |level| match level {
        NoiseSuppression::Off => texts.tr("noise-suppression-off"),
        NoiseSuppression::Moderate => texts.tr("noise-suppression-moderate"),
        NoiseSuppression::Strong => texts.tr("noise-suppression-strong"),
    };
    let levels = [NoiseSuppression::Off, NoiseSuppression::Moderate, NoiseSuppression::Strong];
    let noise = Picker {
        id: "noise-suppression",
        label: &texts.tr("noise-suppression"),
        current: &voice.noise_suppression,
        current_text: level(voice.noise_suppression),
        options: levels.map(|one| (one, level(one))).into(),
    }
    .show(ui);
    voice.noise_suppression = noise.choice.unwrap_or(voice.noise_suppression);
    if voice != before {
        commands.push(Command::ChooseVoice(voice));
    }
}

/// How loud each participant is played.
fn volumes(ui: &mut Ui, texts: &Texts, call: &CallState) {
    for peer in &call.participants {
        let label = texts.tr_with("volume-of", &[("name", peer.name.as_str().into())]);
        let name = ui.add(Label::new(label).truncate());
        let mut percent = (peer.sound.volume() * 100.0).round();
        // The percentage is beside it.
        ui.spacing_mut().slider_width = (ui.available_width() - 90.0).max(60.0);
        let slider = Slider::new(&mut percent, 0.0..=200.0).step_by(5.0).suffix(" %");
        if ui.add(slider).labelled_by(name.id).changed() {
            peer.sound.set_volume(percent / 100.0);
        }
    }
    if call.participants.iter().len() > 0 {
        ui.separator();
    }
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

/// In red only where the person has to do something.
fn problem(ui: &mut Ui, texts: &Texts, devices: &Devices, device: DeviceKind) {
    match devices.status(device) {
        DeviceStatus::Failed(problem) => {
            let sentence = i18n::device_problem(texts, device, problem);
            if devices.has_trouble(device) {
                problem_sentence(ui, &sentence);
            } else {
                calm_sentence(ui, &sentence);
            }
        }
        DeviceStatus::Open { name, instead_of: Some(chosen) } => {
            calm_sentence(ui, &i18n::device_stands_in(texts, chosen, name));
        }
        DeviceStatus::Off | DeviceStatus::Opening | DeviceStatus::Open { .. } => {}
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
        DeviceStatus::Open { name, .. } if is_automatic => {
            texts.tr_with("choice-auto-named", &[("name", name.as_str().into())])
        }
        DeviceStatus::Opening => format!("{text} · {}", texts.tr("device-opening")),
        _ => text,
    }
}

fn camera_options(devices: &Devices) -> Vec<DeviceChoice> {
    let named = devices.available.cameras.iter().cloned().map(DeviceChoice::Named);
    let options = [DeviceChoice::Auto, DeviceChoice::None].into_iter().chain(named);
    with_current(options.collect(), &devices.camera)
}

fn microphone_options(devices: &Devices) -> Vec<DeviceChoice> {
    let named = devices.available.microphones.iter().cloned().map(DeviceChoice::Named);
    let options = [DeviceChoice::Auto, DeviceChoice::None].into_iter().chain(named);
    with_current(options.collect(), &devices.microphone)
}

fn speaker_options(devices: &Devices) -> Vec<DeviceChoice> {
    let named = devices.available.speakers.iter().cloned().map(DeviceChoice::Named);
    let options = [DeviceChoice::Auto, DeviceChoice::None].into_iter().chain(named);
    with_current(options.collect(), &devices.speaker)
}

/// A file or a test signal that the command line gave, or a chosen device that is not connected, is in the list too.
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
