// Runs in Chromium: one side of the reference call, as simple as a web page can make it. chromium.mjs calls the methods of
// `reference`; `toPeer` and `fromPeer` carry the signaling.
const reference = {
  /** Unix ms: when joining began, when the first frame was shown, and when every frame was shown. */
  asked: null,
  firstFrame: null,
  shown: [],
  /** [frame number, captured, shown] in Unix ms, of the own preview and of the remote video, while they are watched. */
  own: [],
  remote: [],

  async join({ width, height, codec, caller, restartsIce }) {
    this.asked = unixMs(performance.now());
    this.media = await navigator.mediaDevices.getUserMedia({
      video: { width, height, frameRate: 30 },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    this.peer = new RTCPeerConnection();
    for (const track of this.media.getTracks()) this.peer.addTrack(track, this.media);
    const video = this.peer.getTransceivers().find(t => t.sender.track.kind === 'video');
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    video.setCodecPreferences(codecs.filter(c => c.mimeType === `video/${codec}` || c.mimeType === 'video/rtx'));

    const element = document.getElementById('remote');
    this.peer.ontrack = ({ streams }) => { element.srcObject = streams[0]; };
    const everyFrame = now => {
      this.firstFrame ??= unixMs(now);
      this.shown.push(unixMs(now));
      element.requestVideoFrameCallback(everyFrame);
    };
    element.requestVideoFrameCallback(everyFrame);

    this.peer.onicecandidate = ({ candidate }) => candidate && toPeer({ candidate: candidate.toJSON() });
    // As a page does that wants to survive a change of network. One side is enough, and offers do not cross.
    this.peer.oniceconnectionstatechange = () => {
      if (!caller || !restartsIce || !['disconnected', 'failed'].includes(this.peer.iceConnectionState)) return;
      this.peer.restartIce();
      this.describe().catch(error => console.warn(error));
    };
    if (caller) await this.describe();
  },

  async describe() {
    await this.peer.setLocalDescription();
    await toPeer({ description: this.peer.localDescription.toJSON() });
    await this.keepSize();
  },

  /** The bandwidth estimate may reduce the frame rate, but not the frame size, so that the quality can be compared. */
  async keepSize() {
    const sender = this.peer.getSenders().find(s => s.track.kind === 'video');
    const parameters = sender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    await sender.setParameters(parameters);
  },

  /** Handles messages one after the other: a candidate needs the description before it. */
  receive(message) {
    this.order = (this.order ?? Promise.resolve()).then(async () => {
      if (message.candidate) return this.peer.addIceCandidate(message.candidate);
      await this.peer.setRemoteDescription(message.description);
      if (message.description.type === 'offer') await this.describe();
    });
    return this.order;
  },

  watchOwn() {
    const preview = document.createElement('video');
    preview.muted = preview.autoplay = true;
    preview.style = 'position: fixed; width: 64px; right: 0; bottom: 0';
    preview.srcObject = new MediaStream(this.media.getVideoTracks());
    document.body.append(preview);
    watch(preview, this.own);
  },

  watchRemote() {
    watch(document.getElementById('remote'), this.remote);
  },

  /** From now on logs [Unix ms, bytes received so far] every second in `received`. */
  watchRate() {
    this.received = [];
    setInterval(async () => this.received.push([unixMs(performance.now()), (await this.stats()).bytes]), 1000);
  },

  /** From now on keeps a frame of the remote video every `everyMs` in `kept`. */
  keepFrames(everyMs) {
    this.kept = [];
    const element = document.getElementById('remote');
    setInterval(async () => {
      const frame = new VideoFrame(element), bytes = new Uint8Array(frame.allocationSize());
      const { format, visibleRect: { width, height } } = frame;
      await frame.copyTo(bytes);
      frame.close();
      this.kept.push({ format, width, height, bytes });
    }, everyMs);
  },

  /** The `index`-th kept frame, with its planes in base64. */
  async keptFrame(index) {
    const { bytes, ...shape } = this.kept[index];
    return { ...shape, base64: await base64(new Blob([bytes])) };
  },

  /** From now on keeps audio: `own`, what the microphone gives, or else what is played of the other side. */
  async keepAudio(own) {
    const received = this.peer.getReceivers().map(receiver => receiver.track).filter(track => track.kind === 'audio');
    const context = new AudioContext({ sampleRate: 48_000 });
    const processor = `registerProcessor('keep', class extends AudioWorkletProcessor {
      kept = [];
      process([[channel]]) {
        this.kept.push(...channel ?? new Float32Array(128));
        if (this.kept.length >= 4800) this.port.postMessage(Float32Array.from(this.kept.splice(0)));
        return true;
      }
    });`;
    await context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(processor)}`);
    const node = new AudioWorkletNode(context, 'keep');
    this.audio = { startMs: Infinity, parts: [], samples: 0 };
    node.port.onmessage = ({ data }) => {
      this.audio.parts.push(data);
      this.audio.samples += data.length;
      // The message that was least late tells when the recording began.
      this.audio.startMs = Math.min(this.audio.startMs, unixMs(performance.now()) - this.audio.samples / 48);
    };
    context.createMediaStreamSource(new MediaStream(own ? this.media.getAudioTracks() : received)).connect(node).connect(context.destination);
  },

  /** What was kept: `{ startMs, base64 }`, 32-bit floats at 48 kHz. */
  async keptAudio() {
    const { startMs, parts } = this.audio;
    return { startMs, base64: await base64(new Blob(parts)) };
  },

  async stats() {
    const totals = { bytes: 0 };
    for (const s of (await this.peer.getStats()).values()) {
      if (s.type === 'inbound-rtp') totals.bytes += s.bytesReceived;
      if (s.type === 'inbound-rtp' && s.kind === 'audio') {
        totals.samples = s.totalSamplesReceived;
        totals.concealed = s.concealedSamples;
      }
      if (s.type === 'inbound-rtp' && s.kind === 'video') totals.height = s.frameHeight;
    }
    return totals;
  },
};

window.fromPeer = message => reference.receive(message);

async function base64(blob) {
  const reader = new FileReader();
  const read = new Promise(resolve => { reader.onload = resolve; });
  reader.readAsDataURL(blob);
  await read;
  return reader.result.split(',')[1];
}

function unixMs(time) {
  return performance.timeOrigin + time;
}

/** Appends [frame number, captured, shown] to `log` for every frame of `video` with a readable barcode. */
function watch(video, log) {
  const CELL = 32, CELLS = 19;
  const canvas = document.createElement('canvas');
  canvas.width = CELL * 20;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const onFrame = (now, { captureTime }) => {
    context.drawImage(video, 0, video.videoHeight * 16 / 720, video.videoWidth, 1, 0, 0, canvas.width, 1);
    const { data } = context.getImageData(0, 0, canvas.width, 1);
    const white = Array.from({ length: CELLS }, (_, i) => data[4 * (i * CELL + CELL / 2)] > 128);
    const number = white.slice(2, 18).reduce((sum, bit, i) => sum | (bit << i), 0);
    const parity = white.slice(2, 18).filter(Boolean).length % 2 === 1;
    if (white[0] && !white[1] && white[18] === parity) log.push([number, unixMs(captureTime), unixMs(now)]);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}
