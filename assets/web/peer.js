// One other person in the room: the connection to them (perfect negotiation), and the messages on its DataChannel.

const HELLO_MS = 100;
/** Changes of name, microphone and camera are shown this far apart. */
const PRESENCE_MS = 200;
/** Sizes of our picture that they show are taken up this far apart. */
const SIZE_MS = 1000;
/** Our streams, as `hello` and `subscribe` number them. */
const MICROPHONE = 1, CAMERA = 2;
/** How long an offer may take to become a connection; then another one is made. */
const CONNECT_MS = 10_000;
/** So many attempts without a connection are told. Attempts go on. */
const ATTEMPTS_UNTIL_TOLD = 2;
/** Signals that are kept for a connection that cannot take them yet. */
const MAX_WAITING_SIGNALS = 64;
/** How long the peer's offer is waited for after a failure, and when it is the newcomer. */
const OFFER_WAIT_MS = 3000, FIRST_OFFER_WAIT_MS = 10_000;
/** A connection over which nothing comes for so long is replaced by the one that the peer offers. */
const SILENT_MS = 1100;
const START_KBPS = 1500;
const MAX_CHAT_CHARACTERS = 4000, MAX_MESSAGE_CHARACTERS = 65_536, MAX_KNOWN_CHATS = 10_000;

/**
 * Emits: `track` (the streams have changed), `presence`, `chat` `{id, text, sentUnixMs}`, `delivered` `{id}`, `bye`,
 * `state` (`connecting`, `connected`, `interrupted` or `unreachable`), `video-shared` (whether both sides have a codec
 * for video has changed).
 */
export class Peer extends EventTarget {
  id; name; instance; stream = new MediaStream(); muted = false; cameraOn = true; handRaised = false; state = 'connecting';
  isVideoShared = true;
  /** How large they show our picture, and we theirs, in pixels; 0: not at all. */
  #oursShownAt = Infinity; #theirsShownAt = Infinity; #sizeTimer = null;
  /** Neither the server nor a connection leads to them: expected back for some minutes. */
  isAway = false;
  #own; #iceServers; #polite; #signal; #pc = null; #generation = 0; #channel; #queue = Promise.resolve();
  #makingOffer = false; #ignoresOffer = false; #mayOffer; #heard = false; #hello; #retry; #waiting = []; #seen = new Set();
  /** The connection before, which stays until the one of now is connected. */
  #before = null;
  #attempts = 0; #isShut = null; #shutNow; #early = []; #later = null; #announced = 0; #greeting = null; #greetingTimer = null;

  /**
   * `info`: `{id, name, instance}`. `own`: `{instance, presence(), track(kind)}`. `offers`: we are the newcomer.
   * `signal(generation, data)` passes data on to the peer. `generation` counts the connections to it.
   */
  constructor(info, own, iceServers, offers, signal) {
    super();
    Object.assign(this, { id: info.id, name: info.name, instance: info.instance });
    this.#own = own;
    this.#iceServers = iceServers;
    this.#polite = own.instance < info.instance;
    this.#signal = data => signal(this.#generation, data);
    if (offers) this.#open(true);
    else this.#retry = setTimeout(() => this.#open(true), FIRST_OFFER_WAIT_MS);
  }

  /** Something that the server passed on from the peer. One after the other, in their order. */
  handleSignal(generation, data) {
    this.#queue = this.#queue.then(() => this.#handle(generation, data)).catch(error => console.warn('negotiation:', error));
  }

  /** Registered again, with the connection standing: the peer's new address. */
  readdress(id) {
    this.id = id;
  }

  /** Attempts to connect make no sense while the server does not have them. `offers`: we are the newcomer. */
  setAway(isAway, offers = false) {
    if (isAway === this.isAway) return;
    this.isAway = isAway;
    clearTimeout(this.#retry);
    if (!isAway && this.state !== 'connected') this.#retry = setTimeout(() => this.#open(true), offers ? 0 : OFFER_WAIT_MS);
    this.#emit('state');
  }

  /** Our own presence has changed. */
  sendPresence() {
    const streams = [{ id: MICROPHONE, source: 'microphone' }, { id: CAMERA, source: 'camera' }];
    this.#send({ type: 'hello', version: 2, ...this.#own.presence(), streams });
  }

  /** We show their picture with this height. They need send nothing larger. */
  showAt(height) {
    const size = enoughFor(height);
    if (size === this.#theirsShownAt) return;
    this.#theirsShownAt = size;
    if (this.#heard) this.#subscribe();
  }

  #subscribe() {
    const isLimited = this.#theirsShownAt < Infinity;
    this.#send({ type: 'subscribe', streams: isLimited ? [{ id: CAMERA, maxHeight: this.#theirsShownAt }] : [] });
  }

  /** They show our picture with another height. Whoever changes it too often is heard later, with the newest. */
  #takeUpSize() {
    if (this.#sizeTimer) return;
    this.#limitSize().catch(error => console.debug('size:', error.message));
    const applied = this.#oursShownAt;
    this.#sizeTimer = setTimeout(() => {
      this.#sizeTimer = null;
      if (this.#oursShownAt !== applied) this.#takeUpSize();
    }, SIZE_MS);
  }

  async #limitSize() {
    const sender = this.#transceiver('video')?.sender;
    const parameters = sender?.getParameters();
    if (!parameters?.encodings?.length) return;
    const { height = 720 } = this.#own.track('video')?.getSettings() ?? {};
    const [encoding] = parameters.encodings;
    const active = this.#oursShownAt > 0;
    const scale = active ? Math.max(1, height / this.#oursShownAt) : encoding.scaleResolutionDownBy ?? 1;
    if (encoding.active === active && (encoding.scaleResolutionDownBy ?? 1) === scale) return;
    Object.assign(encoding, { active, scaleResolutionDownBy: scale });
    await sender.setParameters(parameters);
  }

  /** Waits until the peer has been heard. */
  sendChat(message) {
    if (this.#heard) this.#send({ type: 'chat', ...message });
    // What was sent and not acknowledged is sent again over the next connection.
    this.#waiting.push(message);
  }

  /** Sends what we capture now in place of what we captured before. No renegotiation. */
  async replaceTrack(kind) {
    const transceiver = this.#transceiver(kind);
    await transceiver?.sender.replaceTrack(this.#own.track(kind));
    if (kind === 'video') await this.#limitSize();
  }

  goodbye() {
    this.#send({ type: 'bye' });
  }

  close() {
    this.#shut();
  }

  #open(offers, generation = this.#generation + 1) {
    const stands = this.#takeStanding(generation);
    this.#shut();
    this.#before = stands;
    this.#generation = generation;
    const pc = new RTCPeerConnection({ iceServers: this.#iceServers, bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    this.#isShut = new Promise((_, reject) => { this.#shutNow = () => reject(new Error('the connection was closed')); });
    // Nobody may be waiting for it.
    this.#isShut.catch(() => {});
    this.#early = [];
    this.#mayOffer = offers;
    this.#makingOffer = this.#ignoresOffer = false;
    pc.ontrack = ({ track }) => {
      // A track is muted until something comes.
      if (this.#before && track.muted) track.addEventListener('unmute', () => this.#show(pc, track), { once: true });
      else this.#show(pc, track);
    };
    // One that is kept until the next one works has said what it had to say.
    pc.onicecandidate = ({ candidate }) => { if (pc === this.#pc) this.#signal({ candidate: candidate && candidate.toJSON() }); };
    pc.onnegotiationneeded = () => { if (pc === this.#pc && this.#mayOffer) this.#offer(pc); };
    pc.onconnectionstatechange = () => this.#connectionChanged(pc);
    const channel = this.#channel = pc.createDataChannel('maru', { negotiated: true, id: 0 });
    channel.onopen = () => {
      this.sendPresence();
      this.#hello = setInterval(() => this.sendPresence(), HELLO_MS);
    };
    channel.onmessage = ({ data }) => {
      if (channel === this.#channel) this.#receive(data);
      else if (pc === this.#before) this.#announcedBefore(data);
    };
    if (offers) {
      for (const kind of ['audio', 'video']) this.#prepare(pc.addTransceiver(kind, { direction: 'sendrecv' }), kind);
    }
    this.#retry = setTimeout(() => { if (pc.connectionState !== 'connected') this.#open(true); }, CONNECT_MS);
    if (stands) return;
    this.#attempts++;
    this.#become(this.#attempts > ATTEMPTS_UNTIL_TOLD ? 'unreachable' : 'connecting');
  }

  /** The connection that works and is to be kept until the one of this generation does. */
  #takeStanding(generation) {
    if (this.state !== 'connected' || generation !== this.#announced) return null;
    if (!this.#before) return this.#leave();
    // The next one has not come to anything, and yet another is announced.
    const stands = this.#before;
    this.#before = null;
    return stands;
  }

  #show(pc, track) {
    if (pc !== this.#pc) return;
    this.stream.getTracks().filter(old => old.kind === track.kind).forEach(old => this.stream.removeTrack(old));
    this.stream.addTrack(track);
    this.#emit('track');
  }

  #prepare(transceiver, kind) {
    transceiver.direction = 'sendrecv';
    if (kind === 'video') {
      const codecs = RTCRtpReceiver.getCapabilities('video').codecs.filter(codec =>
        codec.mimeType === 'video/H264' && /packetization-mode=1/.test(codec.sdpFmtpLine));
      // A browser without H.264 offers what it has, and the answer says whether that will do.
      if (codecs.length) transceiver.setCodecPreferences?.(codecs);
    }
    // A refusal concerns a track that has ended meanwhile.
    transceiver.sender.replaceTrack(this.#own.track(kind)).catch(error => console.warn(`${kind}:`, error));
  }

  #transceiver(kind) {
    return this.#pc?.getTransceivers().find(one => !one.stopped && one.receiver.track.kind === kind);
  }

  async #offer(pc) {
    try {
      this.#makingOffer = true;
      await pc.setLocalDescription();
      if (pc === this.#pc) this.#signal({ description: pc.localDescription.toJSON() });
    } catch (error) {
      if (pc === this.#pc) console.warn('offer:', error);
    } finally {
      if (pc === this.#pc) this.#makingOffer = false;
    }
  }

  async #handle(generation, data) {
    if (this.#keepForLater(generation, data) || !this.#isCurrent(generation, data.description)) return;
    // In some browsers what is asked of a connection is never answered once it is closed.
    await Promise.race([this.#apply(data), this.#isShut]);
  }

  async #apply({ description, candidate }) {
    if (description) {
      await this.#handleDescription(description);
      for (const early of this.#pc?.remoteDescription ? this.#early.splice(0) : []) await this.#addCandidate(early);
    } else if (candidate !== undefined) {
      if (this.#pc?.remoteDescription) await this.#addCandidate(candidate);
      else if (this.#early.length < MAX_WAITING_SIGNALS) this.#early.push(candidate);
    }
  }

  async #addCandidate(candidate) {
    // What belongs to an offer that was ignored, or to a connection that is gone, fits nowhere.
    try { await this.#pc?.addIceCandidate(candidate ?? undefined); } catch (error) {
      if (!this.#ignoresOffer) console.debug('candidate:', error.message);
    }
  }

  /**
   * The peer has begun a later connection while this one still works here: its signals wait for the end of this one.
   * Whether this is one of them.
   */
  #keepForLater(generation, data) {
    if (!Number.isInteger(generation) || generation <= this.#generation || generation === this.#announced) return false;
    if (this.state !== 'connected') return false;
    if (data.description?.type === 'offer' && generation > (this.#later?.generation ?? 0)) {
      this.#later = { generation, signals: [] };
      this.#takeUpIfSilent(this.#pc).catch(error => console.debug('silence:', error));
    }
    if (this.#later?.generation === generation && this.#later.signals.length < MAX_WAITING_SIGNALS) this.#later.signals.push(data);
    return true;
  }

  /** The peer's network has changed: the old connection is dead, though it takes seconds until that is certain. */
  async #takeUpIfSilent(pc) {
    const before = await bytesReceived(pc);
    await new Promise(resolve => setTimeout(resolve, SILENT_MS));
    if (pc === this.#pc && await bytesReceived(pc) === before) this.#takeUpLater();
  }

  #takeUpLater() {
    const later = this.#later;
    this.#later = null;
    if (later) this.#announced = later.generation;
    later?.signals.forEach(data => this.handleSignal(later.generation, data));
  }

  async #handleDescription(description) {
    const isOffer = description.type === 'offer', pc = this.#pc;
    const collides = isOffer && (this.#makingOffer || pc.signalingState !== 'stable');
    this.#ignoresOffer = collides && !this.#polite;
    if (this.#ignoresOffer || (!isOffer && pc.signalingState !== 'have-local-offer')) return;
    await pc.setRemoteDescription({ type: description.type, sdp: withStartBitrate(description.sdp ?? '') });
    if (pc !== this.#pc) return;
    this.#mayOffer = true;
    if (isOffer) {
      this.#adoptTransceivers(pc);
      await pc.setLocalDescription();
      if (pc !== this.#pc) return;
      this.#signal({ description: pc.localDescription.toJSON() });
    }
    this.#mediaAgreed();
  }

  /** A section without a common codec is rejected, and its transceiver stopped. */
  #mediaAgreed() {
    const isShared = Boolean(this.#transceiver('video'));
    if (isShared === this.isVideoShared) return;
    this.isVideoShared = isShared;
    this.#emit('video-shared');
  }

  /** Whether a signal is about the connection of now. An offer of a later one replaces a connection that does not work. */
  #isCurrent(generation, description) {
    if (!Number.isInteger(generation) || generation < this.#generation) return false;
    if (generation === this.#generation && this.#pc) return true;
    // Nobody replaces a connection that works, the server included. If its other end has failed, that is noticed here
    // soon, and the peer tries again.
    const works = this.#pc && this.state === 'connected' && generation !== this.#announced;
    if (description?.type !== 'offer' || works) return false;
    this.#open(false, generation);
    return true;
  }

  /** The sections that the offer brought carry our tracks; those that we made for an offer that was rolled back do not. */
  #adoptTransceivers(pc) {
    const given = new Set();
    for (const transceiver of pc.getTransceivers()) {
      const { kind } = transceiver.receiver.track;
      if (transceiver.stopped) continue;
      if (transceiver.mid === null || given.has(kind)) {
        transceiver.stop();
        continue;
      }
      given.add(kind);
      if (transceiver.direction !== 'sendrecv') this.#prepare(transceiver, kind);
    }
  }

  #connectionChanged(pc) {
    if (pc !== this.#pc) return;
    if (pc.connectionState === 'connected') {
      this.#attempts = 0;
      this.#before?.close();
      this.#before = null;
      this.#takeUpSize();
      this.#become('connected');
    }
    if (pc.connectionState === 'disconnected') {
      this.#become('interrupted');
      this.#takeUpLater();
    }
    if (pc.connectionState === 'failed') {
      // The impolite side builds a new connection, the polite one waits for its offer; but not for ever, since a peer
      // that has given us up waits for ours.
      if (this.isAway) this.#shut();
      else if (this.#polite) {
        this.#shut();
        this.#retry = setTimeout(() => this.#open(true), OFFER_WAIT_MS);
      } else this.#open(true);
      if (this.state !== 'unreachable') this.#become('interrupted');
      this.#takeUpLater();
    }
  }

  #become(state) {
    this.state = state;
    this.#emit('state');
  }

  #receive(data) {
    if (typeof data !== 'string' || data.length > MAX_MESSAGE_CHARACTERS) return;
    let message;
    try { message = JSON.parse(data); } catch { return; }
    if (!this.#heard) {
      this.#heard = true;
      clearInterval(this.#hello);
      this.sendPresence();
      this.#subscribe();
      for (const chat of this.#waiting) this.#send({ type: 'chat', ...chat });
    }
    this.#understand(message ?? {});
  }

  /** What still counts of what comes over the connection before: that another one is built, and a goodbye. */
  #announcedBefore(data) {
    let message;
    try { message = JSON.parse(data); } catch { return; }
    if (message?.type === 'next' || message?.type === 'bye') this.#understand(message);
  }

  #understand(message) {
    switch (message.type) {
      case 'hello':
        if (message.version !== 2 || typeof message.name !== 'string') return;
        this.#greeting = message;
        if (!this.#greetingTimer) this.#takeUpGreeting();
        break;
      case 'subscribe': {
        const camera = Array.isArray(message.streams) && message.streams.find(one => one?.id === CAMERA && !one.person);
        this.#oursShownAt = Number.isInteger(camera?.maxHeight) ? enoughFor(camera.maxHeight) : Infinity;
        this.#takeUpSize();
        break;
      }
      case 'chat':
        if (!Number.isSafeInteger(message.id) || typeof message.text !== 'string') return;
        if ([...message.text].length > MAX_CHAT_CHARACTERS || this.#seen.size >= MAX_KNOWN_CHATS) return;
        if (!this.#seen.has(message.id)) {
          this.#seen.add(message.id);
          this.#emit('chat', { text: message.text, sentUnixMs: Number(message.sentUnixMs) || Date.now() });
        }
        this.#send({ type: 'delivered', id: message.id });
        break;
      case 'delivered':
        if (this.#waiting.some(chat => chat.id === message.id)) {
          this.#waiting = this.#waiting.filter(chat => chat.id !== message.id);
          this.#emit('delivered', { id: message.id });
        }
        break;
      // The peer builds the next connection, and offers it through the server.
      case 'next':
        if (Number.isInteger(message.generation)) this.#announced = message.generation;
        if (this.#later?.generation === this.#announced) this.#takeUpLater();
        break;
      case 'bye':
        this.#emit('bye');
        break;
    }
  }

  /** Whoever changes too often is heard later, with the newest greeting. */
  #takeUpGreeting() {
    const { muted, cameraOn, handRaised, name } = this.#greeting;
    this.#greeting = null;
    Object.assign(this, { muted: muted === true, cameraOn: cameraOn !== false, handRaised: handRaised === true });
    this.#emit('presence', { name: [...name].slice(0, 32).join('') });
    this.#greetingTimer = setTimeout(() => {
      this.#greetingTimer = null;
      if (this.#greeting) this.#takeUpGreeting();
    }, PRESENCE_MS);
  }

  #send(message) {
    if (this.#channel?.readyState === 'open') this.#channel.send(JSON.stringify(message));
  }

  #shut() {
    this.#leave()?.close();
    this.#before?.close();
    this.#before = null;
  }

  /** Returns the connection of now, which is none any more. */
  #leave() {
    clearInterval(this.#hello);
    clearTimeout(this.#retry);
    this.#heard = false;
    const pc = this.#pc;
    this.#pc = null;
    this.#channel = null;
    this.#shutNow?.();
    return pc;
  }

  #emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The height of a picture that is enough where it is shown with this one. It may be enlarged by a fifth. */
function enoughFor(height) {
  if (height === 0) return 0;
  return [180, 270, 360, 540, 720].find(size => size * 1.2 >= height) ?? Infinity;
}

async function bytesReceived(pc) {
  let bytes = 0;
  for (const stats of (await pc.getStats()).values()) if (stats.type === 'candidate-pair') bytes += stats.bytesReceived ?? 0;
  return bytes;
}

/** Chromium begins at 300 kbit/s and climbs for a quarter of a minute, unless the other side names a start. */
function withStartBitrate(sdp) {
  return sdp.replace(/^a=fmtp:\d+ .*packetization-mode=1.*$/gm, line => `${line.trimEnd()};x-google-start-bitrate=${START_KBPS}`);
}
