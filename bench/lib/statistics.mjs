// Statistics of frame times and delays.

/** A gap between two frames that is longer than this counts as a freeze. */
const FREEZE_MS = 200;

/** The `p`-quantile of `values`, `p` from 0 to 1; null if there are none. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) * p)] : null;
}

/** The first of `rounds` with each number in it, at any depth, replaced by its median over all rounds. */
export function medians(rounds) {
  const [first] = rounds;
  if (typeof first === 'number') return percentile(rounds.filter(value => typeof value === 'number'), 0.5);
  if (first === null || typeof first !== 'object') return first;
  return Object.fromEntries(Object.keys(first).map(key => [key, medians(rounds.map(round => round?.[key]))]));
}

/** Frame rate, longest gap and total freeze time of the frames shown at `times` (ms) in the window `from`..`to`. */
export function pace(times, from, to) {
  const shown = times.filter(t => t >= from && t < to);
  const gaps = [from, ...shown, to].slice(1).map((t, i) => t - [from, ...shown][i]);
  return {
    fps: shown.length / (to - from) * 1e3,
    longestGapMs: Math.max(...gaps),
    freezeSeconds: gaps.filter(gap => gap > FREEZE_MS).reduce((sum, gap) => sum + gap, 0) / 1e3,
  };
}

/**
 * Time in ms from the end of an outage (`from`..`to`) to the end of the longest gap between frames at `times`. The gap may
 * begin up to a second after the outage, since buffered frames are still shown. 0 if every gap ended before `to`,
 * Infinity if no frame came a second after `to` or later.
 */
export function timeToRecover(times, { from, to }) {
  const gaps = times.slice(1).map((end, i) => ({ begin: times[i], end, length: end - times[i] }))
    .filter(gap => gap.end > from && gap.begin < to + 1000);
  const last = times.at(-1) ?? from;
  if (last < to + 1000) return Infinity;
  const longest = gaps.reduce((longest, gap) => gap.length > longest.length ? gap : longest);
  return Math.max(0, longest.end - to);
}

export function latency(delays) {
  return { p50: percentile(delays, 0.5), p95: percentile(delays, 0.95), p99: percentile(delays, 0.99), count: delays.length };
}
