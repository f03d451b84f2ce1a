// Reads the report of a Maru client (`maru --report FILE`: JSON Lines).
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** If fewer of the presented frames match a captured one, the delays are not representative. */
const MIN_MATCHED_SHARE = 0.9;

export class Report {
  constructor(file) {
    this.file = file;
  }

  /** All events so far, without an incomplete last line. */
  events() {
    const text = fs.existsSync(this.file) ? fs.readFileSync(this.file, 'utf8') : '';
    return text.split('\n').slice(0, -1).map(line => JSON.parse(line));
  }

  find(name) {
    return this.events().find(e => e.event === name);
  }

  async wait(name, isAlive, timeoutMs = 30_000) {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const event = this.find(name);
      if (event) return event;
      if (!isAlive()) throw new Error(`the client ended before it reported "${name}"`);
      if (Date.now() > end) throw new Error(`no "${name}" in the report after ${timeoutMs / 1e3} s`);
      await sleep(20);
    }
  }
}

/**
 * Matches `presented` events of one side with `captured` events of the other by RTP time.
 * Returns `[{ number, capturedMs, presentedMs }]` in the order of presentation.
 */
export function matchFrames(captured, presented) {
  const byTime = new Map(captured.map(e => [e.rtp_time, e]));
  const matched = presented.filter(e => byTime.has(e.rtp_time));
  if (matched.length < presented.length * MIN_MATCHED_SHARE) {
    throw new Error(`only ${matched.length} of ${presented.length} presented frames have the RTP time of a captured one`);
  }
  return matched.map(e => {
    const source = byTime.get(e.rtp_time);
    return { number: source.source_frame, capturedMs: source.t_ms, presentedMs: e.t_ms };
  });
}

/**
 * Compares `saved`, the barcode number of each frame that the client saved, with the frame that was captured with its RTP
 * time. `events`: the client's report; `matched`: of matchFrames. Returns how many are `{ right, wrong, presented }`.
 */
export function checkFrames(saved, events, matched) {
  const numberAt = new Map(matched.map(f => [f.presentedMs, f.number]));
  const notSaved = new Set(events.filter(e => e.event === 'error' && e.what === 'save-remote').map(e => e.rtp_time));
  const presented = events.filter(e => e.event === 'presented');
  const wanted = presented.filter(e => !notSaved.has(e.rtp_time)).map(e => numberAt.get(e.t_ms));
  const checked = saved.flatMap((number, i) => wanted[i] === undefined ? [] : [number === wanted[i]]);
  const right = checked.filter(Boolean).length;
  return { right, wrong: checked.length - right, presented: presented.length };
}

/** Mean of `field` of the first peer over the `stats` events of a window; null if there are none. */
export function meanOfStats(events, from, to, field, peer) {
  const values = events.filter(e => e.event === 'stats' && e.t_ms >= from && e.t_ms < to)
    .flatMap(e => (peer ? e.peers.find(one => one.peer === peer) : e.peers?.[0])?.[field] ?? []);
  return values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : null;
}

/**
 * Delay of audio from microphone to loudspeaker, by the RTP times of `spoken` and `heard` events.
 * Returns `[[heard, ms]]`.
 */
export function matchSound(spoken, heard) {
  const MAX_DISTANCE = 48 * 200; // 200 ms of the RTP clock. Further away, the `spoken` event is missing.
  const times = spoken.map(e => e.rtp_time);
  if (times.length === 0) return [];
  let at = 0;
  return heard.flatMap(({ t_ms, rtp_time }) => {
    // The last `spoken` at or before this. Both RTP times increase, modulo 2^32.
    while (at + 1 < times.length && ((rtp_time - times[at + 1]) | 0) >= 0) at++;
    const since = (rtp_time - times[at]) | 0;
    return since >= 0 && since < MAX_DISTANCE ? [[t_ms, t_ms - (spoken[at].t_ms + since / 48)]] : [];
  });
}
