// Runs in Chromium: one side of the reference call, as plain as a web page's call can be. `reference` is what
// chromium.mjs calls; `toPeer` and `fromPeer` carry the negotiation.
const reference = {
  /** Times in Unix ms: `asked` (the person joins), `firstPicture`, and every picture `shown`. */
  asked: null,
  firstPicture: null,
  shown: [],
  /** What was read while watching, as [frame number, captured, shown] in Unix ms: one's own pictures, the other's. */
  own: [],
  remote: [],

  async join({ width, height, codec, caller }) {
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
    const everyPicture = now => {
      this.firstPicture ??= unixMs(now);
      this.shown.push(unixMs(now));
      element.requestVideoFrameCallback(everyPicture);
    };
    element.requestVideoFrameCallback(everyPicture);

    this.peer.onicecandidate = ({ candidate }) => candidate && toPeer({ candidate: candidate.toJSON() });
    if (caller) await this.describe();
  },

  async describe() {
    await this.peer.setLocalDescription();
    await toPeer({ description: this.peer.localDescription.toJSON() });
    await this.keepSize();
  },

  /** Only the frame rate may give way to the network: the picture that is compared keeps its size. */
  async keepSize() {
    const sender = this.peer.getSenders().find(s => s.track.kind === 'video');
    const parameters = sender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    await sender.setParameters(parameters);
  },

  /** Messages in the order of their arrival: candidates wait for the description before them. */
  receive(message) {
    this.order = (this.order ?? Promise.resolve()).then(async () => {
      if (message.candidate) return this.peer.addIceCandidate(message.candidate);
      await this.peer.setRemoteDescription(message.description);
      if (message.description.type === 'offer') await this.describe();
    });
    return this.order;
  },

  /** Reads the frame number of every own picture from now on. */
  watchOwn() {
    const preview = document.createElement('video');
    preview.muted = preview.autoplay = true;
    preview.style = 'position: fixed; width: 64px; right: 0; bottom: 0';
    preview.srcObject = new MediaStream(this.media.getVideoTracks());
    document.body.append(preview);
    watch(preview, this.own);
  },

  /** Reads the frame number of every picture that arrives from now on. */
  watchRemote() {
    watch(document.getElementById('remote'), this.remote);
  },

  /** From now on notes every second what has been received so far, as [Unix ms, bytes], in `received`. */
  watchRate() {
    this.received = [];
    setInterval(async () => this.received.push([unixMs(performance.now()), (await this.stats()).bytes]), 1000);
  },

  /** Keeps what is shown every so often from now on, in `kept`. */
  keepPictures(everyMs) {
    this.kept = [];
    const element = document.getElementById('remote');
    setInterval(async () => {
      const picture = new VideoFrame(element), bytes = new Uint8Array(picture.allocationSize());
      const { format, visibleRect: { width, height } } = picture;
      await picture.copyTo(bytes);
      picture.close();
      this.kept.push({ format, width, height, bytes });
    }, everyMs);
  },

  /** The `index`-th of these, its planes in base64. */
  async keptPicture(index) {
    const { bytes, ...shape } = this.kept[index], reader = new FileReader();
    const read = new Promise(resolve => { reader.onload = resolve; });
    reader.readAsDataURL(new Blob([bytes]));
    await read;
    return { ...shape, base64: reader.result.split(',')[1] };
  },

  async stats() {
    const figures = { bytes: 0 };
    for (const s of (await this.peer.getStats()).values()) {
      if (s.type === 'inbound-rtp') figures.bytes += s.bytesReceived;
      if (s.type === 'inbound-rtp' && s.kind === 'audio') {
        figures.samples = s.totalSamplesReceived;
        figures.concealed = s.concealedSamples;
      }
      if (s.type === 'inbound-rtp' && s.kind === 'video') figures.height = s.frameHeight;
    }
    return figures;
  },
};

window.fromPeer = message => reference.receive(message);

function unixMs(time) {
  return performance.timeOrigin + time;
}

/** Appends [frame number, captured, shown] to `log` for every picture of `video` whose barcode can be read. */
function watch(video, log) {
  const CELL = 32, CELLS = 19;
  const canvas = document.createElement('canvas');
  canvas.width = CELL * 20;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const onPicture = (now, { captureTime }) => {
    context.drawImage(video, 0, video.videoHeight * 16 / 720, video.videoWidth, 1, 0, 0, canvas.width, 1);
    const { data } = context.getImageData(0, 0, canvas.width, 1);
    const white = Array.from({ length: CELLS }, (_, i) => data[4 * (i * CELL + CELL / 2)] > 128);
    const number = white.slice(2, 18).reduce((sum, bit, i) => sum | (bit << i), 0);
    const parity = white.slice(2, 18).filter(Boolean).length % 2 === 1;
    if (white[0] && !white[1] && white[18] === parity) log.push([number, unixMs(captureTime), unixMs(now)]);
    video.requestVideoFrameCallback(onPicture);
  };
  video.requestVideoFrameCallback(onPicture);
}
