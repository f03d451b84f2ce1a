// The table of bench/guest.
import { aboutRun, number, percent, resultsTable } from './markdown.mjs';

const ROWS = [
  ['join to first frame, ms', r => number()(r.joinMs)],
  ['frames per second, from 5 s on', r => number(1)(r.fps)],
  ['longest gap between frames, ms', r => number()(r.longestGapMs)],
  ['received from 8 s on, kbit/s', r => number()(r.kbps)],
  ['recovery after a 300 ms outage, ms', r => r.recoveryMs === Infinity ? 'never' : number()(r.recoveryMs)],
  ['audio power at the sent tones, %', r => percent()(r.toneShare)],
  ['longest gap in the audio, ms', ({ sound }) => !sound ? '' : sound.seconds === null ? 'no audio' : `${sound.longestMs} in ${number()(sound.seconds)} s`],
];

/** `results`: `{ [call]: statistics }`; `about`: the machine and `rounds`. */
export const guestTable = (results, about) => `${aboutRun(about)}\n\n${resultsTable(results, ROWS)}\n`;
