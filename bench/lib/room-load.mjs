// What a room without any trouble costs one machine: `people` Marus without windows, or headless Chromiums on the guest page.
// Both functions return `{ fps, height, cpuMsPerFrame, cores, load, memoryMb }`. `fps`: the least that one sees of another.
// `load`: share of the machine's processors that were busy with anything. `memoryMb`: of all clients.
import { setTimeout as sleep } from 'node:timers/promises';
import { chromiumArguments, CHROMIUM, playwrightChromium } from './chromium.mjs';
import { startClient, startServer } from './maru.mjs';
import { SERVER, within, wrapped } from './namespaces.mjs';
import { cpuSeconds, machineTicks, memoryMb, processTree, stopAll } from './processes.mjs';
import { enterRoom } from './room-call.mjs';
import { pace } from './statistics.mjs';

const WARM_UP_MS = 8000;
/** All are in this namespace: Chromium makes no connection over loopback. */
const SIDE = 'first';
const names = people => Array.from({ length: people }, (_, i) => `p${i + 1}`);

export async function maruLoad({ clip, sound, programs, people, folder, seconds }) {
  const running = [];
  try {
    const address = await startServerFor(running, programs);
    const clients = [];
    for (const name of names(people)) {
      const client = startClient(running, { name, folder, programs, address, clip, sound, prefix: within(SIDE) });
      await client.report.wait('joined', client.isAlive);
      clients.push(client);
    }
    const pids = () => clients.map(client => client.process.pid);
    return await measure(seconds, pids, () => clients.map(({ report }) => {
      const seen = {};
      for (const e of report.events()) if (e.event === 'presented') (seen[e.peer] ??= []).push([e.t_ms, e.height]);
      return seen;
    }), people);
  } finally {
    await stopAll(running);
  }
}

export async function chromiumLoad({ cache, clip, sound, programs, people, folder, seconds }) {
  const running = [], browsers = [];
  try {
    const origin = `http://${await startServerFor(running, programs)}`;
    const executablePath = wrapped(folder, SIDE, CHROMIUM);
    const args = [...chromiumArguments(clip, sound), `--unsafely-treat-insecure-origin-as-secure=${origin}`];
    const before = new Set(processTree(process.pid));
    const pages = [];
    for (const name of names(people)) {
      const browser = await playwrightChromium(cache).launch({ executablePath, args });
      browsers.push(browser);
      pages.push(await enterRoom(browser, origin, name));
    }
    const pids = () => processTree(process.pid).filter(pid => !before.has(pid));
    return await measure(seconds, pids, () => Promise.all(pages.map(page => page.evaluate(() => window.seen))), people);
  } finally {
    for (const browser of browsers) await browser.close();
    await stopAll(running);
  }
}

async function startServerFor(running, programs) {
  const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
  return `${SERVER[SIDE]}:${address.split(':')[1]}`;
}

async function measure(seconds, pids, views, people) {
  await sleep(WARM_UP_MS);
  const clients = pids(), read = () => ({ cpu: cpuSeconds(clients), machine: machineTicks() });
  const before = read(), from = Date.now();
  await sleep(seconds * 1e3);
  const after = read(), to = Date.now(), memory = memoryMb(clients);
  const seen = (await views()).flatMap(Object.values).map(frames => frames.filter(([at]) => at >= from && at < to));
  const pairs = people * (people - 1);
  if (seen.length !== pairs) throw new Error(`${seen.length} pictures were seen, not ${pairs}`);
  const frames = seen.reduce((sum, one) => sum + one.length, 0), cpu = after.cpu - before.cpu;
  const ticks = key => after.machine[key] - before.machine[key];
  return {
    fps: Math.min(...seen.map(one => pace(one.map(([at]) => at), from, to).fps)),
    height: Math.min(...seen.flatMap(one => one.map(([, height]) => height))),
    cpuMsPerFrame: cpu * 1e3 / frames,
    cores: cpu / ((to - from) / 1e3),
    load: 1 - ticks('idle') / ticks('all'),
    steal: ticks('steal') / ticks('all'),
    memoryMb: memory,
  };
}
