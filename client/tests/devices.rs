//! The client's own camera and sound code on real drivers, unplugged and plugged in again under a running client. Runs in
//! the virtual machine of `device-lab`, where both can be done: `./test --devices`.

mod support;

use std::process::Command;

use support::client::Client;
use support::clip;
use support::one_call_at_a_time;
use support::server::Server;

#[test]
fn the_camera_is_listed_and_survives_being_unplugged() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let cameras = listed("Cameras");
    assert_eq!(cameras.len(), 1, "one node of vivid is a camera: {cameras:?}");
    let server = Server::start();
    let client = Client::start(folder.path(), "room", "seer", &server.url, &["--camera", "auto"]);
    client.count_from(0, "captured", 5, |_| true);

    shell("echo vivid.0 > /sys/bus/platform/drivers/vivid/unbind");
    client.tells("was unplugged");
    let before = client.events_so_far().len();
    shell("modprobe -r vivid && modprobe vivid $VIVID");
    client.tells("is in use again");
    client.count_from(before, "captured", 5, |_| true);
}

/// One caller plays what the other sends to the card, whose other end is its own microphone; the other one saves what
/// comes back.
#[test]
fn sound_goes_out_of_the_card_and_comes_back_in_and_survives_being_unplugged() {
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
