//! Real clients and a real server on loopback: what was sent is compared with what arrived.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use maru_core::{barcode, quality};
use serde_json::Value;
use support::client::Client;
use support::clip;
use support::one_call_at_a_time;
use support::server::Server;

/// Sound, frame and chat both ways, compared with what was sent.
#[test]
fn two_callers_see_hear_and_write_to_each_other() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut callers = ["mina", "준호"].map(|name| media_client(folder.path(), name, &server.url));
    for caller in &callers {
        caller.first("connected");
    }
    let [mina, junho] = &mut callers;
    mina.types("안녕하세요 👋🏽 <b>굵게</b>");
    junho.types("Hello, 미나! 🎉");
    junho.prints("mina: 안녕하세요 👋🏽 <b>굵게</b>");
    mina.prints("준호: Hello, 미나! 🎉");
    mina.event("the delivered mark", |event| event["event"] == "chat-delivered" && event["peer"] == "준호");
    for caller in &callers {
        caller.count_from(0, "presented", 120, |_| true);
    }
    for caller in &mut callers {
        caller.terminate();
        assert!(caller.ended().success());
        assert_eq!(caller.first("left")["reason"], "Left");
    }
    for (caller, from) in callers.iter().zip(["준호", "mina"]) {
        let saved = caller.folder.join("saved");
        frames_are_those_of_the_clip(&saved.join(format!("{from}.y4m")));
        sound_is_that_of_the_clip(&saved.join(format!("{from}.wav")), stood_still_ms(&caller.events_so_far()));
    }
}

fn media_client(folder: &Path, name: &str, server: &str) -> Client {
    let (frame, sound) = (folder.join("clip.y4m"), folder.join("clip.wav"));
    if !sound.exists() {
        clip::write_y4m(&frame);
        clip::write_wav(&sound);
    }
    let camera = format!("file:{}", frame.display());
    let microphone = format!("file:{}", sound.display());
    let saved = folder.join(name).join("saved");
    let arguments = ["--camera", &camera, "--microphone", &microphone, "--save-remote", saved.to_str().unwrap()];
    Client::start(folder, "가족 방", name, server, &arguments)
}

fn frames_are_those_of_the_clip(path: &Path) {
    let (mut frames, mut unreadable, mut repeated, mut worst_db) = (0, 0, 0, f64::INFINITY);
    let mut numbers = BTreeSet::new();
    let mut last = None;
    clip::read_y4m(path, |image| {
        frames += 1;
        let Some(number) = barcode::read(&image) else {
            unreadable += 1;
            return;
        };
        repeated += u32::from(last == Some(number));
        last = Some(number);
        numbers.insert(number);
        let db = quality::psnr(&image, &clip::frame(number)).expect("the sizes are equal");
        worst_db = worst_db.min(db);
    });
    assert!(frames >= 110, "only {frames} frames arrived");
    assert_eq!(unreadable, 0, "frames without a readable frame number");
    assert!(repeated <= frames / 20, "{repeated} of {frames} frames were the one before");
    assert!(numbers.len() >= 55, "only {} different frames of {}", numbers.len(), clip::FRAMES);
    assert!(worst_db > 28.0, "the worst frame has {worst_db:.1} dB");
}

/// How long the sound stood still because none was there, by the client's own report: after it all is heard so much
/// later. On loopback only a machine that gives the clients no time makes sound late. A tick of 10 ms is no standstill.
fn stood_still_ms(events: &[Value]) -> f64 {
    let heard = events.iter().filter(|event| event["event"] == "heard");
    let heard: Vec<(f64, u32)> =
        heard.map(|event| (event["t_ms"].as_f64().unwrap(), event["rtp_time"].as_u64().unwrap() as u32)).collect();
    assert!(heard.len() > 25, "the report tells {} times what was heard", heard.len());
    let later_ms = |from: (f64, u32), to: (f64, u32)| to.0 - from.0 - f64::from(to.1.wrapping_sub(from.1)) / 48.0;
    heard.windows(2).map(|pair| later_ms(pair[0], pair[1])).filter(|ms| *ms > 15.0).sum()
}

fn sound_is_that_of_the_clip(path: &Path, stood_still_ms: f64) {
    const WINDOW: usize = 960;
    let samples = clip::read_wav(path);
    let is_silent = |window: &&[f32]| clip::loudness(window) < 0.05;
    // From the first sound on, until the other one hung up.
    let mut windows: Vec<&[f32]> = samples.chunks_exact(WINDOW).skip_while(is_silent).collect();
    windows.truncate(windows.iter().rposition(|window| !is_silent(window)).map_or(0, |last| last + 1));
    let windows = &windows[5..windows.len().saturating_sub(30)];
    assert!(windows.len() > 120, "only {} windows of sound arrived", windows.len());
    let late = stood_still_ms as usize / 20;
    assert!(late < windows.len() / 4, "the sound stood still for {stood_still_ms} ms");
    let pitches: Vec<Option<usize>> = windows
        .iter()
        .map(|window| clip::PITCHES_HZ.iter().position(|pitch| clip::share_of_pitch(window, *pitch) > 0.7))
        .collect();
    // A step from one pitch to the next falls into a window or two; nothing else may be unclear.
    let unclear = pitches.iter().filter(|pitch| pitch.is_none()).count();
    assert!(unclear <= windows.len() / 10 + late, "{unclear} of {} windows have no clear pitch", windows.len());
    let silent: Vec<usize> = (0..windows.len()).filter(|number| is_silent(&windows[*number])).collect();
    assert!(
        silent.len() <= 2 + late,
        "silent: {silent:?} of {} windows, and the sound stood still for {stood_still_ms} ms",
        windows.len()
    );
    let steps: Vec<usize> = pitches.iter().flatten().copied().fold(Vec::new(), |mut steps, pitch| {
        if steps.last() != Some(&pitch) {
            steps.push(pitch);
        }
        steps
    });
    let in_order = steps.windows(2).filter(|pair| pair[1] == (pair[0] + 1) % 3).count();
    assert!(in_order + 1 >= steps.len(), "the pitches came as {steps:?}");
    let seconds = windows.len() * WINDOW / clip::STEP_SAMPLES;
    assert!(steps.len().abs_diff(seconds) <= 2, "{} steps in {seconds} half seconds", steps.len());
}

#[test]
fn a_third_peer_joins_and_a_ninth_is_told_that_the_room_is_full() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut callers = Vec::new();
    for number in 1..=8 {
        callers.push(Client::start(folder.path(), "full", &format!("caller {number}"), &server.url, &[]));
        callers[number - 1].first("joined");
    }
    for caller in &callers {
        caller.count_from(0, "connected", 7, |_| true);
    }
    callers[2].types("모두 안녕");
    for (number, caller) in callers.iter().enumerate().filter(|(number, _)| *number != 2) {
        assert_eq!(caller.prints("모두 안녕"), "caller 3: 모두 안녕", "at caller {}", number + 1);
    }
    let mut ninth = Client::start(folder.path(), "full", "caller 9", &server.url, &[]);
    ninth.tells("8");
    assert_eq!(ninth.ended().code(), Some(1));
    callers[0].terminate();
    for caller in &callers[1..] {
        caller.event("the first one leaves", |event| event["event"] == "peer-left" && event["peer"] == "caller 1");
    }
}

#[test]
fn a_killed_client_is_noticed() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let victim = Client::start(folder.path(), "room", "victim", &server.url, &[]);
    victim.first("joined");
    let witness = Client::start(folder.path(), "room", "witness", &server.url, &[]);
    witness.first("connected");
    victim.first("connected");
    victim.kill();
    let away = witness.first("peer-away");
    assert_eq!(away["peer"], "victim");
    witness.tells("victim is away");
}

#[test]
fn a_computer_that_slept_is_back_in_the_call() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut callers = ["sleeper", "witness"].map(|name| media_client(folder.path(), name, &server.url));
    for caller in &callers {
        caller.first("first-frame");
    }
    let [sleeper, witness] = &mut callers;
    sleeper.signal("-STOP");
    witness.first("peer-away");
    witness.types("sleep well");
    let from = [sleeper.events_so_far().len(), witness.events_so_far().len()];
    sleeper.signal("-CONT");
    for (caller, from) in [&*sleeper, &*witness].into_iter().zip(from) {
        caller.count_from(from, "presented", 60, |_| true);
        assert!(caller.events_so_far().iter().all(|event| event["event"] != "peer-left"));
    }
    sleeper.prints("witness: sleep well");
}

#[test]
fn a_call_outlives_its_server_and_registers_again() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let address = server.address;
    let mut callers = ["mina", "준호"].map(|name| media_client(folder.path(), name, &server.url));
    for caller in &callers {
        caller.first("first-frame");
    }
    server.kill();
    let from = callers.each_ref().map(|caller| {
        caller.first("server-lost");
        caller.events_so_far().len()
    });
    callers[0].types("서버가 없어도");
    callers[1].prints("mina: 서버가 없어도");
    for (caller, from) in callers.iter().zip(from) {
        caller.count_from(from, "presented", 60, |_| true);
    }
    let server = Server::start_at(address);
    for caller in &callers {
        caller.first("server-back");
    }
    // A newcomer meets both; the two keep their connection.
    let third = Client::start(folder.path(), "가족 방", "third", &server.url, &[]);
    third.count_from(0, "connected", 2, |_| true);
    for caller in &callers {
        caller.count_from(0, "peer-joined", 2, |_| true);
        let events = caller.events_so_far();
        let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
        assert_eq!((count("peer-joined"), count("peer-left")), (2, 0));
    }
}

#[test]
fn a_caller_without_devices_sends_nothing_says_so_and_writes() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut quiet = Client::start(folder.path(), "room", "quiet", &server.url, &[]);
    quiet.first("joined");
    let saved = folder.path().join("saved");
    let listener =
        Client::start(folder.path(), "room", "listener", &server.url, &["--save-remote", saved.to_str().unwrap()]);
    listener.first("connected");
    quiet.types("I have no microphone");
    listener.prints("quiet: I have no microphone");
    listener.event("no camera", |event| event["event"] == "peer-state" && event["camera_on"] == false);
    quiet.terminate();
    let left = listener.first("peer-left");
    assert_eq!(left["lost"], Value::Bool(false));
    assert!(quiet.ended().success());
    let wav = saved.join("quiet.wav");
    let loud = if wav.exists() { clip::loudness(&clip::read_wav(&wav)) } else { 0.0 };
    assert_eq!(loud, 0.0);
}

#[test]
fn bad_input_is_answered_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, server: &str, arguments: &[&str]| {
        let mut client = Client::start(folder.path(), "room", name, server, arguments);
        let status = client.ended();
        (status.code(), client.told_so_far())
    };
    let (status, told) = refused("wrong-url", "http://example.org", &[]);
    assert_eq!(status, Some(1));
    assert!(told.contains("http://example.org") && told.contains("ws://"), "{told}");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, told) = refused("no-server", &format!("ws://{nobody}"), &[]);
    assert_eq!(status, Some(1));
    assert!(told.contains(&nobody.to_string()), "{told}");

    let broken = folder.path().join("broken.y4m");
    std::fs::write(&broken, "YUV4MPEG2 W64 H64 F30:1 C420jpeg\nFRAME\nshort").unwrap();
    let (status, told) = refused("broken", "ws://127.0.0.1:1", &["--camera", &format!("file:{}", broken.display())]);
    assert_eq!(status, Some(2));
    assert!(told.contains("broken.y4m"), "{told}");

    let missing = format!("file:{}", folder.path().join("no.wav").display());
    let (status, told) = refused("missing", "ws://127.0.0.1:1", &["--microphone", &missing]);
    assert_eq!(status, Some(2));
    assert!(told.contains("no.wav"), "{told}");
}
