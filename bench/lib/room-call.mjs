// A room of three, of whom one has a trouble: three Marus, or three Chromiums on the guest page, each pair of which has a
// connection of its own. `a` and `b` share a machine, `c` is behind the link.
// Both functions return `{ [viewer]: { [sender]: [[shown at, height]] }, from, to }`, times in Unix ms; Maru's also `sound`,
// what `c` heard of each of the two: `[{ delays: [[heard, heard - spoken]], concealedShare }]`.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM, chromiumArguments, playwrightChromium } from './chromium.mjs';
import { startClient, startServer } from './maru.mjs';
import { ADDRESSES, Link, SERVER, within, wrapped } from './namespaces.mjs';
import { processTree, stopAll } from './processes.mjs';
import { matchSound, meanOfStats } from './report.mjs';

const SIDE = { a: 'first', b: 'first', c: 'second' };
const WARM_UP_MS = 6000;
/** How long after it began to join the troubled one is measured: by then all know what its link carries. */
export const SETTLED_MS = 6000;
const GOOD = 'delay=5';

/** `settings`: of c's link when it joins. `dies`: c's processes stand still when the window begins. */
export const TROUBLES = {
  slow: { settings: 'delay=40 rate=300 queue=500' },
  dead: { settings: GOOD, dies: true },
};

export async function maruRoom({ clip, sound, programs, trouble, folder, seconds }) {
  const running = [];
  const link = await Link.start(programs, GOOD);
  let frozen;
  try {
    const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
    const port = address.split(':')[1];
    const client = name => startClient(running, {
      name, folder, programs, clip, sound, address: `${SERVER[SIDE[name]]}:${port}`, prefix: within(SIDE[name]),
      more: ['--address', ADDRESSES[SIDE[name]]],
    });
    const a = client('a');
    await a.report.wait('joined', a.isAlive);
    const b = client('b');
    await b.report.wait('first-frame', b.isAlive);
    await sleep(WARM_UP_MS);
    const { from, c } = await troubled(trouble, link, async () => {
      const c = client('c');
      await c.report.wait('first-frame', c.isAlive);
      return c;
    }, c => { frozen = c.process; frozen.kill('SIGSTOP'); });
    await sleep(from + seconds * 1e3 - Date.now());
    const to = Date.now();
    frozen?.kill('SIGCONT');
    const views = Object.fromEntries(Object.entries({ a, b, c }).map(([viewer, { report }]) => {
      const seen = {};
      for (const e of report.events()) if (e.event === 'presented') (seen[e.peer] ??= []).push([e.t_ms, e.height]);
      return [viewer, seen];
    }));
    const heard = c.report.events();
    const heardByC = [a, b].map(({ report }, i) => {
      const peer = ['a', 'b'][i], spoken = report.events().filter(e => e.event === 'spoken');
      return {
        delays: matchSound(spoken, heard.filter(e => e.event === 'heard' && e.peer === peer)),
        concealedShare: meanOfStats(heard, from + SETTLED_MS, to, 'concealed', peer),
      };
    });
    return { ...views, from, to, sound: heardByC };
  } finally {
    frozen?.kill('SIGCONT');
    await stopAll(running);
    await link.end();
  }
}

export async function chromiumRoom({ cache, clip, sound, programs, trouble, folder, seconds }) {
  const running = [], browsers = [];
  const link = await Link.start(programs, GOOD);
  let frozen = [];
  const signal = name => frozen.forEach(pid => process.kill(pid, name));
  try {
    const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
    const port = address.split(':')[1];
    const client = async name => {
      const origin = `http://${SERVER[SIDE[name]]}:${port}`;
      const before = new Set(processTree(process.pid));
      const browser = await playwrightChromium(cache).launch({
        executablePath: wrapped(folder, SIDE[name], CHROMIUM),
        args: [...chromiumArguments(clip, sound), `--unsafely-treat-insecure-origin-as-secure=${origin}`],
      });
      browsers.push(browser);
      const page = await enterRoom(browser, origin, name);
      return { page, pids: () => processTree(process.pid).filter(pid => !before.has(pid)) };
    };
    const a = await client('a'), b = await client('b');
    await b.page.waitForFunction(() => window.seen.a?.length);
    await sleep(WARM_UP_MS);
    const { from, c } = await troubled(trouble, link, async () => {
      const c = await client('c');
      await c.page.waitForFunction(() => window.seen.a?.length);
      return c;
    }, c => { frozen = c.pids(); signal('SIGSTOP'); });
    await sleep(from + seconds * 1e3 - Date.now());
    const to = Date.now();
    signal('SIGCONT');
    const views = {};
    for (const [name, { page }] of Object.entries({ a, b, c })) views[name] = await page.evaluate(() => window.seen);
    return { ...views, from, to };
  } finally {
    signal('SIGCONT');
    for (const browser of browsers) await browser.close();
    await stopAll(running);
    await link.end();
  }
}

/** c joins and gets its trouble. The window begins when it joins, or when it dies. */
async function troubled(trouble, link, join, kill) {
  link.set(trouble.settings);
  const joins = Date.now();
  const c = await join();
  if (!trouble.dies) return { from: joins, c };
  await sleep(WARM_UP_MS);
  kill(c);
  return { from: Date.now(), c };
}

/** Opens the guest page and joins. `window.seen` has each name's frames: `[[shown at, height]]`. */
export async function enterRoom(browser, origin, name) {
  const page = await browser.newPage();
  await page.addInitScript(watchTiles);
  await page.goto(`${origin}/r/bench`);
  await page.fill('#name', name);
  await page.click('#join');
  return page;
}

/** Runs in the guest page first: when each tile showed a frame, and of which height. */
function watchTiles() {
  window.seen = {};
  const watch = tile => {
    const video = tile.querySelector('video');
    if (!video || video.isWatched) return;
    video.isWatched = true;
    const next = () => video.requestVideoFrameCallback(now => {
      const name = tile.querySelector('.name').textContent;
      (window.seen[name] ??= []).push([performance.timeOrigin + now, video.videoHeight]);
      next();
    });
    next();
  };
  setInterval(() => document.querySelectorAll('#tiles .tile').forEach(watch), 20);
}
