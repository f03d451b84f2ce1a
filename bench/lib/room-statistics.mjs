// What the three of a room saw of each other.
import { pace } from './statistics.mjs';

/** One viewer's frames of one sender in the window: `{ fps, longestGapMs, freezeSeconds, height }`. `height`: the least. */
function view(frames, from, to) {
  const inside = (frames ?? []).filter(([at]) => at >= from && at < to);
  return { ...pace(inside.map(([at]) => at), from, to), height: Math.min(...inside.map(([, height]) => height)) };
}

const worst = views => ({
  fps: Math.min(...views.map(v => v.fps)),
  longestGapMs: Math.max(...views.map(v => v.longestGapMs)),
  freezeSeconds: Math.max(...views.map(v => v.freezeSeconds)),
  height: Math.min(...views.map(v => v.height)),
});

/** How long after it began to join the troubled one is measured: by then all know what its link carries. */
const SETTLED_MS = 6000;

/**
 * `room`: of room-call.mjs. `{ others, troubled }`: the worse of what `a` and `b` saw of each other, and the worse of what
 * `c` saw of them from {@link SETTLED_MS} on.
 */
export function roomStatistics({ a, b, c, from, to }, dies) {
  const others = worst([view(a.b, from, to), view(b.a, from, to)]);
  if (dies) return { others, troubled: null };
  return { others, troubled: worst([view(c.a, from + SETTLED_MS, to), view(c.b, from + SETTLED_MS, to)]) };
}
