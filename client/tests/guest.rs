//! A guest in a browser: a real Chromium on the page that the server hands out, with the app and with other browsers.
#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction, reason = "a step that fails fails the test")]

mod support;

use std::path::Path;

use maru_core::barcode;
use support::browser::{Browser, Page};
use support::client::Client;
use support::clip;
use support::namespace::{LAN, LAN_ADDRESS, LOSSY, PLUG_IN, runs_elsewhere, sh};
use support::one_call_at_a_time;
use support::server::Server;

const TEXT: &str = "안녕하세요 👋 <script>alert(1)</script>";

/// Reads the number in the frame of the tile with this name, as `clip` and the test pattern carry it; -1: none.
const FRAME_NUMBER: &str = r#"
window.frameNumber = name => {
  const tile = [...document.querySelectorAll('#tiles .tile')].find(tile => tile.querySelector('.name').textContent === name);
  const video = tile?.querySelector('video');
  if (!video?.videoWidth || tile.classList.contains('no-picture')) return -1;
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const cell = i => context.getImageData((i + 0.5) * canvas.width / 20, canvas.height / 45, 1, 1).data[1] > 128;
  const bits = Array.from({ length: 19 }, (_, i) => cell(i));
  const data = bits.slice(2, 18);
  const parity = data.filter(Boolean).length % 2 === 1;
  if (!bits[0] || bits[1] || parity !== bits[18]) return -1;
  return data.reduce((number, bit, i) => number + (bit ? 1 << i : 0), 0);
};
window.moves = name => {
  window.seen ??= {};
  const number = window.frameNumber(name);
  if (number >= 0) (window.seen[name] ??= new Set()).add(number);
  return (window.seen[name]?.size ?? 0) >= 10;
};
window.log = () => document.querySelector('#log').innerText;
true
"#;

fn enter<'a>(browser: &'a mut Browser, server: &Server, room: &str, name: &str) -> Page<'a> {
    let mut page = browser.open(&format!("http://{}/r/{room}", server.address));
    page.until("document.readyState === 'complete' && document.querySelector('#join')?.textContent");
    page.value(FRAME_NUMBER);
    page.types("#name", name);
    page.click("#join");
    page.until("!document.querySelector('#call').hidden");
    page
}

fn app(folder: &Path, server: &Server, name: &str) -> Client {
    Client::start(folder, "room", name, &server.url, &["--camera", "test", "--microphone", "test"])
}

/// What the guests' cameras and microphones deliver.
fn footage(folder: &Path) -> &Path {
    clip::write_y4m(&folder.join("footage.y4m"));
    clip::write_wav(&folder.join("footage.wav"));
    folder
}

#[test]
fn the_app_and_a_guest_see_hear_and_write_to_each_other() {
    see_hear_and_write();
}

/// Whoever comes second offers: the app sees an offer without a codec of its own, or its own offer rejected.
#[test]
fn with_a_browser_without_h264_sound_and_chat_work_and_both_sides_say_so() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut browser = Browser::start("ko", Some(footage(folder.path())), true);
    browser.has_h264 = false;
    for guest_is_first in [true, false] {
        let room = format!("room-{guest_is_first}");
        let arguments = ["--camera", "test", "--microphone", "test", "--speaker", "none"];
        let place = folder.path().join(&room);
        std::fs::create_dir(&place).unwrap();
        let join = || Client::start(&place, &room, "app", &server.url, &arguments);
        let (mut page, mut app) = if guest_is_first {
            let page = enter(&mut browser, &server, &room, "손님");
            (page, join())
        } else {
            let app = join();
            app.first("joined");
            (enter(&mut browser, &server, &room, "손님"), app)
        };
        let agreed = app.first("media-agreed");
        assert_eq!((&agreed["audio"], &agreed["video"]), (&true.into(), &false.into()));
        app.tells("You and 손님 cannot see each other: the program there has no H.264. Sound and chat work.");
        page.until("document.querySelector('#banner').textContent.includes('app님과는 영상을 주고받을 수 없습니다')");
        app.event("sound of the guest", |event| {
            event["event"] == "stats" && event["peers"][0]["level"].as_f64().is_some_and(|level| level > 0.05)
        });
        app.types(TEXT);
        page.until("log().includes('안녕하세요')");
        page.until("document.querySelector('#tiles .tile').classList.contains('no-picture')");
        page.click("#leave");
        app.first("peer-left");
        app.terminate();
        assert!(app.ended().success());
    }
}

#[test]
fn so_they_do_where_one_packet_in_twenty_is_lost() {
    if !runs_elsewhere(LOSSY, "so_they_do_where_one_packet_in_twenty_is_lost") {
        see_hear_and_write();
    }
}

fn see_hear_and_write() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let saved = folder.path().join("saved");
    let arguments =
        ["--camera", "test", "--microphone", "test", "--speaker", "none", "--save-remote", saved.to_str().unwrap()];
    let mut app = Client::start(folder.path(), "room", "app", &server.url, &arguments);
    app.first("joined");
    let mut browser = Browser::start("ko", Some(footage(folder.path())), true);
    let mut page = enter(&mut browser, &server, "room", "손님");
    assert_eq!(page.value("document.documentElement.lang"), "ko");

    app.first("connected");
    page.until("moves('app')");
    app.count_from(0, "presented", 60, |_| true);
    // Sound comes, and is not silence.
    page.until(
        "(async () => { const tile = document.querySelector('#tiles video'); if (!tile) return false; window.meter ??= (() => { \
         const context = new AudioContext(); const meter = context.createAnalyser(); \
         context.createMediaStreamSource(tile.srcObject).connect(meter); return meter; })(); return true; })() && (() => { \
         const data = new Float32Array(2048); window.meter?.getFloatTimeDomainData(data); \
         return data.some(sample => Math.abs(sample) > 0.01); })()",
    );
    app.event("sound of the guest", |event| {
        event["event"] == "stats" && event["peers"][0]["level"].as_f64().is_some_and(|level| level > 0.05)
    });

    page.click("#chat-button");
    page.types("#chat-text", TEXT);
    page.value("document.querySelector('#chat-form').requestSubmit()");
    app.prints(&format!("손님: {TEXT}"));
    page.until("document.querySelector('#log .delivered')?.textContent === '전달됨'");
    app.types(TEXT);
    page.until("document.querySelectorAll('#log li').length >= 3 && log().includes('<script>alert(1)</script>')");
    assert_eq!(page.value("document.querySelectorAll('#log script').length"), 0);

    page.click("[data-toggle=audio]");
    app.event("muted", |event| event["event"] == "peer-state" && event["muted"] == true);
    page.click("[data-toggle=video]");
    app.event("camera off", |event| event["event"] == "peer-state" && event["camera_on"] == false);
    let before = app.events_so_far().len();
    page.click("[data-toggle=video]");
    app.count_from(before, "presented", 10, |_| true);
    page.click("#leave");
    app.first("peer-left");
    app.terminate();
    assert!(app.ended().success());

    let sound = clip::read_wav(&saved.join("손님.wav"));
    let is_pitched = |window: &&[f32]| clip::PITCHES_HZ.iter().any(|pitch| clip::share_of_pitch(window, *pitch) > 0.7);
    let pitched = sound.chunks_exact(960).filter(is_pitched).count();
    assert!(pitched >= 50, "only {pitched} windows of {} have one of the pitches", sound.len() / 960);
    let mut numbers = std::collections::HashSet::new();
    clip::read_y4m(&saved.join("손님.y4m"), |image| numbers.extend(barcode::read(&image)));
    assert!(numbers.len() >= 30, "only {} different frames of the guest's footage", numbers.len());
}

#[test]
fn a_guest_who_was_there_first_sees_the_app_come_and_go_and_a_crash_is_noticed() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut browser = Browser::start("en", Some(footage(folder.path())), true);
    let mut page = enter(&mut browser, &server, "room", "guest");
    page.until("!document.querySelector('#alone').hidden");
    let first = app(folder.path(), &server, "first");
    page.until("moves('first')");
    first.terminate();
    page.until("log().includes('first left.') && document.querySelectorAll('#tiles .tile').length === 0");

    let second = app(folder.path(), &server, "second");
    page.until("moves('second')");
    second.count_from(0, "presented", 30, |_| true);
    drop(browser);
    second.first("peer-away");
}

#[test]
fn guest_and_app_send_each_other_no_larger_picture_than_is_shown() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let arguments = ["--camera", "test", "--microphone", "test", "--show-height", "200"];
    let app = Client::start(folder.path(), "room", "app", &server.url, &arguments);
    // The browser's own test picture is large.
    let mut browser = Browser::start("en", None, true);
    let mut page = enter(&mut browser, &server, "room", "guest");
    page.until("moves('app')");
    let height = |event: &serde_json::Value| event["peers"][0]["height"].as_u64().filter(|height| *height > 0);
    app.event("a small picture of the guest", |event| {
        event["event"] == "stats" && height(event).is_some_and(|height| height <= 200)
    });
    let of_app = "document.querySelector('#tiles video').videoHeight";
    page.until(&format!("{of_app} >= 360"));
    page.value("document.querySelector('#tiles').style.height = '190px'");
    page.until(&format!("{of_app} === 180 && moves('app')"));
    page.value("document.querySelector('#tiles').style.height = ''");
    page.until(&format!("{of_app} >= 360"));
    // One who looks elsewhere is sent no picture.
    page.value(
        "Object.defineProperty(document, 'hidden', { configurable: true, value: true }); \
         document.dispatchEvent(new Event('visibilitychange'))",
    );
    app.event("nothing is encoded", |event| event["event"] == "stats" && event["sent_fps"].as_f64() == Some(0.0));
    page.value("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))");
    page.until("moves('app')");
}

#[test]
fn two_guests_and_two_apps() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let footage = footage(folder.path());
    let mut browsers = [(); 2].map(|()| Browser::start("en", Some(footage), true));
    let [one, two] = &mut browsers;
    let mut one = enter(one, &server, "room", "one");
    // Small frames: the machine encodes and decodes for four.
    let camera = format!("file:{}", footage.join("footage.y4m").display());
    let app = |name| Client::start(folder.path(), "room", name, &server.url, &["--camera", &camera]);
    let app_one = app("three");
    let mut two = enter(two, &server, "room", "two");
    let app_two = app("four");
    one.until("moves('two') && moves('three') && moves('four')");
    two.until("moves('one') && moves('three') && moves('four')");
    for caller in [&app_one, &app_two] {
        caller.count_from(0, "connected", 3, |_| true);
        for guest in ["one", "two"] {
            caller.count_from(0, "presented", 15, |event| event["peer"] == guest);
        }
    }
}

#[test]
fn without_permission_a_guest_still_sees_and_writes() {
    // Chromium then uses the way of the default route only, under a name instead of its address.
    if runs_elsewhere(LAN, "without_permission_a_guest_still_sees_and_writes") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let arguments = ["--camera", "test", "--address", LAN_ADDRESS];
    let app = Client::start(folder.path(), "room", "app", &server.url, &arguments);
    let mut browser = Browser::start("en", None, false);
    let mut page = enter(&mut browser, &server, "room", "guest");
    page.until("moves('app')");
    page.types("#chat-text", TEXT);
    page.value("document.querySelector('#chat-form').requestSubmit()");
    app.prints(&format!("guest: {TEXT}"));
    app.event("no camera", |event| event["event"] == "peer-state" && event["camera_on"] == false);
}

#[test]
fn another_camera_in_mid_call_is_seen_without_a_new_connection() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let app = app(folder.path(), &server, "app");
    let mut browser = Browser::start("en", None, true);
    let mut page = browser.open(&format!("http://{}/r/room", server.address));
    page.until("document.querySelector('#join')?.textContent");
    page.value(
        "window.descriptions = 0; const set = RTCPeerConnection.prototype.setLocalDescription; \
         RTCPeerConnection.prototype.setLocalDescription = function(...args) { window.descriptions++; \
         return set.apply(this, args); }; \
         window.sent = {}; const replace = RTCRtpSender.prototype.replaceTrack; \
         RTCRtpSender.prototype.replaceTrack = function(track) { \
         if (track) window.sent[track.kind] = track.getSettings().deviceId; return replace.call(this, track); }; true",
    );
    page.value(FRAME_NUMBER);
    page.types("#name", "guest");
    page.click("#join");
    app.count_from(0, "presented", 30, |_| true);
    page.click("#devices-button");
    let descriptions = page.value("descriptions");
    for kind in ["video", "audio"] {
        let menu = format!("document.querySelector('#devices select[data-kind={kind}]')");
        page.until(&format!("{menu}.options.length === 3"));
        // The second of the browser's own cameras delivers depth, which it cannot send.
        let other = page.value(&format!(
            "(() => {{ const menu = {menu}; menu.selectedIndex = 2; menu.dispatchEvent(new Event('change')); \
             return menu.value; }})()"
        ));
        // The menu follows what is really in use. It shows the choice at once, so it alone proves nothing.
        page.until(&format!("sent.{kind} === {other} && {menu}.value === {other}"));
    }
    // The camera before was stopped: what is seen from now on is of the new one.
    page.until("document.querySelector('#own-tile video').srcObject.getTracks()[0].readyState === 'live'");
    let before = app.events_so_far().len();
    app.count_from(before, "presented", 60, |_| true);
    page.until("moves('app')");
    assert_eq!(page.value("descriptions"), descriptions, "a change of devices negotiates nothing");
    let connected = app.events_so_far().iter().filter(|event| event["event"] == "connected").count();
    assert_eq!(connected, 1);
}

#[test]
fn a_lost_microphone_is_said_and_can_be_switched_on_again_and_a_long_name_is_cut() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let app = app(folder.path(), &server, "app");
    let mut browser = Browser::start("en", None, true);
    let mut page = browser.open(&format!("http://{}/r/room", server.address));
    page.until("document.querySelector('#join')?.textContent");
    page.value(
        "window.sent = {}; const replace = RTCRtpSender.prototype.replaceTrack; \
         RTCRtpSender.prototype.replaceTrack = function(track) { \
         if (track) window.sent[track.kind] = track; return replace.call(this, track); }; true",
    );
    page.types("#name", "guest");
    page.click("#join");
    app.count_from(0, "presented", 30, |_| true);

    let button = "document.querySelector('#call [data-toggle=audio]').textContent";
    let is_said = "document.querySelector('#banner').textContent.includes('unplugged')";
    page.until(&format!("{button} === 'Microphone on'"));
    page.value("sent.audio.dispatchEvent(new Event('ended')); true");
    page.until(&format!("{button} === 'Microphone off' && {is_said}"));
    app.event("muted", |event| event["event"] == "peer-state" && event["muted"] == true);
    // The server refuses names of more than 32 characters.
    page.types("#new-name", &"n".repeat(40));
    page.value("document.querySelector('#new-name').dispatchEvent(new Event('change')); true");
    app.event("renamed", |event| event["event"] == "peer-renamed" && event["peer"] == "n".repeat(32));
    page.until(&format!("{is_said} && !document.querySelector('#call').hidden"));
    let before = app.events_so_far().len();
    page.click("#call [data-toggle=audio]");
    page.until(&format!("{button} === 'Microphone on' && !({is_said})"));
    app.count_from(before, "peer-state", 1, |event| event["muted"] == false);
}

#[test]
fn a_chosen_microphone_that_cannot_be_used_leaves_the_one_before_on() {
    let _turn = one_call_at_a_time();
    let server = Server::start();
    let mut browser = Browser::start("en", None, true);
    let mut page = enter(&mut browser, &server, "room", "guest");
    page.value(
        "const { mediaDevices } = navigator, ask = mediaDevices.getUserMedia; \
         mediaDevices.getUserMedia = wanted => wanted.audio?.deviceId?.exact \
         ? Promise.reject(new DOMException('gone', 'OverconstrainedError')) : ask(wanted); true",
    );
    page.click("#devices-button");
    let menu = "document.querySelector('#devices select[data-kind=audio]')";
    page.until(&format!("{menu}.options.length === 3"));
    let before = page.value(&format!("{menu}.value"));
    page.value(&format!("{menu}.selectedIndex = 2; {menu}.dispatchEvent(new Event('change')); true"));
    page.until("document.querySelector('#banner').textContent.includes('The one before is still in use.')");
    page.until(&format!("{menu}.value === {before}"));
    assert_eq!(page.value("document.querySelector('#call [data-toggle=audio]').textContent"), "Microphone on");
}

/// Members who say nothing, from the same page.
const SILENT_MEMBERS: &str = r#"
window.joinInSilence = async (room, name) => {
  const { Identity } = await import('/web/identity.js');
  const identity = new Identity(), socket = new WebSocket(`ws://${location.host}/`);
  await new Promise(resolve => { socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'welcome') resolve();
    if (message.type === 'challenge') socket.send(JSON.stringify({ type: 'join', version: 2, room, name, proof: await identity.prove(message.id) }));
  }; });
};
"#;

#[test]
fn a_full_room_and_a_newcomer_who_never_offers_are_told() {
    let _turn = one_call_at_a_time();
    let server = Server::start();
    let mut browser = Browser::start("en", None, true);
    let mut page = browser.open(&format!("http://{}/r/room", server.address));
    page.until("document.querySelector('#join')?.textContent");
    page.value(SILENT_MEMBERS);
    page.value("Promise.all([...'abcdefgh'].map(name => joinInSilence('full', name))).then(() => true)");
    page.types("#name", "guest");
    page.types("#room", "full");
    page.click("#join");
    page.until("document.querySelector('#join-error').textContent.startsWith('The room is full')");

    page.types("#room", "room");
    page.click("#join");
    page.until("!document.querySelector('#call').hidden");
    // The page's patience of half a minute, in less time.
    page.value(
        "const timeout = setTimeout; window.setTimeout = (what, ms) => timeout(what, ms >= 3000 ? ms / 100 : ms); true",
    );
    page.value("joinInSilence('room', 'silent').then(() => true)");
    page.until("document.querySelector('#banner').textContent.includes('No connection to silent so far.')");
}

#[test]
fn a_guest_of_another_version_than_the_server_is_told_and_stays_out() {
    let _turn = one_call_at_a_time();
    let server = Server::start();
    let mut browser = Browser::start("en", None, true);
    let mut page = browser.open(&format!("http://{}/r/room", server.address));
    page.until("document.querySelector('#join')?.textContent");
    page.value(
        "window.sockets = []; window.WebSocket = class extends WebSocket { constructor(url) { super(url); \
         sockets.push(this); } }; true",
    );
    page.types("#name", "guest");
    page.click("#join");
    page.until("!document.querySelector('#call').hidden");
    // What a server that was updated meanwhile answers.
    let error = r#"{"type":"error","code":"unsupported-version","message":"no"}"#;
    page.value(&format!("sockets[0].onmessage({{ data: '{error}' }}); true"));
    page.until("document.querySelector('#banner').textContent.includes('different versions')");
    page.until("sockets[0].readyState >= WebSocket.CLOSING");
    assert_eq!(page.value("sockets.length"), 1, "it does not come back");
    assert_eq!(page.value("document.querySelector('#call').hidden"), false, "the call goes on");
}

#[test]
fn a_laptop_that_slept_is_back_in_the_call_by_itself() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let app = app(folder.path(), &server, "app");
    let mut browser = Browser::start("en", Some(footage(folder.path())), true);
    let mut page = enter(&mut browser, &server, "room", "guest");
    page.until("moves('app')");
    app.count_from(0, "presented", 30, |_| true);
    page.browser().sleep();
    app.first("peer-away");
    let before = app.events_so_far().len();
    page.browser().wake_up();
    app.count_from(before, "presented", 30, |_| true);
    page.value("window.seen = {}");
    page.until("moves('app')");
    page.until("document.querySelectorAll('#tiles .tile').length === 1");
    assert!(app.events_so_far().iter().all(|event| event["event"] != "peer-left"));
}

/// A second connection with what the page has proved its instance by.
const COPY: &str = r#"
window.copy = url => new Promise(resolve => {
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'challenge') socket.send(window.sentJoin);
    if (message.type === 'welcome') resolve(message.instance);
  };
});
true
"#;

/// The longest time without a frame of this name, in ms, since the last call.
const LONGEST_GAP: &str = r#"
window.longestGap = name => {
  const tile = [...document.querySelectorAll('#tiles .tile')].find(tile => tile.querySelector('.name').textContent === name);
  window.gap = { longest: 0, last: performance.now() };
  const gap = window.gap;
  const watch = video => video.requestVideoFrameCallback(now => {
    gap.longest = Math.max(gap.longest, now - gap.last);
    gap.last = now;
    watch(video);
  });
  watch(tile.querySelector('video'));
};
true
"#;

/// The app builds the next connection beside the one that stands, and says so over it. The guest's end stays where it is.
#[test]
fn guest_and_app_go_on_without_a_gap_when_the_app_gets_a_cable() {
    if runs_elsewhere(LAN, "guest_and_app_go_on_without_a_gap_when_the_app_gets_a_cable") {
        return;
    }
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut browser = Browser::start("ko", Some(footage(folder.path())), true);
    let mut guest = enter(&mut browser, &server, "room", "민");
    let arguments = ["--camera", "test", "--microphone", "test", "--speaker", "none"];
    let app = Client::start_on_all_addresses(folder.path(), "room", "Jisu", &server.url, &arguments);
    app.count_from(0, "presented", 30, |_| true);
    guest.until("window.moves('Jisu')");
    guest.value(LONGEST_GAP);
    guest.value("window.longestGap('Jisu'), true");
    let from = app.events_so_far().len();
    sh(PLUG_IN);
    app.count_from(from, "connected", 1, |_| true);
    app.count_from(app.events_so_far().len(), "presented", 90, |_| true);
    let gap = app.longest_gap(from);
    let gap_at_guest =
        guest.value("Math.max(window.gap.longest, performance.now() - window.gap.last)").as_f64().unwrap();
    println!("no frame for {gap:.0} ms at the app, {gap_at_guest:.0} ms at the guest");
    assert!(gap < 300.0 && gap_at_guest < 300.0, "{gap} ms at the app, {gap_at_guest} ms at the guest");
    let left = |client: &Client| client.events_so_far().iter().any(|event| event["event"] == "peer-left");
    assert!(!left(&app));
}

#[test]
fn over_plain_http_a_guest_joins_too_and_one_who_is_replaced_stays_in_the_call() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let app = app(folder.path(), &server, "app");
    let mut browser = Browser::start("en", Some(footage(folder.path())), true);
    let mut page = browser.open(&format!("http://{}/r/room", server.address));
    page.until("document.querySelector('#join')?.textContent");
    page.value(FRAME_NUMBER);
    page.value(COPY);
    // Loopback counts as secure: elsewhere a page over http has no `crypto.subtle`.
    page.value(
        "Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined }); const send = WebSocket.prototype.send; \
         WebSocket.prototype.send = function(text) { if (text.includes('\"join\"')) window.sentJoin = text; send.call(this, text); }; \
         true",
    );
    page.types("#name", "guest");
    page.click("#join");
    page.until("moves('app')");
    app.count_from(0, "presented", 30, |_| true);
    assert_eq!(page.value("Object.keys(JSON.parse(sentJoin).proof).join()"), "secret");

    assert!(page.value(&format!("copy('ws://{}/')", server.address)).is_string());
    page.until("document.querySelector('#banner').textContent.includes('A copy of this page took your place')");
    page.value("window.sentJoin = null; window.seen = {}");
    let before = app.events_so_far().len();
    page.until("moves('app')");
    app.count_from(before, "presented", 30, |_| true);
    assert_eq!(page.value("sentJoin"), serde_json::Value::Null, "it does not come back");
}

#[test]
fn a_page_of_another_version_is_told_to_reload() {
    let _turn = one_call_at_a_time();
    let server = Server::start();
    let mut browser = Browser::start("en", None, true);
    let mut page = browser.open(&format!("http://{}/r/room", server.address));
    page.until("document.querySelector('#join')?.textContent");
    page.value(
        "const send = WebSocket.prototype.send; WebSocket.prototype.send = function(text) { \
         send.call(this, text.replace('\"version\":2', '\"version\":0')); }; true",
    );
    page.types("#name", "old");
    page.click("#join");
    page.until("document.querySelector('#join-error').textContent.includes('Reload the page')");
    page.until("!document.querySelector('#join').disabled");
}

/// A registered peer that says what no page says: over the server, and then over a real DataChannel.
const TROUBLEMAKER: &str = r#"
window.trouble = async url => {
  const name = '<img src=x onerror=alert(1)>';
  const socket = new WebSocket(url), proof = { secret: 'f'.repeat(64) };
  const joined = new Promise(resolve => socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'welcome') resolve(message.peers);
    if (message.type === 'signal') answers.push(message);
  });
  const answers = [];
  await new Promise(resolve => socket.onopen = resolve);
  const send = message => socket.send(JSON.stringify(message));
  send({ type: 'join', version: 2, room: 'room', name, proof });
  const peers = await joined;
  for (const { id } of peers) {
    const signal = data => send({ type: 'signal', to: id, generation: 1, data });
    for (const sdp of ['', 'nonsense', 'v=0', 'v=0\r\n'.repeat(1000), 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF\r\n']) {
      for (const type of ['offer', 'answer', 'pranswer', 'rollback']) signal({ description: { type, sdp } });
    }
    for (const candidate of ['', 'candidate:', 'candidate:1 1 udp 1 999.1.1.1 99999 typ host', 'x'.repeat(5000)]) {
      signal({ candidate: { candidate, sdpMid: '7', sdpMLineIndex: 65535 } });
    }
  }
  const connections = await Promise.all(peers.map(({ id }) => new Promise(resolve => {
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel('maru', { negotiated: true, id: 0 });
    pc.addTransceiver('audio'); pc.addTransceiver('video');
    pc.onicecandidate = ({ candidate }) => send({ type: 'signal', to: id, generation: 1, data: { candidate: candidate?.toJSON() ?? null } });
    const handle = async ({ from, data }) => {
      if (from !== id) return;
      if (data.description?.type === 'answer' && pc.signalingState === 'have-local-offer') await pc.setRemoteDescription(data.description);
      else if (data.candidate && pc.remoteDescription) await pc.addIceCandidate(data.candidate).catch(() => 0);
    };
    socket.addEventListener('message', ({ data }) => { const m = JSON.parse(data); if (m.type === 'signal') handle(m); });
    channel.onopen = () => resolve(channel);
    pc.setLocalDescription().then(() => send({ type: 'signal', to: id, generation: 1, data: { description: pc.localDescription.toJSON() } }));
  })));
  for (const channel of connections) {
    for (const text of ['', '{', '[]', 'null', '7', '{"type":"chat"}', '{"type":"chat","id":-1,"text":7}', '{"type":"hello","version":99}',
      '{"type":"delivered","id":1e300}', 'x'.repeat(65000)]) channel.send(text);
    channel.send(new Uint8Array(60000));
    channel.send(JSON.stringify({ type: 'hello', version: 2, name, muted: 'yes', cameraOn: 7 }));
    // After a greeting of another version nothing else counts before one of ours.
    channel.send(JSON.stringify({ type: 'hello', version: 2, name, muted: true, cameraOn: false }));
    channel.send(JSON.stringify({ type: 'chat', id: 1, text: '<b>still here</b>', sentUnixMs: Date.now() }));
  }
  return connections.length;
};
true
"#;

#[test]
fn a_script_that_speaks_nonsense_disturbs_nobody() {
    let _turn = one_call_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let app = app(folder.path(), &server, "app");
    let mut guests = Browser::start("en", Some(footage(folder.path())), true);
    let mut others = Browser::start("en", None, true);
    let mut page = enter(&mut guests, &server, "room", "guest");
    page.until("moves('app')");
    let mut trouble = others.open(&format!("http://{}/", server.address));
    trouble.value(TROUBLEMAKER);
    assert_eq!(trouble.value(&format!("trouble('ws://{}/')", server.address)), 2, "it reached both");
    page.until("log().includes('<b>still here</b>')");
    app.prints("<b>still here</b>");
    assert_eq!(page.value("document.querySelectorAll('#log b, #tiles img').length"), 0);
    let before = app.events_so_far().len();
    app.count_from(before, "presented", 30, |event| event["peer"] == "guest");
    page.value("window.seen = {}");
    page.until("moves('app')");
}
