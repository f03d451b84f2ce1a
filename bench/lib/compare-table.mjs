// The table of bench/compare.
import { aboutRun, number, percent, percentiles, resultsTable } from './markdown.mjs';

const ROWS = [
  ['process start to joined, ms', r => number()(r.startToJoinedMs)],
  ['join to first frame, ms', r => number()(r.joinMs)],
  ['frames per second', r => number(1)(r.fps)],
  ['frame height', r => number()(r.height)],
  ['received, kbit/s', r => number()(r.kbps)],
  ['captured to shown, p50 / p95 / p99, ms', r => percentiles(r.latencyMs)],
  ['own preview to shown, p50 / p95 / p99, ms', r => percentiles(r.latencyFromPreviewMs)],
  ['longest gap between frames, ms', r => number()(r.longestGapMs)],
  ['frozen (gaps over 200 ms), s', r => number(2)(r.freezeSeconds)],
  ['concealed audio, %', r => percent(2)(r.concealedShare)],
  ['gaps in the played audio', ({ sound }) => !sound ? '' : sound.seconds === null ? 'no audio' : `${sound.gaps} in ${number()(sound.seconds)} s`],
  ['CPU of both clients, cores', r => number(2)(r.cpuCores)],
  ['CPU of the server, cores', r => number(3)(r.serverCpuCores)],
  ['memory of both clients (PSS), MB', r => number()(r.memoryMb)],
  ['memory of the server (PSS), MB', r => number(1)(r.serverMemoryMb)],
  ['frames right / wrong / presented', ({ frames }) => frames ? `${frames.right} / ${frames.wrong} / ${frames.presented}` : ''],
];

/** `results`: `{ [call]: statistics }`; `about`: of the machine, `rounds` and `secondsMeasured`. */
export function compareTable(results, about) {
  return `${aboutRun(about)}; ${about.secondsMeasured} s measured\n\n${resultsTable(results, ROWS)}\n`;
}
