// How soon frames come again after a change of the network.
import { percentile } from './statistics.mjs';

/** A longer pause between two frames belongs to the change. */
const GAP_MS = 200;

/**
 * Seconds from `at` until both sides show frames without a gap again, and then go on: the end of the last gap. 0: there was
 * none. Infinity: one side shows none in the end.
 */
export function secondsUntilBack({ from, at, shown }) {
  const ends = shown.map(times => {
    const all = [from, ...times], end = all.at(-1);
    const lastGap = all.findLastIndex((time, i) => i > 0 && time - all[i - 1] > GAP_MS);
    // The last second has frames if the side is back.
    return times.length < 2 || end < at + GAP_MS ? Infinity : lastGap < 0 ? at : all[lastGap];
  });
  return Math.max(0, ...ends.map(end => (end - at) / 1e3));
}

/** `{ count, p50, worst, never }` of many changes. `never`: how many had no end before the next. */
export function changeStatistics(changes) {
  const seconds = changes.map(secondsUntilBack), back = seconds.filter(Number.isFinite);
  return { count: seconds.length, p50: percentile(back, 0.5), worst: back.length ? Math.max(...back) : null, never: seconds.length - back.length };
}
