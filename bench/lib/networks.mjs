// The networks of bench/networks, and Maru's targets on each.
//   settings      of the link in both directions, in the syntax of maru-link
//   changes       [seconds since the second side began to join, settings]
//   seconds       length of the measured window, which begins 6 s after the first frame
//   pathDelayMs   longest one-way delay of a packet with empty queues: delay + jitter
//   target        fps and kbps: at least; p95Ms (captured to shown) and freezeSeconds (sum over the window): at most;
//                 concealedShare (of the audio): at most; what is not named has no target of its own;
//                 recovery: more than `kbps` again `withinSeconds` after the last change
export const NETWORKS = {
  clean: { settings: 'delay=5', seconds: 20, pathDelayMs: 5, target: { fps: 29, p95Ms: 70, freezeSeconds: 0 } },
  loss5: { settings: 'delay=20 loss=5', seconds: 20, pathDelayMs: 20, target: { fps: 28, p95Ms: 150, freezeSeconds: 0 } },
  loss10rtt100: { settings: 'delay=50 loss=10', seconds: 20, pathDelayMs: 50, target: { fps: 27, p95Ms: 250, freezeSeconds: 0.3 } },
  burst: { settings: 'delay=25 loss=5 run=6', seconds: 20, pathDelayMs: 25, target: { fps: 28, p95Ms: 150, freezeSeconds: 0 } },
  drop: {
    settings: 'delay=20 rate=3000 queue=500',
    changes: [[15, 'delay=20 rate=600 queue=500'], [30, 'delay=20 rate=3000 queue=500']],
    seconds: 38, pathDelayMs: 20, target: { fps: 27, p95Ms: 250, freezeSeconds: 0.5, recovery: { kbps: 2000, withinSeconds: 6 } },
  },
  slow: {
    settings: 'delay=40 rate=800 queue=400',
    seconds: 38, pathDelayMs: 40, target: { fps: 27, p95Ms: 160, freezeSeconds: 0, kbps: 600 },
  },
  jitter: { settings: 'delay=20 jitter=60', seconds: 38, pathDelayMs: 80, target: { fps: 27, p95Ms: 200, freezeSeconds: 0.3 } },
  far: { settings: 'delay=250 loss=2', seconds: 18, pathDelayMs: 250, target: { fps: 27, freezeSeconds: 0.3 } },
  loss25: { settings: 'delay=20 loss=25', seconds: 18, pathDelayMs: 20, target: { fps: 20, freezeSeconds: 1 } },
  // The queue has 19 kB all the time.
  collapse: {
    settings: 'delay=20 rate=1500 queue=100',
    changes: [[10, 'delay=20 rate=150 queue=1000'], [18, 'delay=20 rate=1500 queue=100']],
    seconds: 18, pathDelayMs: 20, target: { freezeSeconds: 0.8, concealedShare: 0.03 },
  },
};

/** Target for the 95th percentile of mouth to ear: pathDelayMs + AUDIO_ALLOWANCE_MS. */
export const AUDIO_ALLOWANCE_MS = 100;
/** Target for |video delay - audio delay|, 95 % of the time. */
export const LIP_SYNC_LIMIT_MS = 45;
