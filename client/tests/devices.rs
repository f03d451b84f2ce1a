//! The client's camera and audio code on real drivers: devices are unplugged, stall, and come back while the client runs.
//! Runs in the virtual machine of `device-lab`: `./test --devices`.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::process::Command;

use support::client::Client;
use support::clip;
use support::one_call_at_a_time;
use support::server::Server;

/// vivid as a webcam, as `device-lab/guest.sh` loads it.
const WEBCAM: &str = "$VIVID";
/// vivid as a card with an S-Video input: interlaced, any size, and a rate of 25 (PAL) or 30000/1001 (NTSC).
const S_VIDEO: &str = "n_devs=1 node_types=0x1 num_inputs=1 input_types=0x2";

#[test]
fn a_listed_camera_that_is_unplugged_is_opened_again_when_it_is_back() {
    let _turn = one_call_at_a_time();
    plug_in_camera(WEBCAM);
    let folder = tempfile::tempdir().unwrap();
    let cameras = listed("Cameras");
    assert_eq!(cameras.len(), 1, "one node of vivid is a camera: {cameras:?}");
    let server = Server::start();
    let client = Client::start(folder.path(), "room", "seer", &server.url, &["--camera", "auto"]);
    client.count_from(0, "captured", 5, |_| true);

    shell("echo vivid.0 > /sys/bus/platform/drivers/vivid/unbind");
    client.tells("was unplugged");
    let before = client.events_so_far().len();
    plug_in_camera(WEBCAM);
    client.tells("is in use again");
    client.count_from(before, "captured", 5, |_| true);
}

#[test]
fn a_camera_that_stalls_is_reported_and_opened_again() {
    let _turn = one_call_at_a_time();
    plug_in_camera(WEBCAM);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let client = Client::start(folder.path(), "room", "seer", &server.url, &["--camera", "auto"]);
    client.count_from(0, "captured", 5, |_| true);

    shell("v4l2-ctl --set-ctrl=percentage_of_dropped_buffers=100");
    client.tells("does not respond");
    let before = client.events_so_far().len();
    shell("v4l2-ctl --set-ctrl=percentage_of_dropped_buffers=0");
    client.tells("is in use again");
    client.count_from(before, "captured", 5, |_| true);
}

#[test]
fn a_camera_at_29_97_frames_per_second_is_used_at_that_rate() {
    let _turn = one_call_at_a_time();
    plug_in_camera(S_VIDEO);
    shell("v4l2-ctl --set-standard=ntsc");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let client = Client::start(folder.path(), "room", "seer", &server.url, &["--camera", "auto"]);
    client.count_from(0, "captured", 5, |_| true);
    shell("v4l2-ctl --get-parm | grep -F 30000/1001");
}

/// One client plays what it receives to the card, whose other end is its microphone. The other client sends a tone and
/// saves what comes back.
#[test]
fn audio_that_the_card_plays_is_recorded_again_also_after_it_was_unplugged() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let end = |names: Vec<String>, device: &str| {
        let found = names.iter().find(|name| name.contains("Loopback") && name.contains(device));
        found.unwrap_or_else(|| panic!("no Loopback {device} in {names:?}")).clone()
    };
    let speaker = end(listed("Speakers"), "DEV=0");
    let microphone = end(listed("Microphones"), "DEV=1");
    let tone = folder.path().join("tone.wav");
    clip::write_wav(&tone);
    let server = Server::start();
    let arguments = ["--speaker", &speaker, "--microphone", &microphone];
    let card = Client::start(folder.path(), "room", "card", &server.url, &arguments);
    card.first("joined");
    let saved = folder.path().join("saved");
    let tone = format!("file:{}", tone.display());
    let arguments = ["--microphone", &tone, "--save-remote", saved.to_str().unwrap()];
    let mut sender = Client::start(folder.path(), "room", "sender", &server.url, &arguments);
    let loud = |event: &serde_json::Value| event["peers"][0]["level"].as_f64().is_some_and(|level| level > 0.05);
    sender.count_from(0, "stats", 5, loud);

    shell("echo snd_aloop.0 > /sys/bus/platform/drivers/snd_aloop/unbind");
    card.tells("was unplugged");
    shell("echo snd_aloop.0 > /sys/bus/platform/drivers/snd_aloop/bind");
    card.tells("is in use again");
    let before = sender.events_so_far().len();
    sender.count_from(before, "stats", 3, loud);

    sender.terminate();
    assert!(sender.ended().success());
    let samples = clip::read_wav(&saved.join("card.wav"));
    let pitched = samples
        .chunks_exact(960)
        .filter(|window| clip::PITCHES_HZ.iter().any(|pitch| clip::share_of_pitch(window, *pitch) > 0.7))
        .count();
    assert!(pitched >= 50, "only {pitched} windows of {} have one of the pitches", samples.len() / 960);
}

/// Replaces the camera by one that `parameters` of vivid describe.
fn plug_in_camera(parameters: &str) {
    shell(&format!("modprobe -r vivid && modprobe vivid {parameters}"));
}

/// What `--list-devices` prints under `title`.
fn listed(title: &str) -> Vec<String> {
    let output = Command::new(support::maru()).arg("--list-devices").env("LC_ALL", "C").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with(title)).skip(1);
    lines.take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

fn shell(command: &str) {
    let status = Command::new("bash").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}
