// The WebSocket to the signal server: joins, sends pings, and rejoins after a loss (protocol/README.md).

import { Identity } from './identity.js';

const FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 2_000;
const PING_MS = 8_000, SILENCE_MS = 18_000;
/** Answers to the first `join` after which another attempt would fail too, or would do harm. */
const FINAL = ['bad-room', 'bad-name', 'unsupported-version', 'bad-proof', 'room-full', 'server-full'];

/** Errors after which a client that was in the room stays out: others would come again and again. */
const SHUTS_OUT = ['replaced', 'unsupported-version', 'bad-proof'];

/**
 * Emits each message of the server under its type, `lost` before each attempt to reconnect, `refused`
 * `{code, message, capacity}` when it cannot join, and `shut-out` `{code}` when it can never register again.
 */
export class Signaling extends EventTarget {
  #url; #join; #socket = null; #pauseMs = FIRST_PAUSE_MS; #heard = 0; #timer; #retry; #closed = false; #joined = false;
  #identity = new Identity();

  /** `join`: `{room, name}`. */
  constructor(url, join) {
    super();
    this.#url = url;
    this.#join = { type: 'join', version: 2, ...join };
  }

  connect() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heard = Date.now();
    socket.onmessage = event => { if (socket === this.#socket) this.#receive(event.data); };
    socket.onclose = () => { if (socket === this.#socket) this.#lost(); };
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (Date.now() - this.#heard > SILENCE_MS) this.#lost();
      else this.send({ type: 'ping' });
    }, PING_MS);
  }

  /** Dropped without a connection: the ids in a message are those of one registration. */
  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  rename(name) {
    this.#join.name = name;
    this.send({ type: 'rename', name });
  }

  close() {
    this.send({ type: 'leave' });
    this.#end();
  }

  #receive(text) {
    this.#heard = Date.now();
    let message;
    try { message = JSON.parse(text); } catch { return; }
    if (message?.type === 'welcome') {
      this.#joined = true;
      this.#pauseMs = FIRST_PAUSE_MS;
    }
    if (message?.type === 'challenge') {
      this.#proveAndJoin(message.id);
    } else if (message?.type === 'error' && !this.#joined && FINAL.includes(message.code)) {
      this.#end();
      this.#emit('refused', message);
    } else if (message?.type === 'error' && SHUTS_OUT.includes(message.code)) {
      this.#end();
      this.#emit('shut-out', message);
    } else if (typeof message?.type === 'string') {
      this.#emit(message.type, message);
    }
  }

  async #proveAndJoin(id) {
    const socket = this.#socket, proof = await this.#identity.prove(id);
    if (socket === this.#socket) this.send({ ...this.#join, proof });
  }

  #lost() {
    this.#drop();
    if (this.#closed) return;
    // A failed first attempt is an error. Later the call continues without the server.
    if (!this.#joined) {
      this.#end();
      this.#emit('refused', { code: 'no-server' });
      return;
    }
    this.#emit('lost', {});
    this.#retry = setTimeout(() => this.connect(), this.#pauseMs * (0.75 + Math.random() / 2));
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #drop() {
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #end() {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
