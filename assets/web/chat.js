// The chat panel: messages with delivery marks, and notices. Everything is shown as text, never as HTML.

import { language, texts } from './texts.js';

const MAX_LINES = 2000;
/** Line breaks in one message; further ones become spaces. */
const MAX_LINE_BREAKS = 60;

export class ChatLog {
  #log; #own = new Map();

  constructor(log) {
    this.#log = log;
  }

  /** `author`: whatever stands for who wrote it. */
  message(author, name, text, unixMs) {
    const line = document.createElement('li');
    line.author = author;
    const meta = document.createElement('div');
    meta.className = 'meta';
    const time = new Date(unixMs).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
    meta.textContent = `${name} · ${time}`;
    const body = document.createElement('div');
    body.textContent = displayable(text);
    line.append(meta, body);
    this.#append(line);
    return line;
  }

  /** A message of our own to `peers`, everyone who is in the room now. */
  own(message, peers) {
    const line = this.message('own', texts.you, message.text, message.sentUnixMs);
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
    // A notice first: whoever changes its name a thousand times erases no message.
    if (log.childElementCount > MAX_LINES) (log.querySelector('.notice') ?? this.#oldestOfMostTalkative()).remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  /** Whoever writes a thousand messages erases its own, and nobody else's. */
  #oldestOfMostTalkative() {
    const byAuthor = Map.groupBy(this.#log.children, line => line.author);
    return [...byAuthor.values()].reduce((most, lines) => lines.length > most.length ? lines : most)[0];
  }
}

/** As the app shows it: one message does not take the place of all others, and turns no text around it. */
function displayable(text) {
  let breaks = 0;
  return text.replace(/\r\n|[\u2028\u2029]/g, '\n').replace(/\t/g, ' ')
    .replace(/[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]|(?!\n)\p{Cc}/gu, '')
    .replace(/((?:\p{M}[\u200b-\u200d\u2060]*){8})(?:\p{M}[\u200b-\u200d\u2060]*)+/gu, '$1')
    .replace(/\n{3,}/g, '\n\n').replace(/\n/g, () => ++breaks > MAX_LINE_BREAKS ? ' ' : '\n');
}
