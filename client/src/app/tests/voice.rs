//! What the window says and does about voices.

use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::app::commands::Side;
use crate::media::{DeviceKind, MediaEvent, NoiseSuppression, SelfTestPhase, SelfTestRequest, VoiceProcessing};

const MUTED: &str = "You are speaking, but your microphone is off (M)";
const SILENT: &str = "Your microphone delivers nothing. Perhaps it is switched off, or another one is the right one.";

fn heard(is_speaking: bool, is_silent: bool) -> MicrophoneState {
    MicrophoneState { level: 0.2, is_speaking, is_silent, ..MicrophoneState::default() }
}

#[test]
fn whoever_speaks_while_muted_is_told() {
    let mut bench = Bench::in_call(Language::English);
    bench.connects(1, "Mina");
    bench.microphone = heard(true, false);
    let mut harness = open(bench, WIDE);
    assert!(harness.query_by_label(MUTED).is_none());
    harness.state_mut().command(Command::ToggleMicrophone);
    harness.run();
    harness.get_by_label(MUTED);
    harness.state_mut().microphone = heard(false, false);
    harness.run();
    assert!(harness.query_by_label(MUTED).is_none());
}

#[test]
fn a_microphone_that_delivers_nothing_is_said_once() {
    let mut bench = Bench::in_call(Language::English);
    bench.state.apply_media(opened(DeviceKind::Microphone, "Headset", None), bench.now);
    let (silent, loud) = (heard(false, true), heard(false, false));
    let notices = |bench: &Bench| bench.state.call.as_ref().unwrap().notices(bench.now).count();
    for microphone in [silent, silent, loud, silent] {
        bench.state.look_at_microphone(microphone, bench.now);
    }
    assert_eq!(notices(&bench), 2, "once, and once more after it was back");
    bench.microphone = silent;
    bench.command(Command::ToggleSide(Side::Devices));
    let harness = open(bench, WIDE);
    assert!(harness.query_all_by_label(SILENT).count() > 0);
}

#[test]
fn the_parts_of_voice_processing_are_switched_one_by_one() {
    let mut bench = Bench::in_call(Language::English);
    bench.command(Command::ToggleSide(Side::Devices));
    bench.effects.clear();
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Echo cancellation").click();
    harness.run();
    let wanted = VoiceProcessing { echo_cancellation: false, ..VoiceProcessing::default() };
    let set = |bench: &Bench| {
        bench.effects.iter().rev().find_map(|effect| match effect {
            Effect::SetVoice(voice) => Some(*voice),
            _ => None,
        })
    };
    assert_eq!(set(harness.state()), Some(wanted));
    harness.get_by_role_and_label(Role::ComboBox, "Noise suppression").click();
    harness.run();
    harness.get_by_label("Strong").click();
    harness.run();
    let wanted = VoiceProcessing { noise_suppression: NoiseSuppression::Strong, ..wanted };
    assert_eq!(set(harness.state()), Some(wanted));
    let saved = harness.state().effects.iter().rev().find_map(|effect| match effect {
        Effect::Save(settings) => Some(settings.voice),
        _ => None,
    });
    assert_eq!(saved, Some(wanted));
}

fn opened(device: DeviceKind, name: &str, instead_of: Option<&str>) -> MediaEvent {
    MediaEvent::Opened { device, name: name.into(), instead_of: instead_of.map(str::to_owned) }
}

#[test]
fn microphone_and_speaker_are_tested_by_a_button_each() {
    let mut bench = Bench::new(Language::English);
    for device in [DeviceKind::Microphone, DeviceKind::Speaker] {
        bench.state.apply_media(opened(device, "Headset", None), bench.now);
    }
    let mut harness = open(bench, WIDE);
    harness.get_by_label("Camera, microphone and speaker").click();
    harness.run();
    let asked = |harness: &mut Harness<'_, Bench>, label: &str| {
        harness.get_by_label(label).click();
        harness.run();
        match harness.state_mut().effects.pop() {
            Some(Effect::TestAudio(request)) => Some(request),
            _ => None,
        }
    };
    assert_eq!(asked(&mut harness, "Play a sound"), Some(SelfTestRequest::Sound));
    assert_eq!(asked(&mut harness, "Record three seconds and play them"), Some(SelfTestRequest::Record));
    for (phase, label) in
        [(SelfTestPhase::Recording, "Recording: speak now… (stop)"), (SelfTestPhase::Playing, "Playing… (stop)")]
    {
        harness.state_mut().microphone.test = phase;
        harness.run();
        assert_eq!(asked(&mut harness, "Play a sound"), None, "one test at a time");
        assert_eq!(asked(&mut harness, label), Some(SelfTestRequest::Stop));
    }
}

#[test]
fn the_stand_in_for_a_chosen_device_is_said_and_so_is_its_return() {
    let mut bench = Bench::in_call(Language::English);
    let device = DeviceKind::Speaker;
    let said = |bench: &Bench, text: &str| {
        let call = bench.state.call.as_ref().unwrap();
        call.notices(bench.now).filter(|notice| notice.sentence(&bench.state.texts) == text).count()
    };
    bench.state.apply_media(opened(device, "Built-in", Some("Headset")), bench.now);
    let sentence = "“Headset” is not there. Maru uses “Built-in” until it is back.";
    assert_eq!(said(&bench, sentence), 1);
    bench.state.apply_media(opened(device, "Headset", None), bench.now);
    assert_eq!(said(&bench, "The speaker “Headset” is in use again."), 1);
    bench.state.apply_media(opened(device, "Built-in", Some("Headset")), bench.now);
    bench.command(Command::ToggleSide(Side::Devices));
    let harness = open(bench, WIDE);
    assert!(harness.query_all_by_label(sentence).count() > 0, "in the panel, too");
}

#[test]
fn each_participant_has_a_volume() {
    let mut bench = Bench::in_call(Language::English);
    for (key, name) in [(1, "Mina"), (2, "Jun")] {
        bench.connects(key, name);
    }
    bench.command(Command::ToggleSide(Side::Devices));
    let mut harness = open(bench, WIDE);
    let volumes = |bench: &Bench| {
        let participants = bench.state.call.as_ref().unwrap().participants.iter();
        participants.map(|peer| peer.sound.volume()).collect::<Vec<_>>()
    };
    assert_eq!(volumes(harness.state()), [1.0, 1.0]);
    harness.get_by_role_and_label(Role::Slider, "Volume of Jun").focus();
    harness.run();
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    assert!(volumes(harness.state())[1] > 1.0, "{:?}", volumes(harness.state()));
    assert_eq!(volumes(harness.state())[0], 1.0);
}

/// The key that is held, as the window hears of it.
fn hold(harness: &mut Harness<'_, Bench>, pressed: bool) {
    let key = egui::Key::T;
    harness.event(egui::Event::Key {
        key,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: egui::Modifiers::NONE,
    });
    harness.run();
}

#[test]
fn a_key_that_is_held_switches_the_microphone_for_as_long() {
    let mut harness = open(Bench::in_call(Language::English), WIDE);
    let muted = |harness: &Harness<'_, Bench>| harness.state().state.devices.muted;
    hold(&mut harness, true);
    assert!(muted(&harness), "push to mute");
    hold(&mut harness, false);
    assert!(!muted(&harness));
    harness.state_mut().command(Command::ToggleMicrophone);
    hold(&mut harness, true);
    assert!(!muted(&harness), "push to talk");
    harness.event(egui::Event::WindowFocused(false));
    harness.run();
    assert!(muted(&harness), "another window has the keyboard");
    hold(&mut harness, false);
    assert!(muted(&harness), "the release is of no key that is held");
}
