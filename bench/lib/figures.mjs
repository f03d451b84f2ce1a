// Figures from timestamps.

/** A pause between two pictures that a person sees as a freeze. */
const FREEZE_MS = 200;

/** The value below which the share `p` of `values` lies. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) * p)] : null;
}

/** One of the rounds' results whose every number is the median of that number in all of `rounds`. */
export function medians(rounds) {
  const [first] = rounds;
  if (typeof first === 'number') return percentile(rounds.filter(value => typeof value === 'number'), 0.5);
  if (first === null || typeof first !== 'object') return first;
  return Object.fromEntries(Object.keys(first).map(key => [key, medians(rounds.map(round => round?.[key]))]));
}

/** Pace of the pictures shown at `times` (ms) within the window `from`..`to`. */
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
 * How long after the end of an outage (`from`..`to`, ms) pictures were back: the end of the longest pause that began in
 * it or in the second after it, when what was still buffered has been shown. 0 where no pause outlasts the outage.
 */
export function timeUntilBack(times, { from, to }) {
  const pauses = times.slice(1).map((end, i) => ({ begin: times[i], end, length: end - times[i] }))
    .filter(pause => pause.end > from && pause.begin < to + 1000);
  const last = times.at(-1) ?? from;
  if (last < to + 1000) return Infinity;
  const longest = pauses.reduce((longest, pause) => pause.length > longest.length ? pause : longest);
  return Math.max(0, longest.end - to);
}

/** Distribution of delays in ms, and of how many pictures they are. */
export function latency(delays) {
  return { p50: percentile(delays, 0.5), p95: percentile(delays, 0.95), p99: percentile(delays, 0.99), count: delays.length };
}
