// The networks that a call is tried on, and what Maru must reach on each.
//   settings  of the link, both ways, as words of maru-link
//   changes   [seconds since the second side began to join, settings]
//   seconds   length of the measured window, which begins six seconds after the first picture
//   target    pictures a second, 95th percentile of captured to shown (ms), time frozen (s, of 20 s where not said else)
//   wayMs     what a packet takes at most where nothing waits: delay and jitter
export const NETWORKS = {
  clean: { settings: 'delay=5', seconds: 20, wayMs: 5, target: { fps: 29, p95Ms: 70, freezeSeconds: 0 } },
  loss5: { settings: 'delay=20 loss=5', seconds: 20, wayMs: 20, target: { fps: 28, p95Ms: 150, freezeSeconds: 0 } },
  loss10rtt100: { settings: 'delay=50 loss=10', seconds: 20, wayMs: 50, target: { fps: 27, p95Ms: 250, freezeSeconds: 0.3 } },
  burst: { settings: 'delay=25 loss=5 run=6', seconds: 20, wayMs: 25, target: { fps: 28, p95Ms: 150, freezeSeconds: 0 } },
  drop: {
    settings: 'delay=20 rate=3000 queue=500',
    changes: [[15, 'delay=20 rate=600 queue=500'], [30, 'delay=20 rate=3000 queue=500']],
    seconds: 38, wayMs: 20, target: { fps: 27, p95Ms: 250, freezeSeconds: 0.5, backOver: { kbps: 2000, withinSeconds: 6 } },
  },
  slow: {
    settings: 'delay=40 rate=800 queue=400',
    seconds: 38, wayMs: 40, target: { fps: 27, p95Ms: 160, freezeSeconds: 0, kbps: 600 },
  },
  jitter: { settings: 'delay=20 jitter=60', seconds: 38, wayMs: 80, target: { fps: 27, p95Ms: 200, freezeSeconds: 0.3 } },
};

/** Mouth to ear, 95th percentile: what the way takes, and this much for everything else. */
export const SOUND_ALLOWANCE_MS = 100;
/** How far the lips may be from the sound, either way. */
export const LIPS_MS = 45;
