// The statistics of a call over a network, from its log (network-call.mjs), and the targets that it misses.
import { latency, pace, percentile } from './statistics.mjs';
import { AUDIO_ALLOWANCE_MS, LIP_SYNC_LIMIT_MS } from './networks.mjs';

/** The statistics of the measured window. `quality`: what frameQuality returned for its frames. */
export function networkStatistics(log, network, quality) {
  const { from, to } = log, within = ([at]) => at >= from && at < to;
  const rates = log.rates.filter(within), sound = log.sound?.filter(within);
  return {
    joinMs: log.firstFrame - log.asked,
    ...pace(log.shown, from, to),
    latencyMs: latency(log.delays.filter(within).map(([, ms]) => ms)),
    kbps: rates.reduce((sum, [, kbps]) => sum + kbps, 0) / rates.length,
    recoverySeconds: timeToRate(log, network),
    psnr: quality.psnr ?? null,
    ssim: quality.ssim ?? null,
    concealedShare: log.concealedShare,
    mouthToEarMs: sound && latency(sound.map(([, ms]) => ms)),
    lipSyncMs: sound && lipSync(sound, log.delays.filter(within)),
  };
}

/** Seconds from the last change of the network until a second with more than `recovery.kbps`; null if there is none. */
function timeToRate({ asked, rates }, { changes, target }) {
  if (!target.recovery) return undefined;
  const changed = asked + changes.at(-1)[0] * 1e3;
  const recovered = rates.find(([at, kbps]) => at > changed + 1000 && kbps > target.recovery.kbps);
  return recovered ? (recovered[0] - changed) / 1e3 : null;
}

/** Video delay minus audio delay at the same time: percentiles in ms, and the share within ±LIP_SYNC_LIMIT_MS. */
function lipSync(sound, frames) {
  let next = 0;
  const offsets = sound.flatMap(([heard, soundMs]) => {
    while (next + 1 < frames.length && frames[next + 1][0] <= heard) next++;
    return frames.length ? [frames[next][1] - soundMs] : [];
  });
  if (offsets.length === 0) return null;
  return {
    p5: percentile(offsets, 0.05), p50: percentile(offsets, 0.5), p95: percentile(offsets, 0.95),
    within: offsets.filter(ms => Math.abs(ms) <= LIP_SYNC_LIMIT_MS).length / offsets.length,
  };
}

/**
 * As sentences: the targets of this network that Maru misses, and the columns in which it is worse than Chromium in the
 * same run. A difference up to `slack` is noise.
 */
export function missed(network, maru, chromium) {
  const { target, pathDelayMs } = network, mostMouthToEarMs = pathDelayMs + AUDIO_ALLOWANCE_MS;
  const misses = [];
  const show = (value, digits, unit) => Number.isFinite(value) ? value.toFixed(digits) + unit : 'none';
  const atLeast = (least, name, value, digits, unit) => {
    if (!(value >= least)) misses.push(`${name} ${show(value, digits, unit)} (at least ${least}${unit})`);
  };
  const atMost = (most, name, value, digits, unit) => {
    if (!isWithin(value, most)) misses.push(`${name} ${show(value, digits, unit)} (at most ${most}${unit})`);
  };
  if (target.fps) atLeast(target.fps, 'frames per second', maru.fps, 1, '');
  if (target.p95Ms) atMost(target.p95Ms, 'captured to shown p95', maru.latencyMs.p95, 0, ' ms');
  atMost(target.freezeSeconds, 'frozen', maru.freezeSeconds, 2, ' s');
  if (target.kbps) atLeast(target.kbps, 'received', maru.kbps, 0, ' kbit/s');
  if (target.concealedShare) atMost(target.concealedShare * 100, 'concealed audio', maru.concealedShare * 100, 1, ' %');
  if (target.recovery) atMost(target.recovery.withinSeconds, 'rate recovered after', maru.recoverySeconds, 1, ' s');
  atMost(mostMouthToEarMs, 'mouth to ear p95', maru.mouthToEarMs?.p95, 0, ' ms');
  atLeast(95, `lip sync within ${LIP_SYNC_LIMIT_MS} ms for`, maru.lipSyncMs?.within * 100, 0, ' %');
  if (!chromium) return misses;
  const worse = (name, ours, theirs, digits, unit, { higherIsBetter, slack = 0 } = {}) => {
    if (!(higherIsBetter ? ours < theirs - slack : ours > theirs + slack)) return;
    misses.push(`${name} ${show(ours, digits, unit)} (Chromium: ${show(theirs, digits, unit)})`);
  };
  worse('frames per second', maru.fps, chromium.fps, 1, '', { higherIsBetter: true });
  worse('captured to shown p95', maru.latencyMs.p95, chromium.latencyMs.p95, 0, ' ms');
  worse('frozen', maru.freezeSeconds, chromium.freezeSeconds, 2, ' s');
  worse('PSNR', maru.psnr, chromium.psnr, 1, ' dB', { higherIsBetter: true, slack: 0.1 });
  worse('SSIM', maru.ssim, chromium.ssim, 3, '', { higherIsBetter: true, slack: 0.001 });
  worse('concealed audio', maru.concealedShare * 100, chromium.concealedShare * 100, 2, ' %');
  return misses;
}

/** False for a value that is missing: null <= 0 is true in JavaScript. */
const isWithin = (value, most) => value != null && value <= most;

/** As sentences: signs that a call does not work at all. The limits are wide, so that a slow machine does not fail. */
export function brokenCall({ fps, freezeSeconds, latencyMs, concealedShare, mouthToEarMs }) {
  return [
    fps >= 8 || `only ${fps.toFixed(1)} frames per second`,
    freezeSeconds <= 5 || `frozen for ${freezeSeconds.toFixed(1)} s`,
    isWithin(latencyMs.p50, 1000) || `video delay is ${latencyMs.p50} ms`,
    concealedShare <= 0.25 || `${(concealedShare * 100).toFixed()} % of the audio is concealed`,
    isWithin(mouthToEarMs.p50, 1000) || `audio delay is ${mouthToEarMs.p50} ms`,
  ].filter(sentence => sentence !== true);
}
