// What the three of a room saw of each other.
import { SETTLED_MS } from './room-call.mjs';
import { latency, pace } from './statistics.mjs';

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

/** The worse of what two saw of each other. `room`: of room-crowd.mjs. */
export const crowdStatistics = ({ a, b, from, to }) => worst([view(a, from, to), view(b, from, to)]);

/**
 * `room`: of room-call.mjs. `{ others, troubled }`: the worse of what `a` and `b` saw of each other, and the worse of what
 * `c` saw of them from {@link SETTLED_MS} on.
 */
export function roomStatistics({ a, b, c, from, to, sound }, dies) {
  const others = worst([view(a.b, from, to), view(b.a, from, to)]);
  if (dies) return { others, troubled: null };
  const troubled = worst([view(c.a, from + SETTLED_MS, to), view(c.b, from + SETTLED_MS, to)]);
  if (!sound) return { others, troubled };
  const delays = sound.map(one => latency(one.delays.filter(([at]) => at >= from + SETTLED_MS && at < to).map(([, ms]) => ms)));
  return {
    others,
    troubled: {
      ...troubled,
      concealedShare: Math.max(...sound.map(one => one.concealedShare)),
      mouthToEarMs: Math.max(...delays.map(delay => delay.p95)),
    },
  };
}
