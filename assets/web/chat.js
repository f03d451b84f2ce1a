// The chat panel: messages with delivery marks, and notices. Everything is shown as text, never as HTML.

import { language, texts } from './texts.js';

const MAX_LINES = 2000;

export class ChatLog {
  #log; #own = new Map();

  constructor(log) {
    this.#log = log;
  }

  message(name, text, unixMs) {
    const line = document.createElement('li');
    const meta = document.createElement('div');
    meta.className = 'meta';
    const time = new Date(unixMs).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
    meta.textContent = `${name} · ${time}`;
    const body = document.createElement('div');
    body.textContent = text;
    line.append(meta, body);
    this.#append(line);
    return line;
  }

  /** A message of our own to `peers`, everyone who is in the room now. */
  own(message, peers) {
    const line = this.message(texts.you, message.text, message.sentUnixMs);
    const mark = document.createElement('div');
    mark.className = 'meta delivered';
    line.append(mark);
    this.#own.set(message.id, { mark, left: new Set(peers), all: peers.length });
    this.#show(message.id);
  }

  delivered(id, peer) {
    this.#own.get(id)?.left.delete(peer);
    this.#show(id);
  }

  notice(text) {
    const line = document.createElement('li');
    line.className = 'notice';
    line.textContent = text;
    this.#append(line);
  }

  clear() {
    this.#log.replaceChildren();
    this.#own.clear();
  }

  #show(id) {
    const entry = this.#own.get(id);
    if (!entry) return;
    const delivered = entry.all - entry.left.size;
    const few = delivered === 0 ? texts.notDelivered : texts.deliveredTo(delivered, entry.all);
    entry.mark.textContent = entry.all === 0 ? '' : entry.left.size === 0 ? texts.delivered : few;
  }

  #append(line) {
    const log = this.#log;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(line);
    if (log.childElementCount > MAX_LINES) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
}
