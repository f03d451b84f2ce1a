//! A Chromium without a window, driven over its DevTools protocol.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Message, WebSocket, connect};

use super::deadline;

/// A tone is noise to the browser's noise suppression: tests that measure one have it sent as it is.
const RAW_SOUND: &str = "
const devices = navigator.mediaDevices;
const capture = devices.getUserMedia.bind(devices);
const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
devices.getUserMedia = wanted => capture({ ...wanted, audio: wanted.audio && { ...wanted.audio, ...raw } });
";

/// The browser's own negotiation, without one codec: it does not offer H.264, and does not know it in an offer.
const WITHOUT_H264: &str = "
const capabilities = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
RTCRtpReceiver.getCapabilities = kind => {
  const { codecs, ...others } = capabilities(kind);
  return { ...others, codecs: codecs.filter(codec => codec.mimeType !== 'video/H264') };
};
const connection = RTCPeerConnection.prototype, add = connection.addTransceiver, apply = connection.setRemoteDescription;
connection.addTransceiver = function (kind, init) {
  const transceiver = add.call(this, kind, init);
  if (kind === 'video') transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs);
  return transceiver;
};
connection.setRemoteDescription = function ({ type, sdp }) {
  return apply.call(this, { type, sdp: sdp.replaceAll(' H264/90000', ' X264/90000') });
};
";

/// Ends with the value, as in a crash: without a goodbye.
pub struct Browser {
    process: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    /// Some distributions build browsers without it.
    pub has_h264: bool,
    _profile: tempfile::TempDir,
}

/// One page of a browser.
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Browser {
    /// `footage`: a folder with what camera and microphone deliver, `footage.y4m` and `footage.wav`. `permitted`: whether
    /// pages get camera and microphone.
    pub fn start(language: &str, footage: Option<&Path>, permitted: bool) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--allow-loopback-in-peer-connection", "--use-fake-device-for-media-stream=device-count=3"])
            .args(["--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--accept-lang={language}"))
            .arg(if permitted { "--use-fake-ui-for-media-stream" } else { "--deny-permission-prompts" })
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(footage) = footage {
            command.arg(format!("--use-file-for-fake-video-capture={}", footage.join("footage.y4m").display()));
            command.arg(format!("--use-file-for-fake-audio-capture={}", footage.join("footage.wav").display()));
        }
        let mut process = command.spawn().expect("chromium is installed by ./test");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned));
        // It stops when nobody reads what it has to say.
        std::thread::Builder::new().name("chromium".into()).spawn(move || lines.for_each(drop)).unwrap();
        let (socket, _) = connect(listening.expect("Chromium says where it listens")).unwrap();
        Self { process, socket, next_id: 0, has_h264: true, _profile: profile }
    }

    pub fn open(&mut self, url: &str) -> Page<'_> {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(None, "Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        self.call(Some(&session), "Page.enable", json!({}));
        for source in [RAW_SOUND, if self.has_h264 { "" } else { WITHOUT_H264 }] {
            self.call(Some(&session), "Page.addScriptToEvaluateOnNewDocument", json!({ "source": source }));
        }
        // Answered when the new document is there: what is asked afterwards is asked of that one.
        let navigated = self.call(Some(&session), "Page.navigate", json!({ "url": url }));
        assert!(navigated["errorText"].is_null(), "{url}: {navigated}");
        Page { browser: self, session }
    }

    /// All of its processes stand still, as in a laptop whose lid is closed.
    pub fn sleep(&self) {
        self.signal("-STOP");
    }

    pub fn wake_up(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        let status = Command::new("kill").args([signal, "--", &group]).status().unwrap();
        assert!(status.success());
    }

    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.socket.send(Message::text(message.to_string())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children write into the profile: they end first.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}

impl Page<'_> {
    pub fn browser(&self) -> &Browser {
        self.browser
    }

    /// The value of a JavaScript expression, which may be a promise.
    pub fn value(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let result = self.browser.call(Some(&self.session), "Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        // The page itself looks again and again: one question and one answer pass between here and there.
        let wait = format!(
            "new Promise((resolve, reject) => {{ const end = performance.now() + {}; const look = () => {{ \
             if ({expression}) resolve(true); else if (performance.now() > end) reject(new Error('not true in time')); \
             else setTimeout(look, 30); }}; look(); }})",
            deadline().as_millis()
        );
        assert_eq!(self.value(&wait), true, "{expression}");
    }

    pub fn click(&mut self, selector: &str) {
        self.value(&format!("document.querySelector({selector:?}).click()"));
    }

    pub fn types(&mut self, selector: &str, text: &str) {
        self.value(&format!("document.querySelector({selector:?}).value = {}", json!(text)));
    }
}
