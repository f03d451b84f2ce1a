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

/** Distribution of delays in ms, and of how many pictures they are. */
export function latency(delays) {
  return { p50: percentile(delays, 0.5), p95: percentile(delays, 0.95), p99: percentile(delays, 0.99), count: delays.length };
}
