// The reference: a call between two headless Chromiums, with the same clip and sound as Maru's calls.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLIP } from './barcode.mjs';
import { cpuSeconds, memoryMb, processTree } from './processes.mjs';
import { latency, pace } from './statistics.mjs';

export const CHROMIUM = '/usr/bin/chromium';
const { width, height } = CLIP;
const VIDEO = { width, height, codec: 'H264' };

/** Arguments for software rendering, and for files as camera and microphone. */
export const chromiumArguments = (clip, sound) => [
  '--no-sandbox', '--disable-gpu', '--mute-audio', '--no-first-run',
  '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
  `--use-file-for-fake-video-capture=${clip}`, `--use-file-for-fake-audio-capture=${sound}`,
  '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic',
];

/**
 * Holds the call and returns the statistics of the side that joins second. CPU, memory and frame rate have a window of
 * their own before the delays are measured, since reading frame numbers costs CPU.
 */
export async function measureChromium({ cache, clip, sound, seconds, warmUp }) {
  const { first, second, close } = await openReference({ cache, clip, sound });
  try {
    await joinReference(first, second);
    await sleep(warmUp * 1e3);

    const pids = processTree(process.pid).slice(1);
    const cpuBefore = cpuSeconds(pids), before = await second.evaluate(() => reference.stats()), from = Date.now();
    await sleep(seconds * 1e3);
    const cpuAfter = cpuSeconds(pids), after = await second.evaluate(() => reference.stats()), to = Date.now();
    const memory = memoryMb(pids);

    await first.evaluate(() => reference.watchOwn());
    await second.evaluate(() => reference.watchRemote());
    await sleep(seconds * 1e3);
    const own = await first.evaluate(() => reference.own);
    const { asked, firstFrame, shown, remote } = await second.evaluate(() => {
      const { asked, firstFrame, shown, remote } = reference;
      return { asked, firstFrame, shown, remote };
    });
    const presented = remote.map(([number, , at]) => [number, at]);
    const span = (to - from) / 1e3;
    return {
      joinMs: firstFrame - asked,
      ...pace(shown, from, to),
      height: after.height,
      kbps: (after.bytes - before.bytes) * 8 / span / 1e3,
      latencyMs: latency(delaysByNumber(own, presented)),
      latencyFromPreviewMs: latency(delaysByNumber(own.map(([number, , at]) => [number, at]), presented)),
      concealedShare: concealedShare(before, after),
      cpuCores: (cpuAfter - cpuBefore) / span,
      memoryMb: memory,
    };
  } finally {
    await close();
  }
}

export const playwrightChromium = cache => createRequire(cache + '/')('playwright-core').chromium;

/** Opens two pages that are ready to join, each in its own Chromium: `{ first, second, close }`. */
export async function openReference({ cache, clip, sound, executables = [CHROMIUM, CHROMIUM] }) {
  const chromium = playwrightChromium(cache);
  const folders = [], sides = [];
  const close = async () => {
    for (const side of sides) await side.context().close();
    for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const executable of executables) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'maru-bench-'));
      folders.push(folder);
      sides.push(await open(chromium, executable, folder, clip, sound));
    }
    const [first, second] = sides;
    await connect(first, second);
    await connect(second, first);
    return { first, second, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function joinReference(first, second, more = {}) {
  await first.evaluate(call => reference.join(call), { ...VIDEO, ...more, caller: false });
  await second.evaluate(call => reference.join(call), { ...VIDEO, ...more, caller: true });
  await second.waitForFunction(() => reference.firstFrame, null, { timeout: 30_000 });
}

/** Share of concealed audio between two results of `reference.stats()`. */
export const concealedShare = (before, after) => (after.concealed - before.concealed) / (after.samples - before.samples);

/**
 * Delays in ms of the `presented` frames since the frames with the same number in `began`, both `[[number, ms, ...]]`. The clip
 * loops: the latest one counts.
 */
export function delaysByNumber(began, presented) {
  return timedDelaysByNumber(began, presented).map(([, delay]) => delay);
}

/** The same as `[[presented, delay]]`. */
export function timedDelaysByNumber(began, presented) {
  const MAX_DELAY_MS = 8000;
  return presented.flatMap(([number, at]) => {
    const since = began.filter(([n, t]) => n === number && t <= at && at - t < MAX_DELAY_MS).map(([, t]) => at - t);
    return since.length ? [[at, Math.min(...since)]] : [];
  });
}

async function open(chromium, executablePath, folder, clip, sound) {
  const script = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), 'reference-page.js');
  const context = await chromium.launchPersistentContext(folder, {
    executablePath,
    viewport: { width, height },
    args: chromiumArguments(clip, sound),
  });
  const page = context.pages()[0];
  const html = path.join(folder, 'call.html');
  fs.writeFileSync(html, `<!doctype html><style>body { margin: 0 } #remote { width: 100vw; height: 100vh }</style>
    <video id="remote" autoplay playsinline></video>`);
  await page.goto('file://' + html); // A page from a file may use the camera, about:blank may not.
  await page.addScriptTag({ path: script });
  return page;
}

/** Carries signaling messages from page `from` to page `to`. */
function connect(from, to) {
  return from.exposeFunction('toPeer', message => to.evaluate(message => fromPeer(message), message));
}
