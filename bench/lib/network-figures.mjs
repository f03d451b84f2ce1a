// From the log of a call over a network (network-call.mjs) to its figures, and what they are worth.
import { latency, pace, percentile } from './figures.mjs';
import { LIPS_MS, SOUND_ALLOWANCE_MS } from './networks.mjs';

/** The figures of the measured window; `quality` is that of its pictures. */
export function networkFigures(log, network, quality) {
  const { from, to } = log, within = ([at]) => at >= from && at < to;
  const rates = log.rates.filter(within), sound = log.sound?.filter(within);
  return {
    joinMs: log.firstPicture - log.asked,
    ...pace(log.shown, from, to),
    latencyMs: latency(log.delays.filter(within).map(([, ms]) => ms)),
    kbps: rates.reduce((sum, [, kbps]) => sum + kbps, 0) / rates.length,
    backAfterSeconds: backAfter(log, network),
    psnr: quality.psnr ?? null,
    ssim: quality.ssim ?? null,
    concealedShare: log.concealedShare,
    mouthToEarMs: sound && latency(sound.map(([, ms]) => ms)),
    lipsLateMs: sound && lips(sound, log.delays.filter(within)),
  };
}

/** Seconds from the last change of the network until more than `backOver.kbps` arrived in a second; null if it never did. */
function backAfter({ asked, rates }, { changes, target }) {
  if (!target.backOver) return undefined;
  const returned = asked + changes.at(-1)[0] * 1e3;
  const back = rates.find(([at, kbps]) => at > returned + 1000 && kbps > target.backOver.kbps);
  return back ? (back[0] - returned) / 1e3 : null;
}

/** By how much pictures are later than the sound of the same moment: percentiles, and the share within the limit. */
function lips(sound, pictures) {
  let next = 0;
  const late = sound.flatMap(([heard, soundMs]) => {
    while (next + 1 < pictures.length && pictures[next + 1][0] <= heard) next++;
    return pictures.length ? [pictures[next][1] - soundMs] : [];
  });
  if (late.length === 0) return null;
  return {
    p5: percentile(late, 0.05), p50: percentile(late, 0.5), p95: percentile(late, 0.95),
    within: late.filter(ms => Math.abs(ms) <= LIPS_MS).length / late.length,
  };
}

/**
 * What is missed, as sentences: Maru's targets on this network, and each column in which it is worse than Chromium in
 * the same run (within what a shared machine makes of equal things: see `worse`).
 */
export function missed(network, maru, chromium) {
  const { target, seconds, wayMs } = network, number = digits => value => value?.toFixed(digits) ?? 'none';
  const misses = [];
  const check = (isMissed, name, figure, digits, wanted) => {
    if (isMissed) misses.push(`${name} ${number(digits)(figure)} (${wanted})`);
  };
  check(maru.fps < target.fps, 'pictures', maru.fps, 1, `at least ${target.fps}`);
  check(!isWithin(maru.latencyMs.p95, target.p95Ms), 'captured to shown p95', maru.latencyMs.p95, 0, `at most ${target.p95Ms}`);
  check(maru.freezeSeconds > target.freezeSeconds, 'frozen', maru.freezeSeconds, 2, `at most ${target.freezeSeconds} of ${seconds} s`);
  if (target.kbps) check(maru.kbps < target.kbps, 'kbit/s', maru.kbps, 0, `at least ${target.kbps}`);
  if (target.backOver) {
    check(!isWithin(maru.backAfterSeconds, target.backOver.withinSeconds), 'back after', maru.backAfterSeconds, 1,
      `at most ${target.backOver.withinSeconds} s`);
  }
  const soundMs = wayMs + SOUND_ALLOWANCE_MS;
  check(!(maru.mouthToEarMs?.p95 <= soundMs), 'mouth to ear p95', maru.mouthToEarMs?.p95, 0, `at most ${soundMs}`);
  check(!(maru.lipsLateMs?.within >= 0.95), 'lips within 45 ms', maru.lipsLateMs?.within * 100, 0, 'at least 95 %');
  if (!chromium) return misses;
  const worse = (name, ours, theirs, digits, { more, slack = 0 }) =>
    check(more ? ours < theirs - slack : ours > theirs + slack, `${name} worse than Chromium's:`, ours, digits, number(digits)(theirs));
  worse('pictures', maru.fps, chromium.fps, 1, { more: true });
  worse('p95', maru.latencyMs.p95, chromium.latencyMs.p95, 0, {});
  worse('freeze', maru.freezeSeconds, chromium.freezeSeconds, 2, {});
  worse('PSNR', maru.psnr, chromium.psnr, 1, { more: true, slack: 0.1 });
  worse('SSIM', maru.ssim, chromium.ssim, 3, { more: true, slack: 0.001 });
  worse('sound made up, %,', maru.concealedShare * 100, chromium.concealedShare * 100, 2, {});
  return misses;
}

const isWithin = (value, most) => value !== null && value <= most;

/** What shows that a call does not work at all, as sentences. */
export function brokenCall({ fps, freezeSeconds, latencyMs, concealedShare, mouthToEarMs }) {
  return [
    fps >= 8 || `only ${fps.toFixed(1)} pictures a second`,
    freezeSeconds <= 5 || `frozen for ${freezeSeconds.toFixed(1)} s`,
    isWithin(latencyMs.p50, 1000) || `pictures are ${latencyMs.p50} ms late`,
    concealedShare <= 0.25 || `${concealedShare} of the sound is made up`,
    isWithin(mouthToEarMs.p50, 1000) || `sound is ${mouthToEarMs.p50} ms late`,
  ].filter(sentence => sentence !== true);
}
