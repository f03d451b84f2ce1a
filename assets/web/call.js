// A call: everyone in the room, whether or not the server is there.

import { Peer } from './peer.js';
import { Signaling } from './signaling.js';

const GOODBYE_MS = 200;
/** How long one is kept who is neither registered nor connected: the computer may sleep. */
const AWAY_MS = 300_000;

/**
 * Emits: `joined`, `refused` `{code, capacity}`, `server` `{connected}`, `shut-out` `{code}`, and with the `peer` they concern: `peer-joined`,
 * `peer-left`, `peer-renamed` `{before}`, `track`, `presence`, `chat`, `delivered` `{id}`, `state`, `video-shared`.
 */
export class Call extends EventTarget {
  /** By instance. */
  peers = new Map();
  name; handRaised = false;
  #signaling; #media; #instance; #iceServers = []; #nextChat = 1; #byId = new Map(); #gone = new Map();

  constructor(url, room, name, media) {
    super();
    this.name = name;
    this.#media = media;
    this.#signaling = new Signaling(url, { room, name });
    const on = (type, handle) => this.#signaling.addEventListener(type, ({ detail }) => handle(detail));
    on('welcome', message => this.#welcome(message));
    on('peer-joined', ({ peer }) => this.#meet(peer, false));
    on('peer-left', message => this.#left(message));
    on('peer-renamed', ({ id, name }) => this.#rename(this.#byId.get(id), name));
    on('signal', ({ from, generation, data }) => this.#byId.get(from)?.handleSignal(generation, data));
    on('lost', () => this.#emit('server', { connected: false }));
    on('shut-out', error => this.#shutOut(error));
    on('refused', error => this.#emit('refused', error));
    media.addEventListener('change', ({ detail }) => this.#mediaChanged(detail.kind));
  }

  join() {
    this.#signaling.connect();
  }

  rename(name) {
    this.name = name;
    this.#signaling.rename(name);
    this.peers.forEach(peer => peer.sendPresence());
  }

  raiseHand(isRaised) {
    this.handRaised = isRaised;
    this.peers.forEach(peer => peer.sendPresence());
  }

  /** Returns the message's id, by which `delivered` events name it. */
  chat(text) {
    const message = { id: this.#nextChat++, text, sentUnixMs: Date.now() };
    this.peers.forEach(peer => peer.sendChat(message));
    return message;
  }

  leave() {
    this.#signaling.close();
    for (const peer of this.peers.values()) {
      peer.goodbye();
      setTimeout(() => peer.close(), GOODBYE_MS);
    }
    this.peers.clear();
  }

  #own() {
    const media = this.#media;
    return {
      instance: this.#instance,
      track: kind => media.track(kind),
      presence: () => ({ name: this.name, muted: !media.track('audio'), cameraOn: Boolean(media.track('video')), handRaised: this.handRaised }),
    };
  }

  #welcome({ version, instance, peers, iceServers }) {
    if (version !== 2) return;
    this.#instance = instance;
    this.#iceServers = iceServers ?? [];
    this.#byId.clear();
    this.#emit('joined');
    this.#emit('server', { connected: true });
    peers.forEach(info => this.#meet(info, true));
    this.peers.forEach(peer => this.#lookWhetherAway(peer));
  }

  /** Without a registration no other connection can be agreed on. */
  #shutOut({ code }) {
    this.#byId.clear();
    this.peers.forEach(peer => this.#lookWhetherAway(peer));
    this.#emit('shut-out', { code });
  }

  /** `offers`: they were there before us. */
  #meet(info, offers) {
    const known = this.peers.get(info.instance);
    if (known) {
      known.readdress(info.id);
      this.#byId.set(info.id, known);
      this.#lookWhetherAway(known, offers);
      this.#rename(known, info.name);
      return;
    }
    const signal = (generation, data) => this.#signaling.send({ type: 'signal', to: peer.id, generation, data });
    const peer = new Peer(info, this.#own(), this.#iceServers, offers, signal);
    this.peers.set(info.instance, peer);
    this.#byId.set(info.id, peer);
    for (const type of ['track', 'state', 'chat', 'delivered', 'video-shared']) {
      peer.addEventListener(type, ({ detail }) => {
        this.#emit(type, { peer, ...detail });
        if (type === 'state') this.#lookWhetherAway(peer);
      });
    }
    peer.addEventListener('presence', ({ detail }) => {
      this.#rename(peer, detail.name);
      this.#emit('presence', { peer });
    });
    peer.addEventListener('bye', () => this.#forget(peer));
    this.#emit('peer-joined', { peer, wasHere: offers });
  }

  #left({ id, reason }) {
    const peer = this.#byId.get(id);
    this.#byId.delete(id);
    if (!peer || peer.id !== id) return;
    if (reason === 'left') this.#forget(peer);
    else this.#lookWhetherAway(peer);
  }

  /** Neither registered nor connected: away, and gone after five minutes. */
  #lookWhetherAway(peer, offers) {
    if (this.peers.get(peer.instance) !== peer) return;
    const isAway = peer.state !== 'connected' && this.#byId.get(peer.id) !== peer;
    if (isAway && !this.#gone.has(peer)) this.#gone.set(peer, setTimeout(() => this.#forget(peer), AWAY_MS));
    if (!isAway) this.#stopWaiting(peer);
    peer.setAway(isAway, offers);
  }

  #stopWaiting(peer) {
    clearTimeout(this.#gone.get(peer));
    this.#gone.delete(peer);
  }

  #forget(peer) {
    if (this.peers.get(peer.instance) !== peer) return;
    this.peers.delete(peer.instance);
    this.#stopWaiting(peer);
    peer.close();
    this.#emit('peer-left', { peer });
  }

  #rename(peer, name) {
    if (!peer || peer.name === name) return;
    const before = peer.name;
    peer.name = name;
    this.#emit('peer-renamed', { peer, before });
  }

  #mediaChanged(kind) {
    for (const peer of this.peers.values()) {
      peer.replaceTrack(kind).catch(error => console.warn(`${kind}:`, error));
      peer.sendPresence();
    }
  }

  #emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
